"""Every mail the operator received, opened by foreign programs: lines, headers, attachments, archives, metadata, the PDF copy."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import zipfile
from collections import Counter
from collections.abc import Iterator
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import Path

import pytest
from lxml import etree

from tests.conformity.boxes import Outing, Sent
from tests.conformity.national_values import unknown_codes
from tests.conformity.official import dmp_schema, written, xmllint_refuses
from tests.conformity.received import RIM, Mail, identifiers, slots
from tests.conformity.test_everything_that_leaves import pdf_of
from tests.conformity.test_everything_that_leaves_dmp import FORMS
from tests.rig.caller import Workstation
from tests.tools import need_tool

pytestmark = [pytest.mark.conformity, pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("outing")]

MEMBERS = ["README.TXT", "INDEX.HTM", "IHE_XDM/SUBSET01/METADATA.XML", "IHE_XDM/SUBSET01/DOC0001.XML"]
PATIENT_DOMAIN = "patient.sandbox.mssante.fr"
COMPLETED = {"1950-00-00": "1950-12-31", "1962-02-00": "1962-02-01"}
"""Birth dates that nobody knows whole, as the rule of entry completes them (EXI ID 11)."""
XDM_FORMS = FORMS | {"sourcePatientInfo": FORMS["sourcePatientInfo"] + r"|PID-11\|\^\^\^\^\^\^BDL\^\^[0-9AB]{5}"}


def each(out: Outing) -> Iterator[tuple[Mail, Sent]]:
    """Every mail and what it was sent for."""
    senders = {sent.unique_id: sent for sent in out.sent.values()}
    for mail in out.mails:
        yield mail, senders[mail.unique_id]


def entry_of(mail: Mail) -> etree._Element:
    """The only document entry of the archive."""
    (entry,) = etree.fromstring(mail.metadata).iter(f"{RIM}ExtrinsicObject")
    return entry


def archives(out: Outing, folder: Path) -> dict[Path, Mail]:
    """Each archive in a file of its own."""
    found = {}
    for mail in out.mails:
        path = folder / f"{mail.number}.zip"
        path.write_bytes(mail.archive)
        found[path] = mail
    return found


def test_every_line_is_short_ascii_and_ends_in_crlf(out: Outing) -> None:
    for mail in out.mails:
        lines = mail.raw.split(b"\r\n")
        assert not any(b"\n" in line or b"\r" in line for line in lines)
        assert mail.raw.isascii()
        for line in lines:
            assert len(line) <= (76 if b"=?" in line else 78) or line.startswith(b"Message-ID: "), line  # RFC 5322 2.1.1, RFC 2047 2


def test_a_second_parser_gives_back_the_same_files(out: Outing, tmp_path: Path) -> None:
    munpack = need_tool("munpack")
    for mail in out.mails:
        folder = tmp_path / mail.number
        folder.mkdir()
        path = tmp_path / f"{mail.number}.eml"
        path.write_bytes(mail.raw)
        subprocess.run([munpack, "-q", "-C", str(folder), str(path)], check=True, capture_output=True, timeout=60)
        unpacked = Counter(hashlib.sha256(one.read_bytes()).hexdigest() for one in folder.iterdir() if one.suffix != ".desc")
        assert unpacked == Counter(hashlib.sha256(data).hexdigest() for data in mail.files.values())
        assert len(mail.files) == 2


def proofs(out: Outing) -> Iterator[bytes]:
    """The proof of every document that went by mail."""
    for suite, gateway in out.gateways.items():
        workstation = Workstation(gateway)
        for sent in out.sent.values():
            if sent.suite == suite and any(one["channel"] == "mss" for one in sent.receipt["deliveries"]):
                yield workstation.get(f"/documents/{sent.receipt['id']}/proof").content
        workstation.close()


def test_what_was_frozen_is_what_the_operator_received(out: Outing) -> None:
    received = {str(mail.message["Message-ID"]): mail.raw for mail in out.mails}
    frozen = {}
    for proof in proofs(out):
        with zipfile.ZipFile(io.BytesIO(proof)) as archive:
            for name in archive.namelist():
                if name.endswith(".eml"):
                    mail = archive.read(name)
                    (identifier,) = re.findall(rb"(?m)^Message-ID: (<[^>]+>)\r$", mail)
                    frozen[identifier.decode()] = mail
    assert frozen == received


def test_mss19_headers_are_those_of_the_profile(out: Outing) -> None:
    seen = Counter[str]()
    for mail, sent in each(out):
        message, entry = mail.message, entry_of(mail)
        (recipient,) = mail.note["envelope"]["recipients"]
        to_patient = recipient.endswith(f"@{PATIENT_DOMAIN}")
        assert [address for _, address in getaddresses([str(message["To"])])] == [recipient]
        assert [address for _, address in getaddresses([str(message["From"])])] == [mail.note["envelope"]["sender"]]
        assert len(getaddresses([str(message["Reply-To"])])) == 1
        assert parsedate_to_datetime(str(message["Date"])).tzinfo is not None
        assert message["X-MSS-NIL"] == "DEV000000"
        assert message["X-MSS-CODECDA"] == _code(entry, "f0306f51-975f-434e-a61c-c59651d33983")
        qualified = "&ISO^NH" in identifiers(entry)["urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427"]
        assert message["X-MSS-INS"] == ("O" if qualified else "N")
        may_reply = sent.case.request["deliver"]["patient_mail"]["may_reply"] if to_patient else True
        assert message["X-MSS-MES"] == (None if may_reply else "FIN")
        if to_patient:
            assert qualified
            assert identifiers(entry)["urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427"].startswith(f"{recipient.partition('@')[0]}^")
        seen[str(message["Message-ID"])] += 1
        assert [one.get_content_type() for one in message.iter_parts()] == ["text/plain", "application/zip", "application/pdf"]
    assert set(seen.values()) == {1}


def _code(entry: etree._Element, scheme: str) -> str | None:
    found = [one for one in entry.iterfind(f"{RIM}Classification") if one.get("classificationScheme") == f"urn:uuid:{scheme}"]
    return str(found[0].get("nodeRepresentation")) if found else None


def test_mss20_subjects_and_names_of_files(out: Outing) -> None:
    for mail, sent in each(out):
        subject = str(mail.message["Subject"])
        marked = "[Annule et remplace] " if sent.case.after else ""
        found = re.fullmatch(re.escape(marked) + r"XDM/1\.0/DDM\+(.{1,40}) ([ -~]+) ([0-9]{2})/([0-9]{2})/([0-9]{4})", subject)
        assert found is not None, sent.case.name
        (name,) = [one for one in mail.files if one.endswith(".pdf")]
        assert re.fullmatch(r"[0-9]{8}_[^_/\\:*?\"<>|]+_[^_/\\:*?\"<>|]+_[^_/\\:*?\"<>|]+\.pdf", name), sent.case.name
        if sent.case.media == "application/pdf":
            said = sent.case.request["patient"]["birth_date"]
            assert "-".join((found[5], found[4], found[3])) == COMPLETED.get(said, said), sent.case.name


def test_the_pdf_copy_is_the_pdf_of_the_cda(out: Outing) -> None:
    for mail in out.mails:
        assert mail.pdf == pdf_of(mail.cda)


def test_archives_are_sound_for_unzip_7zip_and_python(out: Outing, tmp_path: Path) -> None:
    found = archives(out, tmp_path)
    unzip, seven = need_tool("unzip"), need_tool("7zz")
    for path, mail in found.items():
        assert list(mail.members) == MEMBERS
        tested = subprocess.run([unzip, "-tq", str(path)], capture_output=True, text=True, check=False, env={"LC_ALL": "C"}, timeout=60)
        assert tested.returncode == 0, tested.stdout + tested.stderr
        document = subprocess.run([unzip, "-p", str(path), MEMBERS[3]], capture_output=True, check=True, timeout=60).stdout
        assert document == mail.cda
    every = subprocess.run([seven, "t", str(tmp_path / "*.zip")], capture_output=True, text=True, check=False, timeout=120)
    assert every.returncode == 0, every.stdout[-2000:]
    assert f"OK archives: {len(found)}" in every.stdout


def test_metadata_are_valid_and_describe_the_file(out: Outing, tmp_path: Path) -> None:
    paths = written(tmp_path, {mail.number: mail.metadata for mail in out.mails})
    assert xmllint_refuses(paths, dmp_schema("ebRS", "lcm.xsd")) == {}
    for mail in out.mails:
        entry = entry_of(mail)
        described = slots(entry)
        assert described["URI"] == ["DOC0001.XML"]
        assert described["hash"] == [hashlib.sha1(mail.cda, usedforsecurity=False).hexdigest()]
        assert described["size"] == [str(len(mail.cda))]
        wrong = {
            (name, value) for name, values in described.items() for value in values if not re.fullmatch(XDM_FORMS.get(name, ".+"), value)
        }
        assert wrong == set()
        assert list(unknown_codes(entry)) == []


def test_a_replacement_names_what_it_replaces(out: Outing) -> None:
    replaced = 0
    for mail, sent in each(out):
        links = {
            str(one.get("associationType")).rpartition(":")[2]: str(one.get("targetObject"))
            for one in etree.fromstring(mail.metadata).iter(f"{RIM}Association")
        }
        assert links["HasMember"] == entry_of(mail).get("id")
        assert links.get("RPLC") == (sent.case.request["document"]["replaces"] if sent.case.after else None)
        replaced += "RPLC" in links
    assert replaced == 4


def test_nothing_of_the_patient_is_said_outside_of_subject_and_files(out: Outing) -> None:
    for mail, sent in each(out):
        body = mail.message.get_body(("plain",))
        assert body is not None
        text = body.get_content() + mail.members["README.TXT"].decode() + mail.members["INDEX.HTM"].decode()
        if "patient" in sent.case.request:
            patient = sent.case.request["patient"]
            assert patient["ins"]["matricule"] not in text
            assert len(patient["birth_family_name"]) < 6 or patient["birth_family_name"] not in text
