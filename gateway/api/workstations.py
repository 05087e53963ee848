"""The workstations of the box: the list, and what the operator does of them."""

from __future__ import annotations

from typing import Any

from litestar import Request, delete, get, patch, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath

from gateway.api.bodies import read_json
from gateway.flow.caller import Caller
from gateway.flow.relay import Relay
from gateway.flow.workstations.desk import NameBody, WorkstationBody
from gateway.flow.workstations.views import PairedView, WorkstationView
from gateway.kernel.config import Limits

_LARGEST = 4_096


@get("/workstations")
async def list_workstations(relay: Given[Relay], caller: Given[Caller]) -> tuple[WorkstationView, ...]:
    """Those of the caller's structures, the last paired first; every one, operators too, for the operator."""
    return await relay.workstations.all(caller)


@post("/workstations", status_code=201)
async def add_workstation(request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller]) -> PairedView:
    """A workstation without the pairing window, by the operator; its token is told once."""
    return await relay.workstations.add(caller, await read_json(request, limits, WorkstationBody, most=_LARGEST))


@patch("/workstations/{workstation_id:str}", status_code=200)
async def rename_workstation(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller], workstation_id: FromPath[str]
) -> WorkstationView:
    """Another name, by the operator."""
    return await relay.workstations.rename(caller, workstation_id, await read_json(request, limits, NameBody, most=_LARGEST))


@post("/workstations/{workstation_id:str}/token", status_code=200)
async def renew_workstation(relay: Given[Relay], caller: Given[Caller], workstation_id: FromPath[str]) -> PairedView:
    """Another token, by the operator; the former is refused at once."""
    return await relay.workstations.renew(caller, workstation_id)


@delete("/workstations/{workstation_id:str}", status_code=200)
async def revoke_workstation(relay: Given[Relay], caller: Given[Caller], workstation_id: FromPath[str]) -> WorkstationView:
    """The end of its access, by the operator; told as it was."""
    return await relay.workstations.revoke(caller, workstation_id)
