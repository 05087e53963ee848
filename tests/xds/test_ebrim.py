"""The two writings of one model, judged by the official schemas and read back by plain lxml."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from lxml import etree

from gateway.model.visibility import Visibility
from gateway.xds.derive import derive_entry, derive_submission
from gateway.xds.iti41 import write_lot, write_request
from gateway.xds.model import DocumentEntry, SubmissionSet
from gateway.xds.signature_entry import signature_entry
from gateway.xds.xdm_metadata import EntryIncomplete, XdmEntry, write_xdm_metadata
from gateway.xml.errors import XmlTextInvalid
from tests.xds.documents import CABINET, CDA, DOCTOR, NOW, OLD_ID, header, names
from tests.xds.schemas import RIM, check_provide_and_register, check_submission, classifications, codes_of, identifiers, slots

pytestmark = pytest.mark.conformity
SIGNATURE = b"<Signature/>"
OLD_ENTRY = "urn:uuid:7953af1a-ba1c-11eb-816f-0050569e422e"


def lot(title: str = "Ordonnance", family: str = "PAT-TROIS") -> tuple[SubmissionSet, DocumentEntry, DocumentEntry]:
    clinical = header(title=title, family=family)
    submission = derive_submission(clinical, structure=CABINET, author=DOCTOR, unique_id="2.25.77", now=NOW)
    document = derive_entry(clinical, CDA, visibility=Visibility())
    return submission, document, signature_entry(submission, document, SIGNATURE, unique_id="2.25.78", signed_at=NOW)


def objects(data: bytes, tag: str) -> list[etree._Element]:
    return list(check_submission(data).iter(f"{RIM}{tag}"))


def test_lot_is_valid_and_says_what_the_model_says() -> None:
    submission, document, signature = lot()
    data = write_lot(submission, document, signature)
    package = objects(data, "RegistryPackage")[0]
    assert identifiers(package) == {
        "XDSSubmissionSet.patientId": submission.patient_id,
        "XDSSubmissionSet.sourceId": CABINET.source_id,
        "XDSSubmissionSet.uniqueId": "2.25.77",
    }
    first = objects(data, "ExtrinsicObject")[0]
    assert identifiers(first)["XDSDocumentEntry.uniqueId"] == document.unique_id
    assert codes_of(first, "41a5887f-8865-4c09-adf7-e362475b143a") == [("42", "1.2.250.1.213.1.1.4.1")]
    assert codes_of(first, "2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4") == [("HBQK389", "1.2.250.1.213.2.5")]
    assert slots(first)["size"] == [str(len(CDA))]
    assert slots(first)["sourcePatientInfo"] == ["PID-5|PAT-TROIS^DOMINIQUE^^^^^L", "PID-7|19790305", "PID-8|F"]
    assert "serviceStopTime" not in slots(first)
    assert "URI" not in slots(first)
    author = slots(classifications(first, "93606bcf-9494-43ec-9b4e-a7748d1a838d")[0])
    assert set(author) == {"authorPerson", "authorInstitution", "authorRole", "authorSpecialty"}


def test_dmp21_signature_entry_is_hidden_from_everybody() -> None:
    data = write_lot(*lot())
    second = objects(data, "ExtrinsicObject")[1]
    assert codes_of(second, "f4f85eac-e6cb-4883-b524-f2705394840f") == [
        ("N", "2.16.840.1.113883.5.25"),
        ("MASQUE_PS", "1.2.250.1.213.1.1.4.13"),
        ("INVISIBLE_PATIENT", "1.2.250.1.213.1.1.4.13"),
    ]
    assert codes_of(second, "f0306f51-975f-434e-a61c-c59651d33983") == [("E1762", "ASTM")]
    assert codes_of(second, "41a5887f-8865-4c09-adf7-e362475b143a") == [("urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1", "URN")]
    assert codes_of(second, "a09d5840-386c-46f2-b5ad-9c3699a4309d") == [("http://www.w3.org/2000/09/xmldsig#", "URN")]
    assert codes_of(second, "2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4") == [("1.2.840.10065.1.12.1.14", "1.2.840.10065.1.12")]
    seen = slots(second)
    assert seen["languageCode"] == ["art"]
    assert "sourcePatientInfo" not in seen
    assert seen["creationTime"] == seen["serviceStartTime"] == seen["serviceStopTime"] == ["20261122084512"]
    assert seen["sourcePatientId"][0].endswith("&ISO^NH")


def test_dmp26_links_of_a_replacement() -> None:
    submission, document, signature = lot()
    links = objects(write_lot(submission, document, signature, replaces_entry=OLD_ENTRY), "Association")
    assert [(str(a.get("associationType")).rpartition(":")[2], a.get("sourceObject"), a.get("targetObject")) for a in links] == [
        ("HasMember", "SubmissionSet01", "Document01"),
        ("HasMember", "SubmissionSet01", "Signature01"),
        ("signs", "Signature01", "SubmissionSet01"),
        ("RPLC", "Document01", OLD_ENTRY),
    ]
    assert links[2].get("associationType") == "urn:ihe:iti:2007:AssociationType:signs"
    assert links[3].get("associationType") == "urn:ihe:iti:2007:AssociationType:RPLC"


def test_ids_are_unique_and_point_at_their_object() -> None:
    root = check_submission(write_lot(*lot()))
    identities = [str(one.get("id")) for one in root.iter() if one.get("id")]
    assert len(identities) == len(set(identities))
    for part in root.iter(f"{RIM}Classification", f"{RIM}ExternalIdentifier"):
        parent = part.getparent()
        assert parent is not None
        assert (part.get("classifiedObject") or part.get("registryObject")) == parent.get("id")


def test_request_places_the_frozen_metadata_verbatim() -> None:
    metadata = write_lot(*lot())
    body = write_request(metadata, [("Document01", "d@relais"), ("Signature01", "s@relais")])
    assert metadata in body
    check_provide_and_register(etree.fromstring(body), {"d@relais": CDA, "s@relais": SIGNATURE})


@given(family=names, title=names)
def test_dmp37_any_name_gives_a_valid_lot(family: str, title: str) -> None:
    data = write_lot(*lot(title=title, family=family))
    first = objects(data, "ExtrinsicObject")[0]
    label = first.find(f"{RIM}Name/{RIM}LocalizedString")
    assert label is not None
    assert label.get("value") == title


def test_long_title_is_cut() -> None:
    label = objects(write_lot(*lot(title="é" * 400)), "ExtrinsicObject")[0].find(f"{RIM}Name/{RIM}LocalizedString")
    assert label is not None
    assert label.get("value") == "é" * 255 + "…"


def test_character_that_xml_cannot_carry_is_refused() -> None:
    submission, document, signature = lot()
    with pytest.raises(XmlTextInvalid):
        write_lot(submission, msgspec.structs.replace(document, title="a\x00b"), signature)


def test_xdm_metadata_names_each_file() -> None:
    submission, document, _ = lot()
    data = write_xdm_metadata(submission, [XdmEntry(entry=document, uri="DOC0001.XML", replaces=OLD_ID)])
    assert data.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')
    first = objects(data, "ExtrinsicObject")[0]
    assert slots(first)["URI"] == ["DOC0001.XML"]
    assert slots(first)["hash"] == [document.hash]
    assert [(a.get("sourceObject"), a.get("targetObject")) for a in objects(data, "Association")] == [
        ("SubmissionSet01", "Document01"),
        ("Document01", OLD_ID),
    ]


@pytest.mark.parametrize("missing", ["hash", "size"])
def test_xdm_entry_needs_hash_and_size(missing: str) -> None:
    submission, document, _ = lot()
    with pytest.raises(EntryIncomplete):
        write_xdm_metadata(submission, [XdmEntry(entry=msgspec.structs.replace(document, **{missing: None}), uri="DOC0001.XML")])
