"""What a workstation reads back: receipts, pages, CDA, proof; and never another's."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import msgspec
import pytest

from gateway.cda.build import build_n1
from gateway.model.delivery import DeliveryState, ReceiptKind
from gateway.trust.vault import open_vault
from tests.api.judge import check_answer, check_problem
from tests.api.rig import OTHER_STRUCTURE, Box, open_box, request_part
from tests.cda.headers import HEADER
from tests.cda.headers import PDF as SOME_PDFA

UNKNOWN = "01935f0e-0000-7000-8000-000000000000"
OF_ONE = ("/documents/{document_id}", "/documents/{document_id}/cda", "/documents/{document_id}/proof")


@pytest.mark.parametrize("route", OF_ONE)
@pytest.mark.parametrize("identifier", [UNKNOWN, "x", "a%00b", "..", "%C3%A9", "0" * 2000])
async def test_what_does_not_exist_is_not_found(box: Box, route: str, identifier: str) -> None:
    async with box.client() as client:
        answer = await client.get("/api/v1" + route.replace("{document_id}", identifier.replace("..", "%2e%2e")))
    assert answer.status_code == 404
    assert answer.json()["code"] in ("not-found", "route-unknown")


@pytest.mark.parametrize("route", OF_ONE)
async def test_the_document_of_another_workstation_is_not_found(box: Box, route: str) -> None:
    receipt = await box.accept()
    async with box.client(box.other_token) as client:
        answer = await client.get("/api/v1" + route.replace("{document_id}", receipt["id"]))
    check_answer(answer, route)
    check_problem(answer, 404, "not-found")


async def test_the_operator_reads_everything(box: Box) -> None:
    receipt = await box.accept()
    async with box.client(box.operator_token) as client:
        assert (await client.get(f"/api/v1/documents/{receipt['id']}")).json() == receipt
        assert [one["id"] for one in (await client.get("/api/v1/documents")).json()["items"]] == [receipt["id"]]


async def test_a_receipt_tells_what_came_back(box: Box) -> None:
    receipt = await box.accept()
    await box.receive(receipt["deliveries"][1]["id"], ReceiptKind.HANDED_OVER)
    async with box.client() as client:
        answer = await client.get(f"/api/v1/documents/{receipt['id']}")
    check_answer(answer, "/documents/{document_id}")
    mail = answer.json()["deliveries"][1]
    assert mail["state"] == "delivered"
    assert mail["receipts"] == [{"kind": "handed_over", "at": "2026-11-24T13:05:00Z", "proof": None}]


async def test_a_receipt_never_contradicts_itself(box: Box) -> None:
    receipt = await box.accept(request_part(deliver={"dmp": True}))
    before = await box.store.document(receipt["id"])
    assert before is not None
    for one in await box.store.deliveries_of(receipt["id"]):
        await box.store.commit(msgspec.structs.replace(one, state=DeliveryState.DELIVERED, version=one.version + 1))
    told = await box.relay.reader.view(before)
    assert (told.state, [one.state for one in told.deliveries]) == ("done", ["delivered"]), "read while its last delivery ended"


async def test_pages_follow_one_another_without_gap(box: Box) -> None:
    sent = [(await box.accept(request_part(deliver={"dmp": True})))["id"] for _ in range(7)]
    seen: list[str] = []
    async with box.client() as client:
        cursor: str | None = None
        for _ in range(4):
            answer = await client.get("/api/v1/documents", params={"limit": 3, **({"cursor": cursor} if cursor else {})})
            check_answer(answer, "/documents")
            seen += [one["id"] for one in answer.json()["items"]]
            cursor = answer.json()["cursor"]
            if cursor is None:
                break
    assert seen == sent[::-1]


async def test_a_page_is_chosen_by_state_date_and_patient(box: Box) -> None:
    other = await box.accept(request_part(patient={**request_part()["patient"], "local_id": "P-7"}, deliver={"dmp": True}))
    box.clock.advance(3600)
    held = await box.accept(request_part(deliver={"dmp": True}))
    await box.move(held["deliveries"][0]["id"], DeliveryState.HELD)
    async with box.client() as client:

        async def chosen(**wanted: str) -> list[str]:
            answer = await client.get("/api/v1/documents", params=wanted)
            check_answer(answer, "/documents")
            return [one["id"] for one in answer.json()["items"]]

        assert await chosen() == [held["id"], other["id"]]
        assert await chosen(state="attention") == [held["id"]]
        assert await chosen(state="working") == [other["id"]]
        assert await chosen(patient="P-7") == [other["id"]]
        assert await chosen(patient="P-8") == []
        assert await chosen(since="2026-11-24T14:30:00+01:00") == [held["id"]]
        assert await chosen(since="2026-11-24T13:30:00") == [held["id"]]
        assert await chosen(state="attention", patient="P-7") == []


async def test_a_local_number_is_of_one_structure(tmp_path: Path) -> None:
    box = await open_box(tmp_path, structures=("10B0152872", OTHER_STRUCTURE))
    both = [(await box.accept(request_part(structure=one, deliver={"dmp": True})))["id"] for one in ("10B0152872", OTHER_STRUCTURE)]
    async with box.client() as client:
        found = (await client.get("/api/v1/documents", params={"patient": "P-1042"})).json()["items"]
    assert [one["id"] for one in found] == both[::-1]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"state": "perdu"}, "state"),
        ({"since": "hier"}, "since"),
        ({"cursor": "0"}, "cursor"),
        ({"cursor": "a"}, "cursor"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"patient": ""}, "patient"),
        ({"patient": "x" * 129}, "patient"),
    ],
)
async def test_a_wrong_choice_names_its_parameter(box: Box, wanted: dict[str, str], field: str) -> None:
    async with box.client() as client:
        answer = await client.get("/api/v1/documents", params=wanted)
    check_answer(answer, "/documents")
    check_problem(answer, 400, "parameter-invalid", field)


async def test_there_is_no_cda_before_it_is_made(box: Box) -> None:
    receipt = await box.accept()
    async with box.client() as client:
        answer = await client.get(f"/api/v1/documents/{receipt['id']}/cda")
    check_problem(answer, 404, "not-found")


async def test_the_cda_is_given_byte_for_byte(box: Box) -> None:
    receipt = await box.accept()
    cda = build_n1(HEADER, SOME_PDFA, "application/pdf")
    record = await box.store.document(receipt["id"])
    assert record is not None
    key = open_vault(box.home).unwrap(record.wrapped_key)
    await box.store.commit(await box.relay.admission._blobs.write(receipt["id"], "cda", cda, key))
    async with box.client() as client:
        answer = await client.get(f"/api/v1/documents/{receipt['id']}/cda")
    check_answer(answer, "/documents/{document_id}/cda")
    assert answer.content == cda


async def test_the_proof_holds_the_receipt_the_story_and_the_original(box: Box) -> None:
    receipt = await box.accept()
    async with box.client() as client:
        answer = await client.get(f"/api/v1/documents/{receipt['id']}/proof")
    check_answer(answer, "/documents/{document_id}/proof")
    assert answer.headers["content-disposition"] == f'attachment; filename="preuve-{receipt["id"]}.zip"'
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    assert archive.read("01-original").startswith(b"%PDF")
    assert b"document.accepted" in archive.read("journal.jsonl")
