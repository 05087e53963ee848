"""The process itself: starts, is kept running, and ends with who started it, whichever way that ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware.client import DeviceClient
from firmware.devices.settings import DeviceSettings, SettingsInvalid, read_settings
from firmware.errors import CardsUnavailable
from firmware.protocol import CardObjects, Devices, Done, ReadFreeData, SetPattern
from firmware.supervisor import DeviceProcess
from tests.rig.processes import ROOT, environment

NOWHERE = {"PCSCLITE_CSOCK_NAME": "/nonexistent/pcscd.comm"}
"""No pcscd of this machine is touched."""

PARENT = """
import asyncio, sys
from pathlib import Path
from firmware.supervisor import DeviceProcess
async def main():
    process = DeviceProcess(Path(sys.argv[1]))
    await process.start()
    while process.pid is None:
        await asyncio.sleep(0.01)
    print(process.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


def soon(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def runs(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


async def listed(client: DeviceClient) -> Devices:
    async with client.happenings() as events:
        async with asyncio.timeout(30):
            async for one in events:
                if isinstance(one, Devices):
                    return one
    raise AssertionError("the client ended")


async def test_it_is_started_again_when_it_is_killed_and_ended_with_its_keeper(tmp_path: Path) -> None:
    path = tmp_path / "devices.sock"
    process, client = DeviceProcess(path, environment=environment() | NOWHERE), DeviceClient(path)
    await process.start()
    await client.start()
    assert (await listed(client)).service is False
    first = process.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    async with client.happenings() as events:
        while isinstance(await asyncio.wait_for(anext(events), 30), Devices):
            pass  # what was there before it died
    await listed(client)
    second = process.pid
    assert second is not None
    assert second != first
    await client.stop()
    await process.stop()
    assert not runs(second)
    assert process.starts == 2


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "devices.sock")], stdout=subprocess.PIPE, cwd=ROOT, env=environment() | NOWHERE
    )
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        soon((tmp_path / "devices.sock").exists)
        parent.kill()
    soon(lambda: not runs(child))


def test_it_tells_systemd_when_it_is_ready_alive_and_leaving(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify"))
    listener.settimeout(30)
    told = environment() | NOWHERE | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
    with subprocess.Popen([sys.executable, "-m", "firmware.devices", "--socket", str(tmp_path / "s")], cwd=ROOT, env=told) as process:
        assert listener.recv(100) == b"READY=1"
        assert listener.recv(100) == b"WATCHDOG=1"
        process.terminate()
        while listener.recv(100) == b"WATCHDOG=1":
            pass
        assert process.wait(30) == 0
    listener.close()
    assert not (tmp_path / "s").exists()


async def test_as_a_child_it_tells_systemd_nothing_in_its_parents_name(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify"))
    listener.setblocking(False)
    path, told = tmp_path / "s", {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
    process, client = DeviceProcess(path, environment=environment() | NOWHERE | told), DeviceClient(path)
    await process.start()
    await client.start()
    await listed(client)
    await asyncio.sleep(0.5)
    await client.stop()
    await process.stop()
    with pytest.raises(BlockingIOError):
        listener.recv(100)
    listener.close()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("{", "truncated"),
        ('{"cards": {"tokn": {}}}', "tokn"),
        ('{"panel": {"kind": "tv"}}', "kind"),
        ('{"allowed_uids": ["me"]}', "allowed_uids"),
    ],
)
def test_settings_that_make_no_sense_end_it_with_the_field_named(tmp_path: Path, content: str, named: str) -> None:
    file = tmp_path / "devices.json"
    file.write_text(content)
    with pytest.raises(SettingsInvalid, match=named):
        read_settings(file)
    command = [sys.executable, "-m", "firmware.devices", "--socket", str(tmp_path / "s"), "--settings", str(file)]
    ended = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert b"device-settings-invalid" in ended.stderr
    assert named.encode() in ended.stderr


def test_settings_may_be_toml_or_json_or_left_out(tmp_path: Path) -> None:
    toml, other = tmp_path / "devices.toml", tmp_path / "devices.json"
    toml.write_text('allowed_uids = [1000]\n[cards.token]\nlibrary = "/usr/lib/opensc-pkcs11.so"\n[panel]\nkind = "usb"\n')
    other.write_text(
        json.dumps({"allowed_uids": [1000], "cards": {"token": {"library": "/usr/lib/opensc-pkcs11.so"}}, "panel": {"kind": "usb"}})
    )
    assert read_settings(toml) == read_settings(other)
    assert read_settings(toml).uids == {0, 1000}
    assert read_settings(None) == DeviceSettings()
    assert read_settings(None).uids == {0, os.geteuid()}


async def test_nothing_of_it_can_be_read_by_its_own_user_and_it_leaves_no_core(tmp_path: Path) -> None:
    path = tmp_path / "devices.sock"
    process, client = DeviceProcess(path, environment=environment() | NOWHERE), DeviceClient(path)
    await process.start()
    await client.start()
    await listed(client)
    limits = subprocess.run(["cat", f"/proc/{process.pid}/limits"], capture_output=True, check=True).stdout.decode()  # noqa: ASYNC221
    owner = os.stat(f"/proc/{process.pid}/mem").st_uid  # noqa: PTH116
    await client.stop()
    await process.stop()
    assert [line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core file size")] == [["0", "0"]]
    assert owner == 0  # the kernel gives what may not be dumped to root


async def test_without_pyscard_everything_else_works_and_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "s"
    script = f"import sys; sys.modules['smartcard'] = None\nfrom firmware.devices.__main__ import main\nmain(['--socket', {str(path)!r}])"
    client = DeviceClient(path)
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=environment()) as process:  # noqa: ASYNC220
        await client.start()
        try:
            while (await listed(client)).service_trouble != "cards-unavailable":  # noqa: ASYNC110 - asked of another process
                await asyncio.sleep(0.01)
            with pytest.raises(CardsUnavailable):
                await client.call(ReadFreeData(reader="reader-00000000", insertion_id="x"), CardObjects)
            assert await client.call(SetPattern(pattern="ready"), Done) == Done()
        finally:
            await client.stop()
            process.terminate()
