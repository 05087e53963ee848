"""`relais check`: every self-check, in French or as JSON; exit 0 when nothing is wrong, 1 otherwise. Works beside a running gateway."""

from __future__ import annotations

import sys

import msgspec

from gateway.app import system_clock
from gateway.health.check import Severity, Site
from gateway.health.run import run_checks
from gateway.journal.sqlite import SqliteStore
from gateway.kernel.config import read_configuration
from gateway.kernel.home import Home
from gateway.trust.keystore import KeyStore
from gateway.trust.vault import open_vault

_MARKS = {Severity.OK: "✓", Severity.WARNING: "!", Severity.ERROR: "✗"}


async def check(home: Home, *, as_json: bool) -> int:
    """Run and print the checks."""
    configuration = read_configuration(home.configuration)
    store = await SqliteStore.open(home.journal)
    try:
        vault = open_vault(home.root, settings=configuration.box_key)
        site = Site(
            home=home.root,
            configuration=configuration,
            store=store,
            keys=KeyStore(home.root, vault),
            clock=system_clock(configuration),
            vault=vault,
        )
        results = await run_checks(site)
    finally:
        await store.close()
    if as_json:
        sys.stdout.write(msgspec.json.encode(results).decode() + "\n")
    else:
        for one in results:
            print(f"{_MARKS[one.severity]} {one.what}" + (f"\n  → {one.gesture}" if one.gesture else ""))
    return 1 if any(one.severity is Severity.ERROR for one in results) else 0
