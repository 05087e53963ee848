"""The metadata of a lot: submission set, document entries, associations; frozen values, encodings already done (dmp.md 3.1, 3.2, 3.6).

Never knows which message it will be written in. `id` is the symbolic name inside a message; the registry gives its own.
"""

from __future__ import annotations

import enum

import msgspec

from gateway.kernel.concept import Concept


class AssociationType(enum.StrEnum):
    """Links that the DMP takes in a feed (dmp.md 3.6)."""

    HAS_MEMBER = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"
    SIGNS = "urn:ihe:iti:2007:AssociationType:signs"
    REPLACES = "urn:ihe:iti:2007:AssociationType:RPLC"


class XdsAuthor(msgspec.Struct, frozen=True, kw_only=True):
    """One author; each value already in its HL7 form (dmp.md 3.3)."""

    person: str
    """XCN."""
    institutions: tuple[str, ...] = ()
    """XON."""
    roles: tuple[str, ...] = ()
    specialties: tuple[str, ...] = ()


class SubmissionSet(msgspec.Struct, frozen=True, kw_only=True):
    """A lot. Times are UTC, 14 digits; `patient_id` is a CX with `&ISO^NH`."""

    id: str = "SubmissionSet01"
    unique_id: str
    source_id: str
    patient_id: str
    submission_time: str
    content_type: Concept
    author: XdsAuthor
    title: str | None = None
    comments: str | None = None


class DocumentEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One document of a lot. Times are UTC, 14 digits; `hash` is SHA-1 hex and `size` bytes of the exact part."""

    id: str
    unique_id: str
    patient_id: str
    mime_type: str
    creation_time: str
    language: str
    legal_authenticator: str | None
    """XCN."""
    service_start: str
    service_stop: str | None
    source_patient_id: str
    """CX."""
    source_patient_info: tuple[str, ...]
    """`PID-5|...` and so on; empty for a signature."""
    title: str
    comments: str | None = None
    authors: tuple[XdsAuthor, ...]
    class_code: Concept
    type_code: Concept
    format_code: Concept
    confidentiality: tuple[Concept, ...]
    """One of N, R, V, then the visibility codes."""
    facility: Concept
    practice_setting: Concept
    event_codes: tuple[Concept, ...] = ()
    reference_ids: tuple[str, ...] = ()
    hash: str | None = None
    size: int | None = None


class Association(msgspec.Struct, frozen=True, kw_only=True):
    """A link from `source` to `target`, symbolic ids or, for the target of a replacement, the `urn:uuid:` of the old entry."""

    type: AssociationType
    source: str
    target: str
