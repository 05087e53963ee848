"""What the outside sees of identities: the registry's entry, a proposal of INSi, the worklist, batches. The same objects everywhere."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from gateway.kernel.errors import Explanation

Task = Literal["search", "decide", "qualify"]
"""What the worklist asks of a person: look the INS up, decide on differences, check a document."""


class _View(msgspec.Struct, frozen=True, kw_only=True):
    pass


class InsView(_View, frozen=True, kw_only=True):
    """A matricule, its authority, and whether it is a NIR or a NIA."""

    matricule: str
    oid: str
    nature: str


class FormerInsView(_View, frozen=True, kw_only=True):
    """An INS of the past, never to be emitted."""

    matricule: str
    oid: str
    start: str | None
    end: str | None


class TraitsView(_View, frozen=True, kw_only=True):
    """Traits as written, None where nothing is known."""

    birth_family_name: str | None
    birth_given_names: str | None
    first_birth_given_name: str | None
    sex: str | None
    birth_date: str | None
    birth_place: str | None
    used_family_name: str | None = None
    used_given_name: str | None = None


class DifferenceView(_View, frozen=True, kw_only=True):
    """One trait on both sides. `kind`: `different`, `completed` (INSi says more), `form` (case, accents or hyphens only), `missing`."""

    field: str
    local: str | None
    national: str | None
    kind: Literal["different", "completed", "form", "missing"]


class ProposalView(_View, frozen=True, kw_only=True):
    """An identity INSi gave, waiting for a person's decision."""

    id: str
    at: datetime
    ins: InsView
    former: tuple[FormerInsView, ...]
    traits: TraitsView
    differences: tuple[DifferenceView, ...]
    exact: bool
    """True when every trait is the same: nothing to look at."""
    warnings: tuple[Explanation, ...] = ()
    """For instance a first given name that the national list does not begin with (EXI ID 10)."""
    status_if_accepted: str


class FactView(_View, frozen=True, kw_only=True):
    """How the INS came, or which document was checked: when, by whom."""

    kind: str
    label: str
    at: datetime
    by: str


class IdentityView(_View, frozen=True, kw_only=True):
    """One patient of the registry."""

    structure: str
    local_id: str
    status: str
    attributes: tuple[str, ...]
    traits: TraitsView
    ins: InsView | None
    """Present whenever an INS is held; it may leave the practice only with status QUAL."""
    former: tuple[FormerInsView, ...]
    recovered: FactView | None
    checked: FactView | None
    proposal: ProposalView | None
    warnings: tuple[Explanation, ...] = ()
    """For instance another file of the structure under the same INS (RNIV: doublon): told, never merged."""
    task: Task | None
    waiting_deliveries: int
    updated_at: datetime


class IdentityPage(_View, frozen=True, kw_only=True):
    """A page of the worklist, longest waiting first; `counts` by task for the structures looked at."""

    items: tuple[IdentityView, ...]
    cursor: str | None
    counts: dict[str, int]


class ChangeView(_View, frozen=True, kw_only=True):
    """One line of the history of an identity."""

    at: datetime
    act: str
    by: str
    evidence: str | None
    status: str


class EvidenceView(_View, frozen=True, kw_only=True):
    """A kind of document that the structure admits. `exceptional`: the well-known patient, bound to a professional in person."""

    code: str
    label: str
    exceptional: bool = False
    sentence: str | None = None


class PersonView(_View, frozen=True, kw_only=True):
    """Someone of the structure to whom an act may be imputed."""

    id: str
    name: str
    professional: bool


class CallView(_View, frozen=True, kw_only=True):
    """One call to INSi: correlation id and result code."""

    message_id: str
    operation: str
    cr: str


class SearchView(_View, frozen=True, kw_only=True):
    """The result of a search. CR 01 and 02 come with advice and store nothing."""

    cr: str
    label: str
    ins: InsView | None
    former: tuple[FormerInsView, ...]
    traits: TraitsView | None
    differences: tuple[DifferenceView, ...]
    proposal: str | None
    """Id to accept or refuse, for a known patient; None when it was accepted as exact, or without a patient."""
    status: str | None
    status_if_accepted: str | None
    advice: str | None
    warnings: tuple[Explanation, ...]
    calls: tuple[CallView, ...]


class DeferredView(_View, frozen=True, kw_only=True):
    """INSi did not answer in time: the box asks again and an event `inquiry.answered` tells (202)."""

    deferred: Literal[True] = True
    id: str
    explanation: Explanation


class InquiryView(_View, frozen=True, kw_only=True):
    """A search that the box does by itself: waiting, done, failed or cancelled; `result` once done."""

    id: str
    state: str
    attempts: int
    next_attempt_at: datetime | None
    explanation: Explanation | None
    result: SearchView | None


class VerificationView(_View, frozen=True, kw_only=True):
    """Whether INSi confirms an INS with its traits."""

    verified: bool
    cr: str
    label: str
    reconstructed: bool
    """True when WS_INS3, whose contract is not public, was used; False when a search was compared."""
    calls: tuple[CallView, ...]


class RefusedLineView(_View, frozen=True, kw_only=True):
    """A patient of a list who could not be taken; the others are."""

    line: int | None
    """Of a CSV, its header being line 1; None for JSON."""
    field: str
    """Column of a CSV; `patients[N].member` of a JSON list, N from 0."""
    explanation: Explanation


class BatchView(_View, frozen=True, kw_only=True):
    """A list of patients being verified: figures by outcome, and when it should end."""

    id: str
    kind: str
    state: str
    total: int
    done: int
    outcomes: dict[str, int]
    """found_exact, found_different, not_found, several, unchanged, refused, failed; verified, unverified."""
    created_at: datetime
    estimated_end: datetime | None
    explanation: Explanation | None
    night: bool = False
    """True when it goes on at night only."""
    refused: tuple[RefusedLineView, ...] = ()
    """The first patients of the list who could not be taken."""
    reconstructed: bool = False
    """True when WS_INS3, whose contract is not public, was used for some of it: `verified` and `unverified`."""


class ScanView(_View, frozen=True, kw_only=True):
    """What an INS datamatrix says: input that still needs verification when it comes from elsewhere (insi.md 4.7)."""

    ins: InsView
    traits: TraitsView
    repaired: bool
    """True when separators had been lost or changed by the scanner."""
    verified: bool = False
