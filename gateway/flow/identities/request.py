"""What a workstation or the page asks about identities: the bodies of the routes, frozen (contract section 3).

Decoded by `decode` with the field at fault named, never its value.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from gateway.flow.cards.request import CardAccess, InsertedCard

Line = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Purpose = Literal["reception", "care", "document", "verification"]
"""Why INSi is called: written in the audit trail of each call."""


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class InsBody(_Body, frozen=True, kw_only=True):
    """Matricule of 15 characters and OID of its authority."""

    matricule: Line
    oid: Line


class PatientBody(_Body, frozen=True, kw_only=True):
    """PUT /patients/{local_id}: five strict traits are needed to create (insi.md 4.3).

    `attributes` and `identity_status` are what the cabinet software says; left out, they say nothing and change nothing.
    """

    structure: Line | None = None
    birth_family_name: Line | None = None
    birth_given_names: Line | None = None
    first_birth_given_name: Line | None = None
    used_family_name: Line | None = None
    used_given_name: Line | None = None
    sex: Line | None = None
    birth_date: Line | None = None
    birth_place: Line | None = None
    ins: InsBody | None = None
    identity_status: Line | None = None
    attributes: tuple[Literal["homonyme", "douteuse", "fictive"], ...] | None = None


class SearchTraits(_Body, frozen=True, kw_only=True):
    """Traits to search by; `given_names` in the order of the identity document."""

    birth_family_name: Line
    given_names: Annotated[tuple[Line, ...], msgspec.Meta(min_length=1, max_length=20)]
    sex: Line
    birth_date: Line
    birth_place: Line | None = None


class SearchBody(_Body, frozen=True, kw_only=True):
    """POST /ins/search: a known patient by `local_id` (its traits are used unless some are given), or traits alone."""

    structure: Line | None = None
    local_id: Line | None = None
    traits: SearchTraits | None = None
    purpose: Purpose = "care"
    defer: bool = False
    """True: 202 and an event later when the service does not answer in time; never with `cps`, whose holder is there now."""
    cps: CardAccess | None = None
    """The professional's card that signs the call, in the place of the structure's certificate."""


class CardBody(_Body, frozen=True, kw_only=True):
    """What a certified component read from a Vitale card (insi.md 1.7), and when."""

    serial: Line
    read_at: Line
    """ISO instant with its offset."""
    insured_nir: Line
    insured_key: Line | None = None
    beneficiary_nir: Line | None = None
    beneficiary_key: Line | None = None
    nir_certified_on: Line | None = None
    birth_family_name: Line | None = None
    birth_date: Line
    birth_rank: Line = "1"
    scheme: Line | None = None
    fund: Line | None = None
    centre: Line | None = None
    holder: Line | None = None


class VitaleBody(_Body, frozen=True, kw_only=True):
    """POST /ins/vitale: the card as it is in the reader now, and the serial of the one the patient was selected with."""

    structure: Line | None = None
    local_id: Line | None = None
    selected_serial: Line
    card: CardBody
    inserted: InsertedCard | None = None
    """Where the Vitale card is, when it is in a reader of the box: refused once it left (case A24)."""
    cps: CardAccess | None = None
    """As in a search."""
    purpose: Purpose = "care"


class VerifyBody(_Body, frozen=True, kw_only=True):
    """POST /ins/verify: the INS of a known patient, or one received from elsewhere with its traits."""

    structure: Line | None = None
    local_id: Line | None = None
    ins: InsBody | None = None
    traits: SearchTraits | None = None
    cps: CardAccess | None = None
    """As in a search."""
    purpose: Purpose = "verification"


class DecisionBody(_Body, frozen=True, kw_only=True):
    """POST /patients/{local_id}/identity: the answer of INSi taken or left."""

    structure: Line | None = None
    decision: Literal["accept", "refuse"]
    proposal: Line
    """Id of the proposal looked at: another answer may have come since."""


class QualificationBody(_Body, frozen=True, kw_only=True):
    """POST /patients/{local_id}/qualification: the document seen, chosen without default; the actor is in Relais-Actor."""

    structure: Line | None = None
    evidence: Line
    """Code of the kind of document, or of the exceptional procedure."""
    attestation: str | None = None
    """For the exceptional procedure alone: the imposed sentence, word for word."""
    seen_at: datetime | None = None
    """`updated_at` of the identity that was compared with the document; refused when it has changed since."""


class AttributesBody(_Body, frozen=True, kw_only=True):
    """POST /patients/{local_id}/attributes: all attributes from now on."""

    structure: Line | None = None
    attributes: tuple[Literal["homonyme", "douteuse", "fictive"], ...]


class ScanBody(_Body, frozen=True, kw_only=True):
    """POST /ins/datamatrix: what a scanner sent, GS as a character, as text, or lost."""

    structure: Line | None = None
    scan: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class BatchPatient(_Body, frozen=True, kw_only=True):
    """One patient of a list: known by `local_id`, or with the traits to create it."""

    local_id: Line
    birth_family_name: Line | None = None
    birth_given_names: Line | None = None
    first_birth_given_name: Line | None = None
    sex: Line | None = None
    birth_date: Line | None = None
    birth_place: Line | None = None


class BatchBody(_Body, frozen=True, kw_only=True):
    """POST /ins/batches: tomorrow's patients, or the whole file when `patients` is left out (kind `file`)."""

    structure: Line | None = None
    kind: Literal["tomorrow", "file"]
    patients: Annotated[tuple[BatchPatient, ...], msgspec.Meta(max_length=20_000)] | None = None
    when: Literal["night", "now"] = "night"
