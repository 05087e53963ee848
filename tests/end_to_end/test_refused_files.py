"""Files the door refuses at once: too large, not what they say, or made to harm; and nothing is left behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from lxml import etree

from tests.cda import pdf_samples
from tests.end_to_end.captures import CDA
from tests.end_to_end.footprint import nothing_kept
from tests.end_to_end.scene import ORDONNANCE, TO_DOCTOR, Scene, person
from tests.end_to_end.test_refusals import assert_problem
from tests.rig.caller import request
from tests.rig.processes import STRUCTURE

pytestmark = pytest.mark.xdist_group("e2e-refused-files")

LIMIT = 10_000_000
ENTITY_BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<ClinicalDocument xmlns="urn:hl7-org:v3">&c;</ClinicalDocument>"""
EXTERNAL = b"""<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><ClinicalDocument xmlns="urn:hl7-org:v3">&e;</ClinicalDocument>"""


@pytest.mark.parametrize(
    ("make", "status", "code"),
    [
        pytest.param(lambda: b"", 415, "document-not-pdf", id="empty"),
        pytest.param(lambda: b"Ordonnance", 415, "document-not-pdf", id="text"),
        pytest.param(lambda: b"PK\x03\x04" + b"x" * 500, 415, "document-not-pdf", id="zip"),
        pytest.param(lambda: pdf_samples.encrypted(user="secret"), 422, "pdf-encrypted", id="encrypted"),
        pytest.param(pdf_samples.encrypted, 422, "pdf-encrypted", id="encrypted-without-password"),
        pytest.param(pdf_samples.bomb, 422, "pdf-bomb", id="bomb"),
        pytest.param(lambda: pdf_samples.bomb(3), 422, "pdf-bomb", id="bomb-in-bombs"),
        pytest.param(pdf_samples.structure_bomb, 422, "pdf-bomb", id="structure-bomb"),
        pytest.param(lambda: ORDONNANCE[:2000], 422, "pdf-damaged", id="cut"),
        pytest.param(lambda: ORDONNANCE + b" " * LIMIT, 413, "body-too-large", id="too-large"),
    ],
)
def test_a_file_that_is_no_usable_pdf_is_refused(scene: Scene, make: Callable[[], bytes], status: int, code: str) -> None:
    content = make()
    with nothing_kept(scene.gateway.home):
        assert_problem(scene.station.send(content, request(patient=person(), deliver=TO_DOCTOR)), status, code, "file")
    assert scene.station.get("/status").json()["accepting"] is True


def test_refused_bombs_leave_the_memory_of_the_box_as_it_was(scene: Scene) -> None:
    box = psutil.Process(scene.gateway.facts["pid"])
    scene.station.send(pdf_samples.bomb(), request(patient=person(), deliver=TO_DOCTOR))
    before = box.memory_info().rss
    for _time in range(3):
        scene.station.send(pdf_samples.bomb(3), request(patient=person(), deliver=TO_DOCTOR))
        scene.station.send(ORDONNANCE + b" " * LIMIT, request(patient=person(), deliver=TO_DOCTOR))
    assert box.memory_info().rss - before < 60_000_000


def test_a_body_without_announced_size_is_cut_at_the_limit_all_the_same(scene: Scene) -> None:
    told = json.dumps(request(patient=person())).encode()

    def chunks() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="request"\r\nContent-Type: application/json\r\n\r\n' + told
        yield b'\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="d"\r\nContent-Type: application/pdf\r\n\r\n'
        for _mebibyte in range(12):
            yield b"%" * 1_048_576
        yield b"\r\n--x--\r\n"

    with nothing_kept(scene.gateway.home):
        answer = scene.station.post("/documents", content=chunks(), headers={"Content-Type": "multipart/form-data; boundary=x"})
        assert_problem(answer, 413, "body-too-large", "file")


@pytest.mark.parametrize("media", ["text/plain", "image/png", "application/msword", "application/octet-stream"])
def test_another_kind_of_file_is_refused(scene: Scene, media: str) -> None:
    with nothing_kept(scene.gateway.home):
        answer = scene.station.send(ORDONNANCE, request(patient=person()), media=media)
        assert_problem(answer, 415, "media-type-refused", "file")


