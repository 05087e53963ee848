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
from gateway.ins.evidence import SOFTWARE_WORD, attests, evidence
from gateway.ins.form import beginning, begins, same_date, same_name, same_place
from gateway.ins.identity import Actor, Attribute, Check, FormerIns, Identity, Method, Recovery
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
    """INSi confirmed the INS with the traits. `ins`: the one asked about; when another is held by now, the answer is late: no effect."""

    at: int
    by: Actor
    ins: Ins | None = None


class VerificationFailed(_Event, frozen=True, kw_only=True):
    """INSi did not confirm them. `ins` as in VerificationPassed."""

    at: int
    by: Actor
    ins: Ins | None = None


Event: TypeAlias = (
    TraitsEdited | Asserted | InsAccepted | InsRefused | EvidenceChecked | AttributesSet | VerificationPassed | VerificationFailed
)


def step(identity: Identity, event: Event) -> Identity:
    """The identity after the event; raises a Refused and nothing else: of `refusals`, EvidenceUnknown, those of Ins.checked."""
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
            return _marked(identity, event)
        case VerificationPassed():
            return _verified(identity, event)
        case VerificationFailed():
            return identity if _late(identity, event) else msgspec.structs.replace(identity, recovery=None)


def same_strict_traits(before: Traits, after: Traits) -> bool:
    """True when no strict trait changed: form only, a list of given names of which one begins the other (insi.md 4.3), or another first
    given name with which the list held begins (EXI ID 10: editable while coherent). Used names never count.
    """
    listed, first = before.birth_given_names, after.first_birth_given_name
    return (
        same_name(before.birth_family_name, after.birth_family_name)
        and (begins(after.birth_given_names, listed) or begins(listed, after.birth_given_names))
        and (same_name(before.first_birth_given_name, first) or begins(listed, first))
        and before.sex is after.sex
        and same_date(before.birth_date, after.birth_date)
        and same_place(before.birth_place, after.birth_place)
    )


def _edited(identity: Identity, traits: Traits) -> Identity:
    """Used names never matter. INSi's own writing of a strict trait stays as long as the practice only writes it in another form."""
    held = identity.traits
    if identity.recovery is None and identity.check is None:
        return msgspec.structs.replace(identity, traits=traits)
    if not same_strict_traits(held, traits):
        return msgspec.structs.replace(identity, traits=traits, recovery=None, check=None)
    national = identity.recovery is not None and not identity.recovery.asserted
    return msgspec.structs.replace(identity, traits=_rewritten(held, traits, national=national))


def _rewritten(held: Traits, edited: Traits, *, national: bool) -> Traits:
    """The more precise writing of each trait stays, so that no sequence of harmless edits ends as another identity."""
    longer = not national and begins(edited.birth_given_names, held.birth_given_names)
    listed = edited.birth_given_names if longer else held.birth_given_names
    first = held.first_birth_given_name
    if longer or not same_name(first, edited.first_birth_given_name):
        first = beginning(listed, edited.first_birth_given_name) or first
    if national:
        used = {"used_family_name": edited.used_family_name, "used_given_name": edited.used_given_name}
        return msgspec.structs.replace(held, first_birth_given_name=first, **used)
    place = held.birth_place if edited.birth_place.startswith("20") else edited.birth_place
    return msgspec.structs.replace(edited, birth_given_names=listed, first_birth_given_name=first, birth_place=place)


def _asserted(identity: Identity, said: Asserted) -> Identity:
    """A bar stays whatever the software says: it is lifted by an act of its own."""
    if identity.attributes & _BARS:
        return identity
    recovery = identity.recovery
    if said.ins is not None and recovery is not None and not recovery.asserted and not _known_as(recovery, said.ins):
        raise InsConflict(field="ins")
    if said.status is None:
        return identity
    return msgspec.structs.replace(identity, recovery=_recovery_said(recovery, said), check=_check_said(identity.check, said))


def _known_as(recovery: Recovery, ins: Ins) -> bool:
    """True for the INS held, and for one that INSi calls former: a software that still has it is only late (insi.md 3.6)."""
    return recovery.ins.is_same(ins) or any(_was(one, ins) for one in recovery.former)


