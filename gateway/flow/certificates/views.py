"""What callers see of the life of certificates: the calendar, the warnings, and where each role stands between two certificates."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from gateway.kernel.errors import Explanation


class _View(msgspec.Struct, frozen=True, kw_only=True):
    pass


class CalendarLineView(_View, frozen=True, kw_only=True):
    """One end that comes: what stops then, and what to do before."""

    id: str
    what: str
    whose: str
    structure: str | None
    """None: the whole box."""
    role: str | None
    origin: str
    happening: str
    date: datetime
    days_left: int
    """Whole days; negative once over."""
    level: Literal["ok", "warning", "error"]
    """`warning` from the first alarm on, `error` once it has stopped."""
    stops: str
    gesture: str


class CalendarView(_View, frozen=True, kw_only=True):
    """What breaks on which date, the nearest first."""

    lines: tuple[CalendarLineView, ...]


class AlarmEvent(_View, frozen=True, kw_only=True):
    """What `certificate.expiring` says; `structure` is None for what belongs to the whole box."""

    id: str
    stage: str
    """start, or the days before the end at which it is told: 90, 60, 30, 7, 1, 0."""
    structure: str | None
    what: str
    whose: str
    ends_at: datetime
    stops: str
    gesture: str


class RehearsalView(_View, frozen=True, kw_only=True):
    """What one service made of a certificate that is not in use yet."""

    service: Literal["chain", "signature", "dmp", "mss", "insi"]
    outcome: Literal["good", "refused", "unreachable"]
    what: str
    code: str | None


class HeldView(_View, frozen=True, kw_only=True):
    """A certificate that the box holds; never its key."""

    structure: str
    role: str
    slot: str
    """current (in use), next (waits), former (kept to come back to)."""
    subject: str
    issuer: str
    serial: str
    """Hexadecimal."""
    not_before: datetime
    not_after: datetime
    usable_until: datetime
    """The earlier of its end and of the period in which its key may sign."""
    fingerprint: str
    """SHA-256, hexadecimal."""
    environment: str


class UnreadableView(_View, frozen=True, kw_only=True):
    """A sealed file that does not open."""

    structure: str
    role: str
    slot: str


class HeldPage(_View, frozen=True, kw_only=True):
    """What the box holds: the ones in use, then the next, then the former."""

    items: tuple[HeldView, ...]
    unreadable: tuple[UnreadableView, ...]


class ImportView(_View, frozen=True, kw_only=True):
    """What became of an import: kept in every case, and what the services of its role made of it."""

    certificate: HeldView
    outcome: Literal["good", "refused", "unreachable"]
    what: str
    gesture: str
    calls: tuple[RehearsalView, ...]


class SuccessionView(_View, frozen=True, kw_only=True):
    """Where a role stands between its certificate and the next."""

    structure: str
    role: str
    state: Literal["waiting", "rehearsed", "refused", "switching", "watched", "returning", "returned", "settled"]
    what: str
    following: str
    """SHA-256 of the certificate that comes into use, hexadecimal."""
    rehearsal: tuple[RehearsalView, ...]
    rehearsed_at: datetime | None
    switched_at: datetime | None
    watched_until: datetime | None
    may_switch: bool
    may_return: bool
    explanation: Explanation | None


class SuccessionPage(_View, frozen=True, kw_only=True):
    """Every role that changes certificate, or has."""

    items: tuple[SuccessionView, ...]


class SuccessionEvent(_View, frozen=True, kw_only=True):
    """What `certificate.changed` says; the rest is read at /certificates/successions."""

    structure: str
    role: str
    state: str
