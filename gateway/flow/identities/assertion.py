"""What a cabinet software says of a patient, taken into the registry's entry (contract section 3; insi.md 4.1, 4.3).

Saying nothing changes nothing: a member left out keeps what the registry knows, and a software that repeats what it said before edits
nothing, even when a person has since accepted INSi's own traits. A strict trait that changed takes the INS away first, and the rest of what
is said is weighed after that.

An incomplete birth date is none of a sanitary identity: the identity carries what the rule of entry makes of it (EXI ID 11; insi.md 3.4),
what was said stays beside it, to ask INSi with and to be told (`showing`).
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from gateway.flow.errors import PatientUnknown, RequestIncomplete
from gateway.flow.identities.entries import Entry, Kept
from gateway.flow.identities.request import PatientBody
from gateway.flow.request import PatientPart
from gateway.ins.form import completed_date, same_date
from gateway.ins.identity import Actor, Attribute, Identity
from gateway.ins.rniv import Asserted, AttributesSet, TraitsEdited, same_strict_traits, step
from gateway.model.patient import IdentityStatus, Ins, Sex, TraitInvalid, Traits, under

_TRAITS = (
    "birth_family_name",
    "birth_given_names",
    "first_birth_given_name",
    "sex",
    "birth_date",
    "birth_place",
    "used_family_name",
    "used_given_name",
)
_NEEDED = ("birth_family_name", "birth_given_names", "sex", "birth_date", "birth_place")


Said: TypeAlias = PatientPart | PatientBody
"""What a request says of a patient, each member None when it says nothing."""


def asserted(
    entry: Entry | None, said: Said, local_id: str, workstation: str, now: int, environment: str, *, field: str = "patient"
) -> Kept:
    """The entry after what is said; raises PatientUnknown, TraitInvalid, RequestIncomplete, the refusals of Ins.checked and those of rniv.

    `field` is where the patient is in the request, nothing when he is the whole of it.
    The authority of a remembered INS is held to the environment of today, like a new one (design, rule 12).
    """
    traits = _traits(entry, said, field)
    ins = Ins.checked(said.ins.matricule, said.ins.oid, field=under(field, "ins")) if said.ins is not None else None
    status = _status(said.identity_status, field)
    if status is IdentityStatus.QUALIFIEE and ins is None and (entry is None or entry.identity.recovery is None):
        raise RequestIncomplete(field=under(field, "ins"))
    if entry is None and traits is None:
        raise PatientUnknown(field=under(field, "local_id"))
    kept = _completed(traits, field) if traits is not None else None
    identity = entry.identity if entry is not None else Identity(local_id=local_id, traits=kept or _none())
    repeated = entry is not None and entry.kept.said == traits
    if kept is not None and not repeated:
        identity = step(identity, TraitsEdited(traits=kept))
    if status is not None or ins is not None:
        identity = step(identity, Asserted(status=status, ins=ins, at=now, by=Actor(kind="workstation", id=workstation)))
    if identity.recovery is not None:
        identity.recovery.ins.check_environment(environment, field=under(field, "ins"))
    proposal = entry.proposal if entry is not None and identity == entry.identity else None
    said_traits = traits if traits is not None or entry is None else entry.kept.said
    return Kept(identity=identity, proposal=proposal, said=said_traits)


def told_of(before: Entry | None, after: Kept) -> str:
    """The act of a history line: created, edited (strict traits changed), else asserted."""
    if before is None:
        return "identity.created"
    same = same_strict_traits(before.identity.traits, after.identity.traits)
    return "identity.asserted" if same else "identity.edited"


def _traits(entry: Entry | None, said: Said, field: str) -> Traits | None:
    """The traits said, those left out being the registry's; None when nothing is said of them."""
    given = {name: value for name in _TRAITS if (value := getattr(said, name)) is not None}
    if not given:
        return None
    known = entry.identity.traits if entry is not None else None
    if known is None:
        for name in _NEEDED:
            if name not in given:
                raise TraitInvalid(field=under(field, name))
    if given.get("sex", "F") not in (*Sex, "I"):
        raise TraitInvalid(field=under(field, "sex"))
    names = given.get("birth_given_names") or (known.birth_given_names if known else "")
    first = given.get("first_birth_given_name") or _first(known, names)
    traits = Traits(
        birth_family_name=given.get("birth_family_name") or (known.birth_family_name if known else ""),
        birth_given_names=names,
        first_birth_given_name=first,
        sex=_sex(given["sex"]) if "sex" in given else (known.sex if known else Sex.UNKNOWN),
        birth_date=given.get("birth_date") or _birth_date(entry),
        birth_place=given.get("birth_place") or (known.birth_place if known else ""),
        used_family_name=given.get("used_family_name") or (known.used_family_name if known else None),
        used_given_name=given.get("used_given_name") or (known.used_given_name if known else None),
    )
    traits.check(field=field)
    return traits


def _completed(traits: Traits, field: str) -> Traits:
    """The traits of an identity; raises TraitInvalid for a date of no year."""
    date = completed_date(traits.birth_date)
    if date is None:
        raise TraitInvalid(field=under(field, "birth_date"))
    return msgspec.structs.replace(traits, birth_date=date)


def _birth_date(entry: Entry | None) -> str:
    """The date known, as it was said when it is the same."""
    if entry is None:
        return ""
    held, said = entry.identity.traits.birth_date, entry.kept.said
    return said.birth_date if said is not None and same_date(said.birth_date, held) else held


def _first(known: Traits | None, names: str) -> str:
    """The first given name known, as long as the list still begins with it; else the first word of the list."""
    if known is not None and names.casefold().startswith(known.first_birth_given_name.casefold()):
        return known.first_birth_given_name
    return names.split(" ", maxsplit=1)[0]


def _sex(text: str) -> Sex:
    """RNIV writes I for what is not known (insi.md 4.3), HL7 U."""
    return Sex.UNKNOWN if text == "I" else Sex(text)


def _status(text: str | None, field: str) -> IdentityStatus | None:
    try:
        return IdentityStatus(text) if text is not None else None
    except ValueError:
        raise TraitInvalid(field=under(field, "identity_status")) from None


def _none() -> Traits:
    raise PatientUnknown(field="patient.local_id")


def set_attributes(identity: Identity, names: tuple[str, ...], by: Actor, now: int) -> Identity:
    """The identity with exactly these attributes; raises ForbiddenIdentity and the refusals of rniv."""
    return step(identity, AttributesSet(attributes=frozenset(map(Attribute, names)), at=now, by=by))
