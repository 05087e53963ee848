"""Instants as a French reader says them: « aujourd'hui à 14 h 05 », in the legal time of mainland France.

The rule of summer time (directive 2000/84/CE: last Sundays of March and October, 01:00 UTC) is computed here, so that a box without
zone files shows the right hour. Never used for anything but showing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import msgspec

_WINTER = timezone(timedelta(hours=1), "CET")
_SUMMER = timezone(timedelta(hours=2), "CEST")
_MONTHS = ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre")
_NBSP = "\u00a0"


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """An instant to show: `machine` for the datetime attribute (ISO 8601, with its offset), `text` for the reader."""

    machine: str
    text: str


def in_france(moment: datetime) -> datetime:
    """The same instant in the legal time of mainland France; `moment` is aware."""
    instant = moment.astimezone(UTC)
    summer = _last_sunday(instant.year, 3) <= instant < _last_sunday(instant.year, 10)
    return instant.astimezone(_SUMMER if summer else _WINTER)


def told(moment: datetime, now: datetime) -> Moment:
    """An instant with its hour, relative to today: « hier à 9 h 30 », « le 3 mars à 8 h 00 »."""
    local, today = in_france(moment), in_france(now).date()
    hour = f"{local.hour}{_NBSP}h{_NBSP}{local.minute:02d}"
    return Moment(machine=local.isoformat(timespec="seconds"), text=f"{_day(local.date(), today)} à {hour}")


def told_date(moment: datetime, now: datetime) -> Moment:
    """An instant as a day only: « le 1er mars 2027 »."""
    local, today = in_france(moment), in_france(now).date()
    return Moment(machine=local.date().isoformat(), text=_day(local.date(), today))


def _day(day: date, today: date) -> str:
    match (day - today).days:
        case 0:
            return "aujourd'hui"
        case -1:
            return "hier"
        case 1:
            return "demain"
    number = "1er" if day.day == 1 else str(day.day)
    year = "" if day.year == today.year else f"{_NBSP}{day.year}"
    return f"le {number}{_NBSP}{_MONTHS[day.month - 1]}{year}"


def _last_sunday(year: int, month: int) -> datetime:
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)
