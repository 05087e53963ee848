from __future__ import annotations

import pytest

from gateway.web.sessions import LIFE_SECONDS, Notice, Sessions


class Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def sessions(hand: Hand) -> Sessions:
    return Sessions(b"k" * 32, hand)


def test_a_session_gives_back_its_token_until_the_end_of_the_day(sessions: Sessions, hand: Hand) -> None:
    number = sessions.open("jeton")
    hand.seconds = LIFE_SECONDS - 1
    assert sessions.token(number) == "jeton"
    hand.seconds = LIFE_SECONDS
    assert sessions.token(number) is None


def test_a_closed_session_is_over(sessions: Sessions) -> None:
    number = sessions.open("jeton")
    sessions.close(number)
    assert sessions.token(number) is None


@pytest.mark.parametrize("forged", ["", "jeton", "é", "\udcff", "a" * 10_000])
def test_no_other_number_opens(sessions: Sessions, forged: str) -> None:
    sessions.open("jeton")
    assert sessions.token(forged) is None
    assert not sessions.is_mark(sessions.open("autre"), forged)


def test_the_mark_of_a_form_is_of_one_session(sessions: Sessions) -> None:
    first, second = sessions.open("jeton"), sessions.open("jeton")
    assert sessions.is_mark(first, sessions.mark(first))
    assert not sessions.is_mark(second, sessions.mark(first))
    assert sessions.mark(first) != first


def test_the_memory_does_not_hold_what_the_cookie_holds(sessions: Sessions) -> None:
    number = sessions.open("jeton")
    assert number not in repr(vars(sessions))


def test_a_notice_is_said_once(sessions: Sessions) -> None:
    number = sessions.open("jeton")
    sessions.leave(number, Notice(tone="ok", what="C'est fait."))
    assert sessions.take(number) == Notice(tone="ok", what="C'est fait.")
    assert sessions.take(number) is None


def test_too_many_sessions_push_out_the_oldest(sessions: Sessions) -> None:
    first = sessions.open("jeton")
    neighbour = sessions.open("autre")
    others = [sessions.open("jeton") for _ in range(20)]
    assert sessions.token(first) is None
    assert all(sessions.token(one) for one in others)
    assert sessions.token(neighbour) == "autre", "another workstation loses nothing"


def test_sessions_that_are_over_are_forgotten(sessions: Sessions, hand: Hand) -> None:
    sessions.open("jeton")
    hand.seconds += LIFE_SECONDS
    sessions.open("autre")
    assert len(sessions._held) == 1
