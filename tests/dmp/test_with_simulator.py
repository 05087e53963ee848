"""Our client before the simulated DMP, which reads the dossier with code of its own: what one writes the other must accept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from gateway.cda.build import build_n1
from gateway.dmp import errors
from gateway.dmp.client import DmpClient
from gateway.dmp.existence import Existence
from gateway.dmp.lot import SealedLot, seal_lot
from gateway.kernel.clock import ClockNotTrusted, FrozenClock
from gateway.kernel.config import Dmp, Professional
from gateway.kernel.errors import RelaisError
from gateway.kernel.ids import new_oid
from gateway.model.visibility import Visibility
from gateway.sandbox.dmp.options import SANDBOX_HOMOLOGATION, DmpOptions
from gateway.sandbox.dmp.service import DmpService
from gateway.sandbox.exchange import Request
from gateway.wire.http import AnswerLost, HttpRequest, HttpResponse
from gateway.wire.secret import Secret
from tests.dmp.scenes import PDF
from tests.trust.judges import signer
from tests.trust.pki import AUTH_CLI, NOW, SIGN, Leaf, shared_leaf, shared_pki
from tests.xds.documents import CABINET, DOCTOR, INS, SETTINGS, header, names

CLOSED, ABSENT = "207058575627097", "153078987658513"


class Line:
    """An HttpPort that ends in the judge. `lose` drops the answer after the commit, `cut` before it."""

    def __init__(self, service: DmpService, clock: FrozenClock) -> None:
        self.service = service
        self.clock = clock
        self.client: Leaf = shared_leaf(AUTH_CLI)
        self.rules: tuple[str, ...] = ()
        self.lose = self.cut = False

    async def send(self, request: HttpRequest) -> HttpResponse:
        asked = Request(
            method=request.method,
            path=urlsplit(request.url).path,
            headers=request.headers,
            body=request.body,
            raw=request.body,
            client_certificate=self.client.der,
            received_at=self.clock.now(),
        )
        verdict = self.service.judge(asked)
        self.rules = verdict.failed_rules
        if self.cut:
            self.cut = False
            raise AnswerLost("cut before the commit")
        verdict.commit()
        if self.lose:
            self.lose = False
            raise AnswerLost("lost after the commit")
        return HttpResponse(status=verdict.answer.status, headers={"content-type": verdict.answer.content_type}, body=verdict.answer.body)

    async def close(self) -> None:
        return None


class Scene:
    """A cabinet and its DMP."""

    def __init__(self, folder: Path, options: DmpOptions) -> None:
        self.clock = FrozenClock(NOW)
        pki = shared_pki()
        self.service = DmpService(folder, pki.anchors_pem, set().__contains__, self.clock.now, options)
        for matricule, state in ((INS.matricule, "active"), (CLOSED, "closed"), (ABSENT, "none")):
            self.service.add_patient({"ins": {"matricule": matricule, "oid": INS.oid}, "dmp": state})
        self.line = Line(self.service, self.clock)

    def client(self, *, sign: Leaf | None = None, profile: Dmp = SETTINGS, number: str = SANDBOX_HOMOLOGATION) -> DmpClient:
        return DmpClient(self.line, profile, CABINET, signer(sign), self.clock, Secret(number))

    async def sealed(
        self,
        *,
        unique_id: str | None = None,
        replaces_entry: str | None = None,
        visibility: Visibility | None = None,
        profile: Dmp = SETTINGS,
        author: Professional = DOCTOR,
        pdf: bytes = PDF,
        **changes: Any,
    ) -> tuple[SealedLot, bytes]:
        clinical = msgspec.structs.replace(header(templates=(), author=author, **changes), unique_id=unique_id or new_oid())
        cda = build_n1(clinical, pdf, "application/pdf")
        lot = await seal_lot(
            clinical,
            cda,
            structure=CABINET,
            author=author,
            visibility=visibility or Visibility(),
            settings=profile,
            signer=signer(),
            now=self.clock.now(),
            replaces_entry=replaces_entry,
        )
        return lot, cda

    def status(self, unique_id: str) -> tuple[object, object]:
        held = [row for row in self.service.ledger() if row["unique_id"] == unique_id]
        assert len(held) <= 1
        return (held[0]["status"], held[0]["times_committed"]) if held else ("absent", 0)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path / "dmp", DmpOptions(known_structures=frozenset({CABINET.id})))
    yield made
    made.service.close()


async def fed(scene: Scene, **changes: Any) -> SealedLot:
    lot, cda = await scene.sealed(**changes)
    try:
        await scene.client().feed(lot, cda, INS, DOCTOR)
    except RelaisError as problem:
        pytest.fail(f"{problem.code}: {scene.line.rules}")
    return lot


async def test_dmp01_prescription_is_taken_and_found(scene: Scene) -> None:
    lot = await fed(scene)
    assert scene.line.rules == ()
    assert scene.status(lot.document_unique_id) == ("Approved", 1)
    assert len(await scene.client().find(lot.document_unique_id, INS, DOCTOR)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"lot_digest": "sha1"},
        {"lot_xades": "1.3.2"},
        {"vihf_version": "4.0"},
        {"authentication_mode_attribute": "Authentification_mode"},
    ],
)
async def test_every_profile_is_taken(scene: Scene, changes: dict[str, str]) -> None:
    profile = msgspec.structs.replace(SETTINGS, **changes)
    lot, cda = await scene.sealed(profile=profile)
    await scene.client(profile=profile).feed(lot, cda, INS, DOCTOR)
    assert scene.line.rules == ()


@pytest.mark.parametrize("type_code", ["57833-6", "89601-9", "96349-6", "11488-4", "PRESC-BIO", "SYNTH", "34874-8"])
@pytest.mark.parametrize("asked", ["open", "masked", "hidden", "minor"])
async def test_types_and_visibilities_are_taken(scene: Scene, type_code: str, asked: str) -> None:
    visibility = Visibility(
        masked_to_professionals=asked == "masked", hidden_from_patient=asked == "hidden", hidden_from_representatives=asked == "minor"
    )
    lot = await fed(scene, type_code=type_code, visibility=visibility)
    assert scene.status(lot.document_unique_id) == ("Approved", 1)


async def test_nurse_feeds_without_savoir_faire(scene: Scene) -> None:
    nurse = Professional(id="860012345678", family="PETIT", given="ALIX", profession="60")
    lot, cda = await scene.sealed(author=nurse)
    await scene.client().feed(lot, cda, INS, nurse)
    assert scene.status(lot.document_unique_id) == ("Approved", 1)


async def test_dmp16_dmp17_existence(scene: Scene) -> None:
    dmp = scene.client()
    patients = [msgspec.structs.replace(INS, matricule=one) for one in (INS.matricule, CLOSED, ABSENT, "279035121518888")]
    assert [await dmp.exists(one, DOCTOR) for one in patients] == [Existence.ACTIVE, Existence.CLOSED, Existence.NONE, Existence.NONE]


@pytest.mark.parametrize(("matricule", "expected"), [(CLOSED, errors.DmpClosed), (ABSENT, errors.NoDmp)])
async def test_dmp16_dmp17_feed_says_why(scene: Scene, matricule: str, expected: type[RelaisError]) -> None:
    other = msgspec.structs.replace(INS, matricule=matricule)
    lot, cda = await scene.sealed(ins=other)
    with pytest.raises(expected):
        await scene.client().feed(lot, cda, other, DOCTOR)


async def test_dmp26_replacement(scene: Scene) -> None:
    first = await fed(scene)
    old = await scene.client().find(first.document_unique_id, INS, DOCTOR)
    second = await fed(scene, replaces_entry=old[0], replaces=first.document_unique_id)
    assert scene.status(first.document_unique_id)[0] == "Deprecated"
    assert scene.status(second.document_unique_id) == ("Approved", 1)
    third, cda = await scene.sealed(replaces_entry=old[0], replaces=first.document_unique_id)
    with pytest.raises(errors.TargetNotCurrent):
        await scene.client().feed(third, cda, INS, DOCTOR)
    fourth, cda = await scene.sealed(replaces_entry="urn:uuid:7953af1a-ba1c-11eb-816f-0050569e422e", replaces=first.document_unique_id)
    with pytest.raises(errors.DmpTargetUnknown):
        await scene.client().feed(fourth, cda, INS, DOCTOR)


async def test_dmp27_same_lot_again(scene: Scene) -> None:
    lot, cda = await scene.sealed()
    await scene.client().feed(lot, cda, INS, DOCTOR)
    with pytest.raises(errors.DuplicateRefusal):
        await scene.client().feed(lot, cda, INS, DOCTOR)
    assert scene.status(lot.document_unique_id) == ("Approved", 1)


async def test_dmp27_same_id_other_bytes(scene: Scene) -> None:
    lot = await fed(scene)
    other, cda = await scene.sealed(unique_id=lot.document_unique_id, pdf=PDF + b"%")
    with pytest.raises(errors.ContentDiffers):
        await scene.client().feed(other, cda, INS, DOCTOR)


async def test_dmp28_answer_lost_after_the_commit_is_found_by_the_probe(scene: Scene) -> None:
    lot, cda = await scene.sealed()
    scene.line.lose = True
    with pytest.raises(AnswerLost):
        await scene.client().feed(lot, cda, INS, DOCTOR)
    assert await scene.client().find(lot.document_unique_id, INS, DOCTOR) != []
    assert scene.status(lot.document_unique_id) == ("Approved", 1)


async def test_dmp29_answer_lost_before_the_commit_is_resent_as_it_was(scene: Scene) -> None:
    lot, cda = await scene.sealed()
    scene.line.cut = True
    with pytest.raises(AnswerLost):
        await scene.client().feed(lot, cda, INS, DOCTOR)
    assert await scene.client().find(lot.document_unique_id, INS, DOCTOR) == []
    await scene.client().feed(lot, cda, INS, DOCTOR)
    assert scene.status(lot.document_unique_id) == ("Approved", 1)


async def test_dmp31_busy_three_times(scene: Scene) -> None:
    lot, cda = await scene.sealed()
    scene.service.fault("busy", 3)
    for _ in range(3):
        with pytest.raises(errors.DmpBusy):
            await scene.client().feed(lot, cda, INS, DOCTOR)
    await scene.client().feed(lot, cda, INS, DOCTOR)
    assert scene.status(lot.document_unique_id) == ("Approved", 1)


async def test_dmp32_clock_skew_of_two_minutes(scene: Scene) -> None:
    lot, cda = await scene.sealed()
    scene.service.fault("clock_skew", 0, seconds=120)
    with pytest.raises(ClockNotTrusted):
        await scene.client().feed(lot, cda, INS, DOCTOR)
    scene.service.reset()
    await scene.client().feed(lot, cda, INS, DOCTOR)
    assert scene.status(lot.document_unique_id) == ("Approved", 1)


async def test_dmp05_vihf_signed_by_the_wrong_certificate(scene: Scene) -> None:
    with pytest.raises(errors.CertificateRefused):
        await scene.client(sign=shared_leaf(AUTH_CLI)).exists(INS, DOCTOR)


async def test_dmp10_certificate_of_another_structure(scene: Scene) -> None:
    other = shared_leaf(SIGN, "10B0199999")
    with pytest.raises((errors.StructureMismatch, errors.CertificateRefused)):
        await scene.client(sign=other).exists(INS, DOCTOR)


async def test_dmp40_unknown_homologation(scene: Scene) -> None:
    with pytest.raises(RelaisError) as caught:
        await scene.client(number="INCONNU").exists(INS, DOCTOR)
    assert caught.value.code in ("dmp-homologation-refused", "dmp-structure-mismatch")
    assert "INCONNU" not in f"{caught.value!r}{caught.value.explanation}"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("structure_unknown", errors.StructureUnknown),
        ("ps_not_linked", errors.AuthorNotLinked),
        ("no_specialty", errors.SpecialtyMissing),
        ("legal_person", errors.StructureMismatch),
        ("author_institution", errors.InstitutionMismatch),
        ("rights", errors.RightsRefused),
        ("invalid_certificate", errors.CertificateRefused),
        ("garbage_fault", errors.RefusedUnknown),
        ("registry_busy", errors.DmpBusy),
        ("out_of_resources", errors.DmpBusy),
        ("registry_not_available", errors.DmpBusy),
        ("registry_error", errors.DmpInternalError),
        ("repository_error", errors.DmpInternalError),
        ("unresolved_reference", errors.DmpTargetUnknown),
        ("partial", errors.PartialAnswer),
        ("nf", errors.NoDmp),
        ("terminated", errors.DmpClosed),
        ("duplicate_refused", errors.DuplicateRefusal),
        ("token_expired", ClockNotTrusted),
    ],
)
async def test_each_fault_of_the_simulator_is_understood(scene: Scene, fault: str, expected: type[RelaisError]) -> None:
    lot, cda = await scene.sealed()
    if fault == "duplicate_refused":
        await scene.client().feed(lot, cda, INS, DOCTOR)
        lot, cda = await scene.sealed(unique_id=lot.document_unique_id)
    assert scene.service.fault(fault, 0)
    with pytest.raises(expected):
        await scene.client().feed(lot, cda, INS, DOCTOR)


@given(family=names, given_name=names)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_dmp37_any_name_is_taken(scene: Scene, family: str, given_name: str) -> None:
    lot = await fed(scene, family=family, given=given_name, author=msgspec.structs.replace(DOCTOR, family=family, given=given_name))
    assert scene.status(lot.document_unique_id) == ("Approved", 1)


def test_clock_of_the_scene_is_the_one_of_the_certificates() -> None:
    assert abs((NOW - datetime.now(UTC)).total_seconds()) < 3600
