"""The whole ITI-41 message as a stranger takes it apart: MIME by the standard library, XSD with the parts inlined, xmllint, xmlsec1."""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import subprocess
from email.message import EmailMessage
from pathlib import Path

import pytest
from lxml import etree

from gateway.model.visibility import Visibility
from gateway.wire.http import HttpRequest
from tests.dmp.scenes import client, registry, sealed
from tests.shared import need
from tests.tools import need_tool
from tests.trust.judges import accepted, xmlsec_verify
from tests.trust.pki import shared_pki
from tests.xds.documents import DOCTOR, INS
from tests.xds.schemas import RIM, XDSB, check_provide_and_register, slots

pytestmark = pytest.mark.conformity
DS = "{http://www.w3.org/2000/09/xmldsig#}"
OLD_ENTRY = "urn:uuid:7953af1a-ba1c-11eb-816f-0050569e422e"


class Message:
    """A feed as received: envelope and parts by Content-ID."""

    def __init__(self, request: HttpRequest) -> None:
        head = f"MIME-Version: 1.0\r\nContent-Type: {dict(request.headers)['content-type']}\r\n\r\n".encode()
        parsed = email.message_from_bytes(head + request.body, policy=email.policy.HTTP)
        assert isinstance(parsed, EmailMessage)
        assert not parsed.defects
        self.parts: dict[str, bytes] = {}
        for part in parsed.iter_parts():
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            self.parts[str(part["Content-ID"]).strip("<>")] = payload
        self.envelope = etree.fromstring(self.parts[str(parsed.get_param("start")).strip("<>")])
        body = self.envelope.find("{http://www.w3.org/2003/05/soap-envelope}Body")
        assert body is not None
        self.request = etree.fromstring(etree.tostring(body[0]))

    def part_of(self, entry_id: str) -> bytes:
        """The bytes that the Document of this entry points at."""
        found = [one for one in self.request.iterfind(f"{XDSB}Document") if one.get("id") == entry_id]
        assert len(found) == 1
        return self.parts[str(found[0][0].get("href")).removeprefix("cid:")]


async def sent(*, replaces_entry: str | None = None, visibility: Visibility | None = None) -> tuple[Message, bytes]:
    lot, cda = await sealed(replaces_entry=replaces_entry, visibility=visibility)
    dmp, port, _ = client(registry())
    await dmp.feed(lot, cda, INS, DOCTOR)
    return Message(port.requests[0]), cda


def xmllint(document: bytes, schema: Path, folder: Path) -> subprocess.CompletedProcess[bytes]:
    path = folder / "judged.xml"
    path.write_bytes(document)
    command = [need_tool("xmllint"), "--noout", "--nonet", "--huge", "--schema", str(schema), str(path)]
    return subprocess.run(command, capture_output=True, check=False, timeout=60)


def inlined(message: Message) -> bytes:
    for include in list(message.request.iter("{http://www.w3.org/2004/08/xop/include}Include")):
        document = include.getparent()
        assert document is not None
        document.remove(include)
        document.text = base64.b64encode(message.parts[str(include.get("href")).removeprefix("cid:")]).decode()
    return etree.tostring(message.request)


async def test_dmp01_lxml_says_valid() -> None:
    message, _ = await sent()
    check_provide_and_register(message.request, message.parts)


@pytest.mark.parametrize("replaces_entry", [None, OLD_ENTRY])
async def test_dmp01_dmp26_xmllint_says_valid(tmp_path: Path, replaces_entry: str | None) -> None:
    message, _ = await sent(replaces_entry=replaces_entry)
    verdict = xmllint(inlined(message), need("data", "dmp", "schema", "IHE", "XDS.b_DocumentRepository.xsd"), tmp_path)
    assert verdict.returncode == 0, verdict.stderr.decode()


async def test_dmp33_envelope_is_soap_12_and_actions_agree() -> None:
    message, _ = await sent()
    assert message.envelope.tag == "{http://www.w3.org/2003/05/soap-envelope}Envelope"
    assert (
        message.envelope.findtext(".//{http://www.w3.org/2005/08/addressing}Action") == "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"
    )


