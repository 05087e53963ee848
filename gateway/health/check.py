"""What a self-check looks at and what it says. A check never mends by itself; its gesture tells who does what."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Protocol

import msgspec

from gateway.journal.store import Store
from gateway.kernel.clock import Clock
from gateway.kernel.config import Configuration
from gateway.trust.keystore import KeyStore
from gateway.trust.vault import Vault


class Severity(enum.StrEnum):
    """How much a finding matters: an error makes `relais check` exit 1."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `relais check`."""

    check: str
    severity: Severity
    what: str
    gesture: str = ""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """What checks may look at."""

    home: Path
    configuration: Configuration
    store: Store
    keys: KeyStore
    clock: Clock
    vault: Vault | None = None
    """None: opened from the home when a check needs it."""


class Check(Protocol):
    """One subject; several results when it has several objects (one per certificate)."""

    async def __call__(self, site: Site) -> list[Result]:
        """Look, and say what was found."""
        ...