def _was(former: FormerIns, ins: Ins) -> bool:
    return former.matricule[:13] == ins.matricule[:13] and Ins(matricule=former.matricule, oid=former.oid).nature == ins.nature


def _recovery_said(known: Recovery | None, said: Asserted) -> Recovery | None:
    if known is not None and not known.asserted:
        return known
    if said.status not in (IdentityStatus.RECUPEREE, IdentityStatus.QUALIFIEE):
        return None
    if said.ins is None or (known is not None and known.ins == said.ins):
        return known
    ins = Ins.checked(said.ins.matricule, said.ins.oid, field="ins")
    return Recovery(ins=ins, method=Method.MANUAL, at=said.at, by=said.by, asserted=True)


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
        ins=Ins.checked(event.found.ins.matricule, event.found.ins.oid, field="ins"),
        method=event.method,
        at=event.at,
        by=event.by,
        former=event.found.former,
        exact=comparison.exact and not _taken_inexact(identity.recovery, event),
        national_birth_date=event.found.birth_date,
    )
    check = None if comparison.contradicts else identity.check
    return msgspec.structs.replace(identity, traits=accepted_traits(identity.traits, event.found), recovery=recovery, check=check)


def _taken_inexact(held: Recovery | None, event: InsAccepted) -> bool:
    """One call is compared once: taking its answer again, over the traits it wrote itself, does not make it a perfect match."""
    if held is None or held.exact:
        return False
    return held.ins.is_same(event.found.ins) and (held.method, held.at) == (event.method, event.at)


def _checked(identity: Identity, seen: EvidenceChecked) -> Identity:
    """The list the structure admits is held to by `evidence`; here only what validates at all passes."""
    _refuse_barred(identity)
    kind = evidence(seen.kind)
    if not _is_person(seen.by):
        raise PersonNeeded(field="Relais-Actor")
    if kind.exceptional:
        _check_well_known(identity, seen)
    elif seen.attestation is not None and seen.attestation.strip():
        raise AttestationUnexpected(field="attestation")
    return msgspec.structs.replace(identity, check=Check(kind=kind.code, at=seen.at, by=seen.by))


def _check_well_known(identity: Identity, seen: EvidenceChecked) -> None:
    """The three conditions of the exceptional procedure (insi.md 4.5)."""
    if seen.by.kind != "professional":
        raise ProfessionalNeeded(field="Relais-Actor")
    recovery = identity.recovery
    if recovery is None or recovery.asserted or recovery.method is not Method.VITALE:
        raise VitaleNeeded(field="evidence")
    if not recovery.exact:
        raise PerfectMatchNeeded(field="evidence")
    if seen.attestation is None or not attests(seen.attestation):
        raise AttestationMissing(field="attestation")


def _marked(identity: Identity, event: AttributesSet) -> Identity:
    """A bar ends both facts. A software may put one, only a person lifts it; lifting brings no fact back."""
    attributes = event.attributes
    if not _is_person(event.by):
        attributes |= identity.attributes & _BARS
    if Attribute.FICTIVE in attributes and len(attributes) > 1:
        raise AttributesForbidden(field="attributes")
    if attributes & _BARS:
        return msgspec.structs.replace(identity, attributes=attributes, recovery=None, check=None)
    return msgspec.structs.replace(identity, attributes=attributes)


def _verified(identity: Identity, event: VerificationPassed) -> Identity:
    """What the software had asserted is INSi's own word from now on; an identity without INS has nothing to confirm."""
    recovery = identity.recovery
    if recovery is None or _late(identity, event):
        return identity
    method = Method.TRAITS if recovery.asserted else recovery.method
    return msgspec.structs.replace(identity, recovery=msgspec.structs.replace(recovery, at=event.at, asserted=False, method=method))


def _refuse_barred(identity: Identity) -> None:
    if identity.attributes & _BARS:
        raise IdentityBarred


def _late(identity: Identity, event: VerificationPassed | VerificationFailed) -> bool:
    held = identity.recovery
    return event.ins is not None and (held is None or not held.ins.is_same(event.ins))


def _is_person(by: Actor) -> bool:
    return by.kind in ("professional", "secretary") and bool(by.id.strip())
