"""A coded concept: code, coding system (OID, or a literal such as "URN"), French label."""

from __future__ import annotations

import msgspec


class Concept(msgspec.Struct, frozen=True):
    """One code of a national or international table; the label is the table's own display name."""

    code: str
    system: str
    label: str
