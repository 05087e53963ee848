"""What each act makes of an identity: one total function, `step` (RNIV, insi.md 4.1 to 4.5).

        PROV ──INS accepted──▶ RECUP ──document checked──▶ QUAL
        PROV ──document checked──▶ VALI ──INS accepted──▶ QUAL
        a strict trait changes ─▶ PROV    verification fails ─▶ INS gone    douteuse or fictive ─▶ PROV

Every pair of identity and event gives an identity or raises a Refused; nothing is ever half applied. An INS goes with the strict traits it
was recovered for, a check with those that were on the document: what loses its traits is gone (EXI ID 26). What a cabinet software asserts
is kept as its word (`asserted`): it may take it back, and never undoes what was done in the box.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec
from typing_extensions import override

from gateway.ins.answer import NationalIdentity
from gateway.ins.comparison import accepted_traits, compare
from gateway.ins.evidence import ATTESTATION, SOFTWARE_WORD, WELL_KNOWN
from gateway.ins.form import begins, same_date, same_name, same_place
from gateway.ins.identity import Actor, Attribute, Check, Identity, Method, Recovery
from gateway.ins.refusals import (
    AttestationMissing,
    AttestationUnexpected,
    AttributesForbidden,
    IdentityBarred,
    InsConflict,
    NotARecovery,
    PerfectMatchNeeded,
    PersonNeeded,
    ProfessionalNeeded,
    VitaleNeeded,
)
from gateway.model.patient import IdentityStatus, Ins, Traits

_RECOVERIES = frozenset({Method.VITALE, Method.TRAITS, Method.APP_VITALE})
_BARS = frozenset({Attribute.DOUTEUSE, Attribute.FICTIVE})


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class TraitsEdited(_Event, frozen=True, kw_only=True):
    """The practice writes other traits."""

    traits: Traits


class Asserted(_Event, frozen=True, kw_only=True):
    """A paired software says what it knows; None says nothing. An INS without a status is not a recovered one."""

    status: IdentityStatus | None
    ins: Ins | None
    at: int
    by: Actor


class InsAccepted(_Event, frozen=True, kw_only=True):
    """An answer of INSi is taken, by a person or, when exact, by the box. `at` is the call's instant."""

    found: NationalIdentity
    method: Method
    at: int
    by: Actor


class InsRefused(_Event, frozen=True, kw_only=True):
    """An answer of INSi is left: nothing of it is stored."""

    at: int
    by: Actor


class EvidenceChecked(_Event, frozen=True, kw_only=True):
    """A document was seen, or a well-known patient attested with the imposed sentence."""

    kind: str
    at: int
    by: Actor
    attestation: str | None = None


class AttributesSet(_Event, frozen=True, kw_only=True):
    """These attributes and no other from now on."""

    attributes: frozenset[Attribute]
    at: int
    by: Actor


class VerificationPassed(_Event, frozen=True, kw_only=True):
    """INSi confirmed the INS with the traits."""

    at: int
    by: Actor


class VerificationFailed(_Event, frozen=True, kw_only=True):
    """INSi did not confirm them."""

    at: int
    by: Actor


Event: TypeAlias = (
    TraitsEdited | Asserted | InsAccepted | InsRefused | EvidenceChecked | AttributesSet | VerificationPassed | VerificationFailed
)


def step(identity: Identity, event: Event) -> Identity:
    """The identity after the event; raises a Refused of `refusals`, AnswerUnusable included."""
    match event:
        case TraitsEdited():
            return _edited(identity, event.traits)
        case Asserted():
            return _asserted(identity, event)
        case InsAccepted():
            return _accepted(identity, event)
        case InsRefused():
            return identity
        case EvidenceChecked():
            return _checked(identity, event)
        case AttributesSet():
            return _marked(identity, event.attributes)
        case VerificationPassed():
            return _verified(identity, event)
        case VerificationFailed():
            return msgspec.structs.replace(identity, recovery=None)


def same_strict_traits(before: Traits, after: Traits) -> bool:
    """True when no strict trait changed but in its form; a list of given names may be completed, its first one staying (insi.md 4.3)."""
    return (
        same_name(before.birth_family_name, after.birth_family_name)
        and same_name(before.first_birth_given_name, after.first_birth_given_name)
        and begins(after.birth_given_names, before.birth_given_names)
        and before.sex is after.sex
        and same_date(before.birth_date, after.birth_date)
        and same_place(before.birth_place, after.birth_place)
    )


