"""A scan through the real device process: pseudo-terminal, process of its own, Unix socket, desk, event stream, reading."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from firmware.client import DeviceClient
from firmware.protocol import Devices, ListDevices, Notice
from tests.api.judge import check_problem
from tests.api.rig import Box, Served
from tests.api.test_events import take
from tests.api.test_scanners import BASE, WORDS, act, ask, read
from tests.firmware.scanners.plug import Plugged, until
from tests.ins.test_datamatrix import VECTOR


@asynccontextmanager
async def process(folder: Path, *scanners: Plugged) -> AsyncIterator[asyncio.subprocess.Process]:
    """The device process with these lines, memory beside its socket; ended by its id."""
    settings = folder / "devices.json"
    settings.write_text(
        json.dumps({"scanners": {"lines": [str(one.path) for one in scanners]}, "scanner_memory": str(folder / "memory.json")})
    )
    arguments = ("-m", "firmware.devices", "--socket", str(folder / "devices.sock"), "--settings", str(settings))
    started = await asyncio.create_subprocess_exec(sys.executable, *arguments, stderr=asyncio.subprocess.PIPE)
    try:
        yield started
    finally:
        if started.returncode is None:
            started.terminate()
        await started.communicate()


@asynccontextmanager
async def linked(box: Box, folder: Path) -> AsyncIterator[DeviceClient]:
    """The desk of a box speaking to the process, as a gateway does."""
    client = DeviceClient(folder / "devices.sock")
    await client.start()
    box.relay.scanners.call = client.call

    async def hand_over() -> None:
        async with client.happenings() as happenings:
            async for one in happenings:
                if isinstance(one, Notice):
                    await box.relay.scanners.heard(one)

    task = asyncio.create_task(hand_over())
    try:
        yield client
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.stop()


async def listed(client: DeviceClient) -> bool:
    """True once the process tells of a scanner that is open."""
    return client.connected and any(one.connected for one in (await client.call(ListDevices(), Devices)).scanners)


async def eventually(client: DeviceClient) -> None:
    async with asyncio.timeout(30):
        while not await listed(client):  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.05)


async def test_a_scan_passes_through_the_process_and_the_process_may_end_and_come_back(here: Served, tmp_path: Path) -> None:
    box = here.box
    scanner = Plugged(tmp_path / "one")
    async with linked(box, tmp_path) as client:
        async with process(tmp_path, scanner) as running:
            await eventually(client)
            [shown] = (await ask(box, "GET", "/scanners")).json()
            assert (await act(box, shown["id"], "pair")).json()["paired"] == "here"
            await scanned(here, scanner, shown["id"])
            await act(box, shown["id"], "test")
            scanner.send(VECTOR.encode() + b"\r")
            await until(lambda: any(one.scans for one in box.relay.scanners._tests._held.values()))
            await until(lambda: b'"tested":true' in (tmp_path / "memory.json").read_bytes(), "the memory is on the disk")
            running.kill()
            await until(lambda: not client.connected)
            check_problem(await ask(box, "GET", "/scanners"), 503, "devices-silent")
        async with process(tmp_path, scanner):
            await eventually(client)
            [again] = (await ask(box, "GET", "/scanners")).json()
            assert (again["id"], again["paired"], again["tested"], again["ending"]) == (shown["id"], "here", True, "cr")
            await scanned(here, scanner, shown["id"])
    memory = (tmp_path / "memory.json").read_text()
    assert [word for word in WORDS if word in memory.lower()] == []


async def scanned(here: Served, scanner: Plugged, identifier: str) -> None:
    async with here.client() as client, client.stream("GET", f"{BASE}/events") as answer:
        scanner.send(VECTOR.encode() + b"\r")
        [event] = await take(answer, 1, "scan.")
    view = (await read(here.box, identifier, json.loads(event["data"])["reading"])).json()
    assert (view["kind"], view["ins"]["traits"]["birth_family_name"]) == ("ins", "GARCIA-HAMMADI")
