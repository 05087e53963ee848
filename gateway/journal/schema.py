"""Brings the file to the schema this version knows: numbered migrations, each in a transaction of its own, never edited once shipped.

A schema newer than ours, or a migration that differs from the one applied, stops the start: nothing is guessed, nothing is written.
"""

from __future__ import annotations

import hashlib
import sqlite3
from importlib.resources import files

import msgspec

from gateway.journal.store import JournalTooNew

_VERSIONS = """
CREATE TABLE IF NOT EXISTS schema_version (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL,
    applied_at INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER) * 1000)
) STRICT;
"""


class Migration(msgspec.Struct, frozen=True):
    """One file of `migrations/`: its number, its name and its SQL."""

    number: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal of the SQL."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Those of this version, in order."""
    folder = files("gateway.journal").joinpath("migrations")
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted(
        (Migration(int(entry.name[:4]), entry.name.removesuffix(".sql"), entry.read_text(encoding="utf-8")) for entry in found),
        key=lambda one: one.number,
    )


def migrate(connection: sqlite3.Connection, known: list[Migration]) -> None:
    """Apply what is missing; raises JournalTooNew, or sqlite3.Error with the file as it was before the failing migration."""
    applied = _applied(connection)
    expected = {one.number: one.digest for one in known}
    for number, digest in applied.items():
        if expected.get(number) != digest:
            raise JournalTooNew(f"schema {number}")
    for one in known:
        if one.number not in applied:
            _apply(connection, one)


def _applied(connection: sqlite3.Connection) -> dict[int, str]:
    tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'").fetchone()[0]
    if not tables:
        return {}
    return {row[0]: row[1] for row in connection.execute("SELECT number, digest FROM schema_version ORDER BY number")}


def _apply(connection: sqlite3.Connection, one: Migration) -> None:
    # The digest and the name come from our own files: hexadecimal and [a-z0-9-].
    mark = f"INSERT INTO schema_version (number, name, digest) VALUES ({one.number}, '{one.name}', '{one.digest}');"  # noqa: S608
    try:
        connection.executescript(f"BEGIN IMMEDIATE;{_VERSIONS}{one.sql};{mark}COMMIT;")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.rollback()
        raise
