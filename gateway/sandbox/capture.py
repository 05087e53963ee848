"""Everything a service received, verbatim, as evidence: `<NNNNNN>.http` or `.eml`, and a `.json` beside it (contract.md 2).

Never alters a byte, never puts a health datum in a file name. The numbering goes on after a restart. The `.json` is written last and
whole: whoever waits for a request waits for it.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.sandbox.durable import write_atomically

Suffix = Literal["http", "eml"]


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """What is noted beside the bytes of one request."""

    time: datetime
    client_certificate: str | None = None
    """PEM, None when the connection had none."""
    status: int | None
    """Status answered, None when the connection died without an answer."""
    failed_rules: tuple[str, ...] = ()
    fault: str | None = None
    """The fault that hit this request."""
    complete: bool = True
    """False when only the beginning arrived."""
    envelope: dict[str, Any] | None = None
    """SMTP sender and recipients."""


class CaptureFolder:
    """`home/received/<service>`. Used by one thread at a time."""

    def __init__(self, home: Path, service: str, suffix: Suffix) -> None:
        self._folder = home / "received" / service
        self._suffix = suffix
        self._folder.mkdir(parents=True, exist_ok=True)
        self._last = max((int(path.stem) for path in self._folder.glob(f"*.{suffix}") if path.stem.isdigit()), default=0)

    def keep(self, raw: bytes, note: Received) -> int:
        """Write the bytes then the note; the number given. Raises OSError."""
        self._last += 1
        stem = f"{self._last:06d}"
        (self._folder / f"{stem}.{self._suffix}").write_bytes(raw)
        write_atomically(self._folder / f"{stem}.json", msgspec.json.format(msgspec.json.encode(note), indent=1))
        return self._last


def certificate_text(der: bytes | None) -> str | None:
    """PEM text of a DER certificate."""
    return None if der is None else x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode("ascii")
