"""INSi asked with a professional's card, through the API and the page: whose PIN, for whom, how long, and what stays of it (nothing)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from gateway.flow.identities.identification import Insi
from gateway.ins.answer import Exchange
from gateway.ins.assertion import PsAssertion
from gateway.ins.client import Announce, Assertions
from gateway.ins.criteria import CardReading, Question
from gateway.model.patient import Ins
from tests.api.practice import AS_DOCTOR, AS_SECRETARY, ZOE, ask, audit, card, open_practice, put
from tests.api.rig import AUTHOR, Box
from tests.api.teleservice import Teleservice
from tests.flow.carding import READERS, CpsInMemory, DevicesInMemory, carding
from tests.rig.cards.people import Person
from tests.trust.judges import accepted, xmlsec_verify
from tests.web.visit import forms_of, signed_in, words_of

MINE, OTHER = READERS
TRAITS = {"birth_family_name": "ADRUN", "given_names": ["ZOE"], "sex": "F", "birth_date": "1975-12-31"}


class ByCard:
    """INSi's door of cards in memory: takes an assertion for each call, then answers as the teleservice does."""

    def __init__(self, service: Teleservice) -> None:
        self.service = service
        self.taken: list[PsAssertion] = []
        self.before_signing: Callable[[], None] = lambda: None

    def client(self, structure_id: str, card: Assertions, *, software: str | None = None) -> Insi:
        """As `remotes.Remotes.insi_by_card`."""
        return _Client(self, card, self.service.client(structure_id, user=True, software=software))


class _Client:
    def __init__(self, door: ByCard, card: Assertions, behind: Insi) -> None:
        self._door, self._card, self._behind = door, card, behind

    async def _signed(self) -> None:
        self._door.before_signing()
        self._door.taken.append(await self._card())

    async def by_traits(self, question: Question, *, announce: Announce | None = None) -> Exchange:
        await self._signed()
        return await self._behind.by_traits(question, announce=announce)

    async def by_card(self, reading: CardReading, *, announce: Announce | None = None) -> Exchange:
        await self._signed()
        return await self._behind.by_card(reading, announce=announce)

    async def verify(self, ins: Ins, question: Question, *, announce: Announce | None = None) -> Exchange:
        await self._signed()
        return await self._behind.verify(ins, question, announce=announce)


@pytest.fixture
def devices() -> DevicesInMemory:
    return DevicesInMemory()


@pytest.fixture
def door() -> ByCard:
    return ByCard(Teleservice())


async def opened(
    home: Path, devices: DevicesInMemory, door: ByCard, *, keep: float = 0.0, billing: str | None = "291234567", **more: Any
) -> Box:
    """A practice whose doctor may call INSi by card, its first workstation paired with the first reader."""
    settings: dict[str, Any] = {"card_url": "https://insi.test/cps", "card_assertion_seconds": keep, **more}
    box = await open_practice(home, door.service, devices=devices.call, by_card=door.client, **settings)
    for structure in box.configuration.structures:
        for one in structure.professionals:
            msgspec.structs.force_setattr(one, "billing_id", billing)
            msgspec.structs.force_setattr(one, "billing_specialty", "01")
    answer = await ask(box, "POST", f"/readers/{MINE}/pairing", {"paired": True}, route="/readers/{reader_id}/pairing")
    assert answer.status_code == 200
    return box


@pytest.fixture
async def desk(tmp_path: Path, devices: DevicesInMemory, door: ByCard) -> AsyncIterator[Box]:
    box = await opened(tmp_path, devices, door)
    async with carding(box.devices, devices):
        yield box


async def search(
    box: Box, insertion: str, pin: str | None = "1234", *, reader: str = MINE, headers: Any = AS_DOCTOR, **more: Any
) -> httpx.Response:
    cps = {"reader": reader, "insertion_id": insertion, **({"pin": pin} if pin is not None else {})}
    return await ask(box, "POST", "/ins/search", {"traits": TRAITS, "cps": cps, **more}, headers=headers)


