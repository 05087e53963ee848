"""Readers and cards through the API: the real PIN rules over cards in memory; every answer held to the OpenAPI document."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from firmware.protocol import CardKind
from tests.api.judge import check_answer
from tests.api.rig import AUTHOR, Box, configuration_of, open_box
from tests.flow.carding import READERS, CpsInMemory, DevicesInMemory, Other, carding
from tests.rig.cards.people import REAL_ISSUER, TEST_ISSUER, Person

MINE, THEIRS = READERS
DATA = base64.b64encode(b"to be signed").decode()
NOT_THERE = "00000000-0000-0000-0000-000000000000"
AS_DOCTOR = {"Relais-Actor": AUTHOR}


@pytest.fixture
def devices() -> DevicesInMemory:
    return DevicesInMemory()


@pytest.fixture
async def desk(tmp_path: Path, devices: DevicesInMemory) -> AsyncIterator[Box]:
    """A box whose first workstation is paired with the first reader."""
    box = await open_box(tmp_path, devices=devices.call)
    async with carding(box.devices, devices):
        assert (await pair(box)).status_code == 200
        yield box


async def ask(
    box: Box, method: str, path: str, token: str = "own", headers: Mapping[str, str] | None = None, **more: Any
) -> httpx.Response:
    async with box.client(token) as client:
        answer = await client.request(method, f"/api/v1{path}", headers=headers, **more)
    route = path.partition("?")[0]
    for reader in READERS:
        route = route.replace(reader, "{reader_id}")
    check_answer(answer, route)
    return answer


async def pair(box: Box, reader: str = MINE, token: str = "own", *, paired: bool = True) -> httpx.Response:
    return await ask(box, "POST", f"/readers/{reader}/pairing", token, json={"paired": paired})


async def card_of(box: Box, reader: str = MINE, token: str = "own") -> Any:
    return (await ask(box, "GET", f"/readers/{reader}/card", token)).json()


async def sign(
    box: Box, insertion: str, *, pin: str | None = "1234", reader: str = MINE, token: str = "own", **more: Any
) -> httpx.Response:
    headers = more.pop("headers", None)
    body = {"insertion_id": insertion, "items": [{"data": DATA}], **({"pin": pin} if pin is not None else {}), **more}
    return await ask(box, "POST", f"/readers/{reader}/card/sign", token, headers, json=body)


def verify(view: Any, data: bytes = b"to be signed") -> None:
    key = x509.load_der_x509_certificate(base64.b64decode(view["certificate"])).public_key()
    assert isinstance(key, RSAPublicKey)
    for one in view["signatures"]:
        key.verify(base64.b64decode(one), data, padding.PKCS1v15(), hashes.SHA256())


# Who may use which reader


async def test_a_reader_serves_the_workstation_that_said_it_stands_beside_it(desk: Box, devices: DevicesInMemory) -> None:
    insertion = devices.insert(0, CpsInMemory())
    mine = (await ask(desk, "GET", "/readers")).json()
    assert [(one["id"], one["paired"]) for one in mine] == [(MINE, "here"), (THEIRS, None)]
    assert mine[0]["card"] == {"insertion_id": insertion, "kind": "cpx", "generation": "cps3"}
    theirs = (await ask(desk, "GET", "/readers", desk.other_token)).json()
    assert [(one["paired"], one["card"]) for one in theirs] == [("elsewhere", None), (None, None)]
    for path in ("", f"/holder?insertion_id={insertion}", f"/certificates?insertion_id={insertion}", f"/vitale?insertion_id={insertion}"):
        refused = await ask(desk, "GET", f"/readers/{MINE}/card{path}", desk.other_token)
        assert (refused.status_code, refused.json()["code"]) == (403, "reader-of-another")
    refused = await sign(desk, insertion, token=desk.other_token)
    assert (refused.status_code, refused.json()["code"]) == (403, "reader-of-another")
    card = devices.cards[MINE]
    assert isinstance(card, CpsInMemory)
    assert (card.verifies, card.looks) == ([], 0)


async def test_without_a_pairing_nobody_uses_a_reader_even_the_only_one(desk: Box, devices: DevicesInMemory) -> None:
    insertion = devices.insert(1, CpsInMemory())
    refused = await sign(desk, insertion, reader=THEIRS)
    assert (refused.status_code, refused.json()["code"]) == (403, "reader-not-paired")
    assert "C'est le lecteur de ce poste" in refused.json()["gesture"]


async def test_the_other_desk_lets_a_reader_go_first_and_the_trail_tells_it(desk: Box) -> None:
    refused = await pair(desk, token=desk.other_token)
    assert (refused.status_code, refused.json()["code"]) == (403, "reader-of-another")
    assert (await pair(desk, paired=False)).json()["paired"] is None
    assert (await pair(desk, token=desk.other_token)).json()["paired"] == "here"
    assert (await pair(desk, token=desk.operator_token, paired=False)).json()["paired"] is None
    trail = [(one.act, one.actor) for one in await desk.store.audit_after(0, 20) if one.act.startswith("reader.")]
    assert [act for act, _ in trail] == ["reader.paired", "reader.unpaired", "reader.paired", "reader.unpaired"]
    assert trail[0][1] == f"workstation:{desk.workstation.id}"


async def test_the_operator_sees_every_card_and_signs_with_none_of_another_desk(desk: Box, devices: DevicesInMemory) -> None:
    insertion = devices.insert(0, CpsInMemory())
    assert (await card_of(desk, token=desk.operator_token))["insertion_id"] == insertion
    refused = await sign(desk, insertion, token=desk.operator_token)
    assert (refused.status_code, refused.json()["code"]) == (403, "reader-of-another")


async def test_a_revoked_workstation_leaves_its_reader_to_others(desk: Box) -> None:
    await desk.store.commit(msgspec.structs.replace(desk.workstation, revoked=True))
    assert (await pair(desk, token=desk.other_token)).json()["paired"] == "here"


# What a card says


async def test_the_card_and_its_holder_without_a_pin(desk: Box, devices: DevicesInMemory) -> None:
    assert (await card_of(desk))["kind"] == "none"
    card = CpsInMemory()
    insertion = devices.insert(0, card)
    seen = await card_of(desk)
    assert (seen["kind"], seen["test"], seen["tries_left"], seen["trouble"]) == ("cpx", True, 3, None)
    holder = (await ask(desk, "GET", f"/readers/{MINE}/card/holder?insertion_id={insertion}")).json()
    wanted = {
        "id": AUTHOR,
        "family": "MOREL",
        "given": "CAMILLE",
        "profession": "10",
        "specialty": "SM26",
        "card_type": "CPS",
        "test": True,
    }
    assert {name: holder[name] for name in wanted} == wanted
    only = (await ask(desk, "GET", f"/readers/{MINE}/card/certificates?insertion_id={insertion}&use=sign")).json()
    assert [one["use"] for one in only] == ["sign"]
    both = (await ask(desk, "GET", f"/readers/{MINE}/card/certificates?insertion_id={insertion}")).json()
    assert {one["use"] for one in both} == {"auth", "sign"}
    assert card.looks == 2  # once for the facts, once for the objects, however often it is asked
    assert card.verifies == []


async def test_every_call_about_a_card_names_its_insertion(desk: Box, devices: DevicesInMemory) -> None:
    devices.insert(0, CpsInMemory())
    for path in ("holder", "certificates", "vitale"):
        refused = await ask(desk, "GET", f"/readers/{MINE}/card/{path}")
        assert (refused.status_code, refused.json()["field"]) == (400, "insertion_id")
        refused = await ask(desk, "GET", f"/readers/{MINE}/card/{path}?insertion_id={NOT_THERE}")
        assert (refused.status_code, refused.json()["code"]) == (409, "card-replaced")
    refused = await sign(desk, NOT_THERE)
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (409, "card-replaced", "insertion_id")
    answer = await ask(desk, "POST", f"/readers/{MINE}/card/sign", json={"items": [{"data": DATA}], "pin": "1234"})
    assert (answer.status_code, answer.json()["field"]) == (422, "insertion_id")


async def test_the_card_of_another_doctor_put_in_meanwhile_signs_nothing(desk: Box, devices: DevicesInMemory) -> None:
    chosen = devices.insert(0, CpsInMemory())
    other = CpsInMemory(Person(id="899700366299", family="AUTRE"), serial=b"0002")
    devices.insert(0, other)
    refused = await sign(desk, chosen)
    assert (refused.status_code, refused.json()["code"]) == (409, "card-replaced")
    devices.pull(0)
    assert (await sign(desk, chosen)).json()["code"] == "card-absent"
    assert other.verifies == []


# Signing and the PIN


async def test_one_pin_signs_several_things_and_the_card_is_locked_after(desk: Box, devices: DevicesInMemory) -> None:
    card = CpsInMemory()
    insertion = devices.insert(0, card)
    done = await sign(desk, insertion, items=[{"data": DATA}] * 3, headers=AS_DOCTOR)
    assert done.status_code == 200, done.text
    assert len(done.json()["signatures"]) == 3
    verify(done.json())
    assert (len(card.verifies), card.signatures, card.verified) == (1, 3, False)
    [line] = [one for one in await desk.store.audit_after(0, 20) if one.act == "card.signed"]
    assert (line.actor, line.answer, line.detail["count"]) == (f"professional:{AUTHOR}", "done", 3)


async def test_a_digest_goes_to_the_key_that_takes_one(desk: Box, devices: DevicesInMemory) -> None:
    insertion = devices.insert(0, CpsInMemory())
    digest = hashes.Hash(hashes.SHA256())
    digest.update(b"to be signed")
    ready = [{"digest": base64.b64encode(digest.finalize()).decode()}]
    done = await sign(desk, insertion, key="auth", items=ready)
    verify(done.json())
    refused = await sign(desk, insertion, items=ready)
    assert (refused.status_code, refused.json()["code"]) == (422, "card-key-unfit")
    refused = await sign(desk, insertion, items=[{}])
    assert (refused.status_code, refused.json()["field"]) == (422, "items[0]")


async def test_a_wrong_pin_tells_the_tries_left_and_is_never_presented_again(desk: Box, devices: DevicesInMemory) -> None:
    card = CpsInMemory()
    insertion = devices.insert(0, card)
    first, second = await sign(desk, insertion, pin="0000"), await sign(desk, insertion, pin="0000")
    assert (first.status_code, first.json()["code"], first.json()["tries_left"]) == (403, "pin-wrong", 2)
    assert (second.status_code, second.json()["code"], second.json()["tries_left"]) == (403, "pin-already-refused", 2)
    assert "Essais restants : 2." in second.json()["detail"]
    assert len(card.verifies) == 1
    assert (await card_of(desk))["tries_left"] == 2
    answers = [one.answer for one in await desk.store.audit_after(0, 20) if one.act == "card.signed"]
    assert answers == ["pin-wrong", "pin-already-refused"]


async def test_the_last_try_is_a_persons_to_spend_and_a_blocked_card_is_left_alone(desk: Box, devices: DevicesInMemory) -> None:
    card = CpsInMemory()
    card.tries = 1
    insertion = devices.insert(0, card)
    assert (await card_of(desk))["trouble"]["code"] == "last-try"
    refused = await sign(desk, insertion)
    assert (refused.status_code, refused.json()["code"], refused.json()["tries_left"]) == (423, "last-try", 1)
    assert card.verifies == []
    blocked = await sign(desk, insertion, pin="9999", accept_last_try=True)
    assert (blocked.status_code, blocked.json()["code"], blocked.json()["tries_left"]) == (423, "card-blocked", 0)
    again = await sign(desk, insertion, accept_last_try=True)
    assert (again.status_code, again.json()["code"]) == (423, "card-blocked")
    assert len(card.verifies) == 1
    assert (await card_of(desk))["trouble"]["code"] == "card-blocked"


async def test_without_a_pin_the_answer_says_how_to_give_one(desk: Box, devices: DevicesInMemory) -> None:
    insertion = devices.insert(0, CpsInMemory())
    refused = await sign(desk, insertion, pin=None)
    assert (refused.status_code, refused.json()["code"], refused.headers["WWW-Authenticate"]) == (401, "pin-required", "CpsPin")
    path = f"/readers/{MINE}/card/situations"
    refused = await ask(desk, "POST", path, json={"insertion_id": insertion, "pin": None})
    assert (refused.status_code, refused.json()["code"]) == (401, "pin-required")


@pytest.mark.parametrize("pin", ["12", "1234567890123", "12 34", 1234, ["1234"], "12\\u0034"])
async def test_what_is_no_pin_is_refused_without_touching_the_card(desk: Box, devices: DevicesInMemory, pin: object) -> None:
    card = CpsInMemory()
    insertion = devices.insert(0, card)
    refused = await sign(desk, insertion, pin=pin)  # type: ignore[arg-type]
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (422, "pin-malformed", "pin")
    assert card.verifies == []


async def test_an_answer_that_was_lost_is_never_asked_for_again(desk: Box, devices: DevicesInMemory) -> None:
    card = CpsInMemory()
    card.lose_answer = True
    insertion = devices.insert(0, card)
    refused = await sign(desk, insertion)
    assert (refused.status_code, refused.json()["code"]) == (409, "card-outcome-unknown")
    assert "Retry-After" not in refused.headers
    assert len(card.verifies) == 1


async def test_a_card_held_by_somebody_is_told_busy_and_when_to_come_back(desk: Box, devices: DevicesInMemory) -> None:
    card = CpsInMemory()
    insertion = devices.insert(0, card)
    devices.slow = asyncio.Event()
    first = asyncio.create_task(sign(desk, insertion))
    await devices.held.wait()
    second = await sign(desk, insertion)
    assert (second.status_code, second.json()["code"]) == (503, "reader-busy")
    assert 1 <= int(second.headers["Retry-After"]) <= 60
    devices.slow.set()
    assert (await first).status_code == 200
    assert len(card.verifies) == 1


async def test_a_card_pulled_in_mid_signature_signs_nothing(desk: Box, devices: DevicesInMemory) -> None:
    insertion = devices.insert(0, CpsInMemory())
    await card_of(desk)
    devices.slow = asyncio.Event()
    signing = asyncio.create_task(sign(desk, insertion))
    await devices.held.wait()
    devices.pull(0)
    devices.slow.set()
    assert (await signing).json()["code"] in ("card-absent", "card-outcome-unknown")


async def test_the_professional_named_and_the_holder_are_one_person(desk: Box, devices: DevicesInMemory) -> None:
    card = CpsInMemory(Person(id="899700366299"))
    insertion = devices.insert(0, card)
    refused = await sign(desk, insertion, headers=AS_DOCTOR)
    assert (refused.status_code, refused.json()["code"]) == (409, "card-of-another-person")
    assert card.verifies == []
    assert (await sign(desk, insertion)).status_code == 200


async def test_situations_are_read_with_the_pin(desk: Box, devices: DevicesInMemory) -> None:
    card = CpsInMemory()
    insertion = devices.insert(0, card)
    path = f"/readers/{MINE}/card/situations"
    found = (await ask(desk, "POST", path, json={"insertion_id": insertion, "pin": "1234"})).json()
    [one] = found["situations"]
    assert (one["structure_name"], one["structure_id"], one["sector"]) == ("CABINET", "10B0152872", "SA07")
    assert not card.verified


# Test and production


async def open_production(home: Path, devices: DevicesInMemory) -> Box:
    whole = msgspec.structs.replace(configuration_of(), environment="production")
    return await open_box(home, configuration=whole, devices=devices.call)


@pytest.mark.parametrize("person", [Person(), Person(category=0x83)])
async def test_a_test_card_is_shown_and_signs_nothing_in_production(tmp_path: Path, devices: DevicesInMemory, person: Person) -> None:
    card = CpsInMemory(person, issuer=TEST_ISSUER if person.category is None else REAL_ISSUER)
    box = await open_production(tmp_path, devices)
    async with carding(box.devices, devices):
        await pair(box)
        insertion = devices.insert(0, card)
        assert (await card_of(box))["test"] is True
        refused = await sign(box, insertion)
        assert (refused.status_code, refused.json()["code"]) == (409, "test-card-in-production")
        real = devices.insert(0, CpsInMemory(issuer=REAL_ISSUER))
        assert (await sign(box, real)).json()["test"] is False
    assert card.verifies == []


async def test_a_real_card_signs_nothing_on_a_test_box(desk: Box, devices: DevicesInMemory) -> None:
    card = CpsInMemory(issuer=REAL_ISSUER)
    refused = await sign(desk, devices.insert(0, card))
    assert (refused.status_code, refused.json()["code"]) == (409, "real-card-in-test")
    assert card.verifies == []


# Vitale and what is missing


async def test_the_free_data_of_a_vitale(desk: Box, devices: DevicesInMemory) -> None:
    insertion = devices.insert(0, Other(kind=CardKind.VITALE))
    found = (await ask(desk, "GET", f"/readers/{MINE}/card/vitale?insertion_id={insertion}")).json()
    first, second = found["beneficiaries"]
    assert (first["family"], first["given"], second["birth_date"]) == ("EXEMPLE", "ANNE", "20111332")
    refused = await ask(desk, "POST", f"/readers/{MINE}/card/vitale/read", json={"insertion_id": insertion})
    assert (refused.status_code, refused.json()["code"]) == (501, "licence-missing")
    devices.plug_in = b'{"droits": ["x"]}'
    read = await ask(desk, "POST", f"/readers/{MINE}/card/vitale/read", json={"insertion_id": insertion})
    assert read.json() == {"document": {"droits": ["x"]}}
    trail = repr(await desk.store.audit_after(0, 20))
    assert "vitale.read" in trail
    assert "EXEMPLE" not in trail
    refused = await sign(desk, insertion)
    assert (refused.status_code, refused.json()["code"]) == (409, "not-a-cpx")


async def test_a_doctors_card_is_no_vitale(desk: Box, devices: DevicesInMemory) -> None:
    insertion = devices.insert(0, CpsInMemory())
    refused = await ask(desk, "GET", f"/readers/{MINE}/card/vitale?insertion_id={insertion}")
    assert (refused.status_code, refused.json()["code"]) == (409, "not-a-vitale")


async def test_a_mute_card_says_what_to_do(desk: Box, devices: DevicesInMemory) -> None:
    insertion = devices.insert(0, Other(kind=CardKind.MUTE))
    assert (await card_of(desk))["trouble"]["code"] == "card-mute"
    assert (await sign(desk, insertion)).json()["code"] == "card-mute"


async def test_without_a_library_cards_are_seen_and_not_used(tmp_path: Path) -> None:
    devices = DevicesInMemory(module=None)
    box = await open_box(tmp_path, devices=devices.call)
    async with carding(box.devices, devices):
        await pair(box)
        insertion = devices.insert(0, CpsInMemory())
        assert (await card_of(box))["trouble"]["code"] == "token-library-missing"
        refused = await sign(box, insertion)
        assert (refused.status_code, refused.json()["code"]) == (501, "token-library-missing")


async def test_a_box_without_devices_and_a_process_that_is_away(box: Box, desk: Box, devices: DevicesInMemory) -> None:
    off = await ask(box, "GET", "/readers")
    assert (off.status_code, off.json()["code"]) == (501, "devices-off")
    assert (await ask(box, "GET", "/status")).json()["devices"] is None
    devices.leave()
    await devices.heard()
    away = await ask(desk, "GET", "/readers")
    assert (away.status_code, away.json()["code"]) == (503, "devices-silent")
    status = (await ask(desk, "GET", "/status")).json()
    assert (status["devices"]["answering"], status["devices"]["trouble"]["code"]) == (False, "devices-silent")
    assert status["accepting"] is True
    devices.come_back()
    await devices.heard()
    assert (await ask(desk, "GET", "/status")).json()["devices"]["readers"] == 2


async def test_an_unknown_reader_is_404(desk: Box) -> None:
    async with desk.client() as client:
        answer = await client.get("/api/v1/readers/reader-00000000/card")
        assert (answer.status_code, answer.json()["code"]) == (404, "reader-unknown")
        body = {"insertion_id": NOT_THERE, "pin": "1234", "items": [{"data": DATA}]}
        answer = await client.post("/api/v1/readers/DUPONT-MARIE/card/sign", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "reader-unknown")
    assert "DUPONT" not in repr(await desk.store.audit_after(0, 20))


async def test_no_pin_stays_anywhere(desk: Box, devices: DevicesInMemory, caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    pin = "86420975"
    card = CpsInMemory()
    card.pin = pin.encode()
    insertion = devices.insert(0, card)
    answers = [
        await sign(desk, insertion, pin=pin),
        await sign(desk, insertion, pin=pin[::-1]),
        await sign(desk, insertion, pin=pin + "…"),
        await sign(desk, insertion, pin=pin, unknown=pin),
        await sign(desk, insertion, pin=pin, key=pin),
        await sign(desk, NOT_THERE, pin=pin),
    ]
    assert [one.status_code for one in answers] == [200, 403, 422, 422, 422, 409]
    out, err = capfd.readouterr()
    kept = [one.text for one in answers] + [caplog.text, out, err, repr(await desk.store.audit_after(0, 50))]
    kept += [path.read_bytes().decode("latin-1") for path in desk.home.rglob("*") if path.is_file()]
    assert not [one for one in kept if pin in one or pin[::-1] in one]


# Events


async def told(box: Box, token: str, count: int, last: str | None = None) -> list[tuple[str, Any]]:
    """The first events of a stream; in process, so read from the flow."""
    caller = await box.relay.gate.recognise(token, None)
    found: list[tuple[str, Any]] = []
    events = box.relay.card_lines.follow(caller, int(last) if last else None)
    async for one in events:
        if one is not None:
            found.append((one.kind, one.data))
        if len(found) == count:
            break
    await events.aclose()
    return found


async def test_events_tell_a_workstation_of_its_own_card_alone(desk: Box, devices: DevicesInMemory) -> None:
    insertion = devices.insert(0, CpsInMemory())
    devices.insert(1, CpsInMemory(Person(id="899700366299"), serial=b"2"))
    await devices.heard()
    mine = await told(desk, desk.token, 2)
    assert [kind for kind, _ in mine] == ["service_up", "card_in"]
    [card] = [data for kind, data in mine if kind == "card_in"]
    assert (card.reader, card.insertion_id) == (MINE, insertion)
    everything = await told(desk, desk.operator_token, 3)
    assert sum(kind == "card_in" for kind, _ in everything) == 2
    assert "MOREL" not in repr([msgspec.json.encode(data) for _, data in mine])


async def test_the_stream_over_http_honours_last_event_id(here: Any, devices: DevicesInMemory) -> None:
    served_box = here.box
    async with carding(served_box.devices, devices), here.client(served_box.operator_token) as client:
        insertion = devices.insert(0, CpsInMemory())
        await devices.heard()
        async with client.stream("GET", "/api/v1/card-events") as stream:
            lines = stream.aiter_lines()
            seen = [line async for line in _until(lines, insertion)]
        last = next(line for line in seen if line.startswith("id: ")).removeprefix("id: ")
        devices.pull(0)
        await devices.heard()
        async with client.stream("GET", "/api/v1/card-events", headers={"Last-Event-ID": last}) as stream:
            seen = [line async for line in _until(stream.aiter_lines(), "card_out")]
        assert not any(line == f"id: {last}" for line in seen)
        bad = await client.get("/api/v1/card-events", headers={"Last-Event-ID": "x"})
        assert (bad.status_code, bad.json()["field"]) == (400, "Last-Event-ID")


async def _until(lines: AsyncIterator[str], word: str) -> AsyncIterator[str]:
    async with asyncio.timeout(20):
        async for line in lines:
            yield line
            if word in line and line.startswith("data: "):
                return


async def test_nobody_without_a_token(desk: Box) -> None:
    async with desk.client(None) as client:
        for path in ("/readers", "/card-events", f"/readers/{MINE}/card"):
            assert (await client.get(f"/api/v1{path}")).status_code == 401
