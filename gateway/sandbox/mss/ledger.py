"""The operator's store: mails received per recipient, mailboxes and their structure, patients known. SQLite, in `home/mss.sqlite`.

Never keeps a mail's content: bytes are in the captures, here only their digest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from gateway.sandbox.problems import SandboxHomeDamaged


def _statements() -> dict[str, str]:
    text = files("gateway.sandbox.mss").joinpath("ledger.sql").read_text(encoding="utf-8")
    blocks = (block.partition("\n") for block in text.split("-- :")[1:])
    return {name.strip(): statement for name, _, statement in blocks}


_SQL: Final = _statements()


class MailLedger:
    """Used by one thread at a time. Commits survive a crash of the process."""

    def __init__(self, home: Path) -> None:
        """Raises SandboxHomeDamaged."""
        self._base = sqlite3.connect(home / "mss.sqlite", check_same_thread=False, isolation_level=None)
        try:
            self._base.execute("pragma journal_mode = wal").fetchone()
            self._base.execute("pragma synchronous = normal")
            self._base.executescript(_SQL["schema"])
        except sqlite3.Error as error:
            self._base.close()
            raise SandboxHomeDamaged("mss.sqlite") from error

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def receive(self, message_id: str, sha256: str, recipients: Iterable[str]) -> None:
        """Count one more reception of a mail, for all its recipients at once."""
        rows = [(message_id, recipient.lower(), sha256) for recipient in recipients]
        self._base.execute("begin immediate")
        try:
            self._base.executemany(_SQL["receive"], rows)
        except sqlite3.Error:
            self._base.execute("rollback")
            raise
        self._base.execute("commit")

    def has_other_bytes(self, message_id: str, sha256: str) -> bool:
        """True when this Message-ID was already used for other bytes."""
        return any(known != sha256 for (known,) in self._base.execute(_SQL["digests_of"], (message_id,)))

    def listing(self) -> list[dict[str, Any]]:
        """Rows of the contract: message_id, recipient, sha256, times_received; in order of arrival."""
        names = ("message_id", "recipient", "sha256", "times_received")
        return [dict(zip(names, row, strict=True)) for row in self._base.execute(_SQL["listing"])]

    def owner(self, mailbox: str) -> str | None:
        """Struct_IdNat of the structure a mailbox belongs to."""
        row = self._base.execute(_SQL["owner"], (mailbox.lower(),)).fetchone()
        return None if row is None else str(row[0])

    def open_mailbox(self, mailbox: str, structure: str) -> None:
        """Give a mailbox to a structure."""
        self._base.execute(_SQL["open_mailbox"], (mailbox.lower(), structure))

    def knows_patient(self, matricule: str) -> bool:
        """True when the patient has a citizen's mailbox."""
        return self._base.execute(_SQL["knows_patient"], (matricule,)).fetchone() is not None

    def set_patient(self, matricule: str, *, has_mailbox: bool) -> None:
        """Open or close a citizen's mailbox."""
        self._base.execute(_SQL["add_patient" if has_mailbox else "remove_patient"], (matricule,))

    def forget_mails(self) -> None:
        """Forget the mails; patients and mailboxes stay."""
        self._base.execute(_SQL["forget_mails"])
