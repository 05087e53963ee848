"""What the simulated DMP holds: patients, lots, entries, in one SQLite file that survives a restart.

It never keeps a document's content, nor a trait beyond what a patient was declared with. Every commit is on the disk when it returns.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from threading import RLock
from typing import Any

from gateway.kernel.errors import TransientFault
from gateway.sandbox.dmp.tokens import KEEP

_COLUMNS = "entry_uuid, unique_id, lot, kind, matricule, oid, structure, sha1, size, status, times_committed"


class StateUnavailable(TransientFault):
    """The file of the simulated DMP cannot be read or written."""

    code = "sandbox-state-unavailable"
    what = "Le fichier du DMP simulé ne peut être ni lu ni écrit."
    gesture = "Vérifiez l'espace disque et les droits du dossier du bac à sable, puis relancez-le."


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored document entry. `patient` is (matricule, INS OID)."""

    entry_uuid: str
    unique_id: str
    lot: str
    kind: str
    matricule: str
    oid: str
    structure: str
    sha1: str
    size: int
    status: str
    times_committed: int

    @property
    def patient(self) -> tuple[str, str]:
        """Matricule and INS OID."""
        return (self.matricule, self.oid)


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry to commit."""

    unique_id: str
    kind: str
    sha1: str
    size: int


@dataclass(frozen=True, slots=True)
class NewLot:
    """An accepted lot: everything its commit writes, in one transaction."""

    unique_id: str
    structure: str
    patient: tuple[str, str]
    entries: tuple[NewEntry, ...]
    deprecated: tuple[str, ...]
    """entryUUIDs replaced by this lot."""
    token: str
    at: datetime


class DmpState:
    """The SQLite file `path`, made when absent; every method raises StateUnavailable. Safe between threads, one at a time."""

    def __init__(self, path: Path) -> None:
        self._lock = RLock()
        self._db = _open(path)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def put_patient(self, matricule: str, oid: str, dmp: str, traits: Mapping[str, Any]) -> None:
        """Add a patient, or change the one with this matricule and OID."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO patient VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET dmp = excluded.dmp, traits = excluded.traits",
                (matricule, oid, dmp, json.dumps(dict(traits), ensure_ascii=False, default=str)),
            )

    def dmp_of(self, patient: tuple[str, str]) -> str:
        """`active`, `closed` or `none` (unknown patients included)."""
        rows = self._rows("SELECT dmp FROM patient WHERE matricule = ? AND oid = ?", patient)
        return str(rows[0][0]) if rows else "none"

    def has_lot(self, unique_id: str) -> bool:
        """True when a lot with this uniqueId was committed."""
        return bool(self._rows("SELECT 1 FROM lot WHERE unique_id = ?", (unique_id,)))

    def by_unique_id(self, unique_id: str) -> Entry | None:
        """The entry with this document uniqueId."""
        return self._one("unique_id", unique_id)

    def by_uuid(self, entry_uuid: str) -> Entry | None:
        """The entry with this entryUUID (`urn:uuid:...`)."""
        return self._one("entry_uuid", entry_uuid)

    def documents_of(self, patient: tuple[str, str]) -> tuple[Entry, ...]:
        """Document entries of a patient, oldest first, signatures left out."""
        query = f"SELECT {_COLUMNS} FROM entry WHERE matricule = ? AND oid = ? AND kind = 'document' ORDER BY position"  # noqa: S608
        return tuple(Entry(*row) for row in self._rows(query, patient))

    def commit_lot(self, lot: NewLot) -> None:
        """Write a lot durably; a document already held is counted once more and keeps its entry."""
        with self._transaction() as db:
            db.execute("INSERT INTO lot VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (lot.unique_id, lot.structure, lot.at.isoformat()))
            for entry in lot.entries:
                db.execute(
                    f"INSERT INTO entry ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'Approved', 1)"  # noqa: S608
                    " ON CONFLICT (unique_id) DO UPDATE SET times_committed = times_committed + 1",
                    (
                        f"urn:uuid:{uuid.uuid4()}",
                        *(entry.unique_id, lot.unique_id, entry.kind, *lot.patient, lot.structure, entry.sha1, entry.size),
                    ),
                )
            db.executemany("UPDATE entry SET status = 'Deprecated' WHERE entry_uuid = ?", ((one,) for one in lot.deprecated))
            db.execute("DELETE FROM token WHERE at < ?", ((lot.at - KEEP).isoformat(),))
            db.execute("INSERT INTO token VALUES (?, ?) ON CONFLICT DO NOTHING", (lot.token, lot.at.isoformat()))

    def delete_entry(self, entry_uuid: str, lot: str, structure: str, at: datetime) -> None:
        """Mark an entry Deleted (logical deletion, dmp.md 1.1), under the lot that asked for it."""
        with self._transaction() as db:
            db.execute("INSERT INTO lot VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (lot, structure, at.isoformat()))
            db.execute("UPDATE entry SET status = 'Deleted' WHERE entry_uuid = ?", (entry_uuid,))

    def renew_uuids(self) -> None:
        """Give every entry a new entryUUID, as a metadata update would (dmp.md section 0, fact 7)."""
        with self._transaction() as db:
            known = [row[0] for row in db.execute("SELECT position FROM entry")]
            db.executemany("UPDATE entry SET entry_uuid = ? WHERE position = ?", ((f"urn:uuid:{uuid.uuid4()}", one) for one in known))

    def tokens(self) -> Iterable[tuple[str, datetime]]:
        """Assertion IDs of committed calls, oldest first."""
        return [(name, datetime.fromisoformat(at)) for name, at in self._rows("SELECT identifier, at FROM token ORDER BY at", ())]

    def ledger(self) -> list[dict[str, object]]:
        """The documents held, oldest first, in the words of the contract."""
        rows = self._rows(f"SELECT {_COLUMNS} FROM entry WHERE kind = 'document' ORDER BY position", ())  # noqa: S608
        return [
            {
                "unique_id": entry.unique_id,
                "submission_set_id": entry.lot,
                "patient": f"{entry.matricule}^^^&{entry.oid}&ISO^NH",
                "sha1": entry.sha1,
                "status": entry.status,
                "times_committed": entry.times_committed,
            }
            for entry in (Entry(*row) for row in rows)
        ]

    def clear(self) -> None:
        """Forget every lot, entry and token; patients stay."""
        with self._transaction() as db:
            for table in ("lot", "entry", "token"):
                db.execute(f"DELETE FROM {table}")  # noqa: S608

    def _one(self, column: str, value: str) -> Entry | None:
        rows = self._rows(f"SELECT {_COLUMNS} FROM entry WHERE {column} = ?", (value,))  # noqa: S608
        return Entry(*rows[0]) if rows else None

    def _rows(self, query: str, parameters: tuple[str, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._db.execute(query, parameters).fetchall()
            except sqlite3.Error as problem:
                raise StateUnavailable(type(problem).__name__) from problem

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                    self._db.execute("COMMIT")
                except BaseException:
                    self._db.execute("ROLLBACK")
                    raise
            except sqlite3.Error as problem:
                raise StateUnavailable(type(problem).__name__) from problem


def _open(path: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as problem:
        raise StateUnavailable(type(problem).__name__) from problem
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.executescript((files("gateway.sandbox.dmp") / "state.sql").read_text(encoding="utf-8"))
    except sqlite3.Error as problem:
        db.close()
        raise StateUnavailable(type(problem).__name__) from problem
    return db
