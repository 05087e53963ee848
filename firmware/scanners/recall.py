"""What is remembered of each scanner from one plugging to the next: its line and its ending. No scan, ever.

One small file, written whole beside the old one and put in its place; an unreadable one counts for nothing: the next test makes it anew.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

import msgspec

from firmware.scanners.framing import Rule
from firmware.scanners.line import LineSettings

_MOST: Final = 64


class Recalled(msgspec.Struct, frozen=True, kw_only=True):
    """One scanner: its name for people, and what a test found."""

    name: str
    settings: LineSettings = LineSettings()
    rule: Rule = Rule.AUTO
    tested: bool = False


class _File(msgspec.Struct, kw_only=True):
    scanners: dict[str, Recalled] = {}
    twins: tuple[str, ...] = ()


class Recall:
    """The memory of the watch; without a path it lasts as long as the process."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._held = _read(path)

    @property
    def twins(self) -> frozenset[str]:
        """Identifiers once borne by two scanners at a time."""
        return frozenset(self._held.twins)

    def known(self) -> dict[str, Recalled]:
        """Every scanner remembered, by identifier."""
        return dict(self._held.scanners)

    def of(self, identifier: str) -> Recalled | None:
        """What is remembered of one."""
        return self._held.scanners.get(identifier)

    def keep(self, identifier: str, recalled: Recalled) -> bool:
        """Remember, in memory; the oldest goes when there are too many. True when there is something to write."""
        if self._held.scanners.get(identifier) == recalled:
            return False
        self._held.scanners.pop(identifier, None)
        self._held.scanners[identifier] = recalled
        for oldest in list(self._held.scanners)[: max(0, len(self._held.scanners) - _MOST)]:
            del self._held.scanners[oldest]
        return True

    def keep_twins(self, identifiers: frozenset[str]) -> bool:
        """Remember, in memory, that these name no single scanner. True when there is something to write."""
        if identifiers <= self.twins:
            return False
        self._held.twins = tuple(sorted(self.twins | identifiers))[:_MOST]
        return True

    def content(self) -> bytes:
        """The file as it should be."""
        return msgspec.json.encode(self._held)

    def write(self, content: bytes) -> None:
        """Put it on the disk, in any thread, one at a time. A disk that refuses costs a test after the next start, nothing else."""
        if self._path is None:
            return
        fresh = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            with fresh.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _read(path: Path | None) -> _File:
    if path is None:
        return _File()
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return _File()
