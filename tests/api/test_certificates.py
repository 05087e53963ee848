"""Certificates over HTTP: a file goes in with its passphrase, nothing of its key comes out, every act has its author."""

from __future__ import annotations

import asyncio
import json
import time
from html import unescape
from typing import Any

import httpx
import pytest

from gateway.flow.caller import OPERATOR, Caller
from gateway.flow.certificates import custody as certificate_custody
from gateway.flow.certificates.custody import BoxOnly, ImportOrder
from gateway.flow.errors import NotFound, StructureUnknown
from gateway.trust.pkcs12_file import OpenedFile, open_pkcs12
from gateway.trust.roles import Role
from gateway.trust.slots import Slot
from tests.api.judge import check_answer, check_problem
from tests.api.rig import AUTHOR, OTHER_STRUCTURE, Box
from tests.trust.faulty import FAULTY
from tests.trust.pki import AUTH_CLI, PASSPHRASE, SIGN, STRUCTURE, Leaf, shared_leaf, shared_pki

PATH = "/api/v1/certificates"
FOLLOWING = shared_pki().issue(SIGN)


async def offer(box: Box, data: bytes, *, actor: str | None = AUTHOR, token: str = "own", **order: Any) -> httpx.Response:
    said = {"structure": STRUCTURE, "role": "sign", "passphrase": PASSPHRASE, **order}
    parts = {
        "request": (None, json.dumps(said).encode(), "application/json"),
        "file": ("certificat.p12", data, "application/x-pkcs12"),
    }
    async with box.client(token) as client:
        answer = await client.post(PATH, files=parts, headers={"Relais-Actor": actor} if actor else {})
    check_answer(answer, "/certificates")
    assert PASSPHRASE not in answer.text
    return answer


async def held(box: Box) -> list[tuple[str, str, str]]:
    async with box.client() as client:
        answer = await client.get(PATH)
    check_answer(answer, "/certificates")
    return [(one["role"], one["slot"], one["serial"]) for one in answer.json()["items"]]


def serial(leaf: Leaf) -> str:
    return f"{leaf.certificate.serial_number:x}"


async def told(box: Box) -> list[tuple[str, str, str | None, str | int | bool | None]]:
    """The audit lines on certificates: act, actor, answer, slot."""
    lines = await box.store.audit_after(0, 1_000)
    return [(one.act, one.actor, one.answer, one.detail.get("slot")) for one in lines if one.act.startswith("certificate.")]


async def test_a_certificate_is_taken_kept_and_tried_even_though_its_service_is_down(box: Box) -> None:
    answer = await offer(box, shared_leaf(AUTH_CLI).pkcs12(), role="auth_cli")
    assert answer.status_code == 201
    view = answer.json()
    assert view["certificate"]["slot"] == "current", "none was in use"
    assert (view["outcome"], "n'a pas pu être joint" in view["what"]) == ("unreachable", True)
    assert [(one["service"], one["outcome"]) for one in view["calls"]][:2] == [("chain", "good"), ("dmp", "unreachable")]
    assert ("auth_cli", "current", serial(shared_leaf(AUTH_CLI))) in await held(box)
    assert await told(box) == [
        ("certificate.offered", f"professional:{AUTHOR}", "done", "current"),
        ("certificate.imported", f"professional:{AUTHOR}", "unreachable", "current"),
    ]


async def test_where_one_is_in_use_the_new_one_waits_and_may_be_erased(box: Box) -> None:
    answer = await offer(box, FOLLOWING.pkcs12())
    assert answer.json()["certificate"]["slot"] == "next"
    assert answer.json()["outcome"] == "good", "a lot was signed with it and verified"
    assert await held(box) == [("sign", "current", serial(shared_leaf(SIGN))), ("sign", "next", serial(FOLLOWING))]
    async with box.client() as client:
        path, who = f"{PATH}/{STRUCTURE}/sign/erase", {"Relais-Actor": AUTHOR}
        for query, status in (("", 400), ("?slot=never", 400), ("?slot=former", 404), ("?slot=current", 409), ("?slot=next", 200)):
            erased = await client.post(path + query, headers=who)
            assert erased.status_code == status, erased.text
            check_answer(erased, "/certificates/{structure}/{role}/erase")
        assert (await client.post(f"{PATH}/{STRUCTURE}/conf/erase?slot=next", headers=who)).status_code == 404
    assert await held(box) == [("sign", "current", serial(shared_leaf(SIGN)))]
    assert (await told(box))[-1] == ("certificate.erased", f"professional:{AUTHOR}", "done", "next")


async def test_put_in_the_place_of_the_one_in_use_the_latter_is_kept_as_the_former(box: Box) -> None:
    assert (await offer(box, FOLLOWING.pkcs12(), slot="current")).status_code == 201
    assert await held(box) == [("sign", "current", serial(FOLLOWING)), ("sign", "former", serial(shared_leaf(SIGN)))]


async def test_from_one_imported_straight_into_use_a_person_comes_back_to_the_former(box: Box) -> None:
    await offer(box, FOLLOWING.pkcs12(), slot="current")
    async with box.client() as client:
        [stands] = (await client.get(f"{PATH}/successions")).json()["items"]
        assert (stands["state"], stands["may_return"], stands["may_switch"]) == ("settled", True, False)
        await client.post("/connexion", data={"jeton": box.token})
        assert "Revenir à l'ancien" in unescape((await client.get("/certificats")).text)
        answer = await client.post(f"{PATH}/{STRUCTURE}/sign/return", headers={"Relais-Actor": AUTHOR})
        assert (answer.status_code, answer.json()["state"]) == (200, "returned")
    assert await held(box) == [("sign", "current", serial(shared_leaf(SIGN))), ("sign", "next", serial(FOLLOWING))]
    assert [one for one, *_ in await told(box)] == [
        "certificate.offered",
        "certificate.replaced",
        "certificate.imported",
        "certificate.returning",
        "certificate.returned",
    ]


