"""What left ended where it should, and every CDA of it is right: the copies in the DMP, in the mails and in the API are the same bytes."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.cda.pdf_judges import fonts_embedded, page_count, preflight, qpdf_check
from tests.cda.rig import Judge
from tests.conformity.boxes import SUITES, Outing
from tests.conformity.cases import TYPES, VISIBILITIES
from tests.conformity.official import canonical, written
from tests.conformity.people import AUTHORS, STRUCTURES
from tests.conformity.received import clinical_document

pytestmark = [pytest.mark.conformity, pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("outing")]

HL7 = "{urn:hl7-org:v3}"


def pdf_of(cda: bytes) -> bytes | None:
    """The PDF of an N1, decoded by the standard library."""
    root = etree.fromstring(clinical_document(cda), etree.XMLParser(huge_tree=True))
    body = root.find(f"{HL7}component/{HL7}nonXMLBody/{HL7}text")
    return base64.b64decode(body.text or "") if body is not None and body.get("mediaType") == "application/pdf" else None


def pdfs(out: Outing) -> dict[str, bytes]:
    """The distinct PDFs that left, by digest."""
    found = (pdf_of(one.cda) for one in out.sent.values())
    return {hashlib.sha256(pdf).hexdigest()[:16]: pdf for pdf in found if pdf is not None}


def test_every_delivery_ends_as_it_should(out: Outing) -> None:
    ends = {name: [one["state"] for one in sent.receipt["deliveries"]] for name, sent in out.sent.items()}
    assert {name: states for name, states in ends.items() if states != out.sent[name].case.expected} == {}


def test_the_simulated_services_found_no_fault(out: Outing) -> None:
    for received in (out.calls, out.mails):
        assert {one.number: one.note["failed_rules"] for one in received if one.note["failed_rules"]} == {}
        assert all(one.note["complete"] for one in received)


def test_the_matrix_is_as_broad_as_it_says(out: Outing) -> None:
    requests = [sent.case.request for sent in out.sent.values() if sent.case.media == "application/pdf"]
    pairs = {(one["document"]["type"], one["structure"]) for one in requests}
    assert {(kind, structure.id) for kind in TYPES for structure in STRUCTURES} <= pairs
    masking = [visibility for visibility, _ in VISIBILITIES]
    masked = {(one["author"]["id"], masking.index(one["visibility"])) for one in requests}
    assert masked == {(author, rank) for author in AUTHORS for rank in range(len(masking))}
    assert {sent.suite for sent in out.sent.values()} == set(SUITES)
    assert len(out.feeds) > 180
    assert len(out.mails) > 150


def test_the_three_copies_are_the_same_bytes(out: Outing) -> None:
    by_unique_id = {sent.unique_id: (name, sent.cda) for name, sent in out.sent.items()}
    compared = set()
    for where, copies in (("dmp", out.feeds.values()), ("mail", out.mails)):
        for one in copies:
            name, cda = by_unique_id[one.unique_id]
            assert one.cda == cda, (where, name)
            compared.add((where, name))
    expected = {
        (channel, name)
        for name, sent in out.sent.items()
        for channel, delivery in (("dmp" if one["channel"] == "dmp" else "mail", one) for one in sent.receipt["deliveries"])
        if delivery["state"] == "delivered"
    }
    assert compared == expected


def test_official_rules_find_nothing_in_any_cda(out: Outing, judge: Judge) -> None:
    faults = {name: judge.faults(clinical_document(sent.cda)) for name, sent in out.sent.items()}
    assert {name: found for name, found in faults.items() if found} == {}


def test_the_bytes_are_already_in_canonical_form(out: Outing, tmp_path: Path) -> None:
    paths = written(tmp_path, {name: sent.cda for name, sent in out.sent.items()})
    different = [path.name for path, data in zip(paths, canonical(paths), strict=True) if data != path.read_bytes()]
    assert different == []


def test_a_ready_document_says_what_it_said(out: Outing, tmp_path: Path) -> None:
    ready = {name: sent for name, sent in out.sent.items() if sent.case.media != "application/pdf"}
    assert len(ready) > 15
    given = written(tmp_path / "given", {name: sent.case.document for name, sent in ready.items()})
    for (name, sent), data in zip(ready.items(), canonical(given), strict=True):
        assert data == sent.cda, name


def told(cda: bytes) -> dict[str, object]:
    """Identity, type, title and author as a CDA says them."""
    root = etree.fromstring(cda, etree.XMLParser(huge_tree=True))
    role, role_names = root.find(f"{HL7}recordTarget/{HL7}patientRole"), f"{HL7}recordTarget/{HL7}patientRole/{HL7}patient/{HL7}name/*"
    assert role is not None
    return {
        "ids": [str(one.get("extension")) for one in role.iterfind(f"{HL7}id")],
        "names": [(str(one.tag).removeprefix(HL7), one.get("qualifier"), one.text) for one in root.iterfind(role_names)],
        "title": root.findtext(f"{HL7}title"),
        "type": [one.get("code") for one in root.iterfind(f"{HL7}code")],
        "author": [one.get("extension") for one in root.iterfind(f"{HL7}author/{HL7}assignedAuthor/{HL7}id")],
    }


def asked(request: dict[str, Any]) -> dict[str, object]:
    """The same facts as the request asked them."""
    patient = request["patient"]
    names = [
        ("family", "BR", patient["birth_family_name"]),
        ("given", None, patient["birth_given_names"]),
        ("given", "BR", patient["first_birth_given_name"]),
        ("family", "CL", patient["used_family_name"]),
        ("given", "CL", patient["used_given_name"]),
    ]
    matricule = [patient["ins"]["matricule"]] if patient["identity_status"] == "QUAL" else []
    return {
        "ids": [*matricule, patient["local_id"]],
        "names": [one for one in names if one[2] is not None],
        "title": request["document"]["title"].strip(),
        "type": [request["document"]["type"]],
        "author": [request["author"]["id"]],
    }


def test_what_was_asked_is_what_the_cda_says(out: Outing) -> None:
    built = {name: sent for name, sent in out.sent.items() if sent.case.media == "application/pdf"}
    assert {name: told(sent.cda) for name, sent in built.items()} == {name: asked(sent.case.request) for name, sent in built.items()}


def test_the_pdf_is_the_one_given_unless_it_was_converted(out: Outing) -> None:
    converted = set()
    for name, sent in out.sent.items():
        if sent.case.media == "application/pdf" and pdf_of(sent.cda) != sent.case.document:
            converted.add(name)
    assert converted == {"file courrier-non-pdfa", "file unembedded fonts"}


def test_every_pdf_is_pdfa_1b_for_foreign_judges(out: Outing, tmp_path: Path) -> None:
    found = pdfs(out)
    assert len(found) >= 8
    paths = []
    for digest, pdf in found.items():
        path = tmp_path / f"{digest}.pdf"
        path.write_bytes(pdf)
        paths.append(path)
        assert "No syntax or stream encoding errors found" in qpdf_check(path), digest
        assert all(fonts_embedded(path)), digest
        assert page_count(path) >= 1
    assert {name: errors for name, errors in preflight(*paths).items() if errors} == {}
