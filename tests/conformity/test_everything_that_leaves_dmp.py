"""Every request the DMP received, judged by its schemas, its value sets and the standard library: transport, SOAP, metadata, parts."""

from __future__ import annotations

import base64
import copy
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.conformity.boxes import Outing
from tests.conformity.national_values import SPECIALTIES, labels, unknown_codes
from tests.conformity.official import alone, dmp_schema, hl7_schemas, written, xmllint_refuses
from tests.conformity.people import STRUCTURES
from tests.conformity.received import RIM, SAML, SOAP, WSA, XOP, Call, Feed, identifiers, slots

pytestmark = [pytest.mark.conformity, pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("outing")]

ACTIONS = {
    "patients": "urn:hl7-org:v3:PRPA_IN201307UV02",
    "repository": "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b",
    "registry": "urn:ihe:iti:2007:RegistryStoredQuery",
}
PART = r"[^^&|~\\\x00-\x1f]+"
FORMS = {
    "authorPerson": rf"[0-9A-Z/-]+\^{PART}\^{PART}\^\^\^\^\^\^&1\.2\.250\.1\.71\.4\.2\.1&ISO\^D\^\^\^(IDNPS|EI)",
    "legalAuthenticator": rf"[0-9A-Z/-]+\^{PART}\^{PART}\^\^\^\^\^\^&1\.2\.250\.1\.71\.4\.2\.1&ISO\^D\^\^\^(IDNPS|EI)",
    "authorInstitution": rf"{PART}\^\^\^\^\^&1\.2\.250\.1\.71\.4\.2\.2&ISO\^IDNST\^\^\^[0-9A-Z]+",
    "authorSpecialty": rf"[A-Z0-9_/]+\^{PART}\^[0-9.]+",
    "sourcePatientId": rf"{PART}\^\^\^&[0-9.]+&ISO\^(PI|NH)",
    "sourcePatientInfo": rf"PID-5\|{PART}\^{PART}\^\^\^\^\^[LD]|PID-7\|[0-9]{{4,8}}|PID-8\|[MFU]",
    "creationTime": r"[0-9]{14}",
    "submissionTime": r"[0-9]{14}",
    "serviceStartTime": r"[0-9]{14}",
    "serviceStopTime": r"[0-9]{14}",
    "hash": r"[0-9a-f]{40}",
    "size": r"[1-9][0-9]*",
    "languageCode": r"fr-FR|art",
}
"""dmp.md 3.1 to 3.3; what a slot may look like."""
DELIMITERS = re.compile(r"[\s^&|~\\/+]+")
"""Those of HL7, and what they are replaced with."""
CONFIDENTIALITY = "f4f85eac-e6cb-4883-b524-f2705394840f"
UNIQUE = ("96fdda7c-d067-4183-912e-bf5ee74998a8", "2e82c1f6-a085-4c72-9da3-8640a32e42ab")
PATIENT = ("6b5aea1a-874d-4603-a4bc-96a0a7b38446", "58a6f841-87b3-4a3e-92fd-a8ffeff98427")


def inlined(feed: Feed) -> etree._Element:
    """The ITI-41 body with the bytes of each part in place of its xop:Include."""
    request = copy.deepcopy(feed.call.request)
    for include in list(request.iter(XOP)):
        document = include.getparent()
        assert document is not None
        document.remove(include)
        document.text = base64.b64encode(feed.call.part(str(include.get("href")).removeprefix("cid:"))).decode()
    return request


def of_service(out: Outing, service: str) -> list[Call]:
    return [call for call in out.calls if call.service == service]


def every_slot(out: Outing) -> Iterator[tuple[str, str]]:
    """Name and value of every slot value of every feed."""
    for feed in out.feeds.values():
        for slot in feed.call.request.iter(f"{RIM}Slot"):
            for value in slot.iter(f"{RIM}Value"):
                yield str(slot.get("name")), str(value.text)


def test_every_feed_is_valid_for_lxml_and_xmllint(out: Outing, tmp_path: Path) -> None:
    path = dmp_schema("IHE", "XDS.b_DocumentRepository.xsd")
    schema = etree.XMLSchema(etree.parse(str(path)))
    bodies = {name: inlined(feed) for name, feed in out.feeds.items()}
    assert {name: str(schema.error_log) for name, body in bodies.items() if not schema.validate(body)} == {}
    assert xmllint_refuses(written(tmp_path, {name: alone(body) for name, body in bodies.items()}), path) == {}


def test_every_existence_test_is_valid(out: Outing, tmp_path: Path) -> None:
    questions = of_service(out, "patients")
    assert len(questions) > 60
    schema = hl7_schemas(tmp_path) / "multicacheschemas" / "PRPA_IN201307UV02.xsd"
    assert xmllint_refuses(written(tmp_path / "sent", {call.number: alone(call.request) for call in questions}), schema) == {}


