from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given, settings

from gateway.cda.build import build_n1
from gateway.cda.errors import CdaInvalid, TwoPatients
from gateway.cda.reading import read_cda
from gateway.model.document import ClinicalHeader
from gateway.model.patient import MatriculeKeyWrong
from gateway.xml.errors import XmlForbidden, XmlMalformed, XmlTooLarge
from tests.cda.headers import DOCTOR, HEADER, PDF, PRACTICE, RICH, SUBJECT, headers, with_traits

CDA = build_n1(HEADER, PDF, "application/pdf")
ACT = "documentationOf/serviceEvent"
DOER = f"{ACT}/performer/assignedEntity"
FULL = build_n1(RICH, PDF, "application/pdf")


def changed(old: str, new: str, *, source: bytes = CDA, count: int = 1) -> bytes:
    assert old.encode() in source, old
    return source.replace(old.encode(), new.encode(), count)


@given(headers())
@settings(max_examples=300)
def test_what_is_written_is_read_back(header: ClinicalHeader) -> None:
    document = read_cda(build_n1(header, PDF, "application/pdf"))
    assert document.header == header
    assert document.body == PDF
    assert document.media_type == "application/pdf"
    assert not document.self_presentable


@pytest.mark.parametrize("header", [HEADER, RICH], ids=["plain", "rich"])
def test_the_offset_of_every_instant_is_kept(header: ClinicalHeader) -> None:
    read = read_cda(build_n1(header, PDF, "application/pdf")).header
    assert read == header
    assert read.created_at.utcoffset() == header.created_at.utcoffset()
    assert read.service_start.utcoffset() == header.service_start.utcoffset()


def test_an_unqualified_subject_loses_its_ins_and_nothing_else() -> None:
    subject = msgspec.structs.replace(SUBJECT, qualified=False)
    data = build_n1(msgspec.structs.replace(HEADER, subject=subject), PDF, "application/pdf")
    assert b"279035121518989" not in data
    assert read_cda(data).header.subject == msgspec.structs.replace(subject, ins=None)


def test_white_space_of_a_pretty_printed_document_is_no_part_of_the_names() -> None:
    pretty = CDA.decode().replace("><", ">\n      <")
    pretty = pretty.replace("<title>Ordonnance</title>", "<title>\n  Ordonnance\n     de sortie\n</title>")
    pretty = pretty.replace(">PAT-TROIS<", ">\n\tPAT-TROIS <!-- nom -->\n<")
    read = read_cda(pretty.encode()).header
    assert read.title == "Ordonnance de sortie"
    assert read.subject == SUBJECT


def test_two_patients_are_refused() -> None:
    target = re.search(rb"<recordTarget>.*</recordTarget>", CDA)
    assert target is not None
    with pytest.raises(TwoPatients) as refusal:
        read_cda(CDA.replace(target.group(), target.group() * 2))
    assert (refusal.value.code, refusal.value.field) == ("two-patients", "recordTarget")
    other = '<id extension="279035121518989" root="1.2.250.1.213.1.4.10"></id>'
    second = other.replace("279035121518989", "277076322082910")
    with pytest.raises(TwoPatients) as refusal:
        read_cda(changed(other, other + second))
    assert refusal.value.field == "recordTarget/patientRole/id"


