from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.moments import in_france, told, told_date
from tests.shared import missing

NOW = datetime(2026, 11, 24, 13, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def paris() -> ZoneInfo:
    try:
        return ZoneInfo("Europe/Paris")
    except ZoneInfoNotFoundError:
        missing("the zone files (tzdata) are not installed")


@given(st.integers(852_076_800, 2_145_830_400))
def test_the_hour_is_the_one_of_the_zone_files(paris: ZoneInfo, seconds: int) -> None:
    aware = datetime.fromtimestamp(seconds, UTC)
    assert in_france(aware).replace(tzinfo=None) == aware.astimezone(paris).replace(tzinfo=None)


@pytest.mark.parametrize("year", range(2020, 2036))
def test_the_hour_changes_at_the_instant_of_the_zone_files(paris: ZoneInfo, year: int) -> None:
    hour = datetime(year, 1, 1, tzinfo=UTC)
    while hour.year == year:
        assert in_france(hour).utcoffset() == hour.astimezone(paris).utcoffset(), hour
        hour += timedelta(hours=1)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOW, "aujourd'hui à 14 h 05"),
        (datetime(2026, 11, 24, 22, 59, tzinfo=UTC), "aujourd'hui à 23 h 59"),
        (datetime(2026, 11, 24, 23, 0, tzinfo=UTC), "demain à 0 h 00"),
        (datetime(2026, 11, 23, 8, 30, tzinfo=UTC), "hier à 9 h 30"),
        (datetime(2026, 8, 1, 8, 0, tzinfo=UTC), "le 1er août à 10 h 00"),
        (datetime(2025, 12, 31, 23, 30, tzinfo=UTC), "le 1er janvier à 0 h 30"),
        (datetime(2025, 3, 30, 1, 0, tzinfo=UTC), "le 30 mars 2025 à 3 h 00"),
    ],
)
def test_it_is_said_as_a_french_reader_says_it(moment: datetime, text: str) -> None:
    assert told(moment, NOW).text.replace("\u00a0", " ") == text


def test_the_machine_reads_the_same_instant() -> None:
    assert datetime.fromisoformat(told(NOW, NOW).machine) == NOW


def test_a_day_alone_carries_no_hour() -> None:
    shown = told_date(datetime(2027, 2, 14, 23, 30, tzinfo=UTC), NOW)
    assert (shown.text.replace("\u00a0", " "), shown.machine) == ("le 15 février 2027", "2027-02-15")
