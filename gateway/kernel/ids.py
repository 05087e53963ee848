"""Identifiers that Relais makes: time-ordered ids, OIDs under 2.25, mail Message-IDs.

None of them carries a health datum; all randomness comes from `secrets`.
"""

from __future__ import annotations

import re
import secrets
import time
import uuid

_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")


def new_id() -> str:
    """A UUID version 7 in canonical text: unique, ordered by the millisecond of its making (RFC 9562)."""
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=value))


def new_oid() -> str:
    """A fresh OID under 2.25 from a random UUID (at most 44 characters, no extension: dmp.md 3.2 uniqueId)."""
    return oid_of_uuid(uuid.uuid4())


def oid_of_uuid(value: uuid.UUID) -> str:
    """The OID 2.25.<integer of the UUID> (ITU-T X.667)."""
    return f"2.25.{value.int}"


def is_oid(text: str) -> bool:
    """True for a syntactically right OID of at most 64 characters."""
    return len(text) <= 64 and _OID.fullmatch(text) is not None


def message_id(delivery_id: str, domain: str) -> str:
    """The RFC 5322 Message-ID of a delivery, angle brackets included: the same delivery always gives the same one."""
    return f"<{delivery_id}@{domain}>"
