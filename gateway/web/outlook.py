"""The first line of the page: did everything leave, do the destinations answer, is something wrong with the box."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from gateway.flow.certificates.views import CalendarLineView
from gateway.flow.status import LaneView, StatusView
from gateway.model.delivery import Channel, DeliveryState
from gateway.web.cards import DocumentCard
from gateway.web.identity_words import task_badge
from gateway.web.moments import Moment, told_date
from gateway.web.words import Badge, Tone, channel_words, many

_ON_THE_WAY = (DeliveryState.QUEUED, DeliveryState.RUNNING, DeliveryState.UNKNOWN)


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong with the box itself, and the gesture."""

    what: str
    gesture: str
    until: Moment | None = None
    others: str | None = None
    """How many dates of the calendar of certificates are near besides this one."""


class DestinationLine(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one destination answers, and what is known when it does not."""

    name: str
    badge: Badge
    trouble: str | None


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """The header of the page."""

    tone: Tone
    headline: str
    detail: str | None
    destinations: tuple[DestinationLine, ...]
    alarms: tuple[Alarm, ...]
    test: bool


class IdentitiesLine(msgspec.Struct, frozen=True, kw_only=True):
    """Whether identities ask for somebody, and what they hold."""

    waiting: int
    headline: str
    held: str | None
    tasks: str | None


def identities_line(counts: dict[str, int], attention: Sequence[DocumentCard], *, more: bool) -> IdentitiesLine:
    """`counts` by task of the worklist; `attention` as for `outlook_of`."""
    waiting, held = sum(counts.values()), sum(one.identity is not None for one in attention)
    by_task = [f"{count} {task_badge(task).text.lower()}" for task, count in counts.items() if count]
    retained = many(held, "1 document retenu", "{} documents retenus") if held else None
    return IdentitiesLine(
        waiting=waiting,
        headline=many(waiting, "1 identité attend", "{} identités attendent") if waiting else "Aucune identité n'attend",
        held=f"au moins {retained}" if retained and more else retained,
        tasks=", ".join(by_task) if by_task else None,
    )


def outlook_of(status: StatusView, attention: Sequence[DocumentCard], *, more: bool, now: datetime) -> Outlook:
    """`attention` are the documents that need a person; `more` when there are others beyond them."""
    waiting = sum(len(one.waiting) for one in attention)
    moving = sum(one.count for one in status.queue if one.state in _ON_THE_WAY)
    on_the_way = many(moving, "Un envoi est en route.", "{} envois sont en route.") if moving else None
    return Outlook(
        tone="act" if waiting else "going" if moving else "ok",
        headline=_headline(waiting, moving, more=more),
        detail=on_the_way,
        destinations=tuple(_destination_line(one, status.upstreams) for one in status.upstreams),
        alarms=tuple(_alarms(status, now)),
        test=status.environment == "test",
    )


def _headline(waiting: int, moving: int, *, more: bool) -> str:
    if waiting and more:
        return f"Plus de {waiting} envois demandent une action"
    if waiting:
        return many(waiting, "Un envoi demande une action", "{} envois demandent une action")
    return "Tout va bien" if moving else "Tout est parti"


def _destination_line(lane: LaneView, lanes: Sequence[LaneView]) -> DestinationLine:
    structure, _, channel = lane.lane.partition("/")
    several = len({one.lane.partition("/")[0] for one in lanes}) > 1
    return DestinationLine(
        name=f"{channel_words(Channel(channel))} ({structure})" if several else channel_words(Channel(channel)),
        badge=Badge(text="répond", mark="✓", tone="ok") if lane.answering else Badge(text="ne répond pas", mark="!", tone="bad"),
        trouble=None if lane.answering or lane.trouble is None else f"{lane.trouble.what} {lane.trouble.gesture}",
    )


def _alarms(status: StatusView, now: datetime) -> list[Alarm]:
    alarms: list[Alarm] = []
    if status.replaced is not None:
        alarms.append(Alarm(what=status.replaced.what, gesture=status.replaced.gesture))
    elif not status.accepting:
        alarms.append(
            Alarm(
                what="Relais n'accepte plus de nouveaux documents : son espace de stockage est plein ou indisponible.",
                gesture="Appelez votre installateur.",
            )
        )
    if not status.clock_trusted:
        alarms.append(
            Alarm(
                what="L'heure du boîtier n'est pas fiable : rien ne part pour le moment.",
                gesture="Vérifiez que le boîtier est relié à Internet ; si cela dure, appelez votre installateur.",
            )
        )
    if status.front is not None and status.front.reset is not None:
        alarms.append(
            Alarm(
                what="Un retour aux réglages d'usine a été demandé au bouton du boîtier : sans annulation, tout s'efface.",
                gesture="Ouvrez tout de suite la page « Boîtier », en bas de cette page, si ce n'est pas voulu.",
            )
        )
    alarms += [Alarm(what=one.explanation.what, gesture=one.explanation.gesture) for one in status.searches]
    return alarms + _expiring(status.expiring, now)


def _expiring(lines: Sequence[CalendarLineView], now: datetime) -> list[Alarm]:
    """One in full, a structure's before the box's own, which renew themselves, the gravest, then the nearest; the others are counted, and
    told by the calendar: the work comes first on the page."""
    if not lines:
        return []
    first = min(lines, key=lambda one: (one.structure is None, one.level != "error", one.date))
    others = len(lines) - 1
    return [
        Alarm(
            what=_expiring_words(first),
            gesture=f"{first.stops} {first.gesture}",
            until=told_date(first.date, now),
            others=many(others, "une autre date est à surveiller", "{} autres dates sont à surveiller") if others else None,
        )
    ]


def _expiring_words(line: CalendarLineView) -> str:
    end = "début de validité" if line.happening == "begins" else "terminé" if line.level == "error" else "fin"
    whose = f" ({line.whose})" if line.structure is not None else ""
    return f"{line.what}{whose} – {end} :"
