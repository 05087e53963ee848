"""The device process over a real pcscd and cards of our own: what a secretary does to a reader, and what happens to pcscd meanwhile.

Nothing is measured: every wait is for an event, however long it takes. The process is the same for all tests: none may end it.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from firmware.client import DeviceClient, Happening
from firmware.errors import (
    CardAbsent,
    CardChanged,
    CardMute,
    CardNotThere,
    DeviceError,
    LicenceMissing,
    NotAVitale,
    ReaderBusy,
    ReaderUnknown,
    ServiceDown,
    TokenLibraryMissing,
    VitaleUnreadable,
)
from firmware.protocol import (
    Card,
    CardFacts,
    CardKind,
    CardObject,
    CardObjects,
    Devices,
    Generation,
    InspectCard,
    ListDevices,
    Notice,
    NoticeType,
    PlugInResult,
    Reader,
    ReadFreeData,
    ReadVitale,
)
from tests.rig.cards import CardRig, CpsCard, MuteCard, VirtualCard
from tests.rig.cards.virtual import CPS3_CONTACTLESS_ATR, CPS4_ATR
from tests.rig.cards.vitale import VitaleCard
from tests.rig.processes import ROOT, environment

pytestmark = pytest.mark.xdist_group("cards")
VITALE1_ATR = bytes.fromhex("3F6525002C09699000")
READ_BINARY = 0xB0


class Box:
    """The rig and the process over it."""

    def __init__(self, rig: CardRig, path: Path, process: subprocess.Popen[bytes]) -> None:
        self.rig, self.path, self.process = rig, path, process

    def said(self) -> bytes:
        """All that the process wrote."""
        return self.path.with_name("log").read_bytes()


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    path = tmp_path_factory.mktemp("devices") / "s"
    with CardRig() as rig:
        command = [sys.executable, "-m", "firmware.devices", "--socket", str(path)]
        log = path.with_name("log")
        with log.open("wb") as errors, subprocess.Popen(command, cwd=ROOT, env=environment() | rig.environment, stderr=errors) as process:
            try:
                yield Box(rig, path, process)
            finally:
                process.terminate()


class Desk:
    """A client of the process and what it was told; knows the two readers by slot."""

    def __init__(self, box: Box, client: DeviceClient, events: AsyncIterator[Happening]) -> None:
        self.rig, self.client, self._events = box.rig, client, events
        self.told: list[Notice] = []
        self.readers: tuple[Reader, ...] = ()

    async def notice(self, *types: NoticeType, slot: int | None = None) -> Notice:
        """The next of one of these types, about that slot's reader."""
        while True:
            happening = await asyncio.wait_for(anext(self._events), 60)
            if isinstance(happening, Notice):
                self.told.append(happening)
                if happening.type in types and (slot is None or happening.device == self.readers[slot].id):
                    return happening

    async def insert(self, card: VirtualCard, slot: int = 0) -> Card:
        """Put it in; the card that the process tells of."""
        await asyncio.to_thread(self.rig.insert, slot, card)
        found = (await self.notice(NoticeType.CARD_IN, NoticeType.CARD_MUTE, slot=slot)).card
        assert found is not None
        return found

    async def remove(self, slot: int = 0) -> Notice:
        await asyncio.to_thread(self.rig.remove, slot)
        return await self.notice(NoticeType.CARD_OUT, slot=slot)

    async def read(self, card: Card, slot: int = 0) -> tuple[CardObject, ...]:
        request = ReadFreeData(reader=self.readers[slot].id, insertion_id=card.insertion_id)
        return (await self.client.call(request, CardObjects)).objects


async def settled(client: DeviceClient) -> tuple[Reader, ...]:
    """The two readers, once both are there and empty."""
    while True:
        with contextlib.suppress(DeviceError):
            readers = (await client.call(ListDevices(), Devices)).readers
            if len(readers) == 2 and all(one.card is None for one in readers):
                return readers
        await asyncio.sleep(0.05)


