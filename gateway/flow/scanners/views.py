"""What callers see of barcode scanners and of what they read. A reading is shown once and never shows itself in a log."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from typing_extensions import override

from gateway.flow.identities.views import ScanView
from gateway.kernel.errors import Explanation

Tone = Literal["ok", "act", "info"]


class _View(msgspec.Struct, frozen=True, kw_only=True):
    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class ScannerView(_View, frozen=True, kw_only=True):
    """A scanner as it stands for the workstation that asks."""

    id: str
    """Opaque, the same after unplugging and restarts."""
    name: str
    connected: bool
    paired: Literal["here", "elsewhere"] | None
    by_setting: bool
    """True when relais.toml says so."""
    speed: int | None
    framing: str | None
    """Such as `8N1`."""
    ending: str | None
    """What ends its scans: auto, stx_etx, cr, lf, crlf, tab, gap."""
    tested: bool
    """True once a test found its speed and ending."""
    trouble: Explanation | None
    """Why it is not connected, or what went wrong with its last scan."""


class PieceView(_View, frozen=True, kw_only=True):
    """A part of what was received: plain text, or a special character in words."""

    text: str
    name: str | None = None


class AdviceView(_View, frozen=True, kw_only=True):
    """What a test says of the scanner, and what to do."""

    code: str
    tone: Tone
    what: str
    gesture: str


class ReceivedView(_View, frozen=True, kw_only=True):
    """What a scanner sent in a test, in words, and advice. Shown to the person who scanned, kept nowhere."""

    length: int
    """Bytes, those the scanner adds included."""
    pieces: tuple[PieceView, ...]
    datamatrix: bool
    """True when it begins as an INS datamatrix does."""
    advice: tuple[AdviceView, ...]


class ScannerTestView(_View, frozen=True, kw_only=True):
    """A test that runs: speed and parity are sought with each scan."""

    scanner: str
    seconds_left: int
    scans: int
    """Since the test began."""
    received: ReceivedView | None
    """The last one."""


class ReadingView(_View, frozen=True, kw_only=True):
    """What a scanner read: an INS datamatrix, something else handed on as it is, a refusal, or the answer to a test."""

    scanner: str
    at: datetime
    kind: Literal["ins", "unknown", "refused", "test"]
    ins: ScanView | None = None
    text: str | None = None
    """Of `unknown`, when it is UTF-8."""
    base64: str | None = None
    """Of `unknown`, whatever it is: its bytes."""
    explanation: Explanation | None = None
    """Of `refused`."""
    received: ReceivedView | None = None
    """Of `test`."""


class ScanEvent(_View, frozen=True, kw_only=True):
    """What `scan.read` says: which scanner, and the name of the reading, to be asked for once within a minute. Nothing of its content."""

    scanner: str
    reading: str
    test: bool
