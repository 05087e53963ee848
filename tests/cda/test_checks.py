from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given, settings

from gateway.cda.build import build_n1
from gateway.cda.checks import Finding, check_document, check_header
from gateway.model.document import ClinicalHeader
from gateway.xml.errors import XmlForbidden, XmlMalformed
from gateway.xml.parse import parse
from tests.cda.headers import HEADER, PDF, RICH, headers

FULL = build_n1(RICH, PDF, "application/pdf").decode()
ACT = "documentationOf/serviceEvent"
FACILITY = "componentOf/encompassingEncounter/location/healthCareFacility"
BODY = "component/nonXMLBody/text"
PATIENT = "recordTarget/patientRole/patient"


def part(name: str) -> str:
    """The first element of that name, with its content, as written."""
    found = re.search(rf"<{name}[ >].*?</{name}>", FULL)
    assert found is not None
    return found.group()


def broken(old: str, new: str) -> list[Finding]:
    assert old in FULL, old
    return check_document(FULL.replace(old, new, 1).encode())


@given(headers())
@settings(max_examples=100)
def test_nothing_is_found_in_what_we_build(header: ClinicalHeader) -> None:
    assert check_document(build_n1(header, PDF, "application/pdf")) == []


DROPPED = [
    "realmCode", "typeId", "code", "title", "effectiveTime", "confidentialityCode", "languageCode", "setId", "versionNumber",
    "recordTarget", "custodian", "legalAuthenticator", "componentOf",
]  # fmt: skip


@pytest.mark.parametrize("name", DROPPED)
def test_an_absent_mandatory_element_is_named(name: str) -> None:
    source = FULL.replace(part("effectiveTime"), "", 1) if name == "effectiveTime" else FULL.replace(part(name), "", 1)
    assert ("cardinality", name) in {(one.rule, one.path) for one in check_document(source.encode())}


def test_an_absent_identifier_author_or_act_is_named() -> None:
    for source, name in (
        (FULL.replace(f'<id root="{RICH.unique_id}"></id>', ""), "id"),
        (re.sub("<author>.*</author>", "", FULL), "author"),
        (re.sub("<documentationOf>.*</documentationOf>", "", FULL), "documentationOf"),
        (re.sub("<component>.*</component>", "", FULL), "component"),
        (FULL.replace('<templateId root="1.3.6.1.4.1.19376.1.2.20"></templateId>', ""), "templateId"),
    ):
        assert ("cardinality", name) in {(one.rule, one.path) for one in check_document(source.encode())}


@pytest.mark.parametrize("name", [*DROPPED, "id", "author", "documentationOf"])
def test_a_null_flavour_is_no_value(name: str) -> None:
    found = check_document(re.sub(f"<{name}(?=[ >])", f'<{name} nullFlavor="NA"', FULL, count=1).encode())
    assert ("null-flavor", name) in {(one.rule, one.path) for one in found}


