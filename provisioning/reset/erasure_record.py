"""`erasure.json`: an erasure has begun. Written before anything goes, removed after all is gone; what a resumed erasure needs to know.

Nothing of the former home can be read from it: a public fingerprint, kinds and counts. Reading it never fails: an unreadable one still
means that the erasure has begun.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.kernel.config import BoxKey, ConfigurationInvalid, read_configuration
from gateway.kernel.home import Home
from gateway.trust.boxkey_custody import Kind
from provisioning.reset.contents import Count, counted, key_files

By = Literal["button", "command"]
SEALED_BY_TPM = "box.key.tpm"
_OPEN = "SELECT count(*) FROM deliveries WHERE state IN ('held', 'queued', 'running', 'unknown')"


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """What was there when it began."""

    at: datetime
    by: By
    box: str | None = None
    """SHA-256 of the certificate of the box's local authority, as its workstations knew it."""
    waiting: int | None = None
    """Deliveries that had not ended; None when the journal could not be read."""
    counts: tuple[Count, ...] = ()
    credentials: tuple[str, ...] = ()
    """Files outside of the home that hold the box key."""
    tpm: str | None = None
    """Address of the TPM that sealed the key."""
    chip_forgot: bool | None = None
    """Whether that TPM has made it unreadable for ever; None before it was asked."""
    custody: Kind | None = None
    """Where the box key was; None when there was none."""


def observed(home: Home, by: By, at: datetime, credentials: tuple[Path, ...]) -> Begun:
    """The home as it stands; raises OSError."""
    return Begun(
        at=at,
        by=by,
        box=_fingerprint(home.root / "lan-ca.pem"),
        waiting=_waiting(home.journal),
        counts=counted(home),
        credentials=tuple(str(path.resolve()) for path in credentials),
        tpm=_tpm(home),
        custody=_custody(home, credentials),
    )


def begun_in(home: Home, at: datetime) -> Begun:
    """The record of a home whose erasure has begun; a bare one when it cannot be read. Raises FileNotFoundError."""
    data = home.erasure.read_bytes()
    try:
        return msgspec.json.decode(data, type=Begun)
    except msgspec.MsgspecError:
        return Begun(at=at, by="command")


def _custody(home: Home, credentials: tuple[Path, ...]) -> Kind | None:
    """The strongest place where something is: that is the one in use (`boxkey_custody`)."""
    if any(path.exists() for path in credentials):
        return "credential"
    names = {path.name for path in key_files(home)}
    found: dict[str, Kind] = {"box.key.tpm": "tpm", "box.key.passphrase": "passphrase", "box.key": "file"}
    return next((kind for name, kind in found.items() if name in names), None)


def _tpm(home: Home) -> str | None:
    """Where the settings say the TPM is, the usual place when they cannot be read; None for a key that no TPM sealed."""
    if not (home.root / SEALED_BY_TPM).exists():
        return None
    try:
        return read_configuration(home.configuration).box_key.tpm
    except ConfigurationInvalid:
        return BoxKey().tpm


def _fingerprint(path: Path) -> str | None:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def _waiting(journal: Path) -> int | None:
    if not journal.exists():
        return 0
    try:
        with closing(sqlite3.connect(journal.resolve().as_uri() + "?mode=rw", uri=True)) as database:
            found: int = database.execute(_OPEN).fetchone()[0]
    except sqlite3.Error:
        return None
    return found
