"""What waits for an identity leaves by itself once it is qualified, with the traits it was accepted with, and never for somebody else; what
has not left comes back when the identity is withdrawn."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.flow.admitted import Admitted, Frozen, open_frozen, seal_admitted, seal_frozen
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.custody import Custody
from gateway.flow.errors import IdentityNotQualified
from gateway.flow.identities.descent import Descent
from gateway.flow.identities.entries import Identities, Kept, identity_of
from gateway.flow.identities.qualification import Qualification
from gateway.flow.identities.registry import Deed, Registry
from gateway.flow.people import Author
from gateway.flow.request import Deliver
from gateway.ins.identity import Actor, Identity
from gateway.journal.blobs import BlobStore
from gateway.journal.memory import MemoryStore
from gateway.journal.records import BlobRecord, DeliveryRecord, DocumentRecord
from gateway.kernel.clock import FrozenClock
from gateway.kernel.concept import Concept
from gateway.kernel.ids import new_id, new_oid
from gateway.model.delivery import Channel, DeliveryState, DocumentState
from gateway.model.patient import IdentityStatus, Ins, Patient, Sex, Traits
from gateway.model.visibility import Visibility
from gateway.trust.vault import open_vault
from tests.model.test_patient import TRAITS
from tests.xds.documents import INS

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
SOFTWARE = Author(actor=Actor(kind="workstation", id="w"), workstation="w")
VALIDATED = Patient(local_id="P", traits=TRAITS, status=IdentityStatus.VALIDEE)


def qualified(**changes: Any) -> Identity:
    patient = Patient(local_id="P", traits=msgspec.structs.replace(TRAITS, **changes), status=IdentityStatus.QUALIFIEE, ins=INS)
    return identity_of(patient, 1, "w")


class Stage:
    """A journal in memory with documents of one patient, each held for its identity."""

    def __init__(self, folder: Path) -> None:
        self.store, self.vault = MemoryStore(), open_vault(folder, create=True)
        self.custody = Custody(self.store, BlobStore(folder), self.vault)
        books, identities = Bookkeeper(self.store, FrozenClock(NOW)), Identities(self.store, self.vault)
        self.bell = asyncio.Event()
        self.woken: list[str] = []
        self.qualification = Qualification(self.store, self.custody, books, Descent(self.store, self.vault), self.bell)
        self.qualification.wake = self.woken.append
        self.registry = Registry(self.store, self.vault, books, identities, self.qualification)
        self.ref = identities.reference("S", "P")

    async def follow(self, identity: Identity, ref: str | None = None) -> bool:
        """True when something may go on."""
        self.bell.clear()
        await self.qualification.follow(ref or self.ref, identity, SOFTWARE)
        return self.bell.is_set()

    async def accept(self, *, media: str = "pdf", ins: Ins | None = None, for_doctor: bool = False, patient: Patient | None = None) -> str:
        """A document for the DMP, held; also for a doctor, whose mail is frozen and leaving, when asked."""
        key, identifier, unique_id = self.vault.new_key(), new_id(), new_oid()
        admitted = Admitted(
            media="cda" if media == "cda" else "pdf", structure="S", author="8", actor=None,
            patient=patient or msgspec.structs.replace(VALIDATED, ins=ins),
            type=Concept("57833-6", "s", "l"), title="T", created_at=NOW, service_start=NOW, service_stop=None, replaces=None,
            set_id=unique_id, version=1, visibility=Visibility(), deliver=Deliver(dmp=True), original="o",
        )  # fmt: skip
        document = DocumentRecord(
            id=identifier, structure="S", workstation="w", idempotency_key=identifier, content_digest="c", unique_id=unique_id,
            patient_ref=self.ref, state=DocumentState.ATTENTION, accepted_at=1, prepared=True, original_digest="0", wrapped_key=key.wrapped,
            sealed=seal_admitted(admitted, key, identifier),
        )  # fmt: skip
        held = _delivery(identifier, Channel.DMP, DeliveryState.HELD)
        await self.store.commit(document, msgspec.structs.replace(held, explanation=IdentityNotQualified().explanation))
        if for_doctor:
            mail = _delivery(identifier, Channel.MSS, DeliveryState.QUEUED)
            frozen = seal_frozen(Frozen(cda="first", payload="mail"), key, mail.id)
            blob = BlobRecord(id="first", document_id=identifier, role="cda", size=1, sha256="0", created_at=1)
            await self.store.commit(msgspec.structs.replace(mail, sealed_frozen=frozen), blob)
        return identifier

    async def document(self, identifier: str) -> DocumentRecord:
        found = await self.store.document(identifier)
        assert found is not None
        return found

    async def states(self, identifier: str) -> list[tuple[str, str | None]]:
        return [(one.state.value, one.explanation.code if one.explanation else None) for one in await self.store.deliveries_of(identifier)]


def _delivery(document_id: str, channel: Channel, state: DeliveryState) -> DeliveryRecord:
    return DeliveryRecord(
        id=new_id(), document_id=document_id, structure="S", channel=channel, lane=f"S/{channel}", order_key="p", recipient_ref=None,
        sealed_recipient=None, state=state, updated_at=1,
    )  # fmt: skip


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_every_document_of_the_patient_leaves_in_order_with_the_qualified_identity(stage: Stage) -> None:
    first, second = await stage.accept(), await stage.accept()
    before = await stage.document(first)
    assert await stage.follow(qualified(birth_family_name="Pat Troïs", used_family_name="NOM D'USAGE"))
    for identifier in (first, second):
        assert await stage.states(identifier) == [("queued", None)]
    after = await stage.document(first)
    admitted = stage.custody.admitted(after)
    assert (after.unique_id, after.prepared, after.state, admitted.version) == (before.unique_id, False, DocumentState.WORKING, 1)
    assert admitted.patient.qualified
    assert admitted.patient.traits.used_family_name == "NOM D'USAGE"
    lines = [one for one in await stage.store.audit_after(0, 10) if one.act == "identity.qualified"]
    assert [one.document_id for one in lines] == [first, second]
    assert (lines[0].actor, lines[0].answer) == ("workstation:w", "released")
    assert await stage.store.verify_audit() is None


async def test_a_frozen_cda_stays_with_its_mail_and_the_dmp_gets_a_new_edition(stage: Stage) -> None:
    identifier = await stage.accept(for_doctor=True)
    before = await stage.document(identifier)
    assert await stage.follow(qualified())
    after = await stage.document(identifier)
    admitted = stage.custody.admitted(after)
    assert after.unique_id != before.unique_id
    assert (admitted.set_id, admitted.version, admitted.replaces) == (before.unique_id, 2, None)
    dmp, mail = await stage.store.deliveries_of(identifier)
    assert (dmp.state, dmp.sealed_frozen) == (DeliveryState.QUEUED, None)
    kept = open_frozen(mail, stage.custody.key(after))
    assert kept is not None
    assert kept.cda == "first"


@pytest.mark.parametrize(
    "changes",
    [
        {"birth_family_name": "AUTRE"}, {"birth_given_names": "AUTRE"}, {"sex": Sex.UNKNOWN},
        {"birth_date": "1979-03-06"}, {"birth_place": "75101"},
    ],
)  # fmt: skip
async def test_somebody_else_s_traits_release_nothing_until_they_are_corrected(stage: Stage, changes: dict[str, Any]) -> None:
    identifier = await stage.accept()
    assert not await stage.follow(qualified(**changes))
    assert await stage.states(identifier) == [("held", "identity-differs")]
    assert not stage.custody.admitted(await stage.document(identifier)).patient.qualified
    version = (await stage.document(identifier)).version
    assert not await stage.follow(qualified(**changes))
    assert (await stage.document(identifier)).version == version
    assert await stage.follow(qualified())
    assert await stage.states(identifier) == [("queued", None)]


async def test_a_ready_cda_is_asked_for_again_never_rewritten(stage: Stage) -> None:
    identifier = await stage.accept(media="cda")
    assert not await stage.follow(qualified())
    assert await stage.states(identifier) == [("held", "qualified-document-needed")]


async def test_a_ready_cda_with_the_same_ins_leaves_as_it_is(stage: Stage) -> None:
    identifier = await stage.accept(media="cda", ins=INS)
    before = await stage.document(identifier)
    assert await stage.follow(qualified())
    after = await stage.document(identifier)
    assert await stage.states(identifier) == [("queued", None)]
    assert (after.unique_id, stage.custody.admitted(after).version) == (before.unique_id, 1)


async def test_a_ready_cda_with_another_ins_stays_held(stage: Stage) -> None:
    identifier = await stage.accept(media="cda", ins=Ins.checked("255069999999934", INS.oid))
    assert not await stage.follow(qualified())
    assert await stage.states(identifier) == [("held", "identity-differs")]


async def test_an_identity_not_qualified_releases_nothing(stage: Stage) -> None:
    identifier = await stage.accept()
    assert not await stage.follow(identity_of(VALIDATED, 1, "w"))
    assert not await stage.follow(qualified(), "other")
    assert await stage.states(identifier) == [("held", "identity-not-qualified")]


async def test_a_document_that_does_not_open_keeps_no_other_held(stage: Stage) -> None:
    damaged, sound = await stage.accept(), await stage.accept()
    row = await stage.document(damaged)
    await stage.store.commit(msgspec.structs.replace(row, sealed=b"damaged", version=row.version + 1))
    assert await stage.follow(qualified())
    assert await stage.states(damaged) == [("held", "identity-not-qualified")]
    assert await stage.states(sound) == [("queued", None)]


async def test_what_is_qualified_and_not_yet_gone_is_held_when_the_identity_is_withdrawn(stage: Stage) -> None:
    patient = qualified().patient
    identifier = await stage.accept(patient=patient)
    assert await stage.follow(qualified())
    await stage.follow(identity_of(VALIDATED, 1, "w"))
    assert await stage.states(identifier) == [("held", "identity-withdrawn")]
    lines = [one for one in await stage.store.audit_after(0, 10) if one.act == "identity.withdrawn"]
    assert [(one.document_id, one.answer) for one in lines] == [(identifier, "identity-withdrawn")]
    assert await stage.follow(qualified())
    assert await stage.states(identifier) == [("queued", None)]
    assert stage.woken[-1] == "S/dmp"


async def test_what_may_have_left_is_not_touched_by_a_withdrawal(stage: Stage) -> None:
    identifier = await stage.accept(patient=qualified().patient)
    [row] = await stage.store.deliveries_of(identifier)
    doubtful = msgspec.structs.replace(row, state=DeliveryState.UNKNOWN, doubtful=True, explanation=None, version=2)
    await stage.store.commit(doubtful)
    await stage.follow(identity_of(VALIDATED, 1, "w"))
    assert await stage.states(identifier) == [("unknown", None)]


async def test_the_mail_of_a_patient_without_ins_goes_on_whatever_becomes_of_the_identity(stage: Stage) -> None:
    identifier = await stage.accept(for_doctor=True)
    await stage.follow(identity_of(VALIDATED, 1, "w"))
    assert (await stage.states(identifier))[1] == ("queued", None)


async def test_traits_that_an_accepted_answer_completed_are_the_same_patient_s(stage: Stage) -> None:
    identifier = await stage.accept()
    before = Kept(identity=identity_of(VALIDATED, 1, "w"))
    await stage.registry.record("S", "P", lambda _: before, Deed(act="identity.created", author=SOFTWARE))
    longer = qualified(birth_given_names=f"{TRAITS.birth_given_names} ANNE")
    await stage.registry.record("S", "P", lambda _: Kept(identity=longer), Deed(act="identity.accepted", author=SOFTWARE))
    assert await stage.states(identifier) == [("queued", None)]
    assert stage.custody.admitted(await stage.document(identifier)).patient.traits == longer.traits


async def test_traits_corrected_in_the_cabinet_software_may_be_somebody_else_s(stage: Stage) -> None:
    identifier = await stage.accept()
    before = Kept(identity=identity_of(VALIDATED, 1, "w"))
    await stage.registry.record("S", "P", lambda _: before, Deed(act="identity.created", author=SOFTWARE))
    other = qualified(birth_date="1980-01-01")
    await stage.registry.record("S", "P", lambda _: Kept(identity=other), Deed(act="identity.edited", author=SOFTWARE))
    assert await stage.states(identifier) == [("held", "identity-differs")]


def test_strict_traits_are_compared_without_case_accents_or_hyphens() -> None:
    written = Traits(
        birth_family_name="LE-GALL", birth_given_names="ZOÉ-ANNE MARIE", first_birth_given_name="ZOÉ-ANNE", sex=TRAITS.sex,
        birth_date="1979-03-05", birth_place="2A004",
    )  # fmt: skip
    same = msgspec.structs.replace(written, birth_family_name="Le Gall", birth_given_names="Zoe Anne Marie", birth_place="2a004")
    assert written.agree_with(same)
    assert not written.agree_with(msgspec.structs.replace(same, birth_given_names="Zoe Anne"))
