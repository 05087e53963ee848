"""Any sequence of calls, removals, lost answers and PINs changed elsewhere: what the cards themselves were asked is the judge.

No PIN that a card refused is presented to it twice; its last try is never spent without consent; nobody signs with a batch of another
owner or insertion; a card that no batch holds is locked. Source: cards.md section 6.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from typing_extensions import override

from firmware.cards.batches import Batches
from firmware.errors import DeviceError
from firmware.protocol import CloseBatch, InspectCard, KeyUse, OpenBatch, ReadProtectedData, Sign
from tests.firmware.cards.world import MODULE, READER, CardInMemory, Fault, World

PINS = (b"1234", b"0000", b"1111", b"9999")
OWNERS = ("desk-1 doctor", "desk-2 secretary")
FAULTS: tuple[Fault, ...] = (*("none",) * 6, "lost-before", "lost-after", "unclear", "pulled-after", "counter-hidden")
SELDOM = st.sampled_from((False, False, False, True))
T = TypeVar("T")


class LoopWithClock(asyncio.SelectorEventLoop):
    """Its time can be moved on."""

    ahead = 0.0

    @override
    def time(self) -> float:
        return super().time() + self.ahead


class CardService(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = LoopWithClock()
        self.world = World()
        self.batches = Batches(MODULE, self.world, self.world.start)
        self.cards = [CardInMemory(b"80250000011"), CardInMemory(b"80250000012", pin=b"0000")]
        self.refused: dict[bytes, set[bytes]] = {card.serial: set() for card in self.cards}
        self.seen = {card.serial: 0 for card in self.cards}
        self.insertions: list[str] = ["insertion-0"]
        self.opened: dict[str, tuple[str, str]] = {}

    def run(self, call: Coroutine[Any, Any, T]) -> T | DeviceError:
        """The answer, or the error that a caller gets; anything else is a defect."""

        async def bounded() -> T | DeviceError:
            try:
                return await call
            except DeviceError as error:
                return error
            finally:
                for _ in range(20):
                    await asyncio.sleep(0)

        return self.loop.run_until_complete(bounded())

    def judge(self, *, accepted: bool, tries: int) -> None:
        """After a call that gave a PIN to the card of the reader: at most one VERIFY, and a lawful one."""
        for card in self.cards:
            new = card.verifies[self.seen[card.serial] :]
            self.seen[card.serial] = len(card.verifies)
            assert len(new) <= 1
            for pin in new:
                assert pin not in self.refused[card.serial], "a refused PIN was presented again"
                assert tries > 1 or accepted, "the last try was spent without consent"
                assert tries > 0
                if pin == card.pin:
                    self.refused[card.serial].clear()
                else:
                    self.refused[card.serial].add(pin)

    @precondition(lambda self: self.world.card is None)
    @rule(which=st.integers(0, 1))
    def insert(self, which: int) -> None:
        self.insertions.append(self.world.insert(self.cards[which]))

    @precondition(lambda self: self.world.card is not None)
    @rule()
    def pull(self) -> None:
        async def out() -> None:
            self.world.pull()
            self.batches.gone(READER)

        self.run(out())

    @rule(stale=st.booleans())
    def inspect(self, stale: bool) -> None:
        insertion = self.insertions[-2] if stale and len(self.insertions) > 1 else self.insertions[-1]
        self.run(self.batches.inspect(InspectCard(reader=READER, insertion_id=insertion)))
        self.judge(accepted=False, tries=0)

    @precondition(lambda self: self.world.card is not None)
    @rule(
        guess=st.sampled_from((None, None, *PINS)), owner=st.sampled_from(OWNERS), stale=SELDOM, accepted=st.booleans(),
        signatures=st.integers(1, 3), fault=st.sampled_from(FAULTS),
    )  # fmt: skip
    def open(self, guess: bytes | None, owner: str, stale: bool, accepted: bool, signatures: int, fault: Fault) -> None:
        pin = guess or (self.world.card.pin if self.world.card is not None else PINS[0])
        insertion = self.insertions[-2] if stale and len(self.insertions) > 1 else self.insertions[-1]
        tries = self.world.card.tries if self.world.card is not None else 0
        self.world.fault = fault
        request = OpenBatch(
            reader=READER, insertion_id=insertion, owner=owner, pin=bytearray(pin), accept_last_try=accepted, signatures=signatures
        )
        answer = self.run(self.batches.open(request))
        self.world.fault = "none"
        assert request.pin == bytearray(len(pin)), "the PIN stayed in memory"
        self.judge(accepted=accepted, tries=tries)
        if not isinstance(answer, DeviceError):
            assert insertion == self.world.insertion
            self.opened[answer.batch] = (owner, insertion)

    @precondition(lambda self: self.world.card is not None)
    @rule(pin=st.sampled_from(PINS), accepted=st.booleans())
    def read(self, pin: bytes, accepted: bool) -> None:
        tries = self.world.card.tries if self.world.card is not None else 0
        request = ReadProtectedData(reader=READER, insertion_id=self.insertions[-1], pin=bytearray(pin), accept_last_try=accepted)
        self.run(self.batches.read_protected(request))
        assert request.pin == bytearray(len(pin))
        self.judge(accepted=accepted, tries=tries)

    @precondition(lambda self: self.opened)
    @rule(data=st.data(), owner=st.sampled_from(OWNERS))
    def sign(self, data: st.DataObject, owner: str) -> None:
        batch = data.draw(st.sampled_from(sorted(self.opened)))
        before = sum(card.signatures for card in self.cards)
        answer = self.run(self.batches.sign(Sign(batch=batch, owner=owner, key=KeyUse.SIGN, data=b"lot")))
        if not isinstance(answer, DeviceError):
            assert self.opened[batch] == (owner, self.world.insertion), "signed for somebody else"
            assert self.world.card is not None
            assert answer.value.startswith(self.world.card.serial)
        elif self.opened[batch] != (owner, self.world.insertion):
            assert sum(card.signatures for card in self.cards) == before, "the card signed for somebody else"

    @precondition(lambda self: self.opened)
    @rule(data=st.data(), owner=st.sampled_from(OWNERS))
    def close(self, data: st.DataObject, owner: str) -> None:
        self.run(self.batches.close(CloseBatch(batch=data.draw(st.sampled_from(sorted(self.opened))), owner=owner)))

    @rule(seconds=st.sampled_from((1.0, 30.0, 61.0)))
    def wait(self, seconds: float) -> None:
        self.loop.ahead += seconds
        self.run(asyncio.sleep(0))

    @rule(which=st.integers(0, 1), new=st.sampled_from(PINS))
    def another_pin_is_chosen_elsewhere(self, which: int, new: bytes) -> None:
        """The card is unblocked and given a PIN at another machine: taken out for it."""
        card = self.cards[which]
        if self.world.card is card:
            self.pull()
        card.pin, card.tries = new, 3
        self.refused[card.serial].clear()

    @invariant()
    def a_card_that_no_batch_holds_is_locked(self) -> None:
        if not self.batches._open:
            assert not any(card.verified for card in self.cards)
            assert self.world.helpers_left == 0

    @override
    def teardown(self) -> None:
        self.run(self.batches.end())
        self.loop.close()


TestCardService = CardService.TestCase
TestCardService.settings = settings(max_examples=80, stateful_step_count=40)
