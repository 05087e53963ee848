"""An assertion lives as long as its card is in the reader, and no longer (case A25)."""

from __future__ import annotations

import sys

import msgspec
import pytest
from lxml import etree
from typing_extensions import override

from gateway.ins.assertion import CardFacts
from gateway.ins.card_session import CardGone, CardSession
from gateway.kernel.clock import ClockNotTrusted, FrozenClock
from gateway.trust.signer import DigestName
from tests.ins.cps import CardSigner, PinNeeded, card
from tests.trust.pki import NOW

FACTS = CardFacts(billing_id="123456789", sector="SA05")


def unlocked() -> CardSigner:
    made = CardSigner(card())
    made.unlocked = True
    return made


async def test_a25_a_pulled_card_takes_its_assertion_along_and_the_next_call_asks_the_pin() -> None:
    session, reader = CardSession(FrozenClock(NOW), keep_seconds=20), unlocked()
    first = await session.assertion(FACTS, reader, "insertion-1")
    assert await session.assertion(FACTS, reader, "insertion-1") is first
    assert reader.signed == 1
    session.card_left("insertion-1")
    reader.unlocked = False
    assert not session.holds
    with pytest.raises(CardGone) as gone:
        await session.assertion(FACTS, reader, "insertion-1")
    assert gone.value.explanation.who == "le professionnel"
    with pytest.raises(PinNeeded):
        await session.assertion(FACTS, reader, "insertion-2")
    reader.unlocked = True
    again = await session.assertion(FACTS, reader, "insertion-2")
    assert again.id != first.id
    assert reader.signed == 2


async def test_the_session_lets_go_of_what_a_pulled_card_signed() -> None:
    session = CardSession(FrozenClock(NOW), keep_seconds=20)
    made = await session.assertion(FACTS, unlocked(), "insertion-1")
    held = sys.getrefcount(made)
    session.card_left("insertion-1")
    assert sys.getrefcount(made) == held - 1


async def test_by_default_every_call_is_signed() -> None:
    session, reader = CardSession(FrozenClock(NOW)), unlocked()
    ids = {(await session.assertion(FACTS, reader, "insertion-1")).id for _ in range(3)}
    assert (len(ids), reader.signed, session.holds) == (3, 3, False)


async def test_a_kept_assertion_ages() -> None:
    clock, reader = FrozenClock(NOW), unlocked()
    session = CardSession(clock, keep_seconds=20)
    first = await session.assertion(FACTS, reader, "insertion-1")
    clock.advance(19.9)
    assert await session.assertion(FACTS, reader, "insertion-1") is first
    clock.advance(0.1)
    later = await session.assertion(FACTS, reader, "insertion-1")
    root = etree.fromstring(later.xml)
    assert later.id != first.id
    assert root.get("IssueInstant") == f"{clock.now():%Y-%m-%dT%H:%M:%S}.{clock.now().microsecond // 1000:03d}Z"


async def test_it_serves_nobody_else() -> None:
    session, one, other = CardSession(FrozenClock(NOW), keep_seconds=20), unlocked(), unlocked()
    first = await session.assertion(FACTS, one, "insertion-1")
    assert (await session.assertion(msgspec.structs.replace(FACTS, sector="SA07"), one, "insertion-1")).id != first.id
    second = await session.assertion(FACTS, one, "insertion-2")
    third = await session.assertion(FACTS, other, "insertion-2")
    assert second.id != third.id
    assert (one.signed, other.signed) == (3, 1)


class _PulledWhileSigning(CardSigner):
    session: CardSession

    @override
    async def sign(self, data: bytes, digest: DigestName) -> bytes:
        value = await super().sign(data, digest)
        self.session.card_left("insertion-1")
        return value


async def test_a_card_pulled_while_it_signs_gives_nothing() -> None:
    session = CardSession(FrozenClock(NOW), keep_seconds=20)
    reader = _PulledWhileSigning(card())
    reader.unlocked, reader.session = True, session
    with pytest.raises(CardGone):
        await session.assertion(FACTS, reader, "insertion-1")
    assert not session.holds


async def test_an_untrusted_clock_signs_nothing() -> None:
    session, reader = CardSession(FrozenClock(NOW, trusted=False), keep_seconds=20), unlocked()
    with pytest.raises(ClockNotTrusted):
        await session.assertion(FACTS, reader, "insertion-1")
    assert reader.signed == 0


async def test_a_session_shows_nothing_of_the_holder() -> None:
    session = CardSession(FrozenClock(NOW), keep_seconds=20)
    assert repr(session) == "CardSession(empty)"
    await session.assertion(FACTS, unlocked(), "insertion-1")
    assert repr(session) == "CardSession(holds an assertion)"
