"""The front of the box as the page lays it out: the panel in a few plain lines, the workstations by name. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from gateway.flow.caller import Caller
from gateway.flow.panel.views import PanelView, ResetView
from gateway.flow.workstations.views import WorkstationView
from gateway.kernel.errors import Explanation
from gateway.web.moments import Moment, told
from gateway.web.words import Badge, badge, many

_NONE: Final = "Ce boîtier n'a pas de façade : tout marche de la même façon sans elle."
_WELL: Final = "Les voyants disent comment va le boîtier ; un appui court sur le bouton ouvre l'association d'un poste."
_ARMED: Final = "Elle redémarre le boîtier s'il se fige."


class PanelCard(msgspec.Struct, frozen=True, kw_only=True):
    """The panel."""

    badge: Badge
    lines: tuple[str, ...]
    trouble: Explanation | None
    button: bool
    """False when the box is known to have none."""


class StationCard(msgspec.Struct, frozen=True, kw_only=True):
    """One paired workstation."""

    name: str
    here: bool
    structures: str
    since: Moment


def panel_card(panel: PanelView) -> PanelCard:
    """How the panel stands; a box without one says so in one line."""
    if not panel.connected:
        away = panel.trouble is not None
        mark = badge("Ne répond pas", "bad") if away else badge("Pas de façade", "off")
        return PanelCard(badge=mark, lines=() if away else (_NONE,), trouble=panel.trouble, button=away)
    lines = [_WELL]
    if panel.watchdog_armed:
        lines.append(_ARMED)
    if panel.box_resets:
        done = many(panel.box_resets, "une fois", "{} fois")
        lines.append(f"Elle l'a redémarré {done} depuis qu'elle est sous tension : prévenez votre installateur.")
    return PanelCard(badge=badge("Répond", "ok"), lines=tuple(lines), trouble=panel.trouble, button=True)


class ResetCard(NamedTuple):
    """A return to factory settings that was asked for."""

    since: Moment
    left: str | None
    """« encore 40 s »; None when nothing will be erased before the button is held again."""
    begun: bool
    """It cannot be taken back any more."""


def reset_card(reset: ResetView, now: datetime) -> ResetCard:
    """When, and how long it may still be taken back."""
    seconds = reset.seconds_left
    return ResetCard(since=told(reset.requested_at, now), left=time_left(seconds) if seconds is not None else None, begun=seconds == 0)


def station_cards(stations: Sequence[WorkstationView], caller: Caller, now: datetime) -> list[StationCard]:
    """The workstations, in the order given, without the installer's access; structures are named where the caller has several."""
    several = len(caller.structures) > 1
    return [
        StationCard(
            name=one.name,
            here=one.id == caller.workstation,
            structures=", ".join(one.structures) if several else "",
            since=told(one.paired_at, now),
        )
        for one in stations
        if not one.operator
    ]


def time_left(seconds: int) -> str:
    """« encore 1 min 30 s »."""
    minutes, rest = divmod(seconds, 60)
    parts = [f"{minutes}\u00a0min"] if minutes else []
    if rest or not parts:
        parts.append(f"{rest}\u00a0s")
    return "encore " + " ".join(parts)
