from __future__ import annotations

import base64
import subprocess
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings

from gateway.cda.actors import Recipient
from gateway.cda.build import build_n1
from gateway.cda.errors import CdaInvalid
from gateway.cda.names import N1_MEDIA_TYPES
from gateway.model.document import ClinicalHeader
from gateway.model.people import Organization, Person
from gateway.xml.c14n import inclusive
from gateway.xml.errors import XmlTextInvalid
from gateway.xml.parse import parse, parse_large
from tests.cda.headers import DOCTOR, HEADER, PDF, PRACTICE, RICH, SUBJECT, WINTER, headers, with_traits
from tests.tools import need_tool

V3 = "{urn:hl7-org:v3}"


@given(headers())
@settings(max_examples=100)
def test_the_bytes_are_the_canonical_form_with_comments(header: ClinicalHeader) -> None:
    data = build_n1(header, PDF, "application/pdf")
    assert inclusive(parse(data).getroottree(), with_comments=True) == data
    assert b"\r" not in data
    assert b"\n" not in data


@pytest.mark.parametrize("size", [1, 2, 3, 196_607, 196_608, 196_609, 400_000])
def test_the_spliced_base64_is_that_of_the_whole_body(size: int) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
    data = build_n1(HEADER, memoryview(body), "application/pdf")
    text = parse(data).findtext(f"{V3}component/{V3}nonXMLBody/{V3}text")
    assert text == base64.b64encode(body).decode()
    assert inclusive(parse(data).getroottree()) == data


def test_a_long_body_is_canonical_too_says_xmllint(tmp_path: Path) -> None:
    data = build_n1(RICH, PDF * 5_000, "application/pdf")
    source = tmp_path / "n1.xml"
    source.write_bytes(data)
    assert subprocess.run([need_tool("xmllint"), "--c14n", "--huge", str(source)], capture_output=True, check=True).stdout == data


def test_ten_megabytes_of_pdf_become_one_text() -> None:
    data = build_n1(HEADER, PDF * 90_000, "application/pdf")
    text = parse_large(data, max_bytes=20_000_000).findtext(f"{V3}component/{V3}nonXMLBody/{V3}text") or ""
    assert base64.b64decode(text, validate=True) == PDF * 90_000


@pytest.mark.parametrize("media_type", sorted(N1_MEDIA_TYPES))
def test_the_five_media_types_are_written(media_type: str) -> None:
    assert f'mediaType="{media_type}" representation="B64"'.encode() in build_n1(HEADER, b"x", media_type)


def test_identifiers_stand_in_the_order_asked_for() -> None:
    root = parse(build_n1(HEADER, PDF, "application/pdf"))
    assert [(e.get("root"), e.get("extension")) for e in root.findall(f"{V3}recordTarget/{V3}patientRole/{V3}id")] == [
        ("1.2.250.1.213.1.4.10", "279035121518989"),
        ("1.2.250.1.999.1.1", "P-1042"),
    ]
    assert root.find(f"{V3}id").attrib == {"root": HEADER.unique_id}  # type: ignore[union-attr]


def test_names_carry_their_qualifiers() -> None:
    root = parse(build_n1(with_traits(used_family_name="DUBOIS", used_given_name="Zoé"), PDF, "application/pdf"))
    name = root.find(f"{V3}recordTarget/{V3}patientRole/{V3}patient/{V3}name")
    assert name is not None
    assert [(str(part.tag).removeprefix(V3), part.get("qualifier"), part.text) for part in name] == [
        ("family", "BR", "PAT-TROIS"),
        ("given", None, "DOMINIQUE MARIE-LOUISE"),
        ("given", "BR", "DOMINIQUE"),
        ("family", "CL", "DUBOIS"),
        ("given", "CL", "Zoé"),
    ]


def test_recipients_stand_between_custodian_and_legal_authenticator() -> None:
    recipients = (Recipient(person=DOCTOR, organization=PRACTICE), Recipient(person=DOCTOR))
    root = parse(build_n1(HEADER, PDF, "application/pdf", recipients=recipients))
    names = [str(child.tag).removeprefix(V3) for child in root]
    assert names[names.index("custodian") :][:4] == ["custodian", "informationRecipient", "informationRecipient", "legalAuthenticator"]


NOBODY = Person(id="", family="X", given="Y")


@pytest.mark.parametrize(
    ("header", "field"),
    [
        (msgspec.structs.replace(HEADER, created_at=datetime(2026, 1, 1)), "effectiveTime"),  # noqa: DTZ001 - that is the fault
        (msgspec.structs.replace(HEADER, service_start=datetime(2026, 1, 1)), "documentationOf/serviceEvent/effectiveTime"),  # noqa: DTZ001
        (msgspec.structs.replace(HEADER, unique_id="2.25.1^2"), "id"),
        (msgspec.structs.replace(HEADER, title=" "), "title"),
        (msgspec.structs.replace(HEADER, authors=()), "author"),
        (msgspec.structs.replace(HEADER, legal_authenticator=NOBODY), "legalAuthenticator/assignedEntity/id"),
        (msgspec.structs.replace(HEADER, performer=NOBODY), "documentationOf/serviceEvent/performer/assignedEntity/id"),
        (msgspec.structs.replace(HEADER, custodian=Organization(id="", name="X")), "custodian/assignedCustodian"),
        (msgspec.structs.replace(HEADER, templates=("1.2.250.1.213.1.1.1.13",)), "templateId"),
        (
            msgspec.structs.replace(HEADER, subject=msgspec.structs.replace(SUBJECT, qualified=False, local=None)),
            "recordTarget/patientRole/id",
        ),
    ],
)
def test_a_header_that_cannot_be_written_is_refused_by_path(header: ClinicalHeader, field: str) -> None:
    with pytest.raises(CdaInvalid) as refusal:
        build_n1(header, PDF, "application/pdf")
    assert refusal.value.field == field


def test_bodies_that_cannot_be_carried_are_refused() -> None:
    with pytest.raises(CdaInvalid, match="body-media-type"):
        build_n1(HEADER, PDF, "text/html")
    with pytest.raises(CdaInvalid, match="body-empty"):
        build_n1(HEADER, b"", "application/pdf")


def test_a_control_character_in_a_name_is_refused() -> None:
    with pytest.raises(XmlTextInvalid):
        build_n1(with_traits(birth_family_name="PAT\x07TROIS"), PDF, "application/pdf")


def test_time_keeps_the_offset_given() -> None:
    data = build_n1(
        msgspec.structs.replace(HEADER, created_at=datetime(2026, 7, 1, 8, 5, 9, 999_999, tzinfo=WINTER)), PDF, "application/pdf"
    )
    assert b'<effectiveTime value="20260701080509+0100">' in data