async def test_the_card_signs_the_call_and_xmlsec_believes_it(desk: Box, devices: DevicesInMemory, door: ByCard, tmp_path: Path) -> None:
    cps = CpsInMemory()
    found = await search(desk, devices.insert(0, cps))
    assert (found.status_code, found.json()["cr"]) == (200, "00")
    [assertion] = door.taken
    assert assertion.name_id == AUTHOR
    assert b"291234567" in assertion.xml
    name = "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"
    judged = xmlsec_verify(assertion.xml, tmp_path, id_attribute="ID", ids=[name])
    assert accepted(judged, 1), judged.stderr
    assert (len(cps.verifies), cps.signatures, cps.verified) == (1, 1, False)
    [line] = await audit(desk, "card.asserted")
    assert (line.actor, line.answer) == (f"professional:{AUTHOR}", "done")


async def test_each_search_asks_for_the_pin_unless_it_is_set_otherwise(desk: Box, devices: DevicesInMemory) -> None:
    cps = CpsInMemory()
    insertion = devices.insert(0, cps)
    assert (await search(desk, insertion)).status_code == 200
    refused = await search(desk, insertion, None)
    assert (refused.status_code, refused.json()["code"]) == (401, "pin-required")


async def test_a25_what_a_card_signed_is_destroyed_when_it_leaves(tmp_path: Path, devices: DevicesInMemory, door: ByCard) -> None:
    box = await opened(tmp_path, devices, door, keep=20.0)
    async with carding(box.devices, devices):
        cps = CpsInMemory()
        insertion = devices.insert(0, cps)
        assert (await search(box, insertion)).status_code == 200
        assert (await search(box, insertion, None)).status_code == 200
        assert cps.signatures == 1
        assert (await search(box, insertion, None, headers={})).json()["code"] == "pin-required"  # another person: none of his
        devices.pull(0)
        await devices.heard()
        again = devices.insert(0, cps)
        await devices.heard()
        refused = await search(box, again, None)
        assert (refused.status_code, refused.json()["code"]) == (401, "pin-required")
        assert (await search(box, again)).status_code == 200
        assert cps.signatures == 2


async def test_a_card_pulled_while_it_signs_serves_no_call(desk: Box, devices: DevicesInMemory, door: ByCard) -> None:
    insertion = devices.insert(0, CpsInMemory())
    door.before_signing = lambda: devices.pull(0)
    refused = await search(desk, insertion)
    assert refused.status_code == 409
    assert door.taken == []
    assert door.service.calls == []


async def test_what_may_not_call_insi_is_refused_before_the_pin_is_spent(desk: Box, devices: DevicesInMemory) -> None:
    stranger = CpsInMemory(Person(id="899700999999"))
    refused = await search(desk, devices.insert(0, stranger), headers=AS_SECRETARY)
    assert (refused.status_code, refused.json()["code"]) == (409, "card-holder-unknown")
    mine = devices.insert(1, CpsInMemory())
    refused = await search(desk, mine, reader=OTHER)
    assert (refused.status_code, refused.json()["code"]) == (403, "reader-not-paired")
    assert stranger.verifies == []


async def test_a_doctor_without_a_billing_number_is_told(tmp_path: Path, devices: DevicesInMemory, door: ByCard) -> None:
    box = await opened(tmp_path, devices, door, billing=None)
    async with carding(box.devices, devices):
        cps = CpsInMemory()
        refused = await search(box, devices.insert(0, cps))
        assert (refused.status_code, refused.json()["code"]) == (503, "billing-id-missing")
        assert cps.verifies == []


async def test_a_search_by_card_is_never_handed_to_the_box(desk: Box, devices: DevicesInMemory, door: ByCard) -> None:
    from gateway.ins.errors import InsiUnreachable

    door.service.trouble = InsiUnreachable
    answer = await search(desk, devices.insert(0, CpsInMemory()), defer=True)
    assert answer.status_code == 503


async def test_a_wrong_pin_of_a_search_tells_the_tries_left(desk: Box, devices: DevicesInMemory) -> None:
    refused = await search(desk, devices.insert(0, CpsInMemory()), "0000")
    assert (refused.status_code, refused.json()["code"], refused.json()["tries_left"]) == (403, "pin-wrong", 2)
    [line] = await audit(desk, "card.asserted")
    assert line.answer == "pin-wrong"


