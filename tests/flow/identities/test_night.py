"""The hours of the box's own verifications, in French local time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.flow.identities.night import Night
from gateway.kernel.config import ConfigurationInvalid, read_configuration

_SETTINGS = """
[dmp]
url = "https://dmp.relais.test/services"
[identification]
{line}
[[structures]]
id = "10B0152872"
name = "CABINET"
patient_root = "1.2.3"
source_id = "1.2.4"
professionals = []
"""


def french(hour: int, minute: int = 0, day: int = 24) -> datetime:
    """An instant of November 2026, when France is an hour ahead."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC) - timedelta(hours=1)


@pytest.mark.parametrize(
    ("hours", "inside", "outside"),
    [
        ("01:00-05:00", [(1, 0), (4, 59)], [(0, 59), (5, 0), (13, 0)]),
        ("22:30-02:00", [(22, 30), (23, 59), (0, 0), (1, 59)], [(22, 29), (2, 0), (12, 0)]),
        ("00:00-00:00", [(0, 0), (12, 0), (23, 59)], []),
    ],
)
def test_a_night_may_run_over_midnight(hours: str, inside: list[tuple[int, int]], outside: list[tuple[int, int]]) -> None:
    night = Night(hours)
    assert all(night.covers(french(*one)) for one in inside)
    assert not any(night.covers(french(*one)) for one in outside)


def test_summer_time_is_the_practice_s_own() -> None:
    assert Night("01:00-05:00").covers(datetime(2026, 7, 14, 23, 0, tzinfo=UTC))
    assert not Night("01:00-05:00").covers(datetime(2026, 7, 14, 3, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("now", "seconds", "end"),
    [
        (french(14), 60, french(1, 1, day=25)),
        (french(3), 3600, french(4)),
        (french(3), 2 * 3600, french(5)),
        (french(3), 3 * 3600, french(2, day=25)),
        (french(14), 9 * 3600, french(2, day=27)),
    ],
)
def test_an_end_counts_the_hours_of_the_night_only(now: datetime, seconds: float, end: datetime) -> None:
    assert Night("01:00-05:00").end_of(now, seconds) == end


@given(st.integers(0, 1439), st.integers(0, 1439), st.integers(0, 86_399), st.floats(1, 200_000))
def test_work_ends_in_a_night_and_never_before_it_could(start: int, end: int, second: int, work: float) -> None:
    night = Night(f"{start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}")
    now = french(0) + timedelta(seconds=second)
    over = night.end_of(now, work)
    assert over >= now + timedelta(seconds=work) - timedelta(milliseconds=1)
    assert night.covers(over - timedelta(seconds=min(work, 1) / 2))


@pytest.mark.parametrize("hours", ["", "1:00-5:00", "01:00", "24:00-05:00", "01:00-05:60", "01h00-05h00", "01:00-05:00 "])
def test_hours_that_are_none_stop_the_start_with_a_sentence(hours: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid):
        Night(hours)
    path = tmp_path / "relais.toml"
    path.write_text(_SETTINGS.format(line=f'night = "{hours}"'), encoding="utf-8")
    with pytest.raises(ConfigurationInvalid) as problem:
        read_configuration(path)
    assert "« identification.night » doit être de la forme 01:00-05:00" in problem.value.explanation.what


def test_an_age_below_nothing_stops_the_start_too(tmp_path: Path) -> None:
    path = tmp_path / "relais.toml"
    path.write_text(_SETTINGS.format(line="verify_after_days = -1"), encoding="utf-8")
    with pytest.raises(ConfigurationInvalid) as problem:
        read_configuration(path)
    assert "identification.verify_after_days" in problem.value.explanation.what
    path.write_text(_SETTINGS.format(line='verify_after_days = 1095\nnight = "22:00-04:30"'), encoding="utf-8")
    assert read_configuration(path).identification.night == "22:00-04:30"
