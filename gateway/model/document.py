"""The clinical header: every fact that a CDA R2 header and its XDS metadata share, and nothing of their syntax.

Built from a request by `flow`, written as XML by `cda.header`, read back from a ready CDA by `cda.reading`, turned into metadata by
`xds`. Cardinalities: cda_signing.md section 1; derivations: dmp.md 3.8.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.kernel.concept import Concept
from gateway.model.patient import Ins, Traits
from gateway.model.people import Organization, Person


class LocalId(msgspec.Struct, frozen=True, kw_only=True):
    """The patient's identifier in the structure: OID of the structure's domain and the value (IPP)."""

    root: str
    extension: str


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The patient of one document: INS when there is one, local id, traits. `qualified` is frozen with the document."""

    traits: Traits
    ins: Ins | None
    local: LocalId | None
    qualified: bool


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """Who wrote the document, as what, for which structure."""

    person: Person
    specialty: Concept | None
    organization: Organization
    function: Concept | None = None
    time: datetime | None = None


class ClinicalHeader(msgspec.Struct, frozen=True, kw_only=True):
    """One document's header. Instants are aware; `None` means absent from the document."""

    unique_id: str
    """OID, no extension."""
    set_id: str
    version: int
    type: Concept
    title: str
    created_at: datetime
    confidentiality: Concept
    language: str
    subject: Subject
    authors: tuple[Author, ...]
    custodian: Organization
    legal_authenticator: Person
    legal_authenticator_organization: Organization | None
    legal_authentication_time: datetime | None
    service_start: datetime
    service_stop: datetime | None
    performer: Person
    performer_organization: Organization
    practice_setting: Concept
    facility: Concept
    templates: tuple[str, ...]
    event_codes: tuple[Concept, ...] = ()
    replaces: str | None = None
    """uniqueId of the document replaced."""
    body_media_type: str | None = None
    """Media type of an unstructured (N1) body; None for a structured one."""
    order_ids: tuple[str, ...] = ()
    """inFulfillmentOf/order identifiers, as `root` or `root^extension`."""