@pytest.fixture
async def desk(box: Box) -> AsyncIterator[Desk]:
    for slot in (0, 1):
        box.rig.remove(slot)
    client = DeviceClient(box.path)
    await client.start()
    try:
        async with asyncio.timeout(60):
            readers = await settled(client)
        async with client.happenings() as events:
            desk = Desk(box, client, events)
            desk.readers = readers
            yield desk
    finally:
        await client.stop()
    assert box.process.poll() is None, "the process ended"


@pytest.mark.parametrize(
    ("card", "kind", "generation"),
    [
        pytest.param(CpsCard(), CardKind.CPX, Generation.CPS3, id="CPS3"),
        pytest.param(CpsCard(CPS4_ATR), CardKind.CPX, Generation.CPS4, id="CPS4"),
        pytest.param(CpsCard(CPS3_CONTACTLESS_ATR), CardKind.CPX, Generation.CPS3_CONTACTLESS, id="CPS3 contactless"),
        pytest.param(VitaleCard(), CardKind.VITALE, None, id="Vitale 2"),
        pytest.param(VitaleCard(VITALE1_ATR), CardKind.VITALE, None, id="Vitale 1"),
        pytest.param(VirtualCard(bytes.fromhex("3B02145011")), CardKind.UNKNOWN, None, id="another"),
    ],
)
async def test_a_card_is_told_when_it_comes_and_when_it_goes(
    desk: Desk, card: VirtualCard, kind: CardKind, generation: Generation | None
) -> None:
    first = await desk.insert(card)
    assert (first.kind, first.generation) == (kind, generation)
    assert (await desk.remove()).card == first
    second = await desk.insert(card)
    assert second.insertion_id != first.insertion_id
    assert card.log == []  # only looked at


async def test_a_mute_card_is_told_and_cannot_be_read(desk: Desk) -> None:
    card = await desk.insert(MuteCard())
    assert [one.type for one in desk.told] == [NoticeType.CARD_MUTE]
    with pytest.raises(CardMute):
        await desk.read(card)
    await desk.remove()
    assert (await desk.insert(CpsCard())).kind is CardKind.CPX


async def test_the_free_files_of_a_vitale_come_through_and_nothing_of_them_stays_in_the_log(desk: Desk, box: Box) -> None:
    vitale = VitaleCard()
    card = await desk.insert(vitale)
    assert [one.value for one in await desk.read(card)] == [vitale.beneficiaries, vitale.dates]
    assert not any(person.encode() in box.said() for person in ("EXEMPLE", "2740150999001", "20111332"))


async def test_what_cannot_be_done_with_a_card_is_named(desk: Desk) -> None:
    reader = desk.readers[0].id
    old = await desk.insert(VitaleCard(VITALE1_ATR))
    with pytest.raises(VitaleUnreadable):
        await desk.read(old)
    with pytest.raises(LicenceMissing):
        await desk.client.call(ReadVitale(reader=reader, insertion_id=old.insertion_id), PlugInResult)
    await desk.remove()
    doctor = await desk.insert(CpsCard())
    with pytest.raises(NotAVitale):
        await desk.client.call(ReadVitale(reader=reader, insertion_id=doctor.insertion_id), PlugInResult)
    with pytest.raises(TokenLibraryMissing):
        await desk.client.call(InspectCard(reader=reader, insertion_id=doctor.insertion_id), CardFacts)
    with pytest.raises(ReaderUnknown):
        await desk.client.call(InspectCard(reader="reader-00000000", insertion_id=doctor.insertion_id), CardFacts)


async def test_a_call_about_another_insertion_is_refused(desk: Desk) -> None:
    first = await desk.insert(VitaleCard())
    await desk.remove()
    with pytest.raises(CardAbsent):
        await desk.read(first)
    second = await desk.insert(VitaleCard())
    with pytest.raises(CardChanged):
        await desk.read(first)
    assert await desk.read(second)


