"""Keeps a device process running as a child, where the service manager of the machine does not run one. Ends it with this process.

It is started again when it ends, after a pause that doubles up to half a minute while it does not last. It ends with its parent even when
that is killed: the kernel tells it (PR_SET_PDEATHSIG), which holds for the thread that started it, so `start` belongs on the main thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping
from pathlib import Path

_LOG = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_LASTED = 30.0
"""Seconds after which a process has lasted: the next pause is the first again."""
_POLITE = 5.0
_NOT_ITS_OWN = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "CREDENTIALS_DIRECTORY", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")
"""What systemd tells this process of itself (systemd.exec(5)): the child would say that its parent is ready, alive or leaving."""


class DeviceProcess:
    """`python -m firmware.devices` on that socket, with those settings, its messages on our standard error."""

    def __init__(self, socket: Path, settings: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._socket, self._settings = socket, settings
        given = os.environ if environment is None else environment
        self._environment = {name: value for name, value in given.items() if name not in _NOT_ITS_OWN}
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self.starts = 0
        """How often it was started."""

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        """Returns at once; the client of the socket learns when it is ready."""
        self._task = asyncio.create_task(self._keep(), name="device-process")

    async def stop(self) -> None:
        """Ended: politely, so that no card keeps a PIN, and by force after some seconds."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _keep(self) -> None:
        pause, loop = _FIRST_PAUSE, asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                code: int | str = await self._run()
            except OSError as error:
                code = type(error).__name__
            pause = _FIRST_PAUSE if loop.time() - began > _LASTED else min(pause * 2, _LONGEST_PAUSE)
            _LOG.warning("the device process ended (%s), started again in %.1f s", code, pause)
            await asyncio.sleep(pause)

    async def _run(self) -> int:
        """One life of the process. Raises OSError."""
        self.starts += 1
        command = [sys.executable, "-P", "-m", "firmware.devices", "--socket", str(self._socket), "--parent", str(os.getpid())]
        if self._settings is not None:
            command += ["--settings", str(self._settings)]
        process = self._process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=DEVNULL, env=self._environment, start_new_session=True
        )
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                await _end(process)


async def _end(process: Process) -> None:
    """Shielded from a second cancellation by its shortness: at most some seconds."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_POLITE):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