async def test_the_same_one_imported_again_leaves_nothing_to_come_back_to(box: Box) -> None:
    await offer(box, shared_leaf(SIGN).pkcs12(), slot="current")
    async with box.client() as client:
        assert (await client.get(f"{PATH}/successions")).json()["items"] == []


async def test_the_act_needs_a_person_of_the_structure(box: Box) -> None:
    check_problem(await offer(box, FOLLOWING.pkcs12(), actor=None), 422, "actor-needed", "Relais-Actor")
    check_problem(await offer(box, FOLLOWING.pkcs12(), actor="899700000000"), 422, "actor-unknown", "Relais-Actor")
    check_problem(await offer(box, FOLLOWING.pkcs12(), structure=OTHER_STRUCTURE), 422, "structure-unknown", "structure")
    assert await told(box) == []
    assert (await offer(box, FOLLOWING.pkcs12(), actor=None, token=box.operator_token)).status_code == 201
    assert (await told(box))[0][1].startswith("workstation:")


@pytest.mark.parametrize("name", ["fichier-pem", "mot-de-passe-faux", "expire", "autre-structure", "autorite-inconnue"])
async def test_a_fault_is_told_in_its_own_words_and_kept_in_the_trail(box: Box, name: str) -> None:
    fault = FAULTY[name]
    answer = await offer(box, fault.data(), role=fault.role, passphrase=fault.passphrase)
    check_problem(answer, 422, fault.code, "passphrase" if "mot-de-passe" in name else "file")
    assert "Retry-After" not in answer.headers
    assert (await told(box))[-1][2] == fault.code
    assert len(await held(box)) == 1


async def test_a_request_that_says_something_else_is_refused(box: Box) -> None:
    for wrong in ({"role": "conf"}, {"slot": "former"}, {"surprise": 1}, {"passphrase": 3}):
        answer = await offer(box, FOLLOWING.pkcs12(), **wrong)
        check_problem(answer, 400, "parameter-invalid", "request")


async def test_a_token_is_never_asked_for_from_the_lan(box: Box) -> None:
    caller = Caller(workstation="w", name="Accueil", structures=(STRUCTURE,), actor=AUTHOR)
    with pytest.raises(BoxOnly):
        await box.relay.certificates.take_token(caller, ImportOrder(role=Role.SIGN), "/tmp/x.so", "x")
    assert Slot.NEXT not in {one.slot for one in (await box.relay.certificates.page(caller)).items}


async def test_a_stranger_sees_nothing(box: Box) -> None:
    async with box.client(None) as client:
        check_problem(await client.get(PATH), 401, "unauthenticated", None)


async def test_files_are_opened_one_at_a_time_so_that_a_dear_one_takes_one_thread(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, most = 0, 0

    def dear(data: bytes, passphrase: str) -> OpenedFile:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.05)
        at_once -= 1
        return open_pkcs12(data, passphrase)

    monkeypatch.setattr(certificate_custody, "open_confined", dear)
    answers = await asyncio.gather(*(offer(box, FOLLOWING.pkcs12()) for _one in range(4)))
    assert {one.status_code for one in answers} == {201}
    assert most == 1


async def test_whoever_waits_too_long_for_a_dear_file_is_told_to_come_back(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate_custody, "_PATIENCE", 0.05)

    def dear(data: bytes, passphrase: str) -> OpenedFile:
        time.sleep(0.4)
        return open_pkcs12(data, passphrase)

    monkeypatch.setattr(certificate_custody, "open_confined", dear)
    first, second = await asyncio.gather(offer(box, FOLLOWING.pkcs12()), offer(box, FOLLOWING.pkcs12()))
    assert sorted((first.status_code, second.status_code)) == [201, 429]
    assert "certificate-import-under-way" in [answer for _act, _actor, answer, _slot in await told(box)]


async def test_the_key_of_a_structure_that_is_configured_no_more_can_be_erased_by_the_operator(box: Box) -> None:
    keys = box.relay.certificates._keys
    leaf, anchors = shared_leaf(SIGN, "10B0000099"), shared_pki().anchors_pem
    keys.import_pkcs12("10B0000099", Role.SIGN, leaf.pkcs12(), PASSPHRASE, environment="test", anchors=anchors)
    operator = Caller(workstation="operator", name=OPERATOR, structures=())
    for caller in (Caller(workstation="w", name="Accueil", structures=("10B0000099",), actor=AUTHOR), operator):
        if caller is operator:
            await box.relay.certificates.erase(caller, "10B0000099", Role.SIGN, Slot.CURRENT)
        else:
            with pytest.raises(StructureUnknown):
                await box.relay.certificates.erase(caller, "10B0000099", Role.SIGN, Slot.CURRENT)
    assert [one.structure_id for one in keys.summaries()] == [STRUCTURE]
    with pytest.raises(NotFound):
        await box.relay.certificates.erase(operator, "10B0000099", Role.SIGN, Slot.CURRENT)
