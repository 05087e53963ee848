"""What the box knows of its backups: when the last one was whole, and what the last attempt met. Written by `relais-provision backup`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from gateway.kernel.errors import Explanation
from gateway.trust.files import write_durably


class BackupRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`taken_at`, `size`, `name`: the last whole backup; `failure`, `failed_at`: why the one after it was not made."""

    taken_at: datetime | None = None
    size: int = 0
    name: str = ""
    failed_at: datetime | None = None
    failure: Explanation | None = None


class RestorationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """That this box was restored: from a backup taken when, how many deliveries were in doubt; `final`: the former box had been retired."""

    taken_at: datetime
    restored_at: datetime
    doubtful: int
    final: bool


def read_backup_record(home: Path) -> BackupRecord:
    """The record; an empty one when there is none, or none that can be read."""
    try:
        return msgspec.json.decode((home / "backup-state.json").read_bytes(), type=BackupRecord)
    except (OSError, msgspec.MsgspecError):
        return BackupRecord()


def keep_backup_record(home: Path, record: BackupRecord) -> None:
    """Write it; raises OSError."""
    write_durably(home / "backup-state.json", msgspec.json.encode(record))


def read_restoration(home: Path) -> RestorationRecord | None:
    """That of a restored box; None for another."""
    try:
        return msgspec.json.decode((home / "restored.json").read_bytes(), type=RestorationRecord)
    except (OSError, msgspec.MsgspecError):
        return None


def keep_restoration(home: Path, record: RestorationRecord) -> None:
    """Write it; raises OSError."""
    write_durably(home / "restored.json", msgspec.json.encode(record))
