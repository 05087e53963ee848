"""The licensed part that reads a Vitale card beside a CPx: a program the practice has a licence for, found at run time, absent by default.

The GIE's library may be neither shipped nor imitated (cards.md 2.2), so the product knows only this: a command is run with one JSON line on
its input, `{"vitale_reader": ..., "cpx_readers": [...]}` (PC/SC names), and prints one JSON document. It is held in time, memory, output
and descriptors, has an environment of its own and no terminal, and its complaints are thrown away: they may quote the card.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import shutil
import signal
import stat
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from firmware.cards.children import Output, dead, drop
from firmware.errors import LicenceMissing, PartFault, ReaderBusy

_BLOCK = 65_536


class PlugInSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which program, and what it may take."""

    command: tuple[str, ...]
    """An absolute path that nobody but root and this user may write, and its arguments."""
    environment: Mapping[str, str] = {}
    seconds: float = 30.0
    largest_output: int = 1_000_000
    memory: int = 512_000_000


class PlugIn:
    """One run at a time. None: no such part."""

    def __init__(self, settings: PlugInSettings | None) -> None:
        self._settings = settings
        self._running = False

    @property
    def present(self) -> bool:
        """Configured, and there to be run."""
        try:
            self._program()
        except (LicenceMissing, PartFault):
            return False
        return True

    async def read(self, vitale_reader: str, cpx_readers: Sequence[str]) -> bytes:
        """The JSON document it prints. Raises LicenceMissing, PartFault, ReaderBusy."""
        settings = self._program()
        if self._running:
            raise ReaderBusy("plug-in", retry_after=settings.seconds)
        self._running = True
        try:
            question = msgspec.json.encode({"vitale_reader": vitale_reader, "cpx_readers": list(cpx_readers)}) + b"\n"
            document = await self._run(settings, question)
        finally:
            self._running = False
        try:
            msgspec.json.decode(document)
        except msgspec.MsgspecError:
            raise PartFault("plug-in: no JSON document") from None
        return document

    def _program(self) -> PlugInSettings:
        if self._settings is None or not self._settings.command:
            raise LicenceMissing
        program = Path(self._settings.command[0])
        try:
            facts = program.stat()
        except OSError as error:
            raise LicenceMissing("plug-in: not there") from error
        foreign = facts.st_uid not in (0, os.geteuid()) or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not program.is_absolute() or not stat.S_ISREG(facts.st_mode) or not os.access(program, os.X_OK) or foreign:
            raise PartFault("plug-in: not an absolute path to a program that only its owner may write")
        return self._settings

    async def _run(self, settings: PlugInSettings, question: bytes) -> bytes:
        try:
            output = await Output.open()
        except OSError as error:
            raise PartFault("plug-in: no pipe") from error
        try:
            return await self._answer(settings, question, output)
        finally:
            output.close()

    async def _answer(self, settings: PlugInSettings, question: bytes, output: Output) -> bytes:
        try:
            process = await asyncio.create_subprocess_exec(
                *_confined(settings), stdin=PIPE, stdout=output.descriptor, stderr=DEVNULL,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "HOME": "/"} | dict(settings.environment), cwd="/", start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise PartFault("plug-in: not started") from error
        output.given()
        try:
            async with asyncio.timeout(settings.seconds):
                document = await _talk(process, question, output.reader, settings.largest_output)
                code = await process.wait()
        except TimeoutError as error:
            raise PartFault("plug-in: late") from error
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its children too; it is a group of its own
            if process.stdin is not None:
                drop(process.stdin)
            await dead(process)
        if code != 0:
            raise PartFault(f"plug-in: ended with {code}")
        return document


def _confined(settings: PlugInSettings) -> list[str]:
    """The command under limits of the kernel; without util-linux, under those of time and output alone."""
    limits = [f"--as={settings.memory}", f"--cpu={math.ceil(settings.seconds)}", "--core=0", "--nofile=64"]
    found = shutil.which("prlimit"), shutil.which("setpriv")
    prefix = [found[0], *limits, "--"] if found[0] else []
    return [*prefix, *([found[1], "--no-new-privs", "--"] if found[1] else []), *settings.command]


async def _talk(process: Process, question: bytes, answer: asyncio.StreamReader, most: int) -> bytes:
    """Ask, then read to the end. Raises PartFault for more than `most` bytes."""
    if process.stdin is None:
        raise PartFault("plug-in: no pipes")
    with contextlib.suppress(OSError):
        process.stdin.write(question)
        await process.stdin.drain()
        process.stdin.close()
    document = bytearray()
    while part := await answer.read(_BLOCK):
        document += part
        if len(document) > most:
            raise PartFault("plug-in: says too much")
    return bytes(document)
