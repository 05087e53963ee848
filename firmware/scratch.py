"""A private folder in memory for work that must never be written on a storage card, where erasing is not forgetting.

Taken where systemd gives one (RuntimeDirectory=), else under /dev/shm; on the disk when neither is memory, and it says so. Never removes
what does not carry the owner's mark. Source: proc_pid_mountinfo(5), tmpfs(5).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_IN_MEMORY = ("tmpfs", "ramfs")
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made there, with a random name and mode 0700
_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")


class Place(NamedTuple):
    """Where scratch folders are made; `volatile` when its content never reaches a disk (swap aside)."""

    folder: Path
    volatile: bool


def scratch_place(fallback: Path, environment: Mapping[str, str] = os.environ) -> Place:
    """The best place this machine offers; `fallback`, on the disk, when no memory can be written."""
    given = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    for folder in ([Path(given)] if given else []) + [_SHARED_MEMORY]:
        if filesystem_of(folder) in _IN_MEMORY and os.access(folder, os.W_OK | os.X_OK):
            return Place(folder, volatile=True)
    return Place(fallback, volatile=False)


def filesystem_of(folder: Path, mounts: Path = _MOUNTS) -> str | None:
    """Type of the file system that holds a folder, as the kernel names it; None when it cannot be told."""
    try:
        wanted, lines = folder.resolve(strict=True), mounts.read_text("utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    found: tuple[int, str] | None = None
    for line in lines:
        fields, _, rest = line.partition(" - ")
        point = Path(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), fields.split(" ")[4]))
        depth = len(point.parts)
        if wanted.is_relative_to(point) and (found is None or depth >= found[0]):
            found = (depth, rest.split(" ")[0])
    return found[1] if found else None


def open_scratch(place: Path, owner: Path) -> Path:
    """A new empty folder (0700) marked for `owner`, once what a former process of this owner left is removed. Raises OSError."""
    remove_scratch(place, owner)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=_mark(owner), dir=place))


def remove_scratch(place: Path, owner: Path) -> None:
    """Remove every scratch folder of this owner; the caller knows that no process of the owner's works there."""
    for folder in place.glob(f"{_mark(owner)}*"):
        if folder.lstat().st_uid == os.geteuid():
            shutil.rmtree(folder, ignore_errors=True)


def _mark(owner: Path) -> str:
    """Several boxes may run on one machine: each knows its own folders by its home, told by a digest."""
    return f"relais-{hashlib.sha256(os.fsencode(owner.resolve())).hexdigest()[:16]}-"
