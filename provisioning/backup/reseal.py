"""A restored home under the key of its new box: every sealed file and every document's key, so that the former box key opens nothing more.

Pseudonyms stay those of the former box: the registry and the audit trail, which nobody may rewrite, are written with them.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.kernel.errors import RelaisError
from gateway.trust.files import write_durably
from gateway.trust.sealed_files import sealed_files
from gateway.trust.vault import PSEUDONYMS, Vault
from provisioning.backup.errors import BackupDamaged

_TABLES = ("documents", "patients", "insi_calls", "inquiries")
"""Those that hold wrapped keys; a test compares with the schema."""
_PAGE = 1000
_EVENTS_SKIPPED = 1_000_000
"""More than a box tells in months."""


class CarriedKey:
    """A box key as a backup carries it."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def load(self) -> bytes:
        """See BoxKeySource."""
        return self._key


def former_vault(stage: Path, box_key: bytes) -> Vault:
    """The vault of the box that made the backup; raises BackupDamaged."""
    vault = Vault(CarriedKey(box_key))
    carried = stage / PSEUDONYMS
    if carried.exists():
        try:
            vault.adopt(carried.read_bytes())
        except RelaisError as problem:
            raise BackupDamaged(problem.technical) from problem
    return vault


def reseal_files(stage: Path, former: Vault, vault: Vault) -> None:
    """Raises SealedFileUnknown, BackupDamaged, OSError."""
    for path, context in sealed_files(stage):
        try:
            plain = former.open_small(path.read_bytes(), context)
        except RelaisError as problem:
            raise BackupDamaged(problem.technical) from problem
        write_durably(path, vault.seal_small(plain, context))
    write_durably(stage / PSEUDONYMS, vault.keep_pseudonyms_of(former))


def rewrap_journal(journal: Path, former: Vault, vault: Vault) -> int:
    """Every wrapped key of a journal that nobody else has open; how many could not be (damaged before). sqlite3.Error."""
    lost = 0
    with closing(sqlite3.connect(journal)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        with connection:
            for table in _TABLES:
                lost += _rewrap(connection, table, former, vault)
    return lost


def skip_events(journal: Path) -> None:
    """Number the events to come above any that the former box may have told since: a listener goes on from the last it heard.

    Raises sqlite3.Error."""
    with closing(sqlite3.connect(journal)) as connection, connection:
        last = connection.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = 'events'").fetchone()[0] or 0
        connection.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", (last + _EVENTS_SKIPPED,))


def _rewrap(connection: sqlite3.Connection, table: str, former: Vault, vault: Vault) -> int:
    lost, after = 0, -1
    page = f"SELECT rowid, wrapped_key FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT {_PAGE}"  # noqa: S608 - names of ours
    while rows := connection.execute(page, (after,)).fetchall():
        after = rows[-1][0]
        done: list[tuple[bytes, int]] = []
        for number, wrapped in rows:
            try:
                done.append((vault.rewrap(bytes(wrapped), former), number))
            except (RelaisError, TypeError):
                lost += 1
        connection.executemany(f"UPDATE {table} SET wrapped_key = ? WHERE rowid = ?", done)  # noqa: S608 - names of ours
    return lost
