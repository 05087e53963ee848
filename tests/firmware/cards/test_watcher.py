"""The watcher against a scripted PC/SC: everything told once, whole and in order; nothing ends it but stop()."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from firmware.cards.pcsc import EMPTY, MUTE, PRESENT, Context, Features, Seen
from firmware.cards.watcher import CardIn, CardMuteIn, CardOut, Event, ReaderIn, ReaderOut, ServiceLost, ServiceUp, Watcher, changes
from firmware.errors import CardsUnavailable
from tests.firmware.cards.scripted_pcsc import ScriptedContext, World
from tests.rig.cards.virtual import CPS3_ATR, CPS4_ATR

READER, OTHER = "Reader A 00 00", "Reader B 01 00"


class Watched:
    """A watcher at work, and what it told."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._told: asyncio.Queue[Event] = asyncio.Queue()
        self.watcher = Watcher(asyncio.get_running_loop(), self._told.put_nowait, world.open)

    async def next(self, count: int) -> list[Event]:
        return [await asyncio.wait_for(self._told.get(), 20) for _ in range(count)]


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    world = World()
    world.set(READER, None)
    one = Watched(world)
    one.watcher.start()
    assert await one.next(2) == [ServiceUp(), ReaderIn(READER, Features())]
    yield one
    await asyncio.to_thread(one.watcher.stop)


async def test_a_card_comes_and_goes(watched: Watched) -> None:
    watched.world.set(READER, CPS3_ATR)
    assert await watched.next(1) == [CardIn(READER, CPS3_ATR)]
    watched.world.set(READER, None)
    assert await watched.next(1) == [CardOut(READER)]


async def test_a_swap_between_two_looks_is_told_as_out_and_in(watched: Watched) -> None:
    watched.world.set(READER, CPS3_ATR)
    await watched.next(1)
    watched.world.set(READER, CPS3_ATR, steps=2)
    assert await watched.next(2) == [CardOut(READER), CardIn(READER, CPS3_ATR)]


async def test_a_mute_card_is_told_as_such_and_can_be_pushed_in(watched: Watched) -> None:
    watched.world.set(READER, b"", mute=True)
    assert await watched.next(1) == [CardMuteIn(READER)]
    watched.world.set(READER, CPS4_ATR, steps=0)
    assert await watched.next(2) == [CardOut(READER), CardIn(READER, CPS4_ATR)]


async def test_a_reader_pulled_with_its_card_takes_the_card_out_first(watched: Watched) -> None:
    watched.world.set(OTHER, CPS3_ATR)
    assert await watched.next(2) == [ReaderIn(OTHER, Features()), CardIn(OTHER, CPS3_ATR)]
    watched.world.unplug(OTHER)
    assert await watched.next(2) == [CardOut(OTHER), ReaderOut(OTHER)]


async def test_the_service_may_go_and_come_back_with_everything(watched: Watched) -> None:
    watched.world.set(READER, CPS3_ATR)
    await watched.next(1)
    watched.world.down()
    assert await watched.next(3) == [CardOut(READER), ReaderOut(READER), ServiceLost()]
    watched.world.up = True
    assert await watched.next(3) == [ServiceUp(), ReaderIn(READER, Features()), CardIn(READER, CPS3_ATR)]


async def test_a_defect_in_the_binding_is_survived(watched: Watched) -> None:
    def broken() -> None:
        watched.world.on_wait = lambda: None
        raise KeyError("defect")

    watched.world.on_wait = broken
    watched.world.set(READER, CPS3_ATR)
    told = await watched.next(1)
    while told[-1] != CardIn(READER, CPS3_ATR) or told.count(ServiceUp()) < 1:
        told += await watched.next(1)
    assert [type(one) for one in told].count(ServiceLost) == 1
    assert watched.world.opened == watched.world.released + 1


