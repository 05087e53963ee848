"""A real Mosquitto on a loopback port, and what its own command-line client sees there."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import json
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.ports import free_port
from tests.tools import need_tool


@dataclass(frozen=True)
class Seen:
    """One message as `mosquitto_sub` got it."""

    topic: str
    payload: Any
    retained: bool
    qos: int


@dataclass
class Mosquitto:
    """The broker; keeps nothing over a restart."""

    folder: Path
    lines: tuple[str, ...] = ("allow_anonymous true",)
    client: tuple[str, ...] = ()
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.port = self.port or free_port()

    def start(self) -> None:
        program = need_tool("mosquitto")
        settings = self.folder / "mosquitto.conf"
        # As root it would become another user, who reads nothing of a test's folder.
        lines = (f"user {getpass.getuser()}", f"listener {self.port} 127.0.0.1", "persistence false", *self.lines)
        settings.write_text("\n".join(lines) + "\n")
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen([program, "-c", str(settings)], stdout=log, stderr=subprocess.STDOUT)
        self._wait()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def freeze(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def _wait(self) -> None:
        for _ in range(500):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            assert self.process is not None
            assert self.process.poll() is None, (self.folder / "mosquitto.log").read_text()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.02)
        raise AssertionError("mosquitto did not start")

    @asynccontextmanager
    async def heard(self) -> AsyncIterator[Ear]:
        """A subscriber to everything under relais/, from now on; what is retained comes first."""
        program = need_tool("mosquitto_sub")
        process = await asyncio.create_subprocess_exec(
            program,
            *("-h", "127.0.0.1", "-p", str(self.port), "-q", "1", "-t", "relais/#", "-F", "%r %q %t %p", *self.client),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            yield Ear(process.stdout)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()

    async def retained(self) -> dict[str, Any]:
        """What a newcomer is told: the retained message of each topic."""
        program = need_tool("mosquitto_sub")
        process = await asyncio.create_subprocess_exec(
            program,
            *("-h", "127.0.0.1", "-p", str(self.port), "-t", "relais/#", "-F", "%r %q %t %p", "--retained-only", "-W", "1", *self.client),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        told, _ = await process.communicate()
        return {one.topic: one.payload for one in map(_seen, told.splitlines()) if one.retained}

    async def until_retained(self, topic: str, wanted: Any, within: float = 20) -> None:
        """Ask as a newcomer until this is what is retained."""
        async with asyncio.timeout(within):
            while (await self.retained()).get(topic) != wanted:
                pass


class Ear:
    """Messages in the order they came."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self._stream = stream
        self.past: list[Seen] = []

    async def until(self, topic: str, **facts: Any) -> Seen:
        """The next message of this topic whose payload holds these facts (or is `value`)."""
        async with asyncio.timeout(20):
            while True:
                line = await self._stream.readline()
                assert line, "the subscriber ended"
                seen = _seen(line)
                self.past.append(seen)
                if seen.topic == topic and _holds(seen.payload, facts):
                    return seen


def _holds(payload: Any, facts: dict[str, Any]) -> bool:
    if not isinstance(payload, dict):
        return facts in ({}, {"value": payload})
    return all(payload.get(name) == value for name, value in facts.items())


def _seen(line: bytes) -> Seen:
    retained, qos, topic, payload = line.rstrip(b"\n").split(b" ", 3)
    return Seen(topic=topic.decode(), payload=json.loads(payload), retained=retained == b"1", qos=int(qos))


@contextmanager
def mosquitto(folder: Path, *lines: str, client: tuple[str, ...] = ()) -> Iterator[Mosquitto]:
    """A broker until the block ends."""
    broker = Mosquitto(folder, lines or ("allow_anonymous true",), client)
    broker.start()
    try:
        yield broker
    finally:
        if broker.process is not None:
            broker.thaw()
            broker.kill()