def ready(scene: Scene) -> bytes:
    end = scene.sent(deliver=TO_DOCTOR)
    return scene.station.get(f"/documents/{end['id']}/cda").content


def test_a_cda_with_a_doctype_or_entities_is_refused(scene: Scene) -> None:
    good = ready(scene)
    with nothing_kept(scene.gateway.home):
        for content in (ENTITY_BOMB, EXTERNAL, b"<!DOCTYPE ClinicalDocument>" + good.partition(b"?>")[2]):
            answer = scene.station.send(content, {"deliver": TO_DOCTOR}, media="application/xml")
            problem = assert_problem(answer, 422, "xml-doctype-forbidden", answer.json().get("field"))
            assert "root:" not in json.dumps(problem)


@pytest.mark.parametrize("content", [b"", b"<", b"<a/>", b"\x00" * 100, b"<ClinicalDocument xmlns='urn:hl7-org:v3'/>", b"<a>" * 5000])
def test_what_is_no_cda_is_refused(scene: Scene, content: bytes) -> None:
    with nothing_kept(scene.gateway.home):
        answer = scene.station.send(content, {"deliver": TO_DOCTOR}, media="text/xml")
        told = answer.status_code, answer.json()["code"]
        assert told in ((422, "xml-malformed"), (422, "cda-invalid"), (413, "xml-too-large")), answer.text
        assert answer.json()["gesture"]


def altered(data: bytes, change: Callable[[etree._Element], None]) -> bytes:
    document = etree.fromstring(data)
    change(document)
    document.find("h:id", CDA).set("root", "2.25.987654321")  # type: ignore[union-attr]
    return etree.tostring(document)


def drop(path: str) -> Callable[[etree._Element], None]:
    def change(document: etree._Element) -> None:
        found = document.find(path, CDA)
        assert found is not None
        parent = found.getparent()
        assert parent is not None
        parent.remove(found)

    return change


@pytest.mark.parametrize(
    "path", ["h:recordTarget", "h:author", "h:custodian", "h:legalAuthenticator", "h:documentationOf", "h:component", "h:code"]
)
def test_a_cda_without_a_mandatory_element_is_refused(scene: Scene, path: str) -> None:
    content = altered(ready(scene), drop(path))
    with nothing_kept(scene.gateway.home):
        answer = scene.station.send(content, {"deliver": TO_DOCTOR}, media="application/xml")
        assert (answer.status_code, answer.json()["code"]) == (422, "cda-invalid"), answer.text
        assert answer.json()["field"]


@pytest.mark.parametrize(
    ("described", "code", "field"),
    [
        ({"structure": "19999999999"}, "structure-unknown", "structure"),
        ({"author": {"id": "899700366257"}}, "request-contradicts-cda", "author.id"),
        (
            {"document": {"type": "11488-4", "title": "Ordonnance", "created_at": "2026-11-22T09:30:00+01:00"}},
            "request-contradicts-cda", "document.type",
        ),
        (
            {"document": {"type": "57833-6", "title": "Autre", "created_at": "2026-11-22T09:30:00+01:00"}},
            "request-contradicts-cda", "document.title",
        ),
        (
            {"patient": {"local_id": "P", "ins": {"matricule": "207058575627097", "oid": "1.2.250.1.213.1.4.10"}}},
            "request-contradicts-cda", "patient.ins.matricule",
        ),
    ],
)  # fmt: skip
def test_a_request_that_contradicts_its_cda_is_refused(scene: Scene, described: dict[str, Any], code: str, field: str) -> None:
    content = altered(ready(scene), lambda document: None)
    with nothing_kept(scene.gateway.home):
        answer = scene.station.send(content, described | {"deliver": TO_DOCTOR}, media="application/xml")
        assert_problem(answer, 422, code, field)
    assert STRUCTURE in scene.gateway.home.joinpath("relais.toml").read_text()


def test_a_cda_already_accepted_is_known(scene: Scene) -> None:
    content = ready(scene)
    with nothing_kept(scene.gateway.home):
        answer = scene.station.send(content, {"deliver": TO_DOCTOR}, media="application/xml")
        assert_problem(answer, 409, "document-already-known", "file")
