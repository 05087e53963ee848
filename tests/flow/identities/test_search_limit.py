"""The box is no oracle of identities: searches of a workstation, and fruitless ones, are counted over an hour."""

from __future__ import annotations

import pytest

from gateway.flow.identities.search_limit import SearchLimit, SearchLimits, WorkstationSuspended
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
        counted.answered("w", fruitless=True)
    assert counted.suspended("w") == pytest.approx(3580)
    assert counted.suspended("v") == 0
    assert counted.alerted() == ("w",)
    seconds.now = 3600
    assert counted.suspended("w") == 0
    assert counted.alerted() == ()


def test_a_file_of_real_patients_of_whom_some_are_unknown_is_not_suspended(seconds: Seconds) -> None:
    counted = limits(seconds, misses=3)
    for number in range(200):
        counted.answered("w", fruitless=number % 2 == 1)
        assert counted.suspended("w") == 0
    counted.enter("w")
    assert counted.alerted() == ()


def test_what_nobody_brought_is_not_counted(seconds: Seconds) -> None:
    counted = limits(seconds, misses=1)
    for _ in range(5):
        counted.answered("", fruitless=True)
    assert counted.suspended("") == 0