async def test_a_swap_that_nobody_saw_is_told_and_the_first_card_is_not_the_second(desk: Desk, box: Box) -> None:
    first = await desk.insert(VitaleCard())
    box.process.send_signal(signal.SIGSTOP)  # it looks away
    try:
        await asyncio.to_thread(desk.rig.remove, 0)
        await asyncio.to_thread(desk.rig.await_pcscd, 0, present=False)
        await asyncio.to_thread(desk.rig.insert, 0, VitaleCard())
        await asyncio.to_thread(desk.rig.await_pcscd, 0, present=True)
    finally:
        box.process.send_signal(signal.SIGCONT)
    assert (await desk.notice(NoticeType.CARD_OUT, NoticeType.CARD_IN, slot=0)).card == first
    second = (await desk.notice(NoticeType.CARD_OUT, NoticeType.CARD_IN, slot=0)).card
    assert second is not None
    assert second.insertion_id != first.insertion_id
    with pytest.raises(CardChanged):
        await desk.read(first)
    assert await desk.read(second)


async def test_a_card_torn_out_in_the_middle_of_a_command_is_told_as_such(desk: Desk) -> None:
    vitale = VitaleCard()
    vitale.tear_at = lambda apdu: apdu[1] == READ_BINARY
    card = await desk.insert(vitale)
    with pytest.raises(CardNotThere):
        await desk.read(card)
    assert (await desk.notice(NoticeType.CARD_OUT, slot=0)).card == card
    assert await desk.read(await desk.insert(VitaleCard()))


async def test_nobody_gets_the_data_of_a_card_that_was_changed_while_it_was_read(desk: Desk) -> None:
    vitale, reached, go_on = VitaleCard(), threading.Event(), threading.Event()

    def wait(_: bytes) -> None:
        reached.set()
        go_on.wait(60)

    vitale.before = wait
    card = await desk.insert(vitale)
    reading = asyncio.create_task(desk.read(card))
    await asyncio.to_thread(reached.wait, 60)
    go_on.set()
    vitale.tear_at = lambda _: True
    with pytest.raises(CardNotThere):
        await reading


async def test_a_reader_that_hangs_delays_no_other_and_too_many_callers_are_told_when_to_come_back(desk: Desk) -> None:
    slow, reached, go_on = VitaleCard(), threading.Event(), threading.Event()

    def wait(_: bytes) -> None:
        reached.set()
        go_on.wait(60)

    slow.before = wait
    held, free = await desk.insert(slow, 0), await desk.insert(VitaleCard(), 1)
    waiting = [asyncio.create_task(desk.read(held, 0))]
    try:
        await asyncio.to_thread(reached.wait, 60)
        assert await desk.read(free, 1)
        waiting += [asyncio.create_task(desk.read(held, 0)) for _ in range(3)]
        await desk.client.call(ListDevices(), Devices)
        with pytest.raises(ReaderBusy) as busy:
            await desk.read(held, 0)
        assert busy.value.retry_after is not None
    finally:
        go_on.set()
    assert [len(found) for found in await asyncio.gather(*waiting)] == [2, 2, 2, 2]


