"""A sealed lot: what is in it, who verifies it, and that it never changes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from gateway.dmp.feed import feed_request
from gateway.dmp.lot import FormatNotAccepted, FrozenBytesChanged, IdentityNotQualified, SealedLot, seal_lot
from gateway.kernel.ids import is_oid
from gateway.model.visibility import Visibility, VisibilityConflict
from gateway.nomenclature import codes
from gateway.trust.errors import OwnSignatureInvalid
from gateway.wire.mtom import read_mtom
from tests.dmp.scenes import ordonnance, sealed
from tests.trust.judges import accepted, signer, xmlsec_verify
from tests.trust.pki import NOW, shared_pki
from tests.xds.documents import CABINET, CDA, DOCTOR, SETTINGS, UNIQUE_ID, header, names
from tests.xds.schemas import RIM, check_submission, identifiers, slots

OLD_ENTRY = "urn:uuid:7953af1a-ba1c-11eb-816f-0050569e422e"


@pytest.mark.conformity
@pytest.mark.parametrize(("digest", "namespace"), [("sha256", "1.1.1"), ("sha1", "1.1.1"), ("sha256", "1.3.2")])
async def test_dmp25_signature_of_the_lot_verifies(tmp_path: Path, digest: str, namespace: str) -> None:
    clinical, cda = ordonnance()
    profile = msgspec.structs.replace(SETTINGS, lot_digest=digest, lot_xades=namespace)
    lot = await seal_lot(
        clinical, cda, structure=CABINET, author=DOCTOR, visibility=Visibility(), settings=profile, signer=signer(), now=NOW
    )
    pki = shared_pki()
    verdict = xmlsec_verify(lot.signature, tmp_path, trusted=[pki.root_pem], untrusted=[pki.chain_pem], extra=["--ignore-manifests"])
    assert accepted(verdict, 2), verdict.stderr
    assert f'URI="urn:oid:{lot.submission_set_id}"'.encode() in lot.signature
    assert f'URI="urn:oid:{UNIQUE_ID}"'.encode() in lot.signature


@pytest.mark.conformity
async def test_ids_are_those_of_the_metadata() -> None:
    lot, cda = await sealed()
    root = check_submission(lot.metadata)
    package = root.find(f".//{RIM}RegistryPackage")
    assert package is not None
    assert identifiers(package)["XDSSubmissionSet.uniqueId"] == lot.submission_set_id
    document, signature = root.findall(f".//{RIM}ExtrinsicObject")
    assert identifiers(document)["XDSDocumentEntry.uniqueId"] == lot.document_unique_id == UNIQUE_ID
    assert identifiers(signature)["XDSDocumentEntry.uniqueId"] == lot.signature_unique_id
    assert all(is_oid(one) for one in (lot.submission_set_id, lot.signature_unique_id))
    for entry, data in ((document, cda), (signature, lot.signature)):
        assert slots(entry)["hash"] == [hashlib.sha1(data, usedforsecurity=False).hexdigest()]
        assert slots(entry)["size"] == [str(len(data))]


async def test_lot_survives_its_storage() -> None:
    lot, _ = await sealed(replaces_entry=OLD_ENTRY)
    assert msgspec.json.decode(msgspec.json.encode(lot), type=SealedLot) == lot
    assert lot.replaces_entry == OLD_ENTRY
    assert OLD_ENTRY.encode() in lot.metadata


async def test_rebuilt_lot_has_new_ids_and_the_same_document() -> None:
    first, cda = await sealed()
    second, again = await sealed()
    assert cda == again
    assert first.document_unique_id == second.document_unique_id
    assert len({first.submission_set_id, second.submission_set_id, first.signature_unique_id, second.signature_unique_id}) == 4


async def test_repr_names_nobody() -> None:
    lot, _ = await sealed()
    assert "PAT-TROIS" not in f"{lot}{lot!r}"
    assert "279035121518989" not in f"{lot}{lot!r}"


async def test_unqualified_identity_is_not_sealed() -> None:
    with pytest.raises(IdentityNotQualified):
        await sealed(qualified=False)


async def test_dmp21_masked_and_invisible_together_is_not_sealed() -> None:
    with pytest.raises(VisibilityConflict):
        await sealed(visibility=Visibility(masked_to_professionals=True, hidden_from_patient=True))


async def test_dmp18_type_without_class_is_not_sealed() -> None:
    with pytest.raises(codes.TypeWithoutClass):
        await sealed(type_code="34120-6")


async def test_dmp18_format_the_dmp_does_not_take_is_not_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.nomenclature.codes.format_accepted_by_dmp", lambda _: False)
    with pytest.raises(FormatNotAccepted):
        await sealed()


async def test_own_signature_is_verified_before_the_lot_is_given_out() -> None:
    honest = signer()

    class Faulty:
        certificate, chain = honest.certificate, honest.chain

        async def sign(self, data: bytes, digest: str) -> bytes:
            return bytes(256)

    clinical, cda = ordonnance()
    with pytest.raises(OwnSignatureInvalid):
        await seal_lot(
            clinical, cda, structure=CABINET, author=DOCTOR, visibility=Visibility(), settings=SETTINGS, signer=Faulty(), now=NOW
        )


async def test_changed_document_is_never_sent() -> None:
    lot, cda = await sealed()
    with pytest.raises(FrozenBytesChanged):
        feed_request(lot, cda + b" ", b"<a/>", "https://dmp.test/repository", "urn:uuid:1")


async def test_every_try_sends_the_same_but_for_the_header() -> None:
    lot, cda = await sealed()
    requests = [feed_request(lot, cda, vihf, "https://dmp.test/repository", f"urn:uuid:{n}") for n, vihf in enumerate((b"<a/>", b"<b/>"))]
    assert requests[0].headers == requests[1].headers
    first, second = (read_mtom(dict(request.headers)["content-type"], request.body) for request in requests)
    assert [part.data for part in first[1:]] == [part.data for part in second[1:]] == [cda, lot.signature]
    bodies = [part[0].data.partition(b"<soap:Body>")[2] for part in (first, second)]
    assert bodies[0] == bodies[1]
    assert lot.metadata in bodies[0]


@pytest.mark.conformity
@given(family=names, given_name=names)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_dmp37_any_name_is_sealed(family: str, given_name: str) -> None:
    doctor = msgspec.structs.replace(DOCTOR, family=family, given=given_name)
    clinical = header(family=family, author=doctor)
    lot = await seal_lot(
        clinical, CDA, structure=CABINET, author=doctor, visibility=Visibility(), settings=SETTINGS, signer=signer(), now=NOW
    )
    check_submission(lot.metadata)