MUTANTS: dict[str, tuple[str, str, str, str]] = {
    "realm": ('<realmCode code="FR">', '<realmCode code="BE">', "realm", "realmCode"),
    "type-id": ('extension="POCD_HD000040"', 'extension="POCD_HD000020"', "type-id", "typeId"),
    "no-hl7-france": ('root="2.16.840.1.113883.2.8.2.1"', 'root="2.16.840.1.113883.2.8.2.9"', "template-hl7-france", "templateId"),
    "no-ci-sis": ('<templateId root="1.2.250.1.213.1.1.1.1"></templateId>', "", "template-ci-sis", "templateId"),
    "fourth-template": ("<id root=", '<templateId root="1.2.3"></templateId><id root=', "template-n1", "templateId"),
    "id-extension": (f'<id root="{RICH.unique_id}"', f'<id root="{RICH.unique_id}" extension="9"', "unique-id-extension", "id"),
    "id-uuid": (f'<id root="{RICH.unique_id}"', '<id root="90E1C8EC-F951-4B26-A305-A34848818DD6"', "unique-id", "id"),
    "id-too-long": (f'<id root="{RICH.unique_id}"', f'<id root="2.25.{"9" * 60}"', "unique-id", "id"),
    "set-id": (f'<setId root="{RICH.set_id}"', '<setId root="x"', "set-id", "setId"),
    "version": ('<versionNumber value="3"', '<versionNumber value="3.1"', "version", "versionNumber"),
    "type-unknown": ('<code code="57833-6"', '<code code="00000-0"', "document-type", "code"),
    "type-wrong-system": ('codeSystem="2.16.840.1.113883.6.1"', 'codeSystem="1.2.250.1.213.1.1.4.12"', "document-type", "code"),
    "type-no-label": ('displayName="Prescription de produits de santé"', 'displayName=""', "document-type", "code"),
    "title-blank": ("<title>Ordonnance</title>", "<title> </title>", "title", "title"),
    "time-bare-date": ('<effectiveTime value="20261122093000+0100"', '<effectiveTime value="20261122"', "document-time", "effectiveTime"),
    "time-no-zone": (
        '<effectiveTime value="20261122093000+0100"',
        '<effectiveTime value="20261122093000"',
        "document-time",
        "effectiveTime",
    ),
    "confidentiality-l": ('<confidentialityCode code="N"', '<confidentialityCode code="L"', "confidentiality", "confidentialityCode"),
    "masked-in-cda": (
        part("confidentialityCode"),
        '<confidentialityCode code="MASQUE_PS" codeSystem="1.2.250.1.213.1.1.4.13" displayName="x"></confidentialityCode>',
        "visibility-in-cda",
        "confidentialityCode",
    ),
    "language": ('code="fr-FR"', 'code="fr"', "language", "languageCode"),
    "append": ('typeCode="RPLC"', 'typeCode="APND"', "replacement", "relatedDocument"),
    "replaced-uuid": (f'root="{RICH.replaces}"', 'root="90E1C8EC"', "replaced-id", "relatedDocument/parentDocument/id"),
    "replaced-extension": (
        f'root="{RICH.replaces}"',
        f'root="{RICH.replaces}" extension="1"',
        "replaced-id-extension",
        "relatedDocument/parentDocument/id",
    ),
    "order": (part("setId") + part("versionNumber"), part("versionNumber") + part("setId"), "header-order", "setId"),
    "stranger": ("<setId ", "<copyTime></copyTime><setId ", "header-element", "ClinicalDocument"),
    "twice-custodian": (part("custodian"), part("custodian") * 2, "cardinality", "custodian"),
    "two-patients": (part("recordTarget"), part("recordTarget") * 2, "two-patients", "recordTarget"),
    "two-ins": (
        '<id extension="279035121518989" root="1.2.250.1.213.1.4.10">',
        '<id extension="277076322082910" root="1.2.250.1.213.1.4.10"></id><id extension="279035121518989" root="1.2.250.1.213.1.4.10">',
        "two-patients",
        "recordTarget/patientRole/id",
    ),
    "ins-key": ("279035121518989", "279035121518980", "ins-key", "recordTarget/patientRole/id"),
    "ins-blank": ("279035121518989", "2 79 03 51 215 189 89", "ins-key", "recordTarget/patientRole/id"),
    "patient-id-no-root": (' root="1.2.250.1.999.1.1"', "", "patient-id", "recordTarget/patientRole/id"),
    "no-birth-name": ('<family qualifier="BR">', '<family qualifier="CL">', "trait-birth-name", f"{PATIENT}/name"),
    "name-unmarked": ('<family qualifier="CL">', "<family>", "name-qualifier", f"{PATIENT}/name"),
    "name-spouse": ('<family qualifier="CL">', '<family qualifier="SP">', "name-qualifier", f"{PATIENT}/name"),
    "no-given-list": ("<given>DOMINIQUE MARIE-LOUISE</given>", "", "trait-given-names", f"{PATIENT}/name"),
    "no-first-given": ('<given qualifier="BR">DOMINIQUE</given>', "", "trait-first-given-name", f"{PATIENT}/name"),
    "given-order": (">DOMINIQUE MARIE-LOUISE<", ">MARIE-LOUISE DOMINIQUE<", "trait-given-order", f"{PATIENT}/name"),
    "gender": (
        '<administrativeGenderCode code="F"',
        '<administrativeGenderCode code="X"',
        "trait-gender",
        f"{PATIENT}/administrativeGenderCode",
    ),
    "no-birth-time": ('<birthTime value="19790328"></birthTime>', "", "trait-birth-date", f"{PATIENT}/birthTime"),
    "birth-month-00": ('<birthTime value="19790328"', '<birthTime value="19790000"', "trait-birth-date", f"{PATIENT}/birthTime"),
    "no-birth-place": (part("birthplace"), "", "trait-birth-place", f"{PATIENT}/birthplace"),
    "birth-place-name": ("<county>51215</county>", "<county>Domprémy</county>", "trait-birth-place", f"{PATIENT}/birthplace"),
    "author-foreign-id": (
        'extension="899700366240" root="1.2.250.1.71.4.2.1"',
        'extension="899700366240" root="1.2.3"',
        "person-id",
        "author/assignedAuthor/id",
    ),
    "author-no-time": ('<time value="20261122092000+0100"></time>', "", "time", "author/time"),
    "author-no-family": ("<family>D'ARTIMON</family>", "", "person-name", "author/assignedAuthor/assignedPerson/name"),
    "author-two-given": (
        "<given>Hélène</given>",
        "<given>Hélène</given><given>Zoé</given>",
        "person-name",
        "author/assignedAuthor/assignedPerson/name",
    ),
    "author-specialty": ('<code code="G15_10/SM26"', '<code code="G15_10/SM99"', "specialty", "author/assignedAuthor/code"),
    "author-function": ('<functionCode code="PCP"', '<functionCode code="XYZ"', "function", "author/functionCode"),
    "author-structure": (
        'extension="10B0152872" root="1.2.250.1.71.4.2.2"',
        'extension="10B0152872" root="1.2.3"',
        "structure-id",
        "author/assignedAuthor/representedOrganization/id",
    ),
    "custodian-id": (
        '<representedCustodianOrganization><id extension="10B0152872" root="1.2.250.1.71.4.2.2"></id>',
        "<representedCustodianOrganization>",
        "custodian-id",
        "custodian/assignedCustodian/representedCustodianOrganization/id",
    ),
    "not-signed": ('<signatureCode code="S"', '<signatureCode code="X"', "signature-code", "legalAuthenticator/signatureCode"),
    "authenticator-time": ('<time value="20261122094500+0100">', '<time value="hier">', "time", "legalAuthenticator/time"),
    "no-main-act": (part("serviceEvent"), "", "service-event", ACT),
    "no-start": ('<low value="20261122091500+0100"></low>', "", "service-start", f"{ACT}/effectiveTime/low"),
    "bad-stop": ('<high value="20261122094000+0100">', '<high value="demain">', "service-stop", f"{ACT}/effectiveTime/high"),
    "no-performer": (part("performer"), "", "performer", f"{ACT}/performer"),
    "practice-setting": (
        part("standardIndustryClassCode"),
        "",
        "practice-setting",
        f"{ACT}/performer/assignedEntity/representedOrganization/standardIndustryClassCode",
    ),
    "act-code": ('code="DEQP003" codeSystem="1.2.250.1.213.2.5"', 'code="DEQP003"', "act-code", f"{ACT}/code"),
    "order-id": ("<order>" + '<id root="2.25.77"></id>', "<order>", "order-id", "inFulfillmentOf/order/id"),
    "no-facility": (part("healthCareFacility"), "<healthCareFacility></healthCareFacility>", "facility", f"{FACILITY}/code"),
    "facility-unknown": ('<code code="SA07"', '<code code="SA99"', "facility", f"{FACILITY}/code"),
    "no-encounter-time": (
        re.sub("</?encompassingEncounter>|<location>.*", "", part("encompassingEncounter")),
        "",
        "encounter-time",
        "componentOf/encompassingEncounter/effectiveTime",
    ),
    "body-type": ('mediaType="application/pdf"', 'mediaType="text/html"', "body-media-type", BODY),
    "body-raw": ('representation="B64"', 'representation="TXT"', "body-base64", BODY),
    "body-cut": ('B64">JVBE', 'B64">VBE', "body-base64", BODY),
    "body-letter": ('B64">JVBE', 'B64">é', "body-base64", BODY),
    "body-empty": (base64.b64encode(PDF).decode(), "", "empty-body", BODY),
    "body-not-pdf": (base64.b64encode(PDF).decode(), "AAAA", "body-not-pdf", BODY),
    "body-cut-pdf": (base64.b64encode(PDF).decode(), base64.b64encode(PDF[:60]).decode(), "body-not-pdf", BODY),
    "body-pdfa3": (
        base64.b64encode(PDF).decode(),
        base64.b64encode(PDF.replace(b"part>1<", b"part>3<")).decode(),
        "body-not-pdfa1",
        BODY,
    ),
    "two-bodies": ("<nonXMLBody>", "<structuredBody></structuredBody><nonXMLBody>", "one-body", "component"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_each_fault_is_found_at_its_place(name: str) -> None:
    old, new, rule, path = MUTANTS[name]
    if name == "no-encounter-time":
        before, _, after = FULL.rpartition(old)
        found = check_document((before + new + after).encode())
    else:
        found = broken(old, new)
    assert (rule, path) in {(one.rule, one.path) for one in found}


PEOPLE: dict[str, tuple[str, str, str]] = {
    "informant-both": ("informant", "<informant><assignedEntity/><relatedEntity classCode='NOK'/></informant>", "informant"),
    "informant-nobody": ("informant", "<informant/>", "informant"),
    "informant-relation": ("informant-relation", "<informant><relatedEntity classCode='FRND'/></informant>", "informant/relatedEntity"),
    "informant-name": (
        "informant-name",
        "<informant><relatedEntity classCode='NOK'/></informant>",
        "informant/relatedEntity/relatedPerson",
    ),
}
LATER: dict[str, tuple[str, str, str]] = {
    "recipient-id": (
        "recipient-id",
        "<informationRecipient><intendedRecipient><id root='1.2.3' extension='4'/></intendedRecipient></informationRecipient>",
        "informationRecipient/intendedRecipient/id",
    ),
    "authenticator": (
        "authenticator",
        "<authenticator><time value='2026'/><signatureCode code='S'/></authenticator>",
        "authenticator/assignedEntity",
    ),
    "participant-type": ("participant-type", "<participant typeCode='XXX'/>", "participant"),
    "participant-time": ("participant-time", "<participant typeCode='INF'/>", "participant/time"),
    "participant-class": (
        "participant-class",
        "<participant typeCode='INF'><time nullFlavor='NA'/></participant>",
        "participant/associatedEntity",
    ),
    "participant-function": ("function", "<participant typeCode='INF'><functionCode code='?'/></participant>", "participant/functionCode"),
}


@pytest.mark.parametrize("name", [*PEOPLE, *LATER])
def test_each_fault_of_an_optional_person_is_found(name: str) -> None:
    rule, added, path = {**PEOPLE, **LATER}[name]
    source = FULL.replace("<custodian>", added + "<custodian>", 1) if name in PEOPLE else FULL
    if name in LATER:
        place = "<legalAuthenticator>" if name == "recipient-id" else "<inFulfillmentOf>"
        source = FULL.replace(place, added + place, 1)
    found = check_document(source.encode())
    assert (rule, path) in {(one.rule, one.path) for one in found}
    assert "header-order" not in {one.rule for one in found}


@pytest.mark.parametrize(
    ("media_type", "good", "bad"),
    [
        ("text/plain", "Texte d'été".encode(), b"\xe9t\xe9"),
        ("text/plain", b"x", b"x\x00"),
        ("text/rtf", b"{\\rtf1 x}", b"rtf"),
        ("image/jpeg", b"\xff\xd8\xff\xe0", b"GIF89a"),
        ("image/tiff", b"II*\x00\x08", b"II\x00*"),
        ("application/pdf", b"%PDF-1.4\n<x pdfaid:part = '1'/>\n%%EOF", b"<html>"),
    ],
)
def test_a_body_must_be_what_it_says(media_type: str, good: bytes, bad: bytes) -> None:
    assert check_document(build_n1(HEADER, good, media_type)) == []
    assert {one.path for one in check_document(build_n1(HEADER, bad, media_type))} == {BODY}


def test_traits_are_not_asked_without_an_ins() -> None:
    source = FULL.replace('<id extension="279035121518989" root="1.2.250.1.213.1.4.10"></id>', "").replace(part("birthplace"), "")
    assert check_document(source.encode()) == []


def test_what_is_no_cda_is_one_finding() -> None:
    assert [(one.rule, one.path) for one in check_document(b"<a/>")] == [("one-document", "ClinicalDocument")]


def test_hostile_xml_is_refused_before_any_rule() -> None:
    with pytest.raises(XmlForbidden):
        check_document(b"<!DOCTYPE a>" + FULL.encode())
    with pytest.raises(XmlMalformed):
        check_document(FULL.encode("utf-16"))


def test_findings_speak_french_and_repeat_no_value() -> None:
    for name, (old, new, *_) in MUTANTS.items():
        for one in check_document(FULL.replace(old, new, 1).encode()):
            assert one.what[0].islower(), name
            assert not re.search(r"279035|PAT-TROIS|ARTIMON|DOMINIQUE|Ordonnance", one.what + one.path)


def test_an_empty_document_is_not_an_exception() -> None:
    found = check_header(parse(b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>'))
    assert {"cardinality", "patient-role", "realm", "language"} <= {one.rule for one in found}
