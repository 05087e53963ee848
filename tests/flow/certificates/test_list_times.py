"""When a revocation list is fetched again, at the second and in its bounds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.flow.certificates.list_times import DAY, LONGEST_AGAIN, seconds_after_failure, seconds_after_success

NOW = datetime(2026, 11, 24, 13, 5, tzinfo=UTC)
LUCK = st.floats(0, 1)


@pytest.mark.parametrize(
    ("left", "luck", "seconds"),
    [
        (timedelta(days=30), 0.0, DAY),
        (timedelta(days=30), 1.0, DAY * 0.95),
        (timedelta(hours=24), 0.0, 43_200),
        (timedelta(hours=24), 1.0, 64_800),
        (timedelta(hours=1), 0.5, 2_250),
        (timedelta(seconds=10), 0.0, 60),
        (timedelta(0), 0.0, 900),
        (timedelta(days=-3), 1.0, 990),
    ],
)
def test_it_is_asked_for_before_the_next_is_due(left: timedelta, luck: float, seconds: float) -> None:
    assert seconds_after_success(NOW, NOW + left, luck) == pytest.approx(seconds)


def test_a_list_that_announces_nothing_is_asked_for_every_day() -> None:
    assert seconds_after_success(NOW, None, 0.0) == DAY


@given(left=st.floats(121, 400 * DAY), luck=LUCK)
def test_there_is_always_time_left_to_try_again(left: float, luck: float) -> None:
    seconds = seconds_after_success(NOW, NOW + timedelta(seconds=left), luck)
    assert 60 <= seconds <= DAY
    assert seconds <= left * 0.76


@pytest.mark.parametrize(("failures", "seconds"), [(1, 900), (2, 1_800), (3, 3_600), (4, 3_600), (10_000, 3_600)])
def test_who_does_not_answer_is_asked_ever_more_rarely(failures: int, seconds: float) -> None:
    assert seconds_after_failure(failures, 0.0) == seconds
    assert seconds_after_failure(failures, 1.0) == pytest.approx(seconds * 1.1)
    assert seconds_after_failure(failures, 1.0) <= LONGEST_AGAIN * 1.11
