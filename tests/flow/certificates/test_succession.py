"""How one certificate takes over from another, as a pure function: no order of events puts a refused one into use by itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.flow.certificates import succession
from gateway.flow.certificates.succession import Outcome, Step
from gateway.journal.records import SuccessionRecord, SuccessionState
from gateway.kernel.errors import Explanation

HOUR, DAY = 3_600_000, 86_400_000
WHY = Explanation(code="tls-refused", who="a", what="b", gesture="c")


def step(outcome: Outcome) -> Step:
    return Step(service="dmp", outcome=outcome, what="DMP : essai.", code="" if outcome == "good" else "tls-refused")


def record(state: SuccessionState = "waiting", **changes: Any) -> SuccessionRecord:
    return replace(SuccessionRecord(structure="S", role="sign", state=state, following="new", updated_at=0), **changes)


def rehearsed(*outcomes: Outcome, at: int = 0) -> SuccessionRecord:
    return succession.rehearsed(record(), [step(one) for one in outcomes], at)


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        (["good", "good"], "good"),
        (["good", "refused"], "refused"),
        (["unreachable", "refused"], "refused"),
        (["good", "unreachable"], "unreachable"),
        ([], "unreachable"),
    ],
)
def test_one_refusal_refuses_and_what_was_not_asked_proves_nothing(outcomes: list[Outcome], verdict: str) -> None:
    assert succession.verdict_of([step(one) for one in outcomes]) == verdict


def test_a_refusal_says_by_whom_and_what_to_do() -> None:
    after = rehearsed("good", "refused")
    assert after.state == "refused"
    assert after.explanation is not None
    assert after.explanation.code == "tls-refused"
    assert "reste en service" in after.explanation.gesture


@pytest.mark.parametrize(
    ("ends_in", "due"),
    [(31 * DAY, False), (30 * DAY, True), (0, True), (-DAY, True), (None, True)],
    ids=["31", "30", "now", "over", "none"],
)
def test_a_rehearsed_certificate_comes_into_use_near_the_end_of_the_other(ends_in: int | None, *, due: bool) -> None:
    now = 1000 * DAY
    ends_at = None if ends_in is None else now + ends_in
    assert succession.due_by_itself(rehearsed("good"), ends_at=ends_at, now=now, before_days=30) is due


@pytest.mark.parametrize("ends_in", [DAY, -DAY, None])
def test_a_refused_one_never_comes_into_use_by_itself(ends_in: int | None) -> None:
    ends_at = None if ends_in is None else DAY + ends_in
    for one in (rehearsed("refused"), record(), record("returned", rehearsed_at=0)):
        assert not succession.due_by_itself(one, ends_at=ends_at, now=DAY, before_days=30)


def test_services_that_do_not_answer_hold_it_back_only_while_the_other_serves() -> None:
    silent = rehearsed("good", "unreachable")
    assert silent.state == "waiting"
    assert not succession.due_by_itself(silent, ends_at=2 * DAY, now=DAY, before_days=30)
    assert succession.due_by_itself(silent, ends_at=DAY, now=DAY, before_days=30)
    assert not succession.may_be_switched(silent)


def test_it_is_tried_again_every_hour_while_silent_and_every_day_otherwise() -> None:
    assert succession.to_be_rehearsed(record(), 0)
    silent, good = rehearsed("unreachable", at=10), rehearsed("good", at=10)
    assert [succession.to_be_rehearsed(silent, 10 + later) for later in (HOUR - 1, HOUR)] == [False, True]
    assert [succession.to_be_rehearsed(good, 10 + later) for later in (DAY - 1, DAY)] == [False, True]
    assert succession.to_be_rehearsed(good, 9), "a clock set back"


def test_the_first_hour_is_watched_then_it_stays() -> None:
    used = succession.promoted(succession.begun(rehearsed("good"), "old", "system", 5), 10)
    assert succession.settled(used, 10 + HOUR) is None
    assert succession.indicted(used, WHY, 10 + HOUR) is not None
    assert succession.indicted(used, WHY, 11 + HOUR) is None
    over = succession.settled(used, 11 + HOUR)
    assert over is not None
    assert over.state == "settled"
    assert succession.may_be_called_back(over)


def test_without_a_former_one_there_is_nothing_to_come_back_to() -> None:
    first = succession.promoted(succession.begun(rehearsed("good"), None, "system", 5), 10)
    assert succession.indicted(first, WHY, 11) is None
    assert not succession.may_be_called_back(first)


def test_another_certificate_waits_for_the_end_of_the_hour() -> None:
    used = succession.promoted(succession.begun(rehearsed("good"), "old", "system", 5), 10)
    assert succession.noticed(used, "S", "sign", "third", 20) is None
    over = succession.settled(used, 11 + HOUR)
    assert over is not None
    fresh = succession.noticed(over, "S", "sign", "third", 12 + HOUR)
    assert fresh is not None
    assert (fresh.state, fresh.following, fresh.former, fresh.version) == ("waiting", "third", None, over.version + 1)


@pytest.mark.parametrize(
    ("state", "in_use", "move"),
    [
        ("switching", "old", "promote"),
        ("switching", None, "promote"),
        ("switching", "new", "note-promoted"),
        ("returning", "new", "restore"),
        ("returning", "old", "note-restored"),
        ("watched", "new", None),
        ("rehearsed", "old", None),
    ],
)
def test_a_cut_is_finished_by_what_is_in_use(state: SuccessionState, in_use: str | None, move: str | None) -> None:
    assert succession.resumed(record(state, former="old"), in_use) == move


EVENTS = ("good", "refused", "unreachable", "switch", "accused", "hour", "notice")


@given(st.lists(st.sampled_from(EVENTS), max_size=25))
def test_whatever_happens_what_came_back_stays_back_until_a_person_says_otherwise(events: list[str]) -> None:
    """`switch` is the machine's own; a person's act is not among the events."""
    one, now, came_back = record(), 0, False
    for event in events:
        now += HOUR // 2
        before = one
        match event:
            case "good" | "refused" | "unreachable":
                if succession.to_be_rehearsed(one, now + DAY):
                    one = succession.rehearsed(one, [step(event)], now)
            case "switch":
                if succession.due_by_itself(one, ends_at=None, now=now, before_days=30):
                    assert not came_back
                    one = succession.promoted(succession.begun(one, "old", "system", now), now)
            case "accused":
                returning = succession.indicted(one, WHY, now)
                if returning is not None:
                    one, came_back = succession.restored(returning, now), True
            case "hour":
                one = succession.settled(one, now + HOUR) or one
            case _:
                one = succession.noticed(one, "S", "sign", "new" if one.state != "settled" else "next", now) or one
                came_back = came_back and one.state == "returned"
        assert one.version >= before.version
        assert one.state != "returned" or one.explanation == WHY


@pytest.mark.parametrize("state", ["switching", "watched", "returning"])
def test_an_import_straight_into_use_does_not_disturb_a_succession_under_way(state: SuccessionState) -> None:
    assert succession.replaced(record(state), "S", "sign", "other", "new", "somebody", HOUR) is None


@pytest.mark.parametrize("before", [None, record(), record("returned", former="old"), record("settled", number=7, version=3)])
def test_after_an_import_straight_into_use_only_a_person_comes_back(before: SuccessionRecord | None) -> None:
    after = succession.replaced(before, "S", "sign", "imported", "old", "somebody", HOUR)
    assert after is not None
    assert succession.may_be_called_back(after)
    assert succession.indicted(after, WHY, HOUR) is None
    assert not succession.may_be_switched(after)
    assert (after.number, after.version) == ((0, 1) if before is None else (before.number, before.version + 1))
    assert succession.replaced(after, "S", "sign", "imported", "old", "somebody", HOUR) is None
