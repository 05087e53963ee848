"""Writings of one trait; the rule for dates that INSi does not know whole (EXI ID 11)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ins.form import beginning, begins, completed_date, is_lunar, same_date, same_name, same_place, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1950-00-00", "1950-12-31"),
        ("1950-13-00", "1950-12-31"),
        ("1950-99-99", "1950-12-31"),
        ("1950-06-00", "1950-06-01"),
        ("1950-06-31", "1950-06-01"),
        ("1951-02-29", "1951-02-01"),
        ("1950-00-15", "1950-01-15"),
        ("1950-20-15", "1950-01-15"),
        ("1950-06-15", "1950-06-15"),
        ("0000-06-15", None),
        ("1950", None),
        ("1950-6-1", None),
        ("", None),
    ],
)
def test_dates_are_completed_by_the_rule_of_entry(text: str, expected: str | None) -> None:
    assert completed_date(text) == expected


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(1, 9999), st.integers(0, 99), st.integers(0, 99))
def test_a_completed_date_is_one_of_the_calendar_and_keeps_what_was_known(year: int, month: int, day: int) -> None:
    text = f"{year:04d}-{month:02d}-{day:02d}"
    made = completed_date(text)
    assert made is not None
    assert date.fromisoformat(made).year == year
    assert is_lunar(text) == (made != text)
    assert same_date(text, made)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(max_size=20), st.text(max_size=20))
def test_the_beginning_of_a_list_is_a_piece_of_it(listed: str, first: str) -> None:
    assert same_name(listed, listed)
    start = beginning(listed, first)
    assert (start is not None) == begins(listed, first)
    if start is not None:
        assert listed.strip().startswith(start)
        assert words(start) == words(first)


def test_a_word_is_a_whole_word() -> None:
    assert begins("JEAN PIERRE", "Jean")
    assert not begins("JEANNE", "JEAN")
    assert not begins("JEAN", "")
    assert beginning("JEAN-PIERRE PAUL", "jean pierre") == "JEAN-PIERRE"


def test_corsica_of_before_1976_is_one_department_or_the_other_never_both() -> None:
    assert same_place("20020", "2A020")
    assert same_place("2B033", "20033")
    assert not same_place("2A020", "2B020")
    assert not same_place("20020", "2A02")
