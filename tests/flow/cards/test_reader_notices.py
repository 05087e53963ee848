"""What happens at the readers reaches every listener in order, waits for none, and can hold neither text nor a person's number."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.protocol import CardKind, Generation
from gateway.flow.cards.reader_notices import Listening, NoticeMalformed, ReaderNotice, ReaderNotices, ReaderNoticeType
from gateway.kernel.clock import FrozenClock

START = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
ONE, TWO = "reader-00c0ffee", "reader-00c0ffef"
INSERTION = "0f" * 16


def board(**bounds: int) -> ReaderNotices:
    return ReaderNotices(FrozenClock(START), **bounds)


async def taken(listening: Listening, count: int) -> list[ReaderNotice]:
    return [await asyncio.wait_for(anext(listening), 1) for _ in range(count)]


async def test_a_notice_reaches_every_listener_in_order() -> None:
    notices = board()
    with notices.listen() as first, notices.listen() as second:
        sent = [
            notices.publish(ReaderNoticeType.READER_IN, ONE),
            notices.publish(ReaderNoticeType.CARD_IN, ONE, kind=CardKind.CPX, generation=Generation.CPS4, insertion_id=INSERTION),
            notices.publish(ReaderNoticeType.CARD_OUT, ONE, insertion_id=INSERTION),
        ]
        assert await taken(first, 3) == await taken(second, 3) == sent
    assert [one.seq - sent[0].seq for one in sent] == [0, 1, 2]
    assert sent[0].ts == START


async def test_a_waiting_listener_is_woken() -> None:
    notices = board()
    with notices.listen() as listening:
        waiting = asyncio.ensure_future(taken(listening, 1))
        await asyncio.sleep(0)
        sent = notices.publish(ReaderNoticeType.READER_IN, ONE)
        assert await waiting == [sent]


async def test_a_slow_listener_is_let_go_and_the_others_go_on() -> None:
    notices = board(room=2)
    with notices.listen() as slow, notices.listen() as quick:
        for _ in range(3):
            sent = notices.publish(ReaderNoticeType.READER_IN, ONE)
            assert await taken(quick, 1) == [sent]
        assert slow.dropped
        assert [one async for one in slow] == []
        assert not quick.dropped
        assert notices.dropped == 1
        notices.publish(ReaderNoticeType.READER_OUT, ONE)
        assert notices.dropped == 1


async def test_closing_ends_a_wait() -> None:
    notices = board()
    with notices.listen() as listening:
        waiting = asyncio.ensure_future(anext(listening))
        await asyncio.sleep(0)
    with pytest.raises(StopAsyncIteration):
        await waiting


async def test_who_comes_back_gets_what_was_missed() -> None:
    notices = board()
    sent = [notices.publish(ReaderNoticeType.READER_IN, ONE) for _ in range(4)]
    with notices.listen(after=sent[1].seq) as listening:
        assert await taken(listening, 2) == sent[2:]
    with notices.listen(after=sent[3].seq) as listening:
        last = notices.publish(ReaderNoticeType.READER_OUT, ONE)
        assert await taken(listening, 1) == [last]


@pytest.mark.parametrize("after", [None, 0, 10**15])
async def test_who_is_new_or_too_late_gets_how_each_reader_stands(after: int | None) -> None:
    notices = board(memory=2)
    service = notices.publish(ReaderNoticeType.SERVICE_UP)
    notices.publish(ReaderNoticeType.READER_IN, ONE)
    other = notices.publish(ReaderNoticeType.READER_IN, TWO)
    card = notices.publish(ReaderNoticeType.CARD_IN, ONE, kind=CardKind.VITALE, insertion_id=INSERTION)
    with notices.listen(after=after) as listening:
        assert await taken(listening, 3) == [service, other, card]


async def test_standing_larger_than_the_room_is_given_whole() -> None:
    notices = board(room=1)
    sent = [notices.publish(ReaderNoticeType.READER_IN, reader) for reader in (ONE, TWO)]
    with notices.listen() as listening:
        assert await taken(listening, 2) == sent
        assert not listening.dropped


def test_a_service_that_starts_forgets_the_readers_of_the_one_before() -> None:
    notices = board()
    notices.publish(ReaderNoticeType.READER_IN, ONE)
    up = notices.publish(ReaderNoticeType.SERVICE_UP)
    assert notices.standing() == (up,)


def test_the_numbers_grow_from_one_start_to_the_next() -> None:
    clock = FrozenClock(START)
    before = ReaderNotices(clock).publish(ReaderNoticeType.SERVICE_UP)
    clock.advance(timedelta(seconds=1).total_seconds())
    assert ReaderNotices(clock).publish(ReaderNoticeType.SERVICE_UP).seq > before.seq


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": ReaderNoticeType.CARD_IN, "reader": "279035121518989"},
        {"type": ReaderNoticeType.CARD_IN, "reader": "reader-27903512151"},
        {"type": ReaderNoticeType.CARD_IN, "reader": "Gemalto PC Twin Reader (0123456) 00 00"},
        {"type": ReaderNoticeType.CARD_IN, "reader": ONE, "insertion_id": "279035121518989"},
        {"type": ReaderNoticeType.CARD_IN, "reader": ONE, "kind": "DUPONT"},
        {"type": ReaderNoticeType.CARD_IN, "reader": ONE, "generation": "cps5"},
        {"type": "card_stolen", "reader": ONE},
        {"type": ReaderNoticeType.CARD_IN},
        {"type": ReaderNoticeType.SERVICE_UP, "reader": ONE},
        {"type": ReaderNoticeType.READER_OUT, "reader": ONE, "kind": CardKind.CPX},
        {"type": ReaderNoticeType.READER_OUT, "reader": ONE, "insertion_id": INSERTION},
        {"type": ReaderNoticeType.CARD_IN, "reader": f"{ONE}\n"},
        {"type": ReaderNoticeType.CARD_IN, "reader": ONE, "insertion_id": f"{INSERTION}\n"},
        {"type": ReaderNoticeType.CARD_IN, "reader": object()},
    ],
)
async def test_a_malformed_notice_is_told_to_nobody(wrong: dict[str, Any]) -> None:
    notices = board()
    with notices.listen() as listening:
        with pytest.raises(NoticeMalformed) as refusal:
            notices.publish(**wrong)
        assert "DUPONT" not in str(refusal.value)
        assert "279035121518989" not in str(refusal.value)
        right = notices.publish(ReaderNoticeType.SERVICE_UP)
        assert await taken(listening, 1) == [right]


@given(st.text(), st.text(), st.text())
def test_no_text_passes(reader: str, kind: str, insertion: str) -> None:
    notices = board()
    try:
        notice = notices.publish(ReaderNoticeType.CARD_IN, reader, kind=kind, insertion_id=insertion)  # type: ignore[arg-type]
    except NoticeMalformed:
        return
    assert msgspec.json.decode(msgspec.json.encode(notice), type=ReaderNotice) == notice
