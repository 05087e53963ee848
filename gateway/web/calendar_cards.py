"""The calendar of certificates as the page lays it out: what is over, what comes, and what the services made of the next certificates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from gateway.flow.certificates.views import CalendarLineView, SuccessionView
from gateway.trust.calendar_words import ROLE_NAMES
from gateway.web.moments import Moment, told_date
from gateway.web.words import Badge, badge, many

_LEVELS = {"ok": badge("Rien à faire", "ok"), "warning": badge("À prévoir", "act"), "error": badge("Arrêté", "bad")}
_OUTCOMES = {"good": badge("Accepté", "ok"), "refused": badge("Refusé", "bad"), "unreachable": badge("Pas de réponse sûre", "act")}


class CalendarCard(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the calendar."""

    title: str
    whose: str
    badge: Badge
    date: Moment
    left: str
    begins: bool
    stops: str
    gesture: str


class TrialCard(msgspec.Struct, frozen=True, kw_only=True):
    """What the services made of the next certificate of a role."""

    title: str
    state: str
    at: Moment
    steps: tuple[tuple[Badge, str], ...]
    why: str | None


def calendar_cards(lines: Sequence[CalendarLineView], now: datetime) -> tuple[CalendarCard, ...]:
    """The lines, the nearest date first."""
    return tuple(
        CalendarCard(
            title=one.what,
            whose=one.whose[:1].upper() + one.whose[1:],
            badge=_LEVELS[one.level],
            date=told_date(one.date, now),
            left=_left(one.days_left),
            begins=one.happening == "begins",
            stops=one.stops,
            gesture=one.gesture,
        )
        for one in lines
    )


def trial_cards(successions: Sequence[SuccessionView], now: datetime) -> tuple[TrialCard, ...]:
    """The trials made, of the roles that have some."""
    return tuple(
        TrialCard(
            title=f"{ROLE_NAMES.get(one.role, one.role)} – structure {one.structure}",
            state=one.what,
            at=told_date(one.rehearsed_at, now),
            steps=tuple((_OUTCOMES[step.outcome], step.what) for step in one.rehearsal),
            why=f"{one.explanation.what} {one.explanation.gesture}" if one.explanation is not None else None,
        )
        for one in successions
        if one.rehearsed_at is not None
    )


def _left(days: int) -> str:
    if days < 0:
        return "c'est passé"
    return "dans moins d'un jour" if days == 0 else "dans " + many(days, "1 jour", "{} jours")
