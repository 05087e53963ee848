"""Puts a stopped box out of service: it sends nothing any more, its last backup has everything, its receipt lets another take its place.

The mark comes before the backup: whatever leaves after it would be in no backup. Asked again, it gives the same receipt.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from gateway.journal.home_lock import alone_in
from gateway.journal.sqlite import SqliteStore
from gateway.kernel.config import Configuration
from gateway.kernel.home import Home
from gateway.trust.epoch import own_epoch
from gateway.trust.stop import Stop, read_stop, write_stop
from gateway.trust.vault import open_vault
from provisioning.backup.doubt import tell_the_trail
from provisioning.backup.errors import RestorationFailed
from provisioning.backup.folder import BackupFolder
from provisioning.backup.job import Made, back_up
from provisioning.backup.receipt import receipt_of


class Retired(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt, and the last backup when one could be made."""

    receipt: str
    backup: Made | None


async def retire(home: Home, configuration: Configuration, folder: BackupFolder | None) -> Retired:
    """Raises HomeBusy while the box runs, and what `back_up` raises. A replaced box makes no backup: another one has gone on."""
    with alone_in(home):
        vault = open_vault(home.root, settings=configuration.box_key)
        receipt = receipt_of(own_epoch(home.root), vault)
        now = int(datetime.now(UTC).timestamp() * 1000)
        stop = read_stop(home.root)
        if stop is None:
            try:
                write_stop(home.root, Stop(why="retired", at=now))
            except OSError as problem:
                raise RestorationFailed(f"errno {problem.errno}") from problem
            store = await SqliteStore.open(home.journal)
            try:
                await tell_the_trail(store, "box.retired", now)
            finally:
                await store.close()
        replaced = stop is not None and stop.why == "replaced"
        backup = back_up(home, configuration, folder, final=True) if folder is not None and not replaced else None
    return Retired(receipt=receipt, backup=backup)
