"""Professionals and structures by their national identifiers (mssante.md 5.2, dmp.md 2: PS_IdNat, Struct_IdNat)."""

from __future__ import annotations

import msgspec


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    """A structure: Struct_IdNat (prefix digit + number) and its name."""

    id: str
    name: str


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A professional or employee: PS_IdNat, names, optional civility (`M`, `MME`) and title (`DR`)."""

    id: str
    family: str
    given: str
    civility: str | None = None
    title: str | None = None

    @property
    def internal(self) -> bool:
        """True for a structure-local id (`3<FINESS>/<id>`): XCN type EI instead of IDNPS (dmp.md 3.3)."""
        return "/" in self.id
