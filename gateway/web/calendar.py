"""The page « Calendrier des certificats »: what stops on which date, and what the services made of the certificates that wait."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency as Given

from gateway.flow.relay import Relay
from gateway.web.access import Visitor
from gateway.web.calendar_cards import calendar_cards, trial_cards
from gateway.web.rendering import page
from gateway.web.sessions import Sessions


@get("/certificats/calendrier", include_in_schema=False)
async def show_calendar(relay: Given[Relay], sessions: Given[Sessions], now: Given[datetime], visitor: Given[Visitor]) -> Response[Any]:
    """Every end that comes, for the box and the structures of this workstation."""
    view = await relay.calendar.view(visitor.caller)
    successions = await relay.successions.page(visitor.caller)
    return page(
        "calendrier.html",
        visitor=visitor,
        notice=sessions.take(visitor.session),
        lines=calendar_cards(view.lines, now),
        trials=trial_cards(successions.items, now),
    )
