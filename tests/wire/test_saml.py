"""The VIHF: signature judged by xmlsec1, content read by plain lxml, secrets looked for where they must not be."""

from __future__ import annotations

import pickle
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
from lxml import etree

from gateway.kernel.oids import INS_NIR_TEST
from gateway.model.patient import Ins
from gateway.nomenclature import codes
from gateway.wire.saml import Vihf, VihfFacts, build_vihf
from gateway.wire.secret import Secret
from gateway.wire.soap import write_envelope
from tests.shared import need
from tests.tools import need_tool
from tests.trust.judges import accepted, signer, xmlsec_verify
from tests.trust.pki import SIGN, shared_leaf, shared_pki

S = "{urn:oasis:names:tc:SAML:2.0:assertion}"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
NUMBER = "HOMOLOGATION-CONFIDENTIELLE-42"
AT = datetime(2026, 11, 22, 9, 30, 0, 7_900, tzinfo=timezone(timedelta(hours=1)))
FACTS = VihfFacts(
    structure_id="10B0152872",
    sector="SA52",
    professional_id="899700366240",
    professional_name="CAMILLE MARTIN",
    roles=(codes.profession("10"), codes.savoir_faire("SM54")),
    ins=Ins.checked("279035121518989", INS_NIR_TEST),
    lps_name="Relais",
    lps_version="0.1",
    lps_id="01.02",
    homologation=Secret(NUMBER),
)


def attributes(vihf: Vihf) -> dict[str, list[etree._Element]]:
    root = etree.fromstring(vihf.xml)
    return {str(one.get("Name")): one.findall(f"{S}AttributeValue") for one in root.iterfind(f"{S}AttributeStatement/{S}Attribute")}


def judged(document: bytes, folder: Path) -> bool:
    pki = shared_pki()
    name = "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"
    result = xmlsec_verify(document, folder, trusted=[pki.root_pem], untrusted=[pki.chain_pem], id_attribute="ID", ids=[name])
    return accepted(result, 1)


def openssl_subject(pem: bytes, folder: Path) -> str:
    path = folder / "leaf.pem"
    path.write_bytes(pem)
    command = [need_tool("openssl"), "x509", "-in", str(path), "-noout", "-subject", "-nameopt", "RFC2253,utf8,-esc_msb"]
    return subprocess.run(command, capture_output=True, check=True, timeout=20).stdout.decode().removeprefix("subject=").strip()


@pytest.mark.conformity
async def test_signature_verifies_alone_and_in_its_envelope(tmp_path: Path) -> None:
    vihf = await build_vihf(FACTS, signer(), AT)
    envelope = write_envelope(action="urn:a", to="https://dmp.test", message_id="urn:uuid:1", body=b"<b/>", assertion=vihf.xml)
    assert judged(vihf.xml, tmp_path)
    assert judged(envelope, tmp_path)


@pytest.mark.conformity
async def test_dmp08_one_changed_byte_breaks_the_signature(tmp_path: Path) -> None:
    vihf = await build_vihf(FACTS, signer(), AT)
    assert not judged(vihf.xml.replace(b"279035121518989", b"279035121518988"), tmp_path)


async def test_order_of_the_assertion() -> None:
    root = etree.fromstring((await build_vihf(FACTS, signer(), AT)).xml)
    assert [etree.QName(child).localname for child in root] == ["Issuer", "Signature", "Subject", "AuthnStatement", "AttributeStatement"]
    assert root.get("Version") == "2.0"
    assert root.get("IssueInstant") == "2026-11-22T08:30:00.007Z"
    assert root.find(f"{S}AuthnStatement").get("AuthnInstant") == "2026-11-22T08:30:00.007Z"  # type: ignore[union-attr]
    assert root.findtext(f"{S}Subject/{S}NameID") == "899700366240"
    certificates = root.findall(".//{http://www.w3.org/2000/09/xmldsig#}X509Certificate")
    assert len(certificates) == 1


async def test_dmp06_dmp07_each_vihf_is_another(tmp_path: Path) -> None:
    made = [await build_vihf(FACTS, signer(), AT + timedelta(seconds=n)) for n in range(3)]
    assert len({vihf.id for vihf in made}) == 3
    for vihf in made:
        assert vihf.id.startswith("_")
        assert etree.fromstring(vihf.xml).get("ID") == vihf.id


