"""The box is no oracle of identities: searches of a workstation, and fruitless ones, are counted over an hour."""

from __future__ import annotations

import pytest

from gateway.flow.identities.search_limit import SearchLimit, SearchLimits, WorkstationSuspended, guesses_of
from gateway.kernel.config import Insi


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def limits(seconds: Seconds, *, searches: int = 3, misses: int = 2) -> SearchLimits:
    return SearchLimits(Insi(searches_per_hour=searches, misses_per_hour=misses), seconds)


def test_one_search_too_many_is_refused_until_the_oldest_is_an_hour_old(seconds: Seconds) -> None:
    counted = limits(seconds)
    for at in (0, 10, 20):
        seconds.now = at
        counted.enter("w")
    with pytest.raises(SearchLimit) as refusal:
        counted.enter("w")
    assert (refusal.value.status, refusal.value.code) == (429, "search-limit")
    seconds.now = 3599.9
    with pytest.raises(SearchLimit):
        counted.enter("w")
    seconds.now = 3600
    counted.enter("w")
    with pytest.raises(SearchLimit):
        counted.enter("w")


def test_fruitless_searches_are_counted_apart_and_found_ones_are_not(seconds: Seconds) -> None:
    counted = limits(seconds, searches=100)
    for _ in range(10):
        counted.enter("w")
    counted.miss("w")
    counted.enter("w")
    counted.miss("w")
    with pytest.raises(SearchLimit):
        counted.enter("w")
    seconds.now = 3600
    counted.enter("w")


def test_a_workstation_does_not_pay_for_another(seconds: Seconds) -> None:
    counted = limits(seconds, searches=1)
    counted.enter("w")
    with pytest.raises(SearchLimit):
        counted.enter("w")
    counted.enter("v")
    assert counted.alerted() == ("w",)


def test_the_alert_is_one_an_hour_however_insistent_a_software_is(seconds: Seconds) -> None:
    counted = limits(seconds, searches=0)
    told = 0
    for minute in range(150):
        seconds.now = minute * 60
        with pytest.raises(SearchLimit):
            counted.enter("w")
        told += counted.to_tell("w")
    assert told == 3
    assert counted.alerted() == ("w",)
    seconds.now += 3600
    assert counted.alerted() == ()


def test_both_sentences_tell_the_gesture_and_the_same_code() -> None:
    for problem in (SearchLimit(), WorkstationSuspended(name="Accueil")):
        assert problem.explanation.code == "search-limit"
        assert problem.explanation.gesture
    assert "« Accueil »" in WorkstationSuspended(name="Accueil").explanation.what


def test_what_the_box_asks_by_itself_stops_when_most_of_it_finds_nobody(seconds: Seconds) -> None:
    counted = limits(seconds, misses=3)
    for at in (0, 10, 20):
        assert counted.suspended("w") == 0
        seconds.now = at
        counted.answered("w", guesses=1)
    assert counted.suspended("w") == pytest.approx(3580)
    assert counted.suspended("v") == 0
    assert counted.alerted() == ("w",)
    seconds.now = 3600
    assert counted.suspended("w") == 0
    assert counted.alerted() == ()


def test_a_file_of_real_patients_of_whom_some_are_unknown_is_not_suspended(seconds: Seconds) -> None:
    counted = limits(seconds, misses=3)
    for number in range(200):
        counted.answered("w", guesses=number % 2, person=None if number % 2 else f"person-{number}")
        assert counted.suspended("w") == 0
    counted.enter("w")
    assert counted.alerted() == ()


def test_what_nobody_brought_is_not_counted(seconds: Seconds) -> None:
    counted = limits(seconds, misses=1)
    for _ in range(5):
        counted.answered("", guesses=1)
    assert counted.suspended("") == 0


def test_one_person_found_a_hundred_times_vouches_for_one_guess(seconds: Seconds) -> None:
    counted = limits(seconds, misses=3)
    for _ in range(100):
        counted.answered("w", guesses=0, person="the same")
    for _ in range(3):
        assert counted.suspended("w") == 0
        counted.answered("w", guesses=1)
    assert counted.suspended("w") > 0


def test_people_found_more_than_an_hour_ago_vouch_for_nothing(seconds: Seconds) -> None:
    counted = limits(seconds, misses=3)
    for number in range(50):
        counted.answered("w", guesses=0, person=f"person-{number}")
    seconds.now = 3600
    for _ in range(3):
        counted.answered("w", guesses=1)
    assert counted.suspended("w") > 0


@pytest.mark.parametrize(
    ("calls", "found", "guesses"), [(1, True, 0), (2, True, 0), (5, True, 0), (1, False, 1), (4, False, 1), (6, True, 1), (22, False, 18)]
)
def test_trying_many_given_names_is_guessing_whether_one_is_right_or_not(calls: int, found: bool, guesses: int) -> None:
    assert guesses_of(calls, found=found) == guesses
