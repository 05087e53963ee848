"""Writes the audit trail of a home to a file, page by page, its chain recomputed on the way. The file appears whole or not at all.

A line names patients by pseudonyms only, as the trail does. What verifies the file without us is `examples/audit/verify_audit.py`.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from pathlib import Path
from typing import BinaryIO

import msgspec

from gateway.journal.audit import Tail, export, first_break, tail_of
from gateway.journal.sqlite import SqliteStore
from gateway.kernel.errors import TransientFault
from gateway.kernel.home import Home
from gateway.trust.files import sync_folder

_PAGE = 500


class ExportFailed(TransientFault):
    """The file cannot be written."""

    code = "audit-export-failed"
    who = "votre installateur"
    what = "La piste d'audit n'a pas pu être écrite à cet endroit."
    gesture = "Choisissez un autre dossier, ou libérez de la place."


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """How many lines, the last one and its hash, and the first that does not follow, if any."""

    lines: int
    last: int
    hash: str
    broken: int | None


async def export_trail(home: Home, target: Path, *, after: int = 0) -> Exported:
    """Lines after that sequence; raises ExportFailed, JournalDamaged and its kin. The first line of a partial export is trusted."""
    store = await SqliteStore.open(home.journal)
    target = await asyncio.to_thread(target.absolute)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    lines, broken, tail = 0, None, Tail()
    try:
        if after:
            before = await store.audit_after(after - 1, 1)
            tail = tail_of(before[0]) if before else Tail(sequence=after)
        with _private(draft) as file:
            while page := await store.audit_after(after, _PAGE):
                broken = first_break(page, tail) if broken is None else broken
                after, tail, lines = page[-1].sequence, tail_of(page[-1]), lines + len(page)
                file.writelines(export(page))
            file.flush()
            os.fsync(file.fileno())
            draft.replace(target)
            os.fsync(file.fileno())  # see gateway.trust.files
        sync_folder(target.parent)
    except OSError as problem:
        raise ExportFailed(f"errno {problem.errno}") from problem
    finally:
        draft.unlink(missing_ok=True)
        await store.close()
    return Exported(lines=lines, last=tail.sequence, hash=tail.hash, broken=broken)


def _private(path: Path) -> BinaryIO:
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))
