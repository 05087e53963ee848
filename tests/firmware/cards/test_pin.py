"""The rules of the PIN, one by one (cards.md section 6), and over every short history."""

from __future__ import annotations

import itertools

import pytest

from firmware.cards.pin import Known, Outcome, PinMemory, Refusal, consider, learn, settle, way_in, wipe

MEMORY = PinMemory()
CARD = MEMORY.card(b"8025000001123456789")
RIGHT, WRONG = (MEMORY.digest(CARD, bytearray(pin)) for pin in (b"1234", b"0000"))


@pytest.mark.parametrize(
    ("pin", "pad", "refusal"),
    [
        (b"1234", False, None),
        (b"12345678", False, None),
        (None, True, None),
        (None, False, Refusal.NO_PAD),
        (b"1234", True, Refusal.PAD_ONLY),
        (b"", False, Refusal.MALFORMED),
        (b"123", False, Refusal.MALFORMED),
        (b"1234567890123", False, Refusal.MALFORMED),
        (b"12 4", False, Refusal.MALFORMED),
        ("123é".encode(), False, Refusal.MALFORMED),
        (b"123\x00", False, Refusal.MALFORMED),
    ],
)
def test_a_pin_comes_one_way_only(pin: bytes | None, pad: bool, refusal: Refusal | None) -> None:
    assert way_in(None if pin is None else bytearray(pin), pad=pad) is refusal


@pytest.mark.parametrize(
    ("tries", "accepted", "refusal"),
    [
        (3, False, None),
        (2, False, None),
        (1, False, Refusal.LAST_TRY),
        (1, True, None),
        (0, False, Refusal.BLOCKED),
        (0, True, Refusal.BLOCKED),
        (None, False, Refusal.LAST_TRY),
        (None, True, None),
    ],
)
def test_the_counter_decides_before_the_card_is_given_anything(tries: int | None, accepted: bool, refusal: Refusal | None) -> None:
    assert consider(Known(), RIGHT, tries, accept_last_try=accepted) is refusal
    assert consider(Known(), None, tries, accept_last_try=accepted) is refusal, "on the pad too"


def test_a_wrong_pin_is_never_sent_twice_even_with_consent() -> None:
    known = learn(Known(), WRONG, Outcome.WRONG, before=3, after=2)
    assert consider(settle(known, 2), WRONG, 2, accept_last_try=True) is Refusal.ALREADY_REFUSED
    assert consider(settle(known, 1), WRONG, 1, accept_last_try=True) is Refusal.ALREADY_REFUSED
    assert consider(settle(known, 2), RIGHT, 2, accept_last_try=False) is None


def test_the_right_pin_makes_the_wrong_ones_forgotten() -> None:
    assert learn(learn(Known(), WRONG, Outcome.WRONG, before=3, after=2), RIGHT, Outcome.RIGHT, before=2, after=3) == Known()


def test_a_counter_that_rose_means_another_pin_may_have_been_chosen() -> None:
    known = learn(Known(), WRONG, Outcome.WRONG, before=3, after=2)
    assert settle(known, 3).wrong == frozenset()
    assert settle(known, 1).wrong == {WRONG}


@pytest.mark.parametrize(
    ("before", "after", "held_for_wrong"),
    [(3, 2, True), (3, 3, False), (2, 3, False), (2, 1, True), (1, 0, True), (None, 3, True)],
)
def test_the_fate_of_a_lost_pin_is_told_by_the_counter(before: int | None, after: int, held_for_wrong: bool) -> None:
    at_once = learn(Known(), WRONG, Outcome.UNKNOWN, before=before, after=after)
    later = settle(learn(Known(), WRONG, Outcome.UNKNOWN, before=before, after=None), after)
    for known in (at_once, later):
        assert (WRONG in known.wrong) is held_for_wrong
        assert known.doubt is None


def test_a_doubt_lasts_until_the_card_tells() -> None:
    known = learn(Known(), WRONG, Outcome.UNKNOWN, before=3, after=None)
    assert settle(known, None) == known
    assert known.doubt is not None


@pytest.mark.parametrize(("length", "hidden"), [(4, (False,)), (3, (False, True))])
def test_every_history_spends_each_wrong_pin_once_and_never_the_last_try(length: int, hidden: tuple[bool, ...]) -> None:
    """Any PINs in any order, each answer lost or not, the counter told or not: the card is judge."""
    pins = {name: MEMORY.digest(CARD, bytearray(name)) for name in (b"1234", b"0000", b"1111")}
    steps = list(itertools.product(pins, (False, True), (False, True), hidden))
    for history in itertools.product(steps, repeat=length):
        tries, known = 3, Known()
        refused: list[bytes] = []
        for pin, lost, accepted, unseen in history:
            shown = None if unseen else tries
            known = settle(known, shown)
            if consider(known, pins[pin], shown, accept_last_try=accepted) is not None:
                continue
            assert tries > 1 or accepted
            assert pin not in refused
            tries = 3 if pin == b"1234" else tries - 1
            refused = [] if pin == b"1234" else [*refused, pin]
            outcome = Outcome.RIGHT if pin == b"1234" else Outcome.WRONG if tries else Outcome.BLOCKED
            after = None if lost or unseen else tries
            known = learn(known, pins[pin], Outcome.UNKNOWN if lost else outcome, before=shown, after=after)


def test_what_is_in_doubt_is_not_sent_again_nor_forgotten_for_another() -> None:
    known = learn(Known(), WRONG, Outcome.UNKNOWN, before=None, after=None)
    assert consider(known, WRONG, None, accept_last_try=True) is Refusal.ALREADY_REFUSED
    assert WRONG in learn(known, MEMORY.digest(CARD, bytearray(b"1111")), Outcome.WRONG, before=None, after=None).wrong


def test_cards_do_not_share_what_is_known() -> None:
    memory = PinMemory()
    first, second = memory.card(b"1"), memory.card(b"2")
    wrong = memory.digest(first, bytearray(b"0000"))
    memory.keep(first, learn(Known(), wrong, Outcome.WRONG, before=3, after=2))
    assert memory.known(second) == Known()
    assert memory.digest(second, bytearray(b"0000")) != wrong


def test_digests_mean_nothing_in_another_process() -> None:
    assert PinMemory().card(b"1") != PinMemory().card(b"1")
    assert PinMemory().digest("card", bytearray(b"1234")) != PinMemory().digest("card", bytearray(b"1234"))


def test_only_the_cards_seen_last_are_remembered() -> None:
    memory = PinMemory()
    cards = [memory.card(str(number).encode()) for number in range(300)]
    for card in cards:
        memory.keep(card, Known(wrong=frozenset({b"digest"})))
    assert memory.known(cards[0]) == Known()
    assert memory.known(cards[-1]).wrong


def test_a_wiped_pin_is_gone_and_nothing_shows_one() -> None:
    pin = bytearray(b"8642")
    memory = PinMemory()
    card = memory.card(b"1")
    known = learn(Known(), memory.digest(card, pin), Outcome.UNKNOWN, before=3, after=None)
    memory.keep(card, known)
    wipe(pin)
    wipe(None)
    assert pin == bytearray(4)
    assert not any(word in repr((memory, known, known.doubt)) for word in ("8642", "pin="))
