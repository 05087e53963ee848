"""IHE_XDM.ZIP, judged by the official schema, by `unzip` and by Python's reader."""

from __future__ import annotations

import hashlib
import io
import subprocess
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from lxml import etree

from gateway.model.document import ClinicalHeader
from gateway.mss.xdm import Issuer, issuer_of, write_archive
from tests.mss.letters import clinical, draft
from tests.tools import need_tool
from tests.xds.documents import OLD_ID, names
from tests.xds.schemas import RIM, check_submission, identifiers, slots

ISSUER = Issuer(person="Dr Camille MARTIN", organization="MSP <des> Tilleuls & Cie (10B0152872)", address="-", telephone="0499000001")
MEMBERS = ["README.TXT", "INDEX.HTM", "IHE_XDM/SUBSET01/METADATA.XML", "IHE_XDM/SUBSET01/DOC0001.XML"]


def written(about: ClinicalHeader | None = None, *, issuer: Issuer = ISSUER, replaces: str | None = None) -> tuple[bytes, bytes]:
    one = draft(about)
    return write_archive(issuer, one.submission, one.entry, one.cda, replaces=replaces), one.cda


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}


def test_the_members_are_those_expected_and_the_document_is_untouched() -> None:
    data, cda = written()
    found = members(data)
    assert list(found) == MEMBERS
    assert found[MEMBERS[3]] == cda


def test_every_name_is_upper_case_8_3() -> None:
    for name in members(written()[0]):
        for part in name.split("/"):
            stem, _, suffix = part.partition(".")
            assert part == part.upper()
            assert len(stem) <= 8
            assert len(suffix) <= 3


def test_the_same_document_gives_the_same_bytes_and_no_time() -> None:
    one = draft()
    first, second = (write_archive(ISSUER, one.submission, one.entry, one.cda) for _ in range(2))
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        infos = archive.infolist()
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert {info.compress_type for info in infos} == {zipfile.ZIP_DEFLATED}
    assert not any(info.flag_bits or info.extra or info.is_dir() for info in infos)
    assert b"PK\x06\x06" not in first


def test_unzip_finds_no_fault(tmp_path: Path) -> None:
    data, cda = written()
    path = tmp_path / "IHE_XDM.ZIP"
    path.write_bytes(data)
    unzip = need_tool("unzip")
    tested = subprocess.run([unzip, "-t", str(path)], capture_output=True, text=True, check=False, env={"LC_ALL": "C"})
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "No errors detected" in tested.stdout
    assert subprocess.run([unzip, "-p", str(path), MEMBERS[3]], capture_output=True, check=True).stdout == cda


@pytest.mark.conformity
def test_the_metadata_are_valid_and_describe_the_file() -> None:
    data, cda = written(replaces=OLD_ID)
    root = check_submission(members(data)[MEMBERS[2]])
    (entry,) = root.iter(f"{RIM}ExtrinsicObject")
    described = slots(entry)
    assert described["URI"] == ["DOC0001.XML"]
    assert described["hash"] == [hashlib.sha1(cda, usedforsecurity=False).hexdigest()]
    assert described["size"] == [str(len(cda))]
    assert identifiers(entry)["XDSDocumentEntry.patientId"] == "279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH"
    assert "PID-11|^^^^^^BDL^^51215" in described["sourcePatientInfo"]
    links = {str(one.get("associationType")).rpartition(":")[2]: one.get("targetObject") for one in root.iter(f"{RIM}Association")}
    assert links == {"HasMember": entry.get("id"), "RPLC": OLD_ID}


@pytest.mark.conformity
@settings(max_examples=40)
@given(family=names, given_name=names)
def test_metadata_stay_valid_whatever_the_names(family: str, given_name: str) -> None:
    data, cda = written(clinical(family=family, given=given_name))
    found = members(data)
    check_submission(found[MEMBERS[2]])
    assert found[MEMBERS[3]] == cda


def test_xmllint_takes_the_metadata(tmp_path: Path) -> None:
    path = tmp_path / "METADATA.XML"
    path.write_bytes(members(written()[0])[MEMBERS[2]])
    assert subprocess.run([need_tool("xmllint"), "--noout", str(path)], capture_output=True, check=False).returncode == 0


def test_the_readme_names_the_sender_and_the_application() -> None:
    text = members(written()[0])["README.TXT"].decode("utf-8")
    for line in ("Emetteur", "  Nom : Dr Camille MARTIN", "  Téléphone : 0499000001", "Application", "  Nom : Relais", "Instructions"):
        assert f"{line}\r\n" in text
    assert all(f"  {name}\r\n" in text for name in MEMBERS)


def test_the_index_is_a_page_with_a_link() -> None:
    page = etree.fromstring(members(written()[0])["INDEX.HTM"])
    links = [one.get("href") for one in page.iter("{http://www.w3.org/1999/xhtml}a")]
    assert links == ["README.TXT", "IHE_XDM/SUBSET01/DOC0001.XML"]
    assert "MSP <des> Tilleuls & Cie (10B0152872)" in "".join(str(text) for text in page.itertext())


def test_nothing_of_the_patient_outside_metadata_and_document() -> None:
    found = members(written()[0])
    assert not any(word in found["README.TXT"] + found["INDEX.HTM"] for word in (b"PAT-TROIS", b"DOMINIQUE", b"279035121518989", b"1979"))


def test_the_issuer_is_the_author_on_one_line() -> None:
    about = clinical()
    issuer = issuer_of(about, address="3 rue\r\nde l'Écluse", telephone=None)
    assert issuer == Issuer(
        person="CAMILLE MARTIN", organization="MAISON DE SANTE DES TILLEULS (10B0152872)", address="3 rue de l'Écluse", telephone="-"
    )