async def test_dmp24_every_entry_has_its_part_and_every_part_its_entry() -> None:
    message, cda = await sent()
    entries = [str(one.get("id")) for one in message.request.iter(f"{RIM}ExtrinsicObject")]
    assert entries == [str(one.get("id")) for one in message.request.iterfind(f"{XDSB}Document")]
    assert message.part_of("Document01") == cda
    assert len(message.parts) == 1 + len(entries)


async def test_dmp23_hash_and_size_are_those_of_the_parts() -> None:
    message, _ = await sent()
    for entry in message.request.iter(f"{RIM}ExtrinsicObject"):
        data = message.part_of(str(entry.get("id")))
        assert slots(entry)["hash"] == [hashlib.sha1(data, usedforsecurity=False).hexdigest()]
        assert slots(entry)["size"] == [str(len(data))]


async def test_dmp25_manifest_names_the_lot_and_digests_the_document(tmp_path: Path) -> None:
    message, cda = await sent()
    signature = etree.fromstring(message.part_of("Signature01"))
    manifest = signature.find(f".//{DS}Manifest")
    assert manifest is not None
    lot, document = manifest.findall(f"{DS}Reference")
    assert lot.findtext(f"{DS}DigestValue") == "AA=="
    path = tmp_path / "cda.xml"
    path.write_bytes(cda)
    canonical = subprocess.run([need_tool("xmllint"), "--c14n", "--huge", str(path)], capture_output=True, check=True, timeout=60).stdout  # noqa: ASYNC221
    assert document.findtext(f"{DS}DigestValue") == base64.b64encode(hashlib.sha256(canonical).digest()).decode()
    pki = shared_pki()
    verdict = xmlsec_verify(
        message.part_of("Signature01"), tmp_path, trusted=[pki.root_pem], untrusted=[pki.chain_pem], extra=["--ignore-manifests"]
    )
    assert accepted(verdict, 2), verdict.stderr


async def test_dmp08_assertion_verifies_where_it_stands(tmp_path: Path) -> None:
    message, _ = await sent()
    pki = shared_pki()
    name = "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"
    document = etree.tostring(message.envelope)
    verdict = xmlsec_verify(document, tmp_path, trusted=[pki.root_pem], untrusted=[pki.chain_pem], id_attribute="ID", ids=[name])
    assert accepted(verdict, 1), verdict.stderr


async def test_dmp10_dmp11_dmp12_one_structure_and_one_patient_everywhere() -> None:
    message, cda = await sent()
    text = etree.tostring(message.envelope).decode()
    assert f"{INS.matricule}^^^&amp;{INS.oid}&amp;ISO^NH" in text
    for name in ("XDSSubmissionSet.patientId", "XDSDocumentEntry.patientId"):
        values = {
            one.get("value")
            for one in message.request.iter(f"{RIM}ExternalIdentifier")
            if one.find(f"{RIM}Name/{RIM}LocalizedString").get("value") == name  # type: ignore[union-attr]
        }
        assert values == {f"{INS.matricule}^^^&{INS.oid}&ISO^NH"}
    institutions = {
        value for one in message.request.iter(f"{RIM}Classification") for value in slots(one).get("authorInstitution", []) if value
    }
    assert {value.split("^")[9] for value in institutions} == {"10B0152872"}
    assert b"10B0152872" in cda


@pytest.mark.parametrize(
    ("visibility", "expected"),
    [
        (Visibility(), ["N"]),
        (Visibility(masked_to_professionals=True), ["N", "MASQUE_PS"]),
        (Visibility(hidden_from_patient=True), ["N", "INVISIBLE_PATIENT"]),
        (Visibility(hidden_from_representatives=True), ["N", "INVISIBLE_REPRESENTANTS_LEGAUX"]),
    ],
)
async def test_dmp21_dmp22_confidentiality_of_the_document(visibility: Visibility, expected: list[str]) -> None:
    message, _ = await sent(visibility=visibility)
    entry = next(message.request.iter(f"{RIM}ExtrinsicObject"))
    scheme = "urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f"
    found = [one.get("nodeRepresentation") for one in entry.iterfind(f"{RIM}Classification") if one.get("classificationScheme") == scheme]
    assert found == expected
