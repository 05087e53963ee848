"""The box key: 32 random bytes from which everything at rest is protected.

It is a file of the home (`box.key`, 0600) unless something stronger holds it: see `boxkey_custody`; all answer as a `BoxKeySource`.
It is never written twice, never logged, never replaced silently: a home whose key is gone cannot be read, and says so.
Source: design section 3 (trust: at-rest vault); dossier stack.md section 4.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Protocol

from gateway.kernel.errors import ConfigurationFault
from gateway.trust.files import sync_folder

BOX_KEY_BYTES = 32


class BoxKeyUnavailable(ConfigurationFault):
    """The box key is missing, of a wrong size, readable by others, or not the one that sealed the data."""

    code = "box-key-unavailable"
    title = "Clé du boîtier indisponible"
    what = "La clé qui protège les données de ce boîtier ne peut pas être utilisée : {reason}."
    gesture = "Ne recréez pas cette clé : remettez en place la clé d'origine depuis la sauvegarde, puis redémarrez Relais."


class BoxKeySource(Protocol):
    """Whoever holds the box key."""

    def load(self) -> bytes:
        """The 32 bytes; raises BoxKeyUnavailable."""
        ...


class FileBoxKey:
    """A box key in a file: `home/box.key`, or a systemd credential given by its path."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> bytes:
        """The 32 bytes; raises BoxKeyUnavailable when absent, of another size, or readable by others than its owner."""
        try:
            with self._path.open("rb") as file:
                exposed = os.fstat(file.fileno()).st_mode & 0o077
                key = file.read(BOX_KEY_BYTES + 1)
        except OSError as problem:
            raise BoxKeyUnavailable(type(problem).__name__, reason="le fichier de la clé est absent ou illisible") from None
        if exposed:
            raise BoxKeyUnavailable("mode", reason="le fichier de la clé est lisible par d'autres comptes du boîtier")
        if len(key) != BOX_KEY_BYTES:
            raise BoxKeyUnavailable("size", reason="le fichier de la clé n'a pas la taille attendue")
        return key

    def create(self) -> None:
        """Make the key once, durably; an existing key is left as it is. Raises BoxKeyUnavailable when the folder cannot be written."""
        if self._path.exists():
            return
        draft = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(BOX_KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            # A hard link fails when the name exists: two first starts at once cannot replace each other's key.
            with contextlib.suppress(FileExistsError):
                os.link(draft, self._path)
            draft.unlink()
            sync_folder(self._path.parent)
        except OSError as problem:
            draft.unlink(missing_ok=True)
            raise BoxKeyUnavailable(type(problem).__name__, reason="le fichier de la clé ne peut pas être écrit") from None
