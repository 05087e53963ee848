"""Three places for the certificate of a role: the one in use, the next one that waits, and the former one to come back to.

Sealed files of `home/keys/<structure>`: `<role>.sealed`, `<role>.next.sealed`, `<role>.former.sealed`. Every move ends with one rename over
the file in use, so that at no instant the role is without a key, and a move cut anywhere is finished by asking for it again. Nothing here
opens a seal. One writer at a time, over processes.
"""

from __future__ import annotations

import enum
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.trust.errors import CertificateWrongStructure
from gateway.trust.files import private_folder, sync_folder, write_durably
from gateway.trust.roles import Role

_STRUCTURE = re.compile(r"[0-9A-Za-z]{1,40}")


class Slot(enum.StrEnum):
    """Where a certificate of a role stands."""

    CURRENT = "current"
    NEXT = "next"
    FORMER = "former"


class SlotChanged(OSError):
    """Another file was put there meanwhile."""


class Slots:
    """The sealed files of `home/keys`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, structure: str, role: Role, slot: Slot = Slot.CURRENT) -> Path:
        """Where that sealed file is, or would be; raises CertificateWrongStructure for a name that is no identifier."""
        if not _STRUCTURE.fullmatch(structure):
            raise CertificateWrongStructure(structure=structure)
        return self._folder / structure / (f"{role}.sealed" if slot is Slot.CURRENT else f"{role}.{slot}.sealed")

    def held(self, slot: Slot = Slot.CURRENT) -> Iterator[tuple[str, Role]]:
        """Structure and role of every sealed file of that slot, sorted; a folder that has no structure's name is somebody's copy."""
        ending = "" if slot is Slot.CURRENT else f".{slot}"
        names = {f"{role}{ending}.sealed": role for role in Role}
        for path in sorted(self._folder.glob("*/*.sealed")):
            if path.name in names and _STRUCTURE.fullmatch(path.parent.name):
                yield path.parent.name, names[path.name]

    def read(self, structure: str, role: Role, slot: Slot) -> bytes:
        """The sealed bytes; raises OSError (FileNotFoundError when the slot is empty), CertificateWrongStructure."""
        return self.path(structure, role, slot).read_bytes()

    def write(self, structure: str, role: Role, slot: Slot, sealed: bytes, *, keep_former: bool = False) -> None:
        """Put a sealed key there, in place of what was; on the disk on return. `keep_former`: what is in use becomes the former one.

        Raises OSError.
        """
        with self._alone(structure):
            if keep_former:
                write_durably(self.path(structure, role, Slot.FORMER), self.path(structure, role).read_bytes())
            write_durably(self.path(structure, role, slot), sealed)

    def promote(self, structure: str, role: Role, sealed: bytes, *, again: bool = False) -> None:
        """Next becomes current and current former; raises OSError, SlotChanged when the next one is not these sealed bytes any more.

        `again`: it already is in use, it just goes. The former slot is written first, as a copy: a cut before the rename leaves current and
        next as they were.
        """
        current, following = self.path(structure, role), self.path(structure, role, Slot.NEXT)
        with self._alone(structure):
            if following.read_bytes() != sealed:
                raise SlotChanged
            if again:
                following.unlink()
            else:
                if current.exists():
                    write_durably(self.path(structure, role, Slot.FORMER), current.read_bytes())
                following.replace(current)
            sync_folder(current.parent)

    def restore(self, structure: str, role: Role) -> None:
        """Former becomes current again; what was current waits as next, unless another one waits there already. Raises OSError."""
        current, following = self.path(structure, role), self.path(structure, role, Slot.NEXT)
        with self._alone(structure):
            if current.exists() and not following.exists():
                write_durably(following, current.read_bytes())
            self.path(structure, role, Slot.FORMER).replace(current)
            sync_folder(current.parent)

    def erase(self, structure: str, role: Role, slot: Slot) -> None:
        """Empty that slot, durably; does nothing when it is empty. Raises OSError."""
        path = self.path(structure, role, slot)
        if path.exists():
            with self._alone(structure):
                path.unlink(missing_ok=True)
                sync_folder(path.parent)

    @contextmanager
    def _alone(self, structure: str) -> Iterator[None]:
        """The lock is on the folder itself and dies with the process: a box in service and a command line never move files at once."""
        descriptor = os.open(private_folder(self.path(structure, Role.SIGN).parent), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
