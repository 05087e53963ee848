"""What can go wrong with a scanner, beside ScannerUnknown: of the tree of `firmware.errors`.

DeviceError
├── ScannerNotConnected    scanner-not-connected    known, but unplugged, or its line held by another program
├── LineNotOpened          scanner-line-not-opened  stays within this room: the line is tried again by itself
├── LineLost               scanner-line-lost        stays within this room: unplugged, most often
└── LinesUnreadable        scanner-lines-unreadable stays within this room: what is plugged in could not be told, a device went meanwhile
"""

from __future__ import annotations

from typing import Literal

from firmware.errors import DeviceError


class ScannerNotConnected(DeviceError):
    """It is unplugged, or another program holds its line."""

    code = "scanner-not-connected"


class LineNotOpened(DeviceError):
    """The line cannot be opened now; `trouble` says why."""

    code = "scanner-line-not-opened"

    def __init__(self, trouble: Literal["busy", "forbidden", "failed"], technical: str = "") -> None:
        super().__init__(technical or trouble)
        self.trouble: Literal["busy", "forbidden", "failed"] = trouble


class LineLost(DeviceError):
    """The line has gone away: unplugged, most often."""

    code = "scanner-line-lost"


class LinesUnreadable(DeviceError):
    """What is plugged in could not be told now: a device went while it was looked at. Looked at again by itself."""

    code = "scanner-lines-unreadable"
