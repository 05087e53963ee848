"""A consistent copy of the journal of a box, running or not, by SQLite's own backup: one read transaction, which holds no writer up.

The copy lies in the home, sealed columns and all, for the time of the backup: it takes at most the size of the journal, and is refused
when that would eat the reserve of the box. Pages are copied as they are, a damaged one too.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from gateway.kernel.home import Home
from gateway.trust.files import private_folder
from provisioning.backup.errors import NoRoomForSnapshot, SnapshotFailed


@contextmanager
def snapshot(home: Home, reserve_bytes: int) -> Iterator[tuple[Path, datetime]]:
    """The copy, and the instant before which everything accepted is in it. Raises NoRoomForSnapshot, SnapshotFailed."""
    work = home.root / "backup-work"
    try:
        shutil.rmtree(work, ignore_errors=True)
        private_folder(work)
        _check_room(home, reserve_bytes)
        yield work / "journal.sqlite", _copy(home.journal, work / "journal.sqlite")
    except sqlite3.Error as problem:
        raise SnapshotFailed(type(problem).__name__) from problem
    finally:
        shutil.rmtree(work, ignore_errors=True)


def file_blobs(journal: Path) -> Iterator[str]:
    """Identifiers of the payloads that lie in files of their own, by a copy that nobody writes. Raises sqlite3.Error."""
    with closing(_read_only(journal)) as connection:
        for (blob_id,) in connection.execute("SELECT id FROM blobs WHERE inline IS NULL ORDER BY number"):
            yield blob_id


def schema_of(journal: Path) -> int:
    """The last migration of a copy. Raises sqlite3.Error."""
    with closing(_read_only(journal)) as connection:
        return int(connection.execute("SELECT max(number) FROM schema_version").fetchone()[0])


def _check_room(home: Home, reserve_bytes: int) -> None:
    needed = sum(path.stat().st_size for path in (home.journal, _log_of(home.journal)) if path.exists())
    if shutil.disk_usage(home.root).free < needed + reserve_bytes:
        raise NoRoomForSnapshot(needed=needed // 1_000_000 + 1)


def _copy(journal: Path, target: Path) -> datetime:
    if not journal.exists():
        raise SnapshotFailed("no journal")
    with closing(sqlite3.connect(journal, timeout=30)) as source, closing(sqlite3.connect(target)) as copy:
        source.execute("PRAGMA query_only = ON")
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        # Read before the copy begins: a document accepted between the two is in the copy, and told as perhaps lost. Never the reverse.
        instant = datetime.now(UTC)
        source.backup(copy, pages=-1)
    target.chmod(0o600)
    return instant


def _read_only(journal: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{journal.resolve().as_uri()}?immutable=1", uri=True)


def _log_of(journal: Path) -> Path:
    return journal.with_name(f"{journal.name}-wal")
