"""The life of certificates by the API: each caller sees its structures and the box, the events say what they are about."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.flow.caller import new_workstation
from gateway.flow.certificates.alarms import Alarms
from gateway.trust.calendar_facts import CalendarFacts
from gateway.trust.keystore import KeyStore
from gateway.trust.roles import Role
from gateway.trust.slots import Slot
from gateway.trust.vault import open_vault
from tests.api.judge import check_answer
from tests.api.rig import AUTHOR, OTHER_STRUCTURE, Box, open_box, own_lan, served
from tests.trust.pki import NOW as REAL_NOW
from tests.trust.pki import PASSPHRASE, SIGN, STRUCTURE, shared_pki


@pytest.fixture
async def box(tmp_path: Path) -> Box:
    made = await open_box(tmp_path, structures=(STRUCTURE, OTHER_STRUCTURE))
    own_lan(tmp_path, open_vault(tmp_path)).identity(("localhost",), made.clock.now())
    return made


async def stranger(box: Box) -> str:
    """A workstation of the other structure alone."""
    record, token = new_workstation("Autre", (OTHER_STRUCTURE,), box.books.now())
    await box.store.commit(record)
    return token


def put_next(box: Box) -> None:
    keys = KeyStore(box.home, open_vault(box.home))
    leaf = shared_pki().issue(SIGN)
    anchors = shared_pki().anchors_pem
    keys.import_pkcs12(STRUCTURE, Role.SIGN, leaf.pkcs12(), PASSPHRASE, environment="test", anchors=anchors, slot=Slot.NEXT)


async def test_the_calendar_shows_the_box_to_all_and_a_structure_to_its_own(box: Box) -> None:
    async with box.client() as client:
        mine = await client.get("/api/v1/certificates/calendar")
    check_answer(mine, "/certificates/calendar")
    async with box.client(await stranger(box)) as client:
        other = (await client.get("/api/v1/certificates/calendar")).json()["lines"]
    lines = mine.json()["lines"]
    assert {one["structure"] for one in lines} == {STRUCTURE, None}
    assert {one["structure"] for one in other} == {None}
    assert any(STRUCTURE in one["whose"] for one in lines if one["origin"] == "authority")
    assert not any(STRUCTURE in one["whose"] for one in other), "nor whose certificates an authority signed"
    assert {one["origin"] for one in lines} == {"current", "lan-server", "lan-authority", "authority"}
    assert [one["date"] for one in lines] == sorted(one["date"] for one in lines)
    async with box.client(None) as client:
        assert (await client.get("/api/v1/certificates/calendar")).status_code == 401


async def test_what_is_near_is_in_the_status_told_or_not(box: Box) -> None:
    async with box.client() as client:
        assert (await client.get("/api/v1/status")).json()["expiring"] == []
        box.clock.advance((REAL_NOW + timedelta(days=1010) - box.clock.now()).total_seconds())
        answer = await client.get("/api/v1/status")
    check_answer(answer, "/status")
    expiring = answer.json()["expiring"]
    assert {(one["role"], one["happening"], one["level"]) for one in expiring} >= {("sign", "key-ends", "warning")}
    assert {one["origin"] for one in expiring if one["level"] == "error"} == {"lan-server"}


async def test_an_alarm_and_a_switch_are_told_to_whom_they_concern(box: Box) -> None:
    box.clock.advance((REAL_NOW + timedelta(days=1050) - box.clock.now()).total_seconds())
    keys = KeyStore(box.home, open_vault(box.home))
    reading = CalendarFacts(box.home, keys, own_lan(box.home, open_vault(box.home)), shared_pki().anchors_pem).read
    async with served(box) as here:
        await Alarms(box.store, box.books, reading).tell()
        seen = [one async for one in first_events(here.client(), 2)]
        foreign = [one async for one in first_events(here.client(await stranger(box)), 1)]
    assert {(one["structure"], one["stage"]) for one in seen} == {(STRUCTURE, "60"), (None, "0")}
    assert foreign[0]["structure"] is None
    assert foreign[0]["gesture"]


async def first_events(client: Any, count: int) -> Any:
    found = 0
    async with client, client.stream("GET", "/api/v1/events", headers={"Last-Event-ID": "0"}) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))
                found += 1
                if found == count:
                    return


async def test_a_next_certificate_is_rehearsed_put_into_use_and_called_back(box: Box) -> None:
    async with box.client() as client:
        put_next(box)
        tried = await client.post(f"/api/v1/certificates/{STRUCTURE}/sign/rehearse")
        check_answer(tried, "/certificates/{structure}/{role}/rehearse")
        assert (tried.json()["state"], tried.json()["may_switch"]) == ("rehearsed", True)
        assert [one["service"] for one in tried.json()["rehearsal"]] == ["chain", "signature"]
        used = await client.post(f"/api/v1/certificates/{STRUCTURE}/sign/switch")
        check_answer(used, "/certificates/{structure}/{role}/switch")
        assert (used.json()["state"], used.json()["may_return"]) == ("watched", True)
        again = await client.post(f"/api/v1/certificates/{STRUCTURE}/sign/return")
        check_answer(again, "/certificates/{structure}/{role}/return")
        assert again.json()["explanation"]["code"] == "certificate-called-back"
        page = await client.get("/api/v1/certificates/successions")
        check_answer(page, "/certificates/successions")
        assert [one["state"] for one in page.json()["items"]] == ["returned"]
    acts = [one for one in await box.store.audit_after(0, 100) if one.act.startswith("certificate.")]
    assert [one.act.removeprefix("certificate.") for one in acts] == [
        "noticed", "rehearsed", "switching", "switched", "returning", "returned",
    ]  # fmt: skip
    assert {one.actor for one in acts[1:]} == {f"workstation:{box.workstation.id}"}


@pytest.mark.parametrize("verb", ["rehearse", "switch", "return"])
async def test_without_a_next_certificate_or_for_a_stranger_there_is_nothing(box: Box, verb: str) -> None:
    async with box.client() as client:
        for path in (f"{STRUCTURE}/auth_cli", f"{STRUCTURE}/nothing", "10B0000000/sign"):
            answer = await client.post(f"/api/v1/certificates/{path}/{verb}")
            assert (answer.status_code, answer.json()["code"]) == (404, "certificate-next-absent")
    put_next(box)
    async with box.client(await stranger(box)) as client:
        answer = await client.post(f"/api/v1/certificates/{STRUCTURE}/sign/{verb}")
        assert answer.status_code == 404


async def test_a_box_whose_clock_is_doubtful_moves_no_certificate(box: Box) -> None:
    put_next(box)
    box.clock.is_trusted = False
    async with box.client() as client:
        answer = await client.post(f"/api/v1/certificates/{STRUCTURE}/sign/switch")
    assert (answer.status_code, answer.json()["code"]) == (503, "clock-not-trusted")


@pytest.mark.parametrize("verb", ["rehearse", "switch", "return"])
async def test_an_act_is_never_imputed_to_somebody_whom_the_structure_does_not_know(box: Box, verb: str) -> None:
    put_next(box)
    async with box.client() as client:
        path = f"/api/v1/certificates/{STRUCTURE}/sign/{verb}"
        answer = await client.post(path, headers={"Relais-Actor": "899700000000"})
        check_answer(answer, f"/certificates/{{structure}}/{{role}}/{verb}")
        assert (answer.status_code, answer.json()["code"]) == (422, "actor-unknown")
        named = await client.post(path.replace(verb, "rehearse"), headers={"Relais-Actor": AUTHOR})
        assert named.status_code == 200
    actors = {one.actor for one in await box.store.audit_after(0, 100) if one.act == "certificate.rehearsed"}
    assert actors == {f"professional:{AUTHOR}"}
