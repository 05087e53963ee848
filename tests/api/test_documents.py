"""POST /documents: what is accepted, what is refused with which words, and that a refusal leaves nothing behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.cda.build import build_n1
from gateway.kernel.config import Limits
from tests.api.judge import check_answer, check_problem
from tests.api.rig import AUTHOR, OTHER_STRUCTURE, Box, form, open_box, request_part, small_pdf, unqualified
from tests.cda.headers import HEADER
from tests.cda.headers import PDF as SOME_PDFA
from tests.cda.pdf_samples import bomb, encrypted

ROUTE = "/documents"
NAMES = ("PAT-TROIS", "DOMINIQUE", "279035121518989", "dr.martin", "Ordonnance")


def ready_cda() -> bytes:
    return build_n1(HEADER, SOME_PDFA, "application/pdf")


async def send(box: Box, parts: dict[str, Any], **headers: str) -> httpx.Response:
    async with box.client() as client:
        return await client.post(f"/api/v1{ROUTE}", files=parts, headers=headers)


def patient(**changes: Any) -> dict[str, Any]:
    return {**request_part()["patient"], **changes}


def ins(matricule: str, oid: str = "1.2.250.1.213.1.4.10") -> dict[str, str]:
    return {"matricule": matricule, "oid": oid}


def document(**changes: Any) -> dict[str, Any]:
    return {**request_part()["document"], **changes}


async def check_nothing_kept(box: Box) -> None:
    async with box.client(box.operator_token) as client:
        assert (await client.get(f"/api/v1{ROUTE}")).json() == {"items": [], "cursor": None}
    blobs = box.home / "blobs"
    assert not [one for one in blobs.rglob("*") if one.is_file()] if blobs.exists() else True
    assert await box.store.events_after(0, 10) == []
    assert await box.store.patient("10B0152872", box.relay.reader._identities.reference("10B0152872", "P-1042")) is None


async def test_an_accepted_document_gets_its_receipt(box: Box) -> None:
    answer = await send(box, form())
    check_answer(answer, ROUTE)
    receipt = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/v1/documents/{receipt['id']}"
    assert receipt["state"] == "working"
    assert receipt["document_unique_id"].startswith("2.25.")
    assert [(one["channel"], one["recipient"], one["state"]) for one in receipt["deliveries"]] == [
        ("dmp", None, "queued"),
        ("mss", "279035121518989@patient.mssante.fr", "queued"),
        ("mss", "dr.martin@medecin.relais.test", "queued"),
    ]
    async with box.client() as client:
        again = await client.get(answer.headers["location"])
    assert again.json() == receipt


@pytest.mark.parametrize("media", ["application/xml", "text/xml", "text/xml; charset=utf-8"])
async def test_a_ready_cda_describes_itself(box: Box, media: str) -> None:
    answer = await send(box, form({"deliver": {"dmp": True}}, ready_cda(), media))
    assert answer.status_code == 202, answer.text
    assert answer.json()["document_unique_id"] == HEADER.unique_id


async def test_the_parts_may_come_in_any_order(box: Box) -> None:
    parts = form()
    answer = await send(box, {"file": parts["file"], "request": parts["request"]})
    assert answer.status_code == 202


@pytest.mark.parametrize("media", ["application/json; charset=utf-8", "text/plain", "APPLICATION/JSON"])
async def test_the_description_may_call_itself_a_text(box: Box, media: str) -> None:
    parts = form()
    answer = await send(box, {**parts, "request": (None, parts["request"][1], media)})
    assert answer.status_code == 202


async def test_a_known_patient_needs_only_his_number(box: Box) -> None:
    await box.accept()
    answer = await send(box, form(request_part(patient={"local_id": "P-1042"}, deliver={"dmp": True})))
    assert answer.status_code == 202


async def test_the_same_key_and_content_give_the_first_receipt(box: Box) -> None:
    first = await send(box, form(), **{"Idempotency-Key": "lgc 42"})
    second = await send(box, form(), **{"Idempotency-Key": "lgc 42"})
    check_answer(second, ROUTE)
    assert (first.status_code, second.status_code) == (202, 200)
    assert second.json() == first.json()
    assert second.headers["location"] == first.headers["location"]


async def test_without_a_key_the_digest_of_both_parts_serves(box: Box) -> None:
    first, second = await send(box, form()), await send(box, form())
    other = await send(box, form(request_part(document=document(title="Autre"))))
    assert (first.status_code, second.status_code, other.status_code) == (202, 200, 202)
    assert first.json()["id"] == second.json()["id"] != other.json()["id"]


async def test_the_same_key_for_another_content_is_a_conflict(box: Box) -> None:
    await send(box, form(), **{"Idempotency-Key": "lgc-42"})
    answer = await send(box, form(request_part(document=document(title="Autre"))), **{"Idempotency-Key": "lgc-42"})
    check_answer(answer, ROUTE)
    check_problem(answer, 409, "idempotency-conflict", "Idempotency-Key")


async def test_a_key_is_of_one_workstation(box: Box) -> None:
    await send(box, form(), **{"Idempotency-Key": "1"})
    async with box.client(box.other_token) as client:
        answer = await client.post(f"/api/v1{ROUTE}", files=form(), headers={"Idempotency-Key": "1"})
    assert answer.status_code == 202


@pytest.mark.parametrize("key", ["x" * 201, "clé", "a\tb"])
async def test_a_key_that_is_not_printable_ascii_is_refused(box: Box, key: str) -> None:
    async with box.client() as client:
        answer = await client.post(f"/api/v1{ROUTE}", files=form(), headers=[(b"Idempotency-Key", key.encode())])
    check_problem(answer, 400, "parameter-invalid", "Idempotency-Key")
    await check_nothing_kept(box)


async def test_the_actor_is_imputed(box: Box) -> None:
    answer = await send(box, form(), **{"Relais-Actor": AUTHOR})
    lines = await box.store.audit_of(answer.json()["id"])
    assert lines[0].actor == f"professional:{AUTHOR}"
    refused = await send(box, form(), **{"Relais-Actor": "<script>"})
    check_problem(refused, 400, "parameter-invalid", "Relais-Actor")


@pytest.mark.parametrize("token", [None, "faux", ""])
async def test_who_has_no_token_is_asked_for_one(box: Box, token: str | None) -> None:
    async with box.client(None) as client:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        answer = await client.post(f"/api/v1{ROUTE}", files=form(), headers=headers)
    check_answer(answer, ROUTE)
    check_problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    await check_nothing_kept(box)


async def test_another_scheme_is_no_token(box: Box) -> None:
    async with box.client(None) as client:
        answer = await client.get("/api/v1/documents", headers={"Authorization": f"Basic {box.token}"})
    check_problem(answer, 401, "unauthenticated")


async def test_an_unqualified_identity_is_held_not_refused(box: Box) -> None:
    answer = await send(box, form(request_part(patient=unqualified())))
    receipt = answer.json()
    assert (answer.status_code, receipt["state"]) == (202, "attention")
    dmp, mail, doctor = receipt["deliveries"]
    assert (dmp["state"], mail["state"], doctor["state"]) == ("held", "held", "queued")
    assert dmp["explanation"]["code"] == mail["explanation"]["code"] == "identity-not-qualified"
    assert mail["recipient"] is None


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"author": {"id": "899700000000"}}, 422, "author-unknown", "author.id"),
        ({"author": None}, 422, "request-incomplete", "author"),
        ({"structure": "10B0000000"}, 422, "structure-unknown", "structure"),
        ({"patient": patient(ins=ins("279035121518990"))}, 422, "ins-key-invalid", "patient.ins.matricule"),
        ({"patient": patient(ins=ins("27903512151898"))}, 422, "ins-malformed", "patient.ins.matricule"),
        ({"patient": patient(ins=ins("279035121518989", "1.2.3"))}, 422, "ins-oid-invalid", "patient.ins.oid"),
        ({"patient": patient(ins=None)}, 422, "request-incomplete", "patient.ins"),
        ({"patient": patient(birth_date="05/03/1979")}, 422, "trait-invalid", "patient.birth_date"),
        ({"patient": patient(sex="X")}, 422, "trait-invalid", "patient.sex"),
        ({"patient": {"local_id": "P-404"}}, 422, "patient-unknown", "patient.local_id"),
        ({"patient": None}, 422, "request-incomplete", "patient"),
        ({"document": document(type="00000-0")}, 422, "document-type-unknown", "document.type"),
        ({"document": document(title=" ")}, 422, "request-invalid", "document.title"),
        ({"document": document(title="a\nb")}, 422, "request-invalid", "document.title"),
        ({"document": document(replaces="abc")}, 422, "replaced-invalid", "document.replaces"),
        ({"document": document(created_at="2026-11-22T09:30:00")}, 422, "request-invalid", "document.created_at"),
        ({"document": document(surprise=1)}, 422, "request-invalid", "document"),
        ({"deliver": None}, 422, "request-invalid", "deliver"),
        ({"deliver": {}}, 422, "request-invalid", "deliver"),
        ({"deliver": {"professionals": ["pas une adresse"]}}, 422, "mailbox-invalid", "deliver.professionals[0]"),
        ({"visibility": {"masked_to_professionals": True}}, 422, "visibility-conflict", "deliver.professionals"),
        ({"visibility": {"hidden_from_patient": True}}, 422, "visibility-conflict", "deliver.patient_mail"),
    ],
)  # fmt: skip
async def test_each_fault_has_its_code_field_and_gesture(
    box: Box, changes: dict[str, Any], status: int, code: str, field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await send(box, form(request_part(**changes)))
    check_answer(answer, ROUTE)
    check_problem(answer, status, code, field)
    shown = capsys.readouterr()
    assert not [name for name in NAMES if name in answer.text + shown.out + shown.err]
    await check_nothing_kept(box)


@pytest.mark.parametrize("request_bytes", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"deliver": {"dmp": true}', b"[" * 50_000])
async def test_what_is_no_json_object_is_refused(box: Box, request_bytes: bytes) -> None:
    answer = await send(box, {**form(), "request": (None, request_bytes, "application/json")})
    check_problem(answer, 422, "request-invalid", "request")
    await check_nothing_kept(box)


CDA_REQUEST: dict[str, Any] = {"deliver": {"dmp": True}}
DOCTYPE = "xml-doctype-forbidden"
ENTITY_BOMB = b"".join(
    [
        b'<?xml version="1.0"?><!DOCTYPE ClinicalDocument [<!ENTITY a0 "ha">',
        *(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">'.encode() for n in range(1, 12)),
        b']><ClinicalDocument xmlns="urn:hl7-org:v3">&a11;</ClinicalDocument>',
    ]
)


def with_doctype() -> bytes:
    return b"<!DOCTYPE ClinicalDocument SYSTEM 'file:///etc/passwd'>" + ready_cda().partition(b"?>")[2]


def two_patients() -> bytes:
    whole = ready_cda()
    start, end = whole.index(b"<recordTarget"), whole.index(b"</recordTarget>") + len(b"</recordTarget>")
    return whole[:end] + whole[start:end] + whole[end:]


@pytest.mark.parametrize(
    ("make", "media", "status", "code", "field"),
    [
        (lambda: b"bonjour", "application/pdf", 415, "document-not-pdf", "file"),
        (lambda: b"", "application/pdf", 415, "document-not-pdf", "file"),
        (lambda: small_pdf()[: len(small_pdf()) // 2], "application/pdf", 422, "pdf-damaged", "file"),
        (encrypted, "application/pdf", 422, "pdf-encrypted", "file"),
        (lambda: bomb(size=400_000_000), "application/pdf", 422, "pdf-bomb", "file"),
        (small_pdf, "application/octet-stream", 415, "media-type-refused", "file"),
        (small_pdf, "", 415, "media-type-refused", "file"),
        (lambda: b"<a/>", "application/xml", 422, "cda-invalid", "ClinicalDocument"),
        (with_doctype, "text/xml", 422, DOCTYPE, "file"),
        (lambda: ENTITY_BOMB, "text/xml", 422, DOCTYPE, "file"),
        (two_patients, "text/xml", 422, "two-patients", "recordTarget"),
        (lambda: ready_cda()[:-20], "text/xml", 422, "xml-malformed", "file"),
    ],
    ids=["text", "empty", "cut", "encrypted", "bomb", "octets", "untyped", "not a cda", "doctype", "entities", "two patients", "cut cda"],
)
async def test_each_hostile_file_is_refused(box: Box, make: Any, media: str, status: int, code: str, field: str) -> None:
    request = CDA_REQUEST if "xml" in media else request_part()
    answer = await send(box, form(request, make(), media))
    check_answer(answer, ROUTE)
    check_problem(answer, status, code, field)
    assert not [name for name in NAMES if name in answer.text]
    await check_nothing_kept(box)


async def test_a_cda_that_the_request_contradicts_is_refused(box: Box) -> None:
    answer = await send(box, form({**CDA_REQUEST, "document": document(title="Autre chose")}, ready_cda(), "text/xml"))
    check_problem(answer, 422, "request-contradicts-cda", "document.title")


async def test_the_structure_must_be_named_when_there_are_two(tmp_path: Path) -> None:
    box = await open_box(tmp_path, structures=("10B0152872", OTHER_STRUCTURE))
    whole = request_part()
    del whole["structure"]
    check_problem(await send(box, form(whole)), 422, "structure-unknown", "structure")
    assert (await send(box, form({**whole, "structure": OTHER_STRUCTURE}))).status_code == 202


async def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    box = await open_box(tmp_path, limits=Limits(document_bytes=1_000_000, request_bytes=1000, disk_reserve_bytes=0))
    slightly = await send(box, form(b"{}", b"x" * 1_000_001))
    announced = await send(box, form(b"{}", b"x" * 2_000_000))
    description = await send(box, form(json.dumps({"deliver": {}, "structure": "x" * 1000}).encode()))
    for answer in (slightly, announced):
        problem = check_problem(answer, 413, "body-too-large", "file")
        assert "1 Mo" in problem["detail"]
    assert "1 ko" in check_problem(description, 413, "body-too-large", "request")["detail"]
    await check_nothing_kept(box)


async def test_a_journal_that_cannot_write_refuses_without_losing_its_calm(box: Box) -> None:
    box.store.accepting = False
    answer = await send(box, form())
    check_problem(answer, 503, "not-accepting")
    assert int(answer.headers["retry-after"]) > 0
    box.store.accepting = True
    await check_nothing_kept(box)


async def test_a_journal_that_fills_up_at_the_commit_leaves_no_file(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.journal.store import NotAccepting

    async def full(*_: object) -> None:
        raise NotAccepting

    monkeypatch.setattr(box.store, "commit", full)
    answer = await send(box, form(file=small_pdf() + b"%" + b"x" * 200_000))
    monkeypatch.undo()
    check_problem(answer, 503, "not-accepting")
    await check_nothing_kept(box)


async def test_too_many_requests_in_a_minute_wait(tmp_path: Path) -> None:
    box = await open_box(tmp_path, limits=Limits(requests_per_minute=5, disk_reserve_bytes=0))
    async with box.client() as client:
        answers = [await client.get("/api/v1/documents") for _ in range(6)]
        check_answer(answers[-1], ROUTE)
        check_problem(answers[-1], 429, "rate-limited")
        assert [one.status_code for one in answers[:-1]] == [200] * 5
        async with box.client(box.other_token) as other:
            assert (await other.get("/api/v1/documents")).status_code == 200
        box.clock.advance(60)
        assert (await client.get("/api/v1/documents")).status_code == 200


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_refusals_give_back_their_memory(box: Box) -> None:
    await send(box, form(request_part(author=None)))
    before = open_files()
    for _ in range(5):
        await send(box, form(request_part(author=None)))
        await send(box, {**form(), "intrus": (None, b"x", "text/plain")})
    assert open_files() == before
