"""The licensed part: absent it is said so; present it is run under limits, and whatever it does is an error of ours."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware.cards.plug_in import PlugIn, PlugInSettings
from firmware.errors import LicenceMissing, PartFault, ReaderBusy
from tests.tools import need_tool

Script = Callable[[str], tuple[str, ...]]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    def write(body: str) -> tuple[str, ...]:
        file = tmp_path / "part"
        file.write_text(f"#!/bin/sh\n{body}\n")
        file.chmod(0o755)
        return (str(file),)

    return write


def runs(process: int) -> bool:
    """It is there, and not only waited for."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


async def read(command: tuple[str, ...], *, seconds: float = 20.0, most: int = 1000) -> bytes:
    return await PlugIn(PlugInSettings(command=command, seconds=seconds, largest_output=most)).read("Vitale 00 00", ["CPx 00 01"])


async def test_absent_by_default_and_said_so() -> None:
    assert not PlugIn(None).present
    with pytest.raises(LicenceMissing):
        await PlugIn(None).read("Vitale 00 00", [])


async def test_a_part_that_was_taken_away_is_said_missing(tmp_path: Path) -> None:
    with pytest.raises(LicenceMissing):
        await read((str(tmp_path / "gone"),))


async def test_it_is_told_the_readers_and_its_document_comes_back_as_it_is(script: Script) -> None:
    document = await read(script('read -r line; printf \'{"asked": %s}\' "$line"'))
    assert json.loads(document) == {"asked": {"vitale_reader": "Vitale 00 00", "cpx_readers": ["CPx 00 01"]}}


async def test_it_gets_an_environment_of_its_own(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELONGS_TO_THE_BOX", "secret")
    assert b"BELONGS" not in await read(script('printf \'"%s"\' "$(env | tr -d \'\\n"\')"'))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("exit 3", id="fails"),
        pytest.param("echo not json", id="no JSON"),
        pytest.param("true", id="says nothing"),
        pytest.param("yes '[' | head -c 100000", id="says too much"),
        pytest.param("echo '{}'; exit 1", id="document, then failure"),
        pytest.param("kill -SEGV $$", id="crashes"),
    ],
)
async def test_whatever_it_does_is_an_error_of_ours(script: Script, body: str) -> None:
    with pytest.raises(PartFault):
        await read(script(body))


async def test_what_hangs_is_killed_with_its_children(script: Script, tmp_path: Path) -> None:
    """The child holds the pipe, and would be left alone otherwise."""
    with pytest.raises(PartFault, match="late"):
        await read(script(f"sleep 300 & echo $! > {tmp_path}/child; wait"), seconds=1.0)
    child = int((tmp_path / "child").read_text())
    for _ in range(2000):
        if not runs(child):
            return
        await asyncio.sleep(0.005)
    pytest.fail("a child was left")


async def test_a_child_that_went_its_own_way_with_the_pipes_holds_nobody(script: Script) -> None:
    """A part that starts a daemon, then hangs: the daemon is out of reach, and the part can be asked again."""
    need_tool("setsid")
    part = PlugIn(PlugInSettings(command=script("setsid sleep 15 & exec sleep 300"), seconds=0.5))
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names alone
    for _ in range(2):
        async with asyncio.timeout(10):
            with pytest.raises(PartFault, match="late"):
                await part.read("Vitale 00 00", [])
    async with asyncio.timeout(20):
        while len(os.listdir("/proc/self/fd")) > before:  # noqa: ASYNC110, PTH208 - transports close at a later turn of the loop
            await asyncio.sleep(0.01)


async def test_it_is_held_by_the_kernel(script: Script) -> None:
    need_tool("prlimit")
    need_tool("setpriv")
    told = await read(script('printf \'"%s %s %s"\' "$(ulimit -c)" "$(ulimit -n)" "$(grep NoNewPrivs /proc/self/status | tr -d \'\\t\')"'))
    assert json.loads(told) == "0 64 NoNewPrivs:1"


async def test_a_program_that_others_may_write_is_never_run(script: Script, tmp_path: Path) -> None:
    command = script(f"touch {tmp_path}/ran; echo '{{}}'")
    os.chmod(command[0], 0o777)  # noqa: PTH101, S103 - that others may write it is the point
    assert not PlugIn(PlugInSettings(command=command)).present
    with pytest.raises(PartFault):
        await read(command)
    assert not (tmp_path / "ran").exists()


async def test_only_an_absolute_path_is_run(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    (program,) = script("echo '{}'")
    monkeypatch.chdir(Path(program).parent)
    with pytest.raises(PartFault):
        await read((os.path.basename(program),))  # noqa: PTH119 - a relative path is the point


async def test_one_run_at_a_time(script: Script) -> None:
    part = PlugIn(PlugInSettings(command=script("read -r line; sleep 0.2; echo '{}'")))
    first = asyncio.create_task(part.read("Vitale 00 00", []))
    await asyncio.sleep(0)
    with pytest.raises(ReaderBusy):
        await part.read("Vitale 00 00", [])
    assert await first == b"{}\n"
