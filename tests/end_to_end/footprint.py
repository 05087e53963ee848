"""What a home holds, counted from outside: rows by table, files of payloads, scratch."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

TABLES = ("documents", "deliveries", "blobs", "receipts", "patients", "events", "existence")


def footprint(home: Path) -> dict[str, object]:
    """Rows of each table and the names of the files of payloads and conversions."""
    with contextlib.closing(sqlite3.connect(f"file:{home / 'journal.sqlite'}?mode=ro", uri=True)) as journal:
        rows: dict[str, object] = {table: journal.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}  # noqa: S608
    files = sorted(str(path.relative_to(home)) for folder in ("blobs", "work") for path in (home / folder).rglob("*") if path.is_file())
    return rows | {"files": files}


@contextlib.contextmanager
def nothing_kept(home: Path) -> Iterator[None]:
    """What happens inside leaves no trace in this home."""
    before = footprint(home)
    yield
    assert footprint(home) == before