@pytest.mark.parametrize(
    ("old", "new", "field", "rule"),
    [
        (f'<id root="{HEADER.unique_id}">', f'<id root="{HEADER.unique_id}" extension="1">', "id", "unique-id-extension"),
        (f'<id root="{HEADER.unique_id}">', '<id root="0F8FAD5B-D9CB-469F-A165-70867728950E">', "id", "unique-id"),
        (f'<id root="{HEADER.unique_id}">', '<id nullFlavor="NA">', "id", "mandatory"),
        ("<setId ", "<setId nullFlavor='NA' ", "setId", "mandatory"),
        ('<versionNumber value="1">', '<versionNumber value="un">', "versionNumber", "version"),
        ("<title>Ordonnance</title>", "<title> </title>", "title", "mandatory"),
        ('<effectiveTime value="20261122093000+0100">', '<effectiveTime value="hier">', "effectiveTime", "time"),
        ('<effectiveTime value="20261122093000+0100">', '<effectiveTime value="20261322">', "effectiveTime", "time"),
        ('<effectiveTime value="20261122093000+0100">', '<effectiveTime value="20261122093000+9900">', "effectiveTime", "time"),
        ('codeSystem="2.16.840.1.113883.6.1"', 'codeSystem=""', "code/@codeSystem", "mandatory"),
        ('<languageCode code="fr-FR"></languageCode>', "", "languageCode", "mandatory"),
        ('<birthTime value="19790328">', '<birthTime value="mars">', "recordTarget/patientRole/patient/birthTime", "birth-date"),
        ('<birthTime value="19790328">', '<birthTime value="19790399">', "recordTarget/patientRole/patient.birth_date", "traits"),
        ('<family qualifier="BR">', "<family>", "recordTarget/patientRole/patient.birth_family_name", "traits"),
        ("<county>51215</county>", "", "recordTarget/patientRole/patient.birth_place", "traits"),
        (">DOMINIQUE MARIE-LOUISE<", ">MARIE-LOUISE<", "recordTarget/patientRole/patient.first_birth_given_name", "traits"),
        ('code="F" codeSystem', 'code="X" codeSystem', "recordTarget/patientRole/patient/administrativeGenderCode", "gender"),
        ('extension="899700366240" root="1.2.250.1.71.4.2.1"', 'extension="1" root="1.2.3"', "author/assignedAuthor/id", "person-id"),
        ("<family>D'ARTIMON</family>", "", "author/assignedAuthor/assignedPerson/name", "person-name"),
        ('code="AMBULATOIRE"', 'code=""', f"{DOER}/representedOrganization/standardIndustryClassCode/@code", "mandatory"),
        ('typeCode="PRF"><assignedEntity>', 'typeCode="PRF"><assignedEntity nullFlavor="NA">', f"{DOER}", "mandatory"),
        ("<effectiveTime><low ", "<effectiveTime><low nullFlavor='UNK' ", f"{ACT}/effectiveTime/low", "mandatory"),
        ('<code code="SA07"', '<code nullFlavor="NA"', "componentOf/encompassingEncounter/location/healthCareFacility/code", "mandatory"),
        ("<legalAuthenticator>", "<legalAuthenticator nullFlavor='NA'>", "legalAuthenticator", "mandatory"),
        ('<assignedCustodian>', '<assignedCustodian nullFlavor="NA">', "custodian/assignedCustodian", "mandatory"),
        ('representation="B64"', 'representation="TXT"', "component/nonXMLBody/text", "body-base64"),
        ("B64\">JVBE", "B64\">JVBE!", "component/nonXMLBody/text", "body-base64"),
        ("B64\">JVBE", "B64\"><!-- -->JVBE", "component/nonXMLBody/text", "body-base64"),
        ('mediaType="application/pdf"', 'mediaType="text/html"', "component/nonXMLBody/text", "body-media-type"),
        ("<nonXMLBody>", "<nonXMLBody nullFlavor='NA'>", "component/nonXMLBody", "mandatory"),
    ],
)  # fmt: skip
def test_each_missing_or_contradictory_fact_is_named(old: str, new: str, field: str, rule: str) -> None:
    with pytest.raises(CdaInvalid) as refusal:
        read_cda(changed(old, new))
    assert refusal.value.code == "cda-invalid"
    assert (refusal.value.field, refusal.value.facts["rule"]) == (field, rule)
    assert "{" not in refusal.value.explanation.what + refusal.value.explanation.gesture


def test_the_key_of_a_received_matricule_is_recomputed() -> None:
    with pytest.raises(MatriculeKeyWrong):
        read_cda(changed("279035121518989", "279035121518988"))


def test_only_a_replacement_links_documents() -> None:
    with pytest.raises(CdaInvalid, match="relatedDocument"):
        read_cda(changed('typeCode="RPLC"', 'typeCode="APND"', source=FULL))
    with pytest.raises(CdaInvalid, match="unique-id-extension"):
        read_cda(
            changed(f'<parentDocument><id root="{RICH.replaces}"', f'<parentDocument><id root="{RICH.replaces}" extension="2"', source=FULL)
        )


def test_a_device_as_author_is_read_by_its_software_name() -> None:
    person = re.search(rb"<assignedPerson>.*?</assignedPerson>", CDA)
    assert person is not None
    device = (
        b"<assignedAuthoringDevice><manufacturerModelName>Modele 3</manufacturerModelName><softwareName>Logiciel</softwareName>"
        b"</assignedAuthoringDevice>"
    )
    read = read_cda(CDA.replace(person.group(), device, 1)).header.authors[0].person
    assert (read.id, read.family, read.given) == (DOCTOR.id, "Logiciel", "Modele 3")


def test_an_author_without_structure_writes_for_the_custodian() -> None:
    organization = re.search(rb"<representedOrganization>.*?</representedOrganization>", CDA)
    assert organization is not None
    assert read_cda(CDA.replace(organization.group(), b"", 1)).header.authors[0].organization == PRACTICE


def test_traits_may_be_short_without_an_ins() -> None:
    data = changed('<id extension="279035121518989" root="1.2.250.1.213.1.4.10"></id>', "")
    data = data.replace(b"<given>DOMINIQUE MARIE-LOUISE</given>", b"").replace(b"<county>51215</county>", b"")
    subject = read_cda(data).header.subject
    assert not subject.qualified
    assert (subject.traits.birth_given_names, subject.traits.birth_place) == ("DOMINIQUE", "99999")


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("20261122093000+0100", datetime(2026, 11, 22, 8, 30, tzinfo=UTC)),
        ("202611220930+0100", datetime(2026, 11, 22, 8, 30, tzinfo=UTC)),
        ("20261122093000.123-0400", datetime(2026, 11, 22, 13, 30, tzinfo=UTC)),
        ("20261122093000+100", datetime(2026, 11, 22, 8, 30, tzinfo=UTC)),
        ("20261122093000", datetime(2026, 11, 22, 8, 30, tzinfo=UTC)),
        ("20260722093000", datetime(2026, 7, 22, 7, 30, tzinfo=UTC)),
        ("20261122", datetime(2026, 11, 21, 23, tzinfo=UTC)),
    ],
)
def test_instants_are_read_as_schemas_allow_them(stamp: str, expected: datetime) -> None:
    read = read_cda(changed('<effectiveTime value="20261122093000+0100">', f'<effectiveTime value="{stamp}">')).header.created_at
    assert read == expected