async def test_a24_vitale_and_cps_together(desk: Box, devices: DevicesInMemory, door: ByCard) -> None:
    insertion = devices.insert(0, CpsInMemory())
    cps = {"reader": MINE, "insertion_id": insertion, "pin": "1234"}
    gone = {"reader": OTHER, "insertion_id": "0" * 32}
    refused = await ask(desk, "POST", "/ins/vitale", {**card(), "cps": cps, "inserted": gone}, headers=AS_DOCTOR)
    assert (refused.status_code, refused.json()["code"]) == (409, "card-changed")
    assert door.taken == []
    found = await ask(desk, "POST", "/ins/vitale", {**card(), "cps": cps}, headers=AS_DOCTOR)
    assert found.json()["cr"] == "00"
    assert len(door.taken) == 1


@pytest.mark.parametrize(("reconstructed", "operation"), [(False, "WS_INS2"), (True, "WS_INS3")])
async def test_a_verification_is_signed_by_the_card_too(
    tmp_path: Path, devices: DevicesInMemory, door: ByCard, reconstructed: bool, operation: str
) -> None:
    box = await opened(tmp_path, devices, door, verification=reconstructed)
    received = {"matricule": "275126322074974", "oid": "1.2.250.1.213.1.4.8"}
    async with carding(box.devices, devices):
        cps = CpsInMemory()
        cps_of = {"reader": MINE, "insertion_id": devices.insert(0, cps), "pin": "1234"}
        answer = await ask(box, "POST", "/ins/verify", {"ins": received, "traits": TRAITS, "cps": cps_of}, headers=AS_DOCTOR)
        assert (answer.status_code, answer.json()["verified"], answer.json()["reconstructed"]) == (200, True, reconstructed)
        assert ([one.name_id for one in door.taken], [one[0] for one in door.service.calls]) == ([AUTHOR], [operation])
        wrong = await ask(
            box, "POST", "/ins/verify", {"ins": received, "traits": TRAITS, "cps": {**cps_of, "pin": "0000"}}, headers=AS_DOCTOR
        )
        assert (wrong.status_code, wrong.json()["code"]) == (403, "pin-wrong")
    assert (len(door.taken), cps.signatures, cps.verified) == (1, 1, False)


async def test_a_box_without_readers_says_so(practice: Box) -> None:
    refused = await search(practice, "0" * 32)
    assert (refused.status_code, refused.json()["code"]) == (501, "devices-off")


# The page


async def test_the_page_offers_the_card_beside_it_and_forgets_the_pin(desk: Box, devices: DevicesInMemory, door: ByCard) -> None:
    await put(desk, "P-1", ZOE)
    cps, pin = CpsInMemory(), "86420975"
    cps.pin = pin.encode()
    async with signed_in(desk) as client:
        address = f"/identites/{desk.configuration.structures[0].id}/P-1"
        page = await client.get(address)
        assert "avec la carte de" not in words_of(page)
        devices.insert(0, cps)
        page = await client.get(address)
        assert "Interroger INSi avec la carte de CAMILLE MOREL" in words_of(page)
        [wanted] = [one for one in forms_of(page) if one.action.endswith("/rechercher-par-carte")]
        answer = await client.post(wanted.action, data={**wanted.fields, "code": pin, "vous": ""})
        page = await client.get(answer.headers["location"])
        assert "il faut dire qui vous êtes" in words_of(page)
        assert pin not in page.text
        answer = await client.post(wanted.action, data={**wanted.fields, "code": pin[::-1], "vous": AUTHOR})
        page = await client.get(answer.headers["location"])
        assert "La carte a refusé ce code. Essais restants : 2." in words_of(page)
        assert pin[::-1] not in page.text
        answer = await client.post(wanted.action, data={**wanted.fields, "code": pin, "vous": AUTHOR})
        page = await client.get(answer.headers["location"])
        assert "INSi a trouvé exactement cette identité" in words_of(page)
    assert len(door.taken) == 1
