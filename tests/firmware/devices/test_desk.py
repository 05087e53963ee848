"""Scanners and panel through the process: each call finds its device, and one that is missing is named and disturbs nobody."""

from __future__ import annotations

import asyncio
import json
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from firmware import protocol
from firmware.client import DeviceClient, Happening
from firmware.errors import CallInvalid, DeviceError, ScannerUnknown
from firmware.protocol import ArmWatchdog, Devices, Done, Heartbeat, ListDevices, Notice, NoticeType, SetPattern
from firmware.supervisor import DeviceProcess
from tests.rig.processes import environment
from tests.shared import missing

EV_KEY, EV_SYN, KEY_RESTART = 1, 0, 0x198


@asynccontextmanager
async def running(folder: Path, settings: object) -> AsyncIterator[tuple[DeviceClient, AsyncIterator[Happening]]]:
    """The process with those settings, its client, and what happens after the first list."""
    path, file = folder / "s", folder / "devices.json"
    file.write_bytes(json.dumps(settings).encode())
    process = DeviceProcess(path, file, environment() | {"PCSCLITE_CSOCK_NAME": "/nonexistent/pcscd.comm"})
    client = DeviceClient(path)
    await process.start()
    await client.start()
    try:
        async with client.happenings() as events:
            while not isinstance(await asyncio.wait_for(anext(events), 30), Devices):
                pass
            yield client, events
    finally:
        await client.stop()
        await process.stop()


def pressed(at: float, *, down: bool) -> bytes:
    """What the kernel's input layer says of a key."""
    whole, micros = divmod(round(at * 1_000_000), 1_000_000)
    return struct.pack("@llHHi", whole, micros, EV_KEY, KEY_RESTART, down) + struct.pack("@llHHi", whole, micros, EV_SYN, 0, 0)


async def test_a_box_without_panel_takes_what_there_is_nothing_to_show_with(tmp_path: Path) -> None:
    async with running(tmp_path, {}) as (client, _):
        for request in (SetPattern(pattern="fault", pairing=True), Heartbeat(), ArmWatchdog()):
            assert await client.call(request, Done) == Done()
        with pytest.raises(DeviceError) as missing:
            await client.call(ArmWatchdog(seconds=60), Done)
        assert missing.value.code == "panel-watchdog-missing"
        assert (await client.call(ListDevices(), Devices)).panel is None


async def test_a_scanner_that_is_not_there_is_named(tmp_path: Path) -> None:
    async with running(tmp_path, {}) as (client, _):
        with pytest.raises(ScannerUnknown):
            await client.call(protocol.TestScanner(scanner="scanner-0000000000"), Done)


@pytest.fixture
def softhsm() -> str:
    found = [str(one) for one in Path("/usr/lib").glob("**/libsofthsm2.so")]
    return found[0] if found else missing("the Debian package softhsm2 is not installed")


async def test_a_token_library_that_comes_later_is_found(tmp_path: Path, softhsm: str) -> None:
    """Installed after the start; so one that a starting machine was too slow to load is not said missing for ever."""
    (tmp_path / "tokens").mkdir()
    (tmp_path / "hsm.conf").write_text(f"directories.tokendir = {tmp_path}/tokens\nobjectstore.backend = file\n")
    library = tmp_path / "library.so"
    token = {"library": str(library), "environment": {"SOFTHSM2_CONF": str(tmp_path / "hsm.conf")}}
    async with running(tmp_path, {"cards": {"token": token}}) as (client, _):
        await asyncio.sleep(2)
        assert not (await client.call(ListDevices(), Devices)).token_library
        library.symlink_to(softhsm)
        async with asyncio.timeout(60):
            while not (await client.call(ListDevices(), Devices)).token_library:  # noqa: ASYNC110 - asked of another process
                await asyncio.sleep(0.1)


async def test_a_press_of_the_button_is_told(tmp_path: Path) -> None:
    key = tmp_path / "key"
    os.mkfifo(key)
    async with running(tmp_path, {"panel": {"kind": "kernel", "key": str(key)}}) as (client, events):
        line = await asyncio.to_thread(os.open, key, os.O_WRONLY)
        try:
            os.write(line, pressed(100.0, down=True) + pressed(100.3, down=False))
            while True:
                happening = await asyncio.wait_for(anext(events), 30)
                if isinstance(happening, Notice) and happening.type is NoticeType.BUTTON_SHORT:
                    break
        finally:
            os.close(line)
        assert (await client.call(ListDevices(), Devices)).panel is not None


async def test_a_panel_that_cannot_be_opened_leaves_the_others_at_work(tmp_path: Path) -> None:
    async with running(tmp_path, {"panel": {"kind": "line", "line": str(tmp_path / "absent")}}) as (client, _):
        assert await client.call(Heartbeat(), Done) == Done()
        assert await client.call(ListDevices(), Devices) is not None
        with pytest.raises(CallInvalid):
            await client.call(ArmWatchdog(seconds=1), Done)
