"""Batches: one PIN, one owner, one insertion, so many signatures and so long (cards.md section 6, rules 2 to 7)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from firmware.cards.batch import bounds
from firmware.cards.batches import Batches
from firmware.cards.pin import Refusal
from firmware.cards.unlocking import _REFUSALS
from firmware.errors import (
    BatchNotYours,
    BatchOver,
    CallInvalid,
    CardAbsent,
    CardChanged,
    CardNotServed,
    DeviceError,
    LastTry,
    NotACpx,
    OutcomeUnknown,
    PinAlreadyRefused,
    PinBlocked,
    PinMalformed,
    PinPadMissing,
    PinPadOnly,
    PinWrong,
    ReaderBusy,
    ReadersAlike,
    TokenLibraryMissing,
)  # fmt: skip
from firmware.protocol import (
    BatchOpened,
    CardKind,
    CloseBatch,
    Generation,
    InspectCard,
    KeyUse,
    OpenBatch,
    ReadFreeData,
    ReadProtectedData,
    Sign,
)  # fmt: skip
from tests.firmware.cards.world import MODULE, READER, CardInMemory, World

OWNER = "desk-1 doctor"


@pytest.fixture
def card() -> CardInMemory:
    return CardInMemory(b"8025000001123456789")


@pytest.fixture
def world(card: CardInMemory) -> World:
    made = World()
    made.insert(card)
    return made


@pytest.fixture
async def batches(world: World) -> AsyncIterator[Batches]:
    made = Batches(MODULE, world, world.start, patience=0.05)
    yield made
    await made.end()
    assert world.helpers_left == 0


def opening(world: World, pin: bytes | None = b"1234", **given: object) -> OpenBatch:
    fields: dict[str, object] = {
        "reader": READER,
        "insertion_id": world.insertion,
        "owner": OWNER,
        "pin": None if pin is None else bytearray(pin),
    }
    return OpenBatch(**(fields | given))  # type: ignore[arg-type]


def signing(batch: BatchOpened, owner: str = OWNER) -> Sign:
    return Sign(batch=batch.batch, owner=owner, key=KeyUse.SIGN, data=b"data")


async def test_one_pin_gives_its_signatures_then_the_card_is_reset(batches: Batches, world: World, card: CardInMemory) -> None:
    opened = await batches.open(opening(world, signatures=2))
    assert opened.certificates
    assert 59 <= opened.until - time.time() <= 60
    assert card.verified
    for _ in range(2):
        assert (await batches.sign(signing(opened))).value == card.serial + b" signed data"
    assert (card.verified, card.resets, card.signatures) == (False, 1, 2)
    with pytest.raises(BatchOver, match="all signatures given"):
        await batches.sign(signing(opened))


async def test_a_wrong_pin_is_told_with_its_tries_then_refused_without_the_card(batches: Batches, world: World, card: CardInMemory) -> None:
    with pytest.raises(PinWrong) as told:
        await batches.open(opening(world, b"0000"))
    assert told.value.tries_left == 2
    helpers = len(world.helpers)
    with pytest.raises(PinAlreadyRefused) as told_again:
        await batches.open(opening(world, b"0000", accept_last_try=True))
    assert (told_again.value.tries_left, len(world.helpers), card.verifies) == (2, helpers, [b"0000"])
    assert card.resets == 1, "a card that was given a PIN is reset"


async def test_the_same_wrong_pin_is_refused_after_the_card_was_taken_out(batches: Batches, world: World, card: CardInMemory) -> None:
    with pytest.raises(PinWrong):
        await batches.open(opening(world, b"0000"))
    world.pull()
    batches.gone(READER)
    world.insert(card)
    with pytest.raises(PinAlreadyRefused):
        await batches.read_protected(ReadProtectedData(reader=READER, insertion_id=world.insertion or "", pin=bytearray(b"0000")))
    assert card.verifies == [b"0000"]


async def test_the_last_try_needs_consent_and_none_left_is_blocked(batches: Batches, world: World, card: CardInMemory) -> None:
    card.tries = 1
    with pytest.raises(LastTry) as told:
        await batches.open(opening(world))
    assert (told.value.tries_left, card.verifies) == (1, [])
    with pytest.raises(PinBlocked):
        await batches.open(opening(world, b"0000", accept_last_try=True))
    assert card.tries == 0
    with pytest.raises(PinBlocked) as blocked:
        await batches.open(opening(world, accept_last_try=True))
    assert (blocked.value.tries_left, card.verifies) == (0, [b"0000"])


async def test_an_accepted_last_try_with_the_right_pin_opens(batches: Batches, world: World, card: CardInMemory) -> None:
    card.tries = 1
    await batches.open(opening(world, accept_last_try=True))
    assert card.tries == 3


@pytest.mark.parametrize(("fault", "sent", "tries"), [("lost-before", 0, 3), ("lost-after", 1, 2), ("unclear", 1, 2)])
async def test_a_lost_answer_is_counted_again_reported_and_not_repeated(
    batches: Batches, world: World, card: CardInMemory, fault: str, sent: int, tries: int
) -> None:
    world.fault = fault  # type: ignore[assignment]
    with pytest.raises(OutcomeUnknown) as told:
        await batches.open(opening(world, b"0000"))
    assert (told.value.tries_left, len(card.verifies)) == (tries, sent)
    world.fault = "none"
    with pytest.raises(PinAlreadyRefused if sent else PinWrong):
        await batches.open(opening(world, b"0000"))
    assert card.verifies == [b"0000"]


async def test_a_card_pulled_with_the_pin_on_its_way_settles_when_it_comes_back(batches: Batches, world: World, card: CardInMemory) -> None:
    world.fault = "pulled-after"
    with pytest.raises(OutcomeUnknown) as told:
        await batches.open(opening(world, b"0000"))
    assert told.value.tries_left is None
    world.fault = "none"
    world.insert(card)
    with pytest.raises(PinAlreadyRefused):
        await batches.open(opening(world, b"0000"))
    await batches.open(opening(world))
    assert card.verifies == [b"0000", b"1234"]


async def test_another_insertion_another_family_another_generation(batches: Batches, world: World, card: CardInMemory) -> None:
    for request in (opening(world, insertion_id="other"), opening(world, insertion_id="")):
        with pytest.raises(CardChanged):
            await batches.open(request)
        assert request.pin == bytearray(4), "wiped on every way out"
    world.kind = CardKind.VITALE
    with pytest.raises(NotACpx):
        await batches.inspect(InspectCard(reader=READER, insertion_id=world.insertion or ""))
    world.kind, world.generation = CardKind.CPX, Generation.CPS3_CONTACTLESS
    with pytest.raises(CardNotServed):
        await batches.open(opening(world))
    world.pull()
    with pytest.raises(CardAbsent):
        await batches.open(opening(world, insertion_id="insertion-1"))
    assert card.verifies == []


async def test_an_insertion_changed_between_two_looks_is_seen_by_the_serial(batches: Batches, world: World, card: CardInMemory) -> None:
    """A swap too quick for the watcher: same insertion, another card."""
    await batches.inspect(InspectCard(reader=READER, insertion_id=world.insertion or ""))
    world.card = CardInMemory(b"8025000001999999999")
    with pytest.raises(CardChanged):
        await batches.open(opening(world))
    assert world.card.verifies == []


async def test_no_pin_goes_out_while_another_card_could_be_taken_for_this_one(batches: Batches, world: World, card: CardInMemory) -> None:
    world.alike = True
    request = opening(world)
    with pytest.raises(ReadersAlike):
        await batches.open(request)
    assert (card.verifies, request.pin, world.helpers) == ([], bytearray(4), [])


async def test_a_card_put_into_a_reader_of_the_same_name_while_opening_gets_no_pin(
    batches: Batches, world: World, card: CardInMemory
) -> None:
    opened = asyncio.ensure_future(batches.open(opening(world)))
    while not world.helpers:  # noqa: ASYNC110 - the world rings no bell
        await asyncio.sleep(0)
    world.alike = True
    with pytest.raises(ReadersAlike):
        await opened
    assert card.verifies == []


async def test_without_a_library(world: World) -> None:
    bare = Batches(None, world, world.start)
    with pytest.raises(TokenLibraryMissing):
        await bare.open(opening(world))
    assert not await bare.library_loads()


async def test_nobody_else_signs_or_closes(batches: Batches, world: World, card: CardInMemory) -> None:
    opened = await batches.open(opening(world))
    with pytest.raises(BatchNotYours):
        await batches.sign(signing(opened, "desk-2"))
    with pytest.raises(BatchNotYours):
        await batches.close(CloseBatch(batch=opened.batch, owner="desk-2"))
    await batches.sign(signing(opened))
    with pytest.raises(BatchNotYours):
        await batches.sign(signing(opened, "desk-2"))
    assert card.signatures == 1


async def test_a_removal_ends_the_batch_at_once(batches: Batches, world: World, card: CardInMemory) -> None:
    opened = await batches.open(opening(world))
    world.pull()
    batches.gone(READER)
    assert world.helpers_left == 0, "before anything else runs"
    world.insert(card)
    with pytest.raises(BatchOver, match="card removed"):
        await batches.sign(signing(opened))
    assert card.signatures == 0


async def test_a_removal_that_the_watcher_has_not_told_yet(batches: Batches, world: World, card: CardInMemory) -> None:
    opened = await batches.open(opening(world))
    world.pull()
    world.insert(card)
    with pytest.raises(BatchOver, match="card removed"):
        await batches.sign(signing(opened))
    assert card.signatures == 0


async def test_a_removal_in_mid_signature(batches: Batches, world: World) -> None:
    opened = await batches.open(opening(world))
    world.slow = asyncio.Event()
    call = asyncio.ensure_future(batches.sign(signing(opened)))
    await asyncio.sleep(0.01)
    world.pull()
    batches.gone(READER)
    world.slow.set()
    with pytest.raises(CardAbsent):
        await call


async def test_signatures_that_wait_for_a_card_are_bounded_and_those_refused_cost_nothing(batches: Batches, world: World) -> None:
    """One card that does not answer must leave room for the calls of other readers."""
    opened = await batches.open(opening(world, signatures=41))
    world.slow = asyncio.Event()
    calls = [asyncio.ensure_future(batches.sign(signing(opened))) for _ in range(40)]
    await asyncio.sleep(0.01)
    world.slow.set()
    refused = [one for one in await asyncio.gather(*calls, return_exceptions=True) if isinstance(one, ReaderBusy)]
    assert [one.retry_after for one in refused] == [1.0] * 8
    for _ in range(9):
        await batches.sign(signing(opened))
    with pytest.raises(BatchOver, match="all signatures given"):
        await batches.sign(signing(opened))


async def test_time_ends_a_batch_and_resets_the_card(batches: Batches, world: World, card: CardInMemory) -> None:
    opened = await batches.open(opening(world, seconds=0.05, signatures=9))
    await world.was_reset.wait()
    assert not card.verified
    with pytest.raises(BatchOver, match="time is over"):
        await batches.sign(signing(opened))


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ((1, 60.0), (1, 60.0)),
        ((0, -5.0), (1, 0.0)),
        ((-3, 0.5), (1, 0.5)),
        ((1_000_000, 3600.0), (500, 60.0)),
        ((7, float("inf")), (7, 60.0)),
        ((7, float("nan")), (7, 60.0)),
    ],
)
def test_bounds_are_upper_bounds(asked: tuple[int, float], given: tuple[int, float]) -> None:
    assert bounds(*asked) == given


async def test_two_callers_take_turns_and_the_second_is_told_when(batches: Batches, world: World, card: CardInMemory) -> None:
    opened = await batches.open(opening(world, seconds=30.0))
    for call in (
        batches.open(opening(world, owner="desk-2")),
        batches.read_free(ReadFreeData(reader=READER, insertion_id=world.insertion or "")),
    ):
        with pytest.raises(ReaderBusy) as told:
            await call
        assert told.value.retry_after is not None
        assert 25 < told.value.retry_after <= 30
    facts = await batches.inspect(InspectCard(reader=READER, insertion_id=world.insertion or ""))
    assert facts.tries_left == 3, "looking disturbs nobody"
    await batches.close(CloseBatch(batch=opened.batch, owner=OWNER))
    await batches.open(opening(world, owner="desk-2"))
    assert card.verifies == [b"1234", b"1234"]


async def test_callers_wait_a_little_then_are_told_busy(world: World, card: CardInMemory) -> None:
    batches = Batches(MODULE, world, world.start, patience=0.2)
    looks = [batches.inspect(InspectCard(reader=READER, insertion_id=world.insertion or "")) for _ in range(6)]
    assert {one.tries_left for one in await asyncio.gather(*looks)} == {3}
    world.slow = asyncio.Event()
    opening_one = asyncio.ensure_future(batches.open(opening(world)))
    await asyncio.sleep(0.01)
    with pytest.raises(ReaderBusy):
        await batches.open(opening(world, owner="desk-2"))
    world.slow.set()
    await opening_one
    await batches.end()
    assert card.verifies == [b"1234"]


async def test_closing_is_done_whatever_became_of_the_batch(batches: Batches, world: World, card: CardInMemory) -> None:
    opened = await batches.open(opening(world))
    for name in (opened.batch, opened.batch, "never was"):
        await batches.close(CloseBatch(batch=name, owner=OWNER))
    assert (card.verified, card.resets) == (False, 1)
    with pytest.raises(BatchOver, match="closed"):
        await batches.sign(signing(opened))
    with pytest.raises(BatchOver, match="no such batch"):
        await batches.sign(Sign(batch="never was", owner=OWNER, key=KeyUse.SIGN, data=b"x"))


async def test_data_or_digest_but_not_both_nor_none(batches: Batches, world: World) -> None:
    opened = await batches.open(opening(world))
    for data, digest in ((None, None), (b"x", b"y")):
        with pytest.raises(CallInvalid):
            await batches.sign(Sign(batch=opened.batch, owner=OWNER, key=KeyUse.SIGN, data=data, digest=digest))
    await batches.sign(signing(opened))


async def test_on_a_pad_the_pin_is_typed_there_and_nowhere_else(batches: Batches, world: World, card: CardInMemory) -> None:
    with pytest.raises(PinPadMissing):
        await batches.open(opening(world, None))
    world.pad = True
    with pytest.raises(PinPadOnly):
        await batches.open(opening(world))
    assert card.verifies == []
    card.tries = 1
    with pytest.raises(LastTry):
        await batches.open(opening(world, None))
    card.tries = 3
    await batches.sign(signing(await batches.open(opening(world, None))))


@pytest.mark.parametrize(("pin", "error"), [(None, PinPadMissing), (b"12", PinMalformed), (b"", PinMalformed), (b"1" * 40, PinMalformed)])
async def test_what_is_no_pin_does_not_even_start_a_helper(
    batches: Batches, world: World, pin: bytes | None, error: type[DeviceError]
) -> None:
    with pytest.raises(error):
        await batches.open(opening(world, pin))
    assert world.helpers == []


async def test_protected_data_are_read_and_the_card_locked_again(batches: Batches, world: World, card: CardInMemory) -> None:
    request = ReadProtectedData(reader=READER, insertion_id=world.insertion or "", pin=bytearray(b"1234"))
    assert [one.label for one in (await batches.read_protected(request)).objects] == ["CPS_ACTIVITY_01_PS"]
    assert (card.verified, card.resets, request.pin) == (False, 1, bytearray(4))


async def test_a_caller_that_leaves_while_opening_leaves_no_unlocked_card(batches: Batches, world: World, card: CardInMemory) -> None:
    world.slow = asyncio.Event()
    call = asyncio.ensure_future(batches.open(opening(world)))
    await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (world.helpers_left, card.verified, card.resets) == (0, False, 1)


def test_every_refusal_is_an_error_of_the_same_code() -> None:
    assert {refusal: kind.code for refusal, kind in _REFUSALS.items()} == {one: one.value for one in Refusal}
