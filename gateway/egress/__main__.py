"""`python -m gateway.egress --configuration FILE`: serves the socket that systemd passed, until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from firmware.activation import passed_sockets
from firmware.memory import keep_few_pools, settle
from firmware.notify import notify_systemd, watchdog_seconds
from firmware.process import harden_process
from gateway.egress.relay import Relay
from gateway.egress.rules import Rules, rules_of
from gateway.kernel.config import read_configuration
from gateway.kernel.errors import RelaisError

_LOG = logging.getLogger("relais.egress")


def main(arguments: list[str] | None = None) -> int:
    """0 after SIGTERM; 2 when it cannot begin."""
    parser = argparse.ArgumentParser(prog="gateway.egress", description="the way out of the box")
    parser.add_argument("--configuration", type=Path, required=True, help="relais.toml")
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(name)s: %(message)s")
    harden_process()
    keep_few_pools()
    try:
        rules = rules_of(read_configuration(options.configuration))
    except RelaisError as problem:
        _LOG.error("%s", problem.code)
        return 2
    return asyncio.run(_serve(rules))


async def _serve(rules: Rules) -> int:
    listening, stop = passed_sockets(), asyncio.Event()
    if not listening:
        _LOG.error("no socket was passed")
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    serving = asyncio.create_task(Relay(rules).serve(listening, stop), name="relay")
    settle()
    notify_systemd("READY=1")
    patience = watchdog_seconds()
    while not serving.done():
        await asyncio.wait([serving], timeout=patience / 2 if patience else None)
        notify_systemd("WATCHDOG=1")
    notify_systemd("STOPPING=1")
    await serving
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
