"""The life of certificates: what ends on which date, and how the next one of a role takes over (contract section 3, in the same spirit)."""

from __future__ import annotations

from litestar import get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath

from gateway.flow.caller import Caller
from gateway.flow.certificates.views import CalendarView, SuccessionPage, SuccessionView
from gateway.flow.relay import Relay


@get("/certificates/calendar")
async def read_calendar(relay: Given[Relay], caller: Given[Caller]) -> CalendarView:
    """What breaks on which date, the nearest first."""
    return await relay.calendar.view(caller)


@get("/certificates/successions")
async def list_successions(relay: Given[Relay], caller: Given[Caller]) -> SuccessionPage:
    """Where each role stands between its certificate and the next."""
    return await relay.successions.page(caller)


@post("/certificates/{structure:str}/{role:str}/rehearse", status_code=200)
async def rehearse_certificate(relay: Given[Relay], caller: Given[Caller], structure: FromPath[str], role: FromPath[str]) -> SuccessionView:
    """Try the next certificate at each service of its role."""
    return await relay.successions.rehearse(caller, structure, role)


@post("/certificates/{structure:str}/{role:str}/switch", status_code=200)
async def switch_certificate(relay: Given[Relay], caller: Given[Caller], structure: FromPath[str], role: FromPath[str]) -> SuccessionView:
    """Put the next certificate into use."""
    return await relay.successions.switch(caller, structure, role)


@post("/certificates/{structure:str}/{role:str}/return", status_code=200)
async def call_certificate_back(
    relay: Given[Relay], caller: Given[Caller], structure: FromPath[str], role: FromPath[str]
) -> SuccessionView:
    """Come back to the former certificate."""
    return await relay.successions.call_back(caller, structure, role)
