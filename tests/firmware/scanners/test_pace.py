"""Where a person scanning ends and a flood begins."""

from __future__ import annotations

from firmware.scanners.pace import BURST, BYTES_PER_SECOND, PER_SECOND, Pace


def test_a_person_who_scans_all_day_is_never_stopped() -> None:
    pace = Pace()
    assert all(pace.scan(n / 3) for n in range(10_000))


def test_what_was_kept_out_of_reach_comes_at_once() -> None:
    pace = Pace()
    assert [pace.scan(0.0) for _ in range(BURST + 1)] == [True] * BURST + [False]


def test_a_flood_is_held_to_its_pace_and_told_once() -> None:
    pace = Pace()
    taken = [pace.scan(n / 1000) for n in range(10_000)]
    assert sum(taken) <= BURST + 10 * PER_SECOND
    assert [pace.first_flood() for _ in range(3)] == [True, False, False]


def test_the_next_flood_is_told_too() -> None:
    pace = Pace()
    for _ in range(BURST + 1):
        pace.scan(0.0)
    assert pace.first_flood()
    assert pace.scan(60.0)
    assert pace.first_flood()


def test_a_line_far_too_fast_is_left_unread_until_the_second_is_over() -> None:
    pace = Pace()
    assert pace.pause(BYTES_PER_SECOND, 10.0) == 0
    assert pace.pause(1, 10.25) == 0.75
    assert pace.pause(1, 11.0) == 0


def test_the_fastest_scanner_is_not() -> None:
    pace = Pace()
    assert all(pace.pause(1152, n / 10) == 0 for n in range(1000))
