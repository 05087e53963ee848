"""Readers and cards as one, over a scripted PC/SC: whose data a caller gets, and what is reset."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from firmware.cards.readers import Change
from firmware.cards.service import CardService, CardSettings
from firmware.errors import CardAbsent, CardChanged, ReaderUnknown
from firmware.protocol import Card, CardKind, NoticeType, ReadFreeData
from tests.firmware.cards.scripted_pcsc import World
from tests.rig.cards.virtual import CPS3_ATR, CPS4_ATR, VITALE2_ATR
from tests.rig.cards.vitale import VitaleCard

READER = "Reader A (1234) 00 00"


class Scene:
    """A service at work, and what it told."""

    def __init__(self) -> None:
        self.world = World()
        self.told: asyncio.Queue[Change] = asyncio.Queue()
        self.defects = 0
        self.gone, self.came = threading.Event(), threading.Event()
        """Set when a card is told gone, or come: for a thread that waits until the service knows."""
        self.service = CardService(CardSettings(), self._tell, self.world.open)

    def _tell(self, change: Change) -> None:
        if self.defects:
            self.defects -= 1
            raise ZeroDivisionError
        self.told.put_nowait(change)
        if change.type is NoticeType.CARD_OUT:
            self.gone.set()
        if change.type is NoticeType.CARD_IN:
            self.came.set()

    async def next(self, kind: NoticeType) -> Change:
        while True:
            change = await asyncio.wait_for(self.told.get(), 20)
            if change.type is kind:
                return change

    async def insert(self, atr: bytes, card: VitaleCard | None = None) -> tuple[str, Card]:
        if card is not None:
            self.world.cards[READER] = card
        self.world.set(READER, atr)
        change = await self.next(NoticeType.CARD_IN)
        assert change.reader is not None
        assert change.card is not None
        return change.reader, change.card


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    scene.world.set(READER, None)
    await scene.service.start()
    await scene.next(NoticeType.READER_IN)
    yield scene
    await scene.service.stop()


async def test_a_card_swapped_under_the_reading_gives_its_data_to_nobody(scene: Scene) -> None:
    """The exchange itself goes well to its end: only the insertion tells that it was another card."""
    vitale = VitaleCard()
    reader, card = await scene.insert(VITALE2_ATR, vitale)

    def swap(_: bytes) -> None:
        vitale.before = lambda _: None
        scene.came.clear()
        scene.world.set(READER, VITALE2_ATR, steps=2)
        assert scene.came.wait(20)

    vitale.before = swap
    with pytest.raises(CardChanged):
        await scene.service.read_free(ReadFreeData(reader=reader, insertion_id=card.insertion_id))


async def test_a_card_pulled_under_the_reading_gives_its_data_to_nobody(scene: Scene) -> None:
    vitale = VitaleCard()
    reader, card = await scene.insert(VITALE2_ATR, vitale)

    def pull(_: bytes) -> None:
        vitale.before = lambda _: None
        scene.gone.clear()
        scene.world.set(READER, None)
        assert scene.gone.wait(20)

    vitale.before = pull
    with pytest.raises(CardAbsent):
        await scene.service.read_free(ReadFreeData(reader=reader, insertion_id=card.insertion_id))


async def test_another_insertion_is_refused_before_the_card_is_touched(scene: Scene) -> None:
    vitale = VitaleCard()
    reader, _ = await scene.insert(VITALE2_ATR, vitale)
    with pytest.raises(CardChanged):
        await scene.service.read_free(ReadFreeData(reader=reader, insertion_id="00000000-0000-4000-8000-000000000000"))
    assert vitale.log == []


async def test_reading_leaves_the_card_as_it_is_and_a_reset_makes_it_forget(scene: Scene) -> None:
    reader, card = await scene.insert(VITALE2_ATR, VitaleCard())
    await scene.service.read_free(ReadFreeData(reader=reader, insertion_id=card.insertion_id))
    assert scene.world.resets == []
    await scene.service.reset(reader)
    assert scene.world.resets == [READER]
    with pytest.raises(ReaderUnknown):
        await scene.service.reset("reader-00000000")


async def test_the_module_is_told_the_name_that_pcsc_knows(scene: Scene) -> None:
    reader, card = await scene.insert(CPS3_ATR)
    found = scene.service.card_in(reader)
    assert (found.name, found.card, found.card.kind) == (READER, card, CardKind.CPX)


async def test_what_the_gateway_is_told_holds_no_serial_number(scene: Scene) -> None:
    (shown,) = scene.service.readers()
    assert shown.name == "Reader A"


async def test_a_defect_in_what_is_told_does_not_stop_what_follows(scene: Scene) -> None:
    scene.defects = 1
    scene.world.set(READER, CPS3_ATR)
    while scene.defects:  # noqa: ASYNC110 - it is counted down where an exception is raised
        await asyncio.sleep(0.005)
    scene.world.set(READER, None)
    assert (await scene.next(NoticeType.CARD_OUT)).reader is not None


@pytest.mark.parametrize(("other", "alike"), [(CPS4_ATR, True), (VITALE2_ATR, False), (None, False)], ids=["CPx", "Vitale", "empty"])
async def test_two_readers_that_a_module_cannot_tell_apart_are_said_so(scene: Scene, other: bytes | None, *, alike: bool) -> None:
    """PKCS#11 has 64 bytes for the name of a reader: of these two, the serial numbers differ after them."""
    model = "Some Maker uTrust 2700 R Smart Card Reader [CCID Interface] (53691719203157"
    first, second = f"{model}1) 00 00", f"{model}2) 01 00"
    scene.world.set(first, CPS3_ATR)
    reader = (await scene.next(NoticeType.CARD_IN)).reader
    assert reader is not None
    assert not scene.service.card_in(reader).alike
    scene.world.set(second, other)
    await scene.next(NoticeType.READER_IN if other is None else NoticeType.CARD_IN)
    assert scene.service.card_in(reader).alike is alike
