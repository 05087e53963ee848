"""Barcode scanners of the box: list, pairing with the workstation that asks, test, and what one has just read (cards.md 3.2)."""

from __future__ import annotations

from litestar import get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath

from gateway.flow.caller import Caller
from gateway.flow.relay import Relay
from gateway.flow.scanners.views import ReadingView, ScannerTestView, ScannerView


@get("/scanners")
async def list_scanners(relay: Given[Relay], caller: Given[Caller]) -> tuple[ScannerView, ...]:
    """Every scanner of the box, as it stands for the caller's workstation."""
    return await relay.scanners.scanners(caller)


@post("/scanners/{scanner_id:str}/pair", status_code=200)
async def pair_scanner(relay: Given[Relay], caller: Given[Caller], scanner_id: FromPath[str]) -> ScannerView:
    """What it reads is for the caller's workstation from now on."""
    return await relay.scanners.pair(caller, scanner_id)


@post("/scanners/{scanner_id:str}/unpair", status_code=200)
async def unpair_scanner(relay: Given[Relay], caller: Given[Caller], scanner_id: FromPath[str]) -> ScannerView:
    """What it reads is for nobody."""
    return await relay.scanners.unpair(caller, scanner_id)


@post("/scanners/{scanner_id:str}/test", status_code=200)
async def test_scanner(relay: Given[Relay], caller: Given[Caller], scanner_id: FromPath[str]) -> ScannerTestView:
    """For a minute, what it reads is a test: told whole, its speed and parity sought."""
    return await relay.scanners.begin_test(caller, scanner_id)


@get("/scanners/{scanner_id:str}/reading/{reading_id:str}")
async def read_reading(relay: Given[Relay], caller: Given[Caller], scanner_id: FromPath[str], reading_id: FromPath[str]) -> ReadingView:
    """What `scan.read` told of: once, within a minute, to the workstation it was read for."""
    return relay.scanners.reading(caller, scanner_id, reading_id)
