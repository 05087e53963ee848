"""What breaks on which date: one line for each end that a certificate, an authority or a revocation list of this box will meet.

A pure function over facts; `calendar_facts` collects them and `calendar_words` says them. Never judges a chain, never renews anything.
Sources: anchors.md 0.4 and section 7 (certificates and trust lists stop gateways), cards.md 5.1 (alarms at 90, 60, 30 and 7 days),
cda_signing.md 4.4 (private key usage period, revocation lists).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from gateway.trust.calendar_words import gesture_of, name_of, owner_of, stops_of

_RENEWED_BY_PEOPLE = (90, 60, 30, 7, 0)
_RENEWED_BY_THE_BOX = (7, 0)
_SLOW_LIST = timedelta(days=3)
_REMEMBERED = timedelta(days=30)
"""How long the authority that workstations held before is shown past its end."""


class Origin(enum.StrEnum):
    """What a fact is about."""

    CURRENT = "current"
    """The certificate of a structure and role in use."""
    NEXT = "next"
    """The one that waits to replace it."""
    LAN_SERVER = "lan-server"
    LAN_AUTHORITY = "lan-authority"
    LAN_FORMER_AUTHORITY = "lan-former-authority"
    """The local authority as workstations installed it, replaced since."""
    AUTHORITY = "authority"
    """An authority of a chain in use, or trusted to recognise the services."""
    REVOCATION_LIST = "revocation-list"
    BROKER_CLIENT = "broker-client"
    """What the box shows the MQTT broker of the practice."""
    BROKER_AUTHORITY = "broker-authority"


class Happening(enum.StrEnum):
    """What a date means."""

    BEGINS = "begins"
    KEY_ENDS = "key-ends"
    """End of the private key usage period: the certificate still verifies, its key must sign no more."""
    ENDS = "ends"


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that has an end. Instants are aware; `structure` and `role` are empty for what belongs to the whole box."""

    origin: Origin
    fingerprint: str
    """SHA-256 of the DER, hexadecimal."""
    begins: datetime
    ends: datetime
    key_ends: datetime | None = None
    structure: str = ""
    role: str = ""
    name: str = ""
    """Of an authority, or of the authority of a list."""
    structures: tuple[str, ...] = ()
    """Whose certificates come from this authority."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the calendar."""

    id: str
    """The same as long as the certificate is the same."""
    origin: Origin
    happening: Happening
    fingerprint: str
    structure: str | None
    """None: the whole box."""
    role: str | None
    what: str
    whose: str
    date: datetime
    stops: str
    """What stops then, in French."""
    gesture: str
    warned_at: tuple[int, ...]
    """Days before `date` at which people are told, the farthest first; empty when nothing stops then."""

    def days_left(self, now: datetime) -> int:
        """Whole days left; negative once over."""
        return (self.date - now).days


def calendar(facts: Iterable[Fact], now: datetime) -> tuple[Line, ...]:
    """Every line, the nearest date first."""
    known = [one for one in facts if one.origin is not Origin.LAN_FORMER_AUTHORITY or now < one.ends + _REMEMBERED]
    around = _Around(
        waiting=frozenset((one.structure, one.role) for one in known if one.origin is Origin.NEXT),
        own_mailbox=frozenset(one.structure for one in known if one.origin is Origin.CURRENT and one.role == "mailbox"),
    )
    lines = {line.id: line for fact in known for line in _lines(fact, now, around)}
    return tuple(sorted(lines.values(), key=lambda one: (one.date, one.id)))


class _Around(msgspec.Struct, frozen=True, kw_only=True):
    """What the other facts change in the words of a line."""

    waiting: frozenset[tuple[str, str]]
    own_mailbox: frozenset[str]


def _lines(fact: Fact, now: datetime, around: _Around) -> list[Line]:
    lines: list[Line] = []
    if now < fact.begins:
        lines.append(_line(fact, Happening.BEGINS, fact.begins, (), around))
    key_ends = fact.key_ends if fact.key_ends is not None and fact.key_ends < fact.ends else None
    if key_ends is not None:
        lines.append(_line(fact, Happening.KEY_ENDS, key_ends, _warnings(fact), around))
    lines.append(_line(fact, Happening.ENDS, fact.ends, () if key_ends else _warnings(fact), around))
    return lines


def _line(fact: Fact, happening: Happening, date: datetime, warned_at: tuple[int, ...], around: _Around) -> Line:
    role = "auth_cli_dmp" if fact.role == "auth_cli" and fact.structure in around.own_mailbox else fact.role
    waits = fact.origin is Origin.CURRENT and (fact.structure, fact.role) in around.waiting
    return Line(
        id=_identifier(fact, happening),
        origin=fact.origin,
        happening=happening,
        fingerprint=fact.fingerprint,
        structure=fact.structure or None,
        role=fact.role or None,
        what=name_of(fact.origin, fact.role, fact.name),
        whose=owner_of(fact.structure, fact.structures),
        date=date,
        stops=stops_of(fact.origin, role, happening, after_key=happening is Happening.ENDS and not warned_at),
        gesture=gesture_of(fact.origin, happening, waits=waits),
        warned_at=warned_at,
    )


def _identifier(fact: Fact, happening: Happening) -> str:
    """A certificate keeps its lines when it comes into use."""
    kind = "certificate" if fact.origin in (Origin.CURRENT, Origin.NEXT) else fact.origin.value
    owner = f".{fact.structure}.{fact.role}" if fact.structure else ""
    return f"{fact.fingerprint[:32]}.{kind}{owner}.{happening}"


def _warnings(fact: Fact) -> tuple[int, ...]:
    """A list lives a few days and is replaced every day: a day's notice for those that live longer, its end for all."""
    match fact.origin:
        case Origin.LAN_SERVER:
            return _RENEWED_BY_THE_BOX
        case Origin.REVOCATION_LIST:
            return (1, 0) if fact.ends - fact.begins > _SLOW_LIST else (0,)
        case _:
            return _RENEWED_BY_PEOPLE