def test_a_self_presentable_document_is_recognised_and_its_style_sheet_left_alone() -> None:
    wrapped = (
        b'<?xml-stylesheet type="text/xsl" href="#"?><xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" '
        b'xmlns:data="urn:asip-sante:ci-sis"><data:Contenu>' + CDA + b'</data:Contenu><xsl:template match="/">'
        b"<xsl:value-of select=\"document('file:///etc/passwd')\"/></xsl:template></xsl:stylesheet>"
    )
    document = read_cda(wrapped)
    assert document.self_presentable
    assert document.mime_type == "application/xslt+xml"
    assert read_cda(CDA).mime_type == "text/xml"
    assert document.header == HEADER
    assert document.body == PDF


def test_only_a_pdf_is_a_pdf() -> None:
    assert read_cda(CDA).pdf == PDF
    text = read_cda(build_n1(HEADER, "été".encode(), "text/plain"))
    assert (text.body, text.pdf) == ("été".encode(), None)


@pytest.mark.parametrize("wrapper", ["<a>{}</a>", "<a>{0}{0}</a>", "<a/>"], ids=["unknown", "two", "none"])
def test_any_other_wrapping_is_refused(wrapper: str) -> None:
    with pytest.raises(CdaInvalid, match="ClinicalDocument"):
        read_cda(wrapper.format(CDA.decode()).encode())


def test_a_structured_document_has_no_file() -> None:
    body = CDA[CDA.index(b"<nonXMLBody>") : CDA.index(b"</component></Clin")]
    document = read_cda(CDA.replace(body, b"<structuredBody><component><section/></component></structuredBody>"))
    assert document.body is None
    assert document.media_type is None
    assert document.header == msgspec.structs.replace(HEADER, body_media_type=None)


def test_hostile_xml_never_reaches_the_reader() -> None:
    bomb = b'<!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>' + CDA.replace(b"Ordonnance", b"&b;")
    with pytest.raises(XmlForbidden):
        read_cda(bomb)
    with pytest.raises(XmlMalformed):
        read_cda(CDA.replace(b"Ordonnance", b"&b;"))
    with pytest.raises(XmlMalformed):
        read_cda(CDA.decode().encode("utf-16"))
    with pytest.raises(XmlMalformed):
        read_cda(CDA.replace(b"Ordonnance", b"Ordonn\xe9e"))
    with pytest.raises(XmlMalformed):
        read_cda(CDA.replace(b"<nonXMLBody>", b"<x>" * 3000 + b"<nonXMLBody>"))
    with pytest.raises(XmlTooLarge):
        read_cda(CDA + b" " * 40_000_000)


def test_mark_comments_instructions_and_carriage_returns_do_not_disturb() -> None:
    dressed = b"\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?>\r\n<?xml-stylesheet href='x.xsl'?>\r\n<!-- a -->\r\n" + CDA.replace(
        b"<title>", b"<!-- b -->\r\n<?pi c?><title>"
    )
    assert read_cda(dressed).header == HEADER


def test_a_body_beyond_ten_megabytes_is_read() -> None:
    body = PDF * 100_000
    assert len(body) > 9_000_000
    assert read_cda(build_n1(HEADER, body, "application/pdf")).body == body


@pytest.mark.parametrize(
    ("date", "written", "read"),
    [
        ("1979-03-28", "19790328", "1979-03-28"),
        ("1950-00-00", "1950", "1950-00-00"),
        ("1950-03-00", "195003", "1950-03-00"),
        ("1950-13-00", "1950", "1950-00-00"),
        ("1950-02-31", "195002", "1950-02-00"),
    ],
)
def test_lunar_birth_dates_are_written_with_the_precision_that_exists(date: str, written: str, read: str) -> None:
    data = build_n1(with_traits(birth_date=date), PDF, "application/pdf")
    assert f'<birthTime value="{written}">'.encode() in data
    assert read_cda(data).header.subject.traits.birth_date == read


def test_a_lunar_date_written_verbatim_by_others_is_read() -> None:
    data = changed('<birthTime value="19790328">', '<birthTime value="19500000">')
    assert read_cda(data).header.subject.traits.birth_date == "1950-00-00"


def test_an_offset_with_seconds_is_written_in_utc() -> None:
    header = msgspec.structs.replace(HEADER, created_at=datetime(1905, 1, 1, 12, 9, 21, tzinfo=timezone(timedelta(minutes=9, seconds=21))))
    assert b'<effectiveTime value="19050101120000+0000">' in build_n1(header, PDF, "application/pdf")