async def test_a_box_without_pcsc_says_so_once_and_the_thread_ends() -> None:
    told: asyncio.Queue[Event] = asyncio.Queue()

    def unavailable() -> Context:
        raise CardsUnavailable("ModuleNotFoundError")

    watcher = Watcher(asyncio.get_running_loop(), told.put_nowait, unavailable)
    watcher.start()
    assert await asyncio.wait_for(told.get(), 20) == ServiceLost(hopeless=True)
    await asyncio.to_thread(watcher.stop)
    assert told.empty()


async def test_stop_wakes_a_watcher_that_waits_and_releases_its_context() -> None:
    world = World()
    one = Watched(world)
    one.watcher.start()
    await one.next(1)
    await asyncio.to_thread(one.watcher.stop)
    assert world.opened == world.released == 1


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(Seen(reader=READER, state=2 << 16 | PRESENT, atr=CPS3_ATR), id="the counter moved"),
        pytest.param(Seen(reader=READER, state=PRESENT, atr=CPS4_ATR), id="another answer to reset"),
        pytest.param(Seen(reader=READER, state=PRESENT | MUTE, atr=CPS3_ATR), id="it fell silent"),
    ],
)
def test_each_sign_of_another_card_counts_alone(after: Seen) -> None:
    before = Seen(reader=READER, state=PRESENT, atr=CPS3_ATR)
    assert [type(one) for one in changes(before, after)] in ([CardOut, CardIn], [CardOut, CardMuteIn])
    assert changes(before, before) == []


STATES = st.builds(
    lambda counter, kind, atr: Seen(
        reader=READER,
        state=counter << 16 | {"empty": EMPTY, "card": PRESENT, "mute": PRESENT | MUTE}[kind],
        atr=atr if kind == "card" else b"",
    ),
    st.integers(0, 3).map(lambda step: (0xFFFE + step) & 0xFFFF),
    st.sampled_from(["empty", "card", "mute"]),
    st.sampled_from([CPS3_ATR, CPS4_ATR]),
)


@given(st.lists(STATES, max_size=12))
def test_whatever_is_seen_a_card_is_in_exactly_between_its_in_and_its_out(looks: list[Seen]) -> None:
    before, inside = Seen(reader=READER, state=0), False
    for now in looks:
        for event in changes(before, now):
            assert isinstance(event, CardOut) is inside
            inside = not inside
        assert inside is now.present
        if before.present and now.present and before.changes != now.changes:
            assert len(changes(before, now)) == 2
        before = now


async def test_a_watcher_that_hangs_in_a_frozen_service_does_not_hold_the_process() -> None:
    frozen = threading.Event()

    def open_frozen() -> Context:
        frozen.wait(60)
        raise CardsUnavailable("never in time")

    before = set(threading.enumerate())
    watcher = Watcher(asyncio.get_running_loop(), lambda _: None, open_frozen)
    watcher.start()
    [hanging] = [one for one in set(threading.enumerate()) - before if one.name == "card-watcher"]
    await asyncio.to_thread(watcher.stop)
    assert hanging.is_alive(), "left where it hangs, not waited for"
    assert hanging.daemon, "the process ends without it"
    frozen.set()
    await asyncio.to_thread(hanging.join, 10)
    assert not hanging.is_alive()


class Restless(ScriptedContext):
    """Like pcscd that counts a reader which its client does not list (PCSCLITE_FILTER_IGNORE_READER_NAMES): every look ends at once."""

    @override
    def wait(self, known: Sequence[Seen], seconds: float) -> list[Seen] | None:
        self._world.on_wait()
        return list(known)


async def test_a_service_that_always_wakes_it_for_nothing_does_not_keep_it_busy() -> None:
    world, looks = World(), 0
    world.set(READER, None)

    def look() -> None:
        nonlocal looks
        looks += 1

    world.on_wait = look
    watcher = Watcher(asyncio.get_running_loop(), lambda _: None, lambda: Restless(world))
    watcher.start()
    async with asyncio.timeout(20):
        while looks < 2:  # noqa: ASYNC110 - counted by another thread
            await asyncio.sleep(0.01)
    before = looks
    await asyncio.sleep(0.5)
    await asyncio.to_thread(watcher.stop)
    assert looks - before <= 20
