"""The workstations as faces see them."""

from __future__ import annotations

from datetime import datetime

import msgspec


class _View(msgspec.Struct, frozen=True, kw_only=True):
    pass


class WorkstationView(_View, frozen=True, kw_only=True):
    """A paired workstation. Never its token."""

    id: str
    name: str
    structures: tuple[str, ...]
    operator: bool
    """The installer's access: sees everything, lets others in."""
    here: bool
    """The one that asks."""
    paired_at: datetime
    token_given_at: datetime
    """Later than `paired_at` once it was given another token."""
    token_expires_at: datetime | None
    """None: never, or paired by a certificate, which has dates of its own."""


class PairedView(_View, frozen=True, kw_only=True):
    """A workstation and the token just made for it, which is told here only."""

    workstation: str
    name: str
    structures: tuple[str, ...]
    token: str
