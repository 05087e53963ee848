"""`python -m firmware.devices --socket PATH [--settings FILE] [--parent PID]`: serves until SIGTERM, or the end of that parent."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from firmware.devices.desk import DeviceDesk, Happened
from firmware.devices.server import Server
from firmware.devices.settings import DeviceSettings, read_settings
from firmware.errors import DeviceError
from firmware.memory import give_back, keep_few_pools, settle
from firmware.notify import notify_systemd, watchdog_seconds
from firmware.process import harden_process

_LOG = logging.getLogger("firmware.devices")
_PR_SET_PDEATHSIG = 1


def main(arguments: list[str] | None = None) -> int:
    """0 after SIGTERM; 2 when it cannot begin."""
    options = _options(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(name)s: %(message)s")
    harden_process()
    keep_few_pools()
    if options.parent is not None and not _tied_to(options.parent):
        return 0
    try:
        settings = read_settings(options.settings)
        asyncio.run(_serve(options.socket, settings))
    except DeviceError as error:
        _LOG.error("%s: %s", error.code, error.technical)
        return 2
    except OSError as error:
        _LOG.error("socket: %s", error.strerror)
        return 2
    return 0


async def _serve(path: Path, settings: DeviceSettings) -> None:
    def tell(happened: Happened) -> None:
        server.publish(happened)

    desk = DeviceDesk(settings, tell)
    server = Server(path, desk, settings.uids)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await server.start()
    try:
        await desk.start()
        settle()
        give_back()
        notify_systemd("READY=1")
        await _until(ended)
    finally:
        notify_systemd("STOPPING=1")
        await server.stop()  # no call comes in any more, and who had a batch open has it closed
        await desk.stop()


async def _until(ended: asyncio.Event) -> None:
    """Wait, and tell systemd's watchdog that this loop moves."""
    patience = watchdog_seconds()
    while not ended.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(patience / 2 if patience else None):
                await ended.wait()
        notify_systemd("WATCHDOG=1")


def _tied_to(parent: int) -> bool:
    """Have the kernel end this process with its parent, even one that is killed; False when that parent is gone already."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    return os.getppid() == parent


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="firmware.devices", description="readers, cards, scanners and the panel of the box")
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--settings", type=Path, help="TOML or JSON")
    parser.add_argument("--parent", type=int, metavar="PID", help="end with this process, which started this one")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
