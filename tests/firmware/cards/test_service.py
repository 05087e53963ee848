"""Readers and cards as one, over a scripted PC/SC: whose data a caller gets, and what is reset."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from firmware.cards.plug_in import PlugInSettings
from firmware.cards.readers import Change
from firmware.cards.service import CardService, CardSettings
from firmware.errors import CardAbsent, CardChanged, ReaderBusy, ReaderUnknown
from firmware.protocol import Card, CardKind, NoticeType, ReadFreeData, ReadVitale
from tests.firmware.cards.scripted_pcsc import World
from tests.rig.cards.virtual import CPS3_ATR, CPS4_ATR, VITALE2_ATR
from tests.rig.cards.vitale import VitaleCard

READER = "Reader A (1234) 00 00"


class Scene:
    """A service at work, and what it told."""

    def __init__(self, plug_in: PlugInSettings | None = None) -> None:
        self.world = World()
        self.told: asyncio.Queue[Change] = asyncio.Queue()
        self.defects = 0
        self.gone, self.came = threading.Event(), threading.Event()
        """Set when a card is told gone, or come: for a thread that waits until the service knows."""
        self.service = CardService(CardSettings(vitale_plug_in=plug_in), self._tell, self.world.open)

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
        return await self.put(READER, atr)

    async def put(self, name: str, atr: bytes) -> tuple[str, Card]:
        """A card into a reader of that name, plugged in if need be."""
        self.world.set(name, atr)
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


WAITING = """#!/bin/sh
read question
touch "$0.asked"
while [ ! -e "$0.go" ]; do sleep 0.01; done
printf '%s' "$question"
"""
"""A licensed part that says back what it was asked, once it is let go."""


class Licensed:
    """The part, and its hold over the readers."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "plug-in"
        self.program.write_text(WAITING)
        self.program.chmod(0o700)
        self.settings = PlugInSettings(command=(str(self.program),))

    async def asked(self) -> None:
        async with asyncio.timeout(20):
            while not self.program.with_name("plug-in.asked").exists():  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.01)

    def let_go(self) -> None:
        self.program.with_name("plug-in.go").touch()


@pytest.fixture
async def licensed(tmp_path: Path) -> AsyncIterator[tuple[Scene, Licensed]]:
    part = Licensed(tmp_path)
    scene = Scene(part.settings)
    scene.world.set(READER, None)
    await scene.service.start()
    await scene.next(NoticeType.READER_IN)
    yield scene, part
    part.let_go()
    await scene.service.stop()


def asked_of(document: bytes) -> list[str]:
    found: list[str] = json.loads(document)["cpx_readers"]
    return found


async def test_while_the_licensed_part_reads_nobody_else_touches_its_readers(licensed: tuple[Scene, Licensed]) -> None:
    scene, part = licensed
    reader, card = await scene.insert(VITALE2_ATR, VitaleCard())
    cpx, _ = await scene.put("Reader B (5678) 01 00", CPS4_ATR)
    turns = scene.service.batches.turns
    reading = asyncio.create_task(scene.service.read_vitale(ReadVitale(reader=reader, insertion_id=card.insertion_id)))
    await part.asked()
    for held in (reader, cpx):
        with pytest.raises(ReaderBusy):
            async with turns.of(held, waits=False):
                pass
    free = asyncio.create_task(scene.service.read_free(ReadFreeData(reader=reader, insertion_id=card.insertion_id)))
    part.let_go()
    assert asked_of((await reading).document) == ["Reader B (5678) 01 00"]
    assert (await free).objects, "it waited for its turn"


async def test_a_card_that_somebody_uses_is_not_given_to_the_licensed_part(licensed: tuple[Scene, Licensed]) -> None:
    scene, part = licensed
    part.let_go()
    reader, card = await scene.insert(VITALE2_ATR, VitaleCard())
    used, _ = await scene.put("Reader B (5678) 01 00", CPS4_ATR)
    request = ReadVitale(reader=reader, insertion_id=card.insertion_id)
    turns = scene.service.batches.turns
    async with turns.of(used):
        with pytest.raises(ReaderBusy):
            await scene.service.read_vitale(request)
        await scene.put("Reader C (9999) 02 00", CPS3_ATR)
        assert asked_of((await scene.service.read_vitale(request)).document) == ["Reader C (9999) 02 00"]
    assert len(asked_of((await scene.service.read_vitale(request)).document)) == 2


async def test_a_reader_in_use_is_waited_for_by_the_licensed_part(licensed: tuple[Scene, Licensed]) -> None:
    scene, part = licensed
    part.let_go()
    reader, card = await scene.insert(VITALE2_ATR, VitaleCard())
    async with scene.service.batches.turns.of(reader):
        reading = asyncio.create_task(scene.service.read_vitale(ReadVitale(reader=reader, insertion_id=card.insertion_id)))
        await eventually_waiting(lambda: scene.service.batches.turns._waiting[reader] == 1)
        assert not reading.done()
    assert asked_of((await reading).document) == []


async def eventually_waiting(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - the queue has no event of its own
            await asyncio.sleep(0.005)