def test_every_search_is_valid(out: Outing, tmp_path: Path) -> None:
    searches = of_service(out, "registry")
    assert len(searches) == 4  # one before each replacement, never otherwise
    assert (
        xmllint_refuses(written(tmp_path, {call.number: alone(call.request) for call in searches}), dmp_schema("ebRS", "query.xsd")) == {}
    )
    for call in searches:
        assert call.request.find("{*}ResponseOption").get("returnType") == "ObjectRef"  # type: ignore[union-attr]


def test_the_schemas_do_judge(out: Outing, tmp_path: Path) -> None:
    feed = next(iter(out.feeds.values()))
    broken = alone(inlined(feed)).replace(b' objectType="', b' objectKind="', 1)
    assert xmllint_refuses(written(tmp_path, {"broken": broken}), dmp_schema("IHE", "XDS.b_DocumentRepository.xsd")) != {}


def test_dmp33_envelopes_are_soap_12_and_every_action_agrees(out: Outing) -> None:
    message_ids = Counter[str]()
    for call in out.calls:
        action = ACTIONS[call.service]
        assert call.line == f"POST /si-dmp-server/v2/services/{call.service} HTTP/1.1"
        assert int(str(call.headers["content-length"])) == len(call.body)
        assert call.headers.get_param("action") == action
        assert call.headers.get_content_type() == ("multipart/related" if call.service == "repository" else "application/soap+xml")
        assert call.envelope.tag == f"{SOAP}Envelope"
        header = call.envelope.find(f"{SOAP}Header")
        assert header is not None
        assert header.findtext(f"{WSA}Action") == action
        assert str(header.findtext(f"{WSA}To")).endswith(call.line.split()[1])
        message_ids[str(header.findtext(f"{WSA}MessageID"))] += 1
    assert set(message_ids.values()) == {1}
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", one) for one in message_ids)


def test_dmp34_every_delimiter_and_part_header_ends_in_crlf(out: Outing) -> None:
    for feed in out.feeds.values():
        call = feed.call
        boundary = str(call.headers.get_param("boundary")).encode()
        assert call.body.startswith(b"--" + boundary + b"\r\n")
        assert call.body.endswith(b"\r\n--" + boundary + b"--\r\n")
        assert call.body.count(b"--" + boundary) == len(call.parts) + 1
        for raw in (b"\r\n" + call.body).split(b"\r\n--" + boundary)[1:-1]:
            head = raw.partition(b"\r\n\r\n")[0]
            assert head.startswith(b"\r\nContent-Type: ")
            assert b"\n" not in head.replace(b"\r\n", b"")


def test_dmp24_every_entry_has_its_part_byte_for_byte_and_of_its_type(out: Outing) -> None:
    for feed in out.feeds.values():
        call = feed.call
        raw = [one.partition(b"\r\n\r\n")[2] for one in _raw_parts(call)]
        assert raw == [data for _, data in call.parts]
        assert [str(part["Content-Transfer-Encoding"]) for part, _ in call.parts] == ["binary"] * 3
        root, *parts = [part.get_content_type() for part, _ in call.parts]
        assert root == "application/xop+xml"
        assert parts == [str(entry.get("mimeType")) for entry in feed.entries]
        assert {feed.bytes_of(entry) for entry in feed.entries} == {data for _, data in call.parts[1:]}


def _raw_parts(call: Call) -> list[bytes]:
    boundary = str(call.headers.get_param("boundary")).encode()
    return [one.removeprefix(b"\r\n") for one in (b"\r\n" + call.body).split(b"\r\n--" + boundary)[1:-1]]


def test_dmp23_hash_and_size_are_those_of_the_parts(out: Outing) -> None:
    for feed in out.feeds.values():
        for entry in feed.entries:
            data = feed.bytes_of(entry)
            assert slots(entry)["hash"] == [hashlib.sha1(data, usedforsecurity=False).hexdigest()]
            assert slots(entry)["size"] == [str(len(data))]


def test_dmp18_every_code_and_label_is_that_of_the_official_value_set(out: Outing) -> None:
    found = {name: list(unknown_codes(feed.entries[0])) for name, feed in out.feeds.items()}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    specialties = {value for name, value in every_slot(out) if name == "authorSpecialty"}
    assert len(specialties) >= 7
    for value in specialties:
        code, label, system = value.split("^")
        assert labels(*SPECIALTIES)[code, system] == label


def test_dmp37_every_slot_has_its_form_whatever_the_names(out: Outing) -> None:
    wrong = {(name, value) for name, value in every_slot(out) if name in FORMS and not re.fullmatch(FORMS[name], value)}
    assert wrong == set()
    assert {value for _, value in every_slot(out) if len(value) > 256} == set()


