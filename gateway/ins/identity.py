"""An identity of the registry: traits, attributes, and the two facts its RNIV status is made of.

The status is never stored apart: it follows from "an INS was recovered" and "a high-confidence document was checked" (insi.md 4.1), so
that no status can contradict its facts. What the attributes forbid cannot be built (insi.md 4.2). The transitions are in `rniv`.
"""

from __future__ import annotations

import enum
from typing import Literal

import msgspec
from typing_extensions import override

from gateway.kernel.errors import Refused
from gateway.model.patient import IdentityStatus, Ins, Patient, Traits


class ForbiddenIdentity(Refused):
    """Facts and attributes that RNIV does not allow together."""

    code = "identity-forbidden"
    title = "Identité impossible"
    who = "le secrétariat"
    what = "Cette identité n'est pas possible : ses attributs et son statut se contredisent."
    gesture = "Une identité douteuse ou fictive ne porte ni INS ni contrôle de pièce. Levez d'abord l'attribut, puis recommencez."


class Attribute(enum.StrEnum):
    """Attributes of an identity (insi.md 4.2): douteuse and fictive live on PROV only and never together."""

    HOMONYME = "homonyme"
    DOUTEUSE = "douteuse"
    FICTIVE = "fictive"


class Method(enum.StrEnum):
    """How an INS came to the box, by its FR Core code (insi.md 4.7)."""

    MANUAL = "SM"
    VITALE = "CV"
    TRAITS = "INSI"
    DATAMATRIX = "CB"
    APP_VITALE = "AV"


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts: a professional (PS_IdNat) or a secretary of the structure, a workstation's software alone, or the box."""

    kind: Literal["professional", "secretary", "workstation", "system"]
    id: str
    """Identifier within its kind; of the workstation that the person used it is in the audit trail."""


class FormerIns(msgspec.Struct, frozen=True, kw_only=True):
    """An INS of the past as INSi gave it: only to match incoming documents, never to be emitted (insi.md 3.6)."""

    matricule: str
    """13 characters, or 15 with the key INSi gave."""
    oid: str
    start: str | None = None
    end: str | None = None
    key_valid: bool = True

    @override
    def __repr__(self) -> str:
        return "FormerIns(…)"


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """An INS recovered, or asserted by the cabinet software that holds it."""

    ins: Ins
    method: Method
    at: int
    """Milliseconds: of the INSi call, or of the assertion."""
    by: Actor
    asserted: bool = False
    """True when a paired software said so and the box did not see the call itself."""
    former: tuple[FormerIns, ...] = ()
    exact: bool = False
    """True when the traits of the practice were exactly INSi's at that moment."""
    national_birth_date: str | None = None
    """As INSi wrote it, lunar dates included: it goes with the INS, whatever the practice's own date (insi.md 3.4)."""

    @override
    def __repr__(self) -> str:
        return "Recovery(…)"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A high-confidence document seen, the attestation of a well-known patient, or the word of the cabinet software."""

    kind: str
    """Code of `gateway/ins/evidence.py`."""
    at: int
    by: Actor
    asserted: bool = False


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """One patient of one structure. Construction raises ForbiddenIdentity for what RNIV forbids, and so does decoding."""

    local_id: str
    traits: Traits
    attributes: frozenset[Attribute] = frozenset()
    recovery: Recovery | None = None
    check: Check | None = None

    def __post_init__(self) -> None:
        barred = self.attributes & {Attribute.DOUTEUSE, Attribute.FICTIVE}
        if barred and (self.recovery is not None or self.check is not None):
            raise ForbiddenIdentity(field="attributes")
        if Attribute.FICTIVE in self.attributes and len(self.attributes) > 1:
            raise ForbiddenIdentity(field="attributes")

    @property
    def status(self) -> IdentityStatus:
        """PROV, RECUP, VALI or QUAL: which of the two facts are there (insi.md 4.1)."""
        if self.recovery is None:
            return IdentityStatus.PROVISOIRE if self.check is None else IdentityStatus.VALIDEE
        return IdentityStatus.RECUPEREE if self.check is None else IdentityStatus.QUALIFIEE

    @property
    def may_call_insi(self) -> bool:
        """False for a douteuse or fictive identity (design, rule 2)."""
        return not self.attributes & {Attribute.DOUTEUSE, Attribute.FICTIVE}

    @property
    def patient(self) -> Patient:
        """The identity as documents carry it; the matricule goes with it only when recovered."""
        ins = self.recovery.ins if self.recovery is not None else None
        return Patient(local_id=self.local_id, traits=self.traits, status=self.status, ins=ins)

    @override
    def __repr__(self) -> str:
        return "Identity(…)"
