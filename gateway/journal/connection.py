"""Opening the journal's file: the settings every connection must have, and the one way sqlite3's errors become ours.

`synchronous=FULL` is per connection and never left to a default: in WAL mode, NORMAL loses committed rows at a power cut (stack.md 2).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from typing_extensions import override

from gateway.journal.rows import text_or_bytes
from gateway.journal.store import JournalDamaged, NotAccepting

_SETTINGS = (
    "PRAGMA busy_timeout = 5000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA secure_delete = ON",
    "PRAGMA wal_autocheckpoint = 4000",
    "PRAGMA journal_size_limit = 16777216",
)
_STATEMENTS_KEPT = 128
_DAMAGE = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})


class GroupConnection(sqlite3.Connection):
    """A connection whose `commit` runs the work handed over.

    aiosqlite takes one thread hop per call and offers no public call for "run this function": `commit` is public, so a whole group of
    commits costs one hop instead of one per statement (docs/adr/0002-journal.md).
    """

    work: Callable[[sqlite3.Connection], None] | None = None

    @override
    def commit(self) -> None:
        """Run the work once, on the thread of the connection."""
        work, self.work = self.work, None
        if work is not None:
            work(self)


def open_connection(path: Path) -> GroupConnection:
    """A connection with every setting of the journal; raises sqlite3.Error. Transactions are opened by hand."""
    connection = sqlite3.connect(
        path, isolation_level=None, factory=GroupConnection, cached_statements=_STATEMENTS_KEPT, check_same_thread=False
    )
    try:
        for setting in _SETTINGS:
            connection.execute(setting).fetchall()
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            raise sqlite3.OperationalError("no write-ahead log on this file system")
    except sqlite3.Error:
        connection.close()
        raise
    connection.row_factory = sqlite3.Row
    connection.text_factory = text_or_bytes
    return connection


@contextmanager
def opening() -> Iterator[None]:
    """Turn what SQLite says while the journal is opened into JournalDamaged or NotAccepting."""
    try:
        yield
    except sqlite3.Error as problem:
        if error_name(problem) in _DAMAGE:
            raise JournalDamaged(error_name(problem)) from problem
        raise NotAccepting(error_name(problem)) from problem
    except OSError as problem:
        raise NotAccepting(f"errno {problem.errno}") from problem


@contextmanager
def using() -> Iterator[None]:
    """Turn what SQLite says while the journal is in use into NotAccepting."""
    try:
        yield
    except sqlite3.Error as problem:
        raise NotAccepting(error_name(problem)) from problem


def error_name(problem: sqlite3.Error) -> str:
    """SQLite's own primary name of an error; its message is left out, it may quote a value."""
    name = getattr(problem, "sqlite_errorname", None) or type(problem).__name__
    return "_".join(name.split("_")[:2])
