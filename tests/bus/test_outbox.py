from __future__ import annotations

import asyncio

from gateway.bus.outbox import Outbox


async def drained(outbox: Outbox) -> list[tuple[str, bytes]]:
    taken = []
    while len(outbox):
        message = await outbox.first()
        outbox.sent(message)
        taken.append(message)
    return taken


async def test_events_leave_in_order_and_before_the_state() -> None:
    outbox = Outbox(10)
    outbox.state("s", b"1")
    for number in range(3):
        outbox.event("e", b"%d" % number)
    outbox.state("s", b"2")
    assert await drained(outbox) == [("e", b"0"), ("e", b"1"), ("e", b"2"), ("s", b"2")]


async def test_the_oldest_goes_when_there_is_no_room_and_is_counted() -> None:
    outbox = Outbox(3)
    for number in range(10):
        outbox.event("e", b"%d" % number)
    assert outbox.dropped == 7
    assert await drained(outbox) == [("e", b"7"), ("e", b"8"), ("e", b"9")]


async def test_what_was_not_sent_is_still_the_first() -> None:
    outbox = Outbox(3)
    outbox.event("e", b"1")
    assert await outbox.first() == await outbox.first() == ("e", b"1")


async def test_what_was_forgotten_while_it_was_sent_takes_nothing_else_with_it() -> None:
    outbox = Outbox(2)
    outbox.event("e", b"1")
    sending = await outbox.first()
    outbox.event("e", b"2")
    outbox.event("e", b"3")
    outbox.sent(sending)
    assert await drained(outbox) == [("e", b"2"), ("e", b"3")]


async def test_a_state_that_changed_while_it_was_sent_is_sent_too() -> None:
    outbox = Outbox(2)
    outbox.state("s", b"1")
    sending = await outbox.first()
    outbox.state("s", b"2")
    outbox.sent(sending)
    assert await drained(outbox) == [("s", b"2")]


async def test_what_waits_is_not_said_twice() -> None:
    outbox = Outbox(3)
    outbox.event("e", b"1")
    outbox.again("e", b"1")
    outbox.again("f", b"1")
    assert await drained(outbox) == [("e", b"1"), ("f", b"1")]


async def test_who_waits_is_woken() -> None:
    outbox = Outbox(3)
    waiting = asyncio.ensure_future(outbox.first())
    await asyncio.sleep(0)
    outbox.event("e", b"1")
    assert await waiting == ("e", b"1")