async def test_two_workstations_that_compete_both_get_the_whole_card(desk: Desk, box: Box) -> None:
    vitale = VitaleCard()
    card = await desk.insert(vitale)
    other = DeviceClient(box.path)
    await other.start()
    async with other.happenings() as events:
        while not isinstance(await asyncio.wait_for(anext(events), 60), Devices):
            pass
    request = ReadFreeData(reader=desk.readers[0].id, insertion_id=card.insertion_id)

    async def read_often(client: DeviceClient) -> int:
        done = 0
        while done < 10:
            try:
                found = await client.call(request, CardObjects)
            except ReaderBusy:
                await asyncio.sleep(0.01)
                continue
            assert [one.value for one in found.objects] == [vitale.beneficiaries, vitale.dates]
            done += 1
        return done

    assert await asyncio.gather(*(read_often(client) for client in (desk.client, other) * 3)) == [10] * 6
    await other.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_pcscd_may_be_restarted_under_load(desk: Desk, number: signal.Signals) -> None:
    cards = [VitaleCard(), VitaleCard()]
    inserted = [await desk.insert(card, slot) for slot, card in enumerate(cards)]
    ended = asyncio.Event()
    begun = [asyncio.Event(), asyncio.Event()]

    async def load(slot: int) -> set[str]:
        codes = set()
        while not ended.is_set():
            try:
                assert [one.value for one in await desk.read(inserted[slot], slot)] == [cards[slot].beneficiaries, cards[slot].dates]
                begun[slot].set()
            except DeviceError as error:
                codes.add(error.code)
                await asyncio.sleep(0.005)
        return codes

    loads = [asyncio.create_task(load(slot)) for slot in (0, 1)]
    await asyncio.gather(*(one.wait() for one in begun))
    await asyncio.to_thread(desk.rig.restart_pcscd, number)
    await desk.notice(NoticeType.SERVICE_UP)
    ended.set()
    codes = set().union(*await asyncio.gather(*loads))
    assert codes <= {"card-service-down", "card-absent", "card-changed", "reader-unknown", "reader-busy", "card-timeout"}
    assert codes
    types = [one.type for one in desk.told]
    assert types.count(NoticeType.SERVICE_DOWN) == 1
    assert types.count(NoticeType.CARD_OUT) == 2
    again = await desk.insert(VitaleCard(), 1)
    assert await desk.read(again, 1)


async def test_while_pcscd_is_away_it_is_said_and_readers_come_back_by_the_same_name(desk: Desk) -> None:
    card = await desk.insert(VitaleCard())
    await asyncio.to_thread(desk.rig.stop_pcscd)
    await desk.notice(NoticeType.SERVICE_DOWN)
    devices = await desk.client.call(ListDevices(), Devices)
    assert (devices.service, devices.readers) == (False, ())
    with pytest.raises(ServiceDown) as down:
        await desk.read(card)
    assert down.value.retry_after is not None
    await asyncio.to_thread(desk.rig.start_pcscd)
    assert {(await desk.notice(NoticeType.READER_IN)).device for _ in (0, 1)} == {one.id for one in desk.readers}


async def test_readers_come_and_go_and_those_that_stay_keep_their_identifier(desk: Desk) -> None:
    known = {one.id for one in desk.readers}
    for count, appear in ((2, 4), (1, 2)):
        await asyncio.to_thread(desk.rig.set_readers, count)
        await asyncio.to_thread(desk.rig.restart_pcscd)
        assert {(await desk.notice(NoticeType.READER_IN)).device for _ in range(appear)} >= known


async def test_cards_that_come_and_go_in_a_hurry_leave_no_wrong_picture(desk: Desk) -> None:
    """How many insertions are seen is pcscd's affair; the last picture is right, and each card goes out as it came in."""
    for _ in range(6):
        await asyncio.to_thread(desk.rig.insert, 0, VitaleCard())
        await asyncio.sleep(0.03)
        await asyncio.to_thread(desk.rig.remove, 0)
    await asyncio.to_thread(desk.rig.await_pcscd, 0, present=False)
    last = await desk.insert(CpsCard(), 1)
    inside: str | None = None
    async with asyncio.timeout(60):
        while (await desk.client.call(ListDevices(), Devices)).readers[0].card is not None:  # noqa: ASYNC110 - asked of another process
            await asyncio.sleep(0.05)
    for one in desk.told:
        if one.device == desk.readers[0].id and one.card is not None:
            assert (inside is None) is (one.type is not NoticeType.CARD_OUT)
            inside = one.card.insertion_id if one.type is not NoticeType.CARD_OUT else None
    assert (await desk.client.call(ListDevices(), Devices)).readers[1].card == last