def test_dmp37_names_survive_but_for_delimiters(out: Outing) -> None:
    """What is left of a name once the delimiters of HL7 are taken out of both sides; names too long for a slot are cut."""
    for sent in out.sent.values():
        feed = out.feeds.get(sent.unique_id)
        if feed is None or sent.case.media != "application/pdf":
            continue
        patient = sent.case.request["patient"]
        line = next(one for one in slots(feed.entries[0])["sourcePatientInfo"] if one.endswith("^L"))
        written_as = line.removeprefix("PID-5|").split("^")[:2]
        for given, found in zip((patient["birth_family_name"], patient["first_birth_given_name"]), written_as, strict=True):
            kept = DELIMITERS.sub("", given) or "-"
            assert kept.startswith(DELIMITERS.sub("", found.removesuffix("…")) or "-")
            assert found.endswith("…") or len(kept) == len(DELIMITERS.sub("", found) or "-")


def test_dmp20_identifiers_are_oids_and_no_lot_is_used_twice(out: Outing) -> None:
    sets, documents = Counter[str](), Counter[str]()
    for feed in out.feeds.values():
        (package,) = feed.call.request.iter(f"{RIM}RegistryPackage")
        holders = [identifiers(package)[f"urn:uuid:{PATIENT[0]}"]]
        sets[identifiers(package)[f"urn:uuid:{UNIQUE[0]}"]] += 1
        for entry in feed.entries:
            documents[identifiers(entry)[f"urn:uuid:{UNIQUE[1]}"]] += 1
            holders.append(identifiers(entry)[f"urn:uuid:{PATIENT[1]}"])
        assert len(set(holders)) == 1
        assert re.fullmatch(r"[0-9]{5}([0-9]{2}|2[AB])[0-9]{8}\^\^\^&1\.2\.250\.1\.213\.1\.4\.(8|10)&ISO\^NH", holders[0])
    for identifier, times in (*sets.items(), *documents.items()):
        assert times == 1
        assert re.fullmatch(r"[0-2](\.(0|[1-9][0-9]*))+", identifier)
        assert len(identifier) <= 64


def codes(holder: etree._Element, scheme: str) -> list[str]:
    """Codes of a registry object under one scheme, in order."""
    found = (one for one in holder.iterfind(f"{RIM}Classification") if one.get("classificationScheme") == f"urn:uuid:{scheme}")
    return [str(one.get("nodeRepresentation")) for one in found]


def test_dmp21_dmp22_masking_is_the_one_asked(out: Outing) -> None:
    marks = {
        "masked_to_professionals": "MASQUE_PS",
        "hidden_from_patient": "INVISIBLE_PATIENT",
        "hidden_from_representatives": "INVISIBLE_REPRESENTANTS_LEGAUX",
    }
    for sent in out.sent.values():
        feed = out.feeds.get(sent.unique_id)
        if feed is None:
            continue
        visibility: dict[str, Any] = sent.case.request.get("visibility", {})
        asked = {code for name, code in marks.items() if visibility.get(name)}
        found = codes(feed.entries[0], CONFIDENTIALITY)
        assert set(found) - {"N", "R", "V"} == asked
        assert len(found) == len(asked) + 1
        assert codes(feed.entries[1], CONFIDENTIALITY) == ["N", "MASQUE_PS", "INVISIBLE_PATIENT"]


def test_the_sector_is_that_of_the_structure_wherever_it_is_said(out: Outing) -> None:
    sectors = {structure.id: structure.sector for structure in STRUCTURES}
    told: set[str] = set()
    for sent in out.sent.values():
        feed = out.feeds.get(sent.unique_id)
        if feed is None or sent.case.media != "application/pdf":
            continue
        sector = sectors[sent.case.request["structure"]]
        (package,) = feed.call.request.iter(f"{RIM}RegistryPackage")
        assert codes(package, "aa543740-bdda-424e-8c96-df4873be8500") == [sector]
        assert codes(feed.entries[0], "f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1") == [sector]
        assert f"{sector}^1.2.250.1.71.4.2.4" in [one.text for one in feed.call.token.iter(f"{SAML}AttributeValue")]
        told.add(sector)
    assert told == {"SA05", "SA07", "SA08", "SA52"}


def test_dmp26_a_replacement_points_at_the_entry_it_replaces(out: Outing) -> None:
    held = {one["unique_id"]: one for one in out.sandbox.control("/ledger/dmp")}
    replaced = {sent.case.request["document"]["replaces"] for sent in out.sent.values() if sent.case.after}
    assert len(replaced) == 4
    for sent in out.sent.values():
        feed = out.feeds.get(sent.unique_id)
        if feed is None:
            continue
        kinds = [str(one.get("associationType")) for one in feed.call.request.iter(f"{RIM}Association")]
        targets = [str(one.get("targetObject")) for one in feed.call.request.iter(f"{RIM}Association") if _kind(one) == "RPLC"]
        assert Counter(one.rpartition(":")[2] for one in kinds) == Counter(HasMember=2, signs=1, **({"RPLC": 1} if sent.case.after else {}))
        assert all(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", target) for target in targets)
        assert held[sent.unique_id]["status"] == ("Deprecated" if sent.unique_id in replaced else "Approved")
        assert held[sent.unique_id]["times_committed"] == 1


def _kind(association: etree._Element) -> str:
    return str(association.get("associationType")).rpartition(":")[2]