def _edited(identity: Identity, traits: Traits) -> Identity:
    """Used names never matter. INSi's own writing of a strict trait stays as long as the practice only writes it in another form."""
    if not same_strict_traits(identity.traits, traits):
        return msgspec.structs.replace(identity, traits=traits, recovery=None, check=None)
    if identity.recovery is not None and not identity.recovery.asserted:
        used = {"used_family_name": traits.used_family_name, "used_given_name": traits.used_given_name}
        traits = msgspec.structs.replace(identity.traits, **used)
    return msgspec.structs.replace(identity, traits=traits)


def _asserted(identity: Identity, said: Asserted) -> Identity:
    """A bar stays whatever the software says: it is lifted by an act of its own."""
    if identity.attributes & _BARS:
        return identity
    recovery = identity.recovery
    if said.ins is not None and recovery is not None and not recovery.asserted and recovery.ins != said.ins:
        raise InsConflict(field="ins")
    if said.status is None:
        return identity
    return msgspec.structs.replace(identity, recovery=_recovery_said(recovery, said), check=_check_said(identity.check, said))


def _recovery_said(known: Recovery | None, said: Asserted) -> Recovery | None:
    if known is not None and not known.asserted:
        return known
    if said.status not in (IdentityStatus.RECUPEREE, IdentityStatus.QUALIFIEE):
        return None
    if said.ins is None or (known is not None and known.ins == said.ins):
        return known
    return Recovery(ins=said.ins, method=Method.MANUAL, at=said.at, by=said.by, asserted=True)


def _check_said(known: Check | None, said: Asserted) -> Check | None:
    if known is not None and not known.asserted:
        return known
    if said.status not in (IdentityStatus.VALIDEE, IdentityStatus.QUALIFIEE):
        return None
    return known or Check(kind=SOFTWARE_WORD, at=said.at, by=said.by, asserted=True)


def _accepted(identity: Identity, event: InsAccepted) -> Identity:
    """INSi's strict traits take the place of the practice's. A document seen on other traits proves nothing of the new ones."""
    _refuse_barred(identity)
    if event.method not in _RECOVERIES:
        raise NotARecovery(field="method")
    comparison = compare(identity.traits, event.found)
    recovery = Recovery(
        ins=event.found.ins,
        method=event.method,
        at=event.at,
        by=event.by,
        former=event.found.former,
        exact=comparison.exact,
        national_birth_date=event.found.birth_date,
    )
    check = None if comparison.contradicts else identity.check
    return msgspec.structs.replace(identity, traits=accepted_traits(identity.traits, event.found), recovery=recovery, check=check)


def _checked(identity: Identity, seen: EvidenceChecked) -> Identity:
    _refuse_barred(identity)
    if seen.by.kind not in ("professional", "secretary"):
        raise PersonNeeded(field="Relais-Actor")
    if seen.kind == WELL_KNOWN:
        _check_well_known(identity, seen)
    elif seen.attestation is not None:
        raise AttestationUnexpected(field="attestation")
    return msgspec.structs.replace(identity, check=Check(kind=seen.kind, at=seen.at, by=seen.by))


def _check_well_known(identity: Identity, seen: EvidenceChecked) -> None:
    """The three conditions of the exceptional procedure (insi.md 4.5)."""
    if seen.by.kind != "professional":
        raise ProfessionalNeeded(field="Relais-Actor")
    recovery = identity.recovery
    if recovery is None or recovery.asserted or recovery.method is not Method.VITALE:
        raise VitaleNeeded(field="evidence")
    if not recovery.exact:
        raise PerfectMatchNeeded(field="evidence")
    if seen.attestation is None or seen.attestation.strip().rstrip(".") != ATTESTATION:
        raise AttestationMissing(field="attestation")


def _marked(identity: Identity, attributes: frozenset[Attribute]) -> Identity:
    if Attribute.FICTIVE in attributes and len(attributes) > 1:
        raise AttributesForbidden(field="attributes")
    if attributes & _BARS:
        return msgspec.structs.replace(identity, attributes=attributes, recovery=None, check=None)
    return msgspec.structs.replace(identity, attributes=attributes)


def _verified(identity: Identity, event: VerificationPassed) -> Identity:
    """What the software had asserted is INSi's own word from now on; an identity without INS has nothing to confirm."""
    recovery = identity.recovery
    if recovery is None:
        return identity
    method = Method.TRAITS if recovery.asserted else recovery.method
    return msgspec.structs.replace(identity, recovery=msgspec.structs.replace(recovery, at=event.at, asserted=False, method=method))


def _refuse_barred(identity: Identity) -> None:
    if identity.attributes & _BARS:
        raise IdentityBarred
