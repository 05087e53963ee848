"""GET /status, and what every answer carries."""

from __future__ import annotations

import pytest

from gateway.journal.memory import MemoryStore
from tests.api.judge import check_answer, check_problem
from tests.api.rig import Box


async def test_anybody_may_know_whether_it_works_and_nothing_else(box: Box) -> None:
    async with box.client(None) as client:
        answer = await client.get("/api/v1/status")
        check_answer(answer, "/status")
        assert answer.json() == {"ok": True}
        box.store.accepting = False
        assert (await client.get("/api/v1/status")).json() == {"ok": False}


async def test_a_workstation_sees_how_the_box_stands(box: Box) -> None:
    await box.accept()
    box.scheduler.notify("10B0152872/dmp")
    async with box.client() as client:
        answer = await client.get("/api/v1/status")
    check_answer(answer, "/status")
    view = answer.json()
    assert view["ok"] is True
    assert view["environment"] == "test"
    assert {(one["lane"], one["state"], one["count"]) for one in view["queue"]} == {
        ("10B0152872/dmp", "queued", 1),
        ("10B0152872/mss", "queued", 2),
    }
    assert view["upstreams"] == [{"lane": "10B0152872/dmp", "answering": True, "running": 0, "trouble": None}]
    assert [one["role"] for one in view["certificates"]] == ["sign"]


async def test_a_wrong_token_is_told_so_rather_than_shown_less(box: Box) -> None:
    async with box.client("faux") as client:
        check_problem(await client.get("/api/v1/status"), 401, "unauthenticated")


async def test_a_clock_in_doubt_is_not_ok(box: Box) -> None:
    box.clock.is_trusted = False
    async with box.client() as client:
        view = (await client.get("/api/v1/status")).json()
    assert (view["ok"], view["clock_trusted"], view["accepting"]) == (False, False, True)


@pytest.mark.parametrize("path", ["/api/v1/nulle-part", "/api/v1", "/api/v2/documents", "/api/v1/documents/a/b/c", "/api/v1/schema"])
async def test_an_unknown_address_is_a_problem_too(box: Box, path: str) -> None:
    async with box.client() as client:
        check_problem(await client.get(path), 404, "route-unknown")


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/documents"), ("PUT", "/status"), ("PATCH", "/events"), ("GET", "/signatures")])
async def test_a_wrong_verb_names_the_right_ones(box: Box, method: str, path: str) -> None:
    async with box.client() as client:
        answer = await client.request(method, f"/api/v1{path}")
    check_problem(answer, 405, "method-refused")
    assert answer.headers["allow"]


@pytest.mark.parametrize("path", ["/documents", "/status", "/nulle-part", "/openapi.json"])
async def test_every_answer_is_strict(box: Box, path: str) -> None:
    async with box.client() as client:
        answer = await client.get(f"/api/v1{path}")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "strict-transport-security" not in answer.headers


async def test_a_defect_is_told_without_detail(box: Box, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async def broken(*_: object) -> None:
        raise ValueError("PAT-TROIS 279035121518989")

    monkeypatch.setattr(MemoryStore, "documents", broken)
    async with box.client() as client:
        answer = await client.get("/api/v1/documents")
    check_answer(answer, "/documents")
    check_problem(answer, 500, "internal-error")
    shown = capsys.readouterr()
    said = shown.out + shown.err
    assert "ValueError" in said
    assert "reading.py" in said
    assert "PAT-TROIS" not in said + answer.text