@pytest.mark.conformity
async def test_dmp05_issuer_is_the_subject_of_the_signing_certificate(tmp_path: Path) -> None:
    expected = openssl_subject(shared_leaf(SIGN).pem, tmp_path)
    root = etree.fromstring((await build_vihf(FACTS, signer(), AT)).xml)
    issuer = root.find(f"{S}Issuer")
    assert issuer is not None
    assert issuer.text == expected
    assert issuer.get("Format") == "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"
    assert "ST=Rhône (69)" in expected


async def test_dmp09_attributes_of_a_doctor() -> None:
    seen = attributes(await build_vihf(FACTS, signer(), AT))
    texts = {name: values[0].text for name, values in seen.items() if len(values[0]) == 0}
    assert texts == {
        "VIHF_Version": "3.0",
        "Authentification_Mode": "INDIRECTE",
        "Identifiant_Structure": "10B0152872",
        "Secteur_Activite": "SA52^1.2.250.1.71.4.2.4",
        "urn:oasis:names:tc:xacml:2.0:resource:resource-id": "279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH",
        "Ressource_URN": "urn:dmp",
        "urn:oasis:names:tc:xspa:1.0:subject:subject-id": "CAMILLE MARTIN",
        "LPS_ID": "01.02",
        "LPS_Nom": "Relais",
        "LPS_Version": "0.1",
        "LPS_ID_HOMOLOGATION_DMP": NUMBER,
    }
    roles = [value[0] for value in seen["urn:oasis:names:tc:xacml:2.0:subject:role"]]
    assert [(role.get("code"), role.get("codeSystem")) for role in roles] == [("10", "1.2.250.1.71.1.2.7"), ("SM54", "1.2.250.1.71.4.2.5")]
    assert {role.tag for role in roles} == {"{urn:hl7-org:v3}Role"}
    assert {role.get(f"{XSI}type") for role in roles} == {"CE"}
    purpose = seen["urn:oasis:names:tc:xspa:1.0:subject:purposeofuse"][0][0]
    assert (purpose.get("code"), purpose.get("codeSystem")) == ("normal", "1.2.250.1.213.1.1.4.248")


async def test_version_and_spelling_are_settings() -> None:
    other = msgspec.structs.replace(FACTS, version="4.0", mode_attribute="Authentification_mode", lps_id=None)
    seen = attributes(await build_vihf(other, signer(), AT))
    assert seen["VIHF_Version"][0].text == "4.0"
    assert "Authentification_mode" in seen
    assert "Authentification_Mode" not in seen
    assert "LPS_ID" not in seen


@pytest.mark.conformity
async def test_same_names_and_shapes_as_the_official_indirect_token() -> None:
    official = etree.fromstring(need("data", "dmp", "vihf", "VIHF_INDIRECTE_signe.xml").read_bytes())
    ours = etree.fromstring((await build_vihf(FACTS, signer(), AT)).xml)

    def names(root: etree._Element) -> set[str]:
        found = {str(one.get("Name")) for one in root.iter(f"{S}Attribute")}
        return {name.replace("Authentification_mode", "Authentification_Mode") for name in found}

    assert names(official) == names(ours)
    assert [child.tag for child in official] == [child.tag for child in ours]
    issuer = official.findtext(f"{S}Issuer")
    assert issuer is not None
    assert [part.split("=")[0] for part in issuer.split(",")] == [
        part.split("=")[0] for part in str(ours.findtext(f"{S}Issuer")).split(",")
    ]


async def test_dmp40_the_homologation_number_shows_nowhere_else() -> None:
    vihf = await build_vihf(FACTS, signer(), AT)
    shown = f"{FACTS!r}{FACTS}{FACTS.homologation}{FACTS.homologation!r}{FACTS.homologation:>40}{vihf!r}{vihf}"
    assert NUMBER not in shown
    assert FACTS.ins.matricule not in shown
    with pytest.raises(TypeError):
        pickle.dumps(FACTS.homologation)
    with pytest.raises(TypeError):
        msgspec.json.encode(FACTS)
    assert FACTS.homologation.reveal() == NUMBER


async def test_issue_time_is_kept_for_the_trail() -> None:
    assert (await build_vihf(FACTS, signer(), AT)).issued_at == AT.astimezone(UTC)
