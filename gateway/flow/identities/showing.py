"""From a registry entry to what the outside sees of it. Pure; the views hold health data and never go to a log."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.flow.identities.entries import Entry, Proposal
from gateway.flow.identities.views import DifferenceView, FactView, FormerInsView, IdentityView, InsView, ProposalView, TraitsView
from gateway.flow.views import instant
from gateway.ins.answer import NationalIdentity
from gateway.ins.comparison import Comparison, compare
from gateway.ins.evidence import label_of
from gateway.ins.form import is_lunar, same_date
from gateway.ins.identity import Actor, FormerIns, Identity, Method
from gateway.ins.rniv import InsAccepted, step
from gateway.kernel.config import Structure
from gateway.kernel.errors import Explanation, RelaisError
from gateway.model.patient import Ins, Traits

_METHODS = {
    Method.MANUAL: "Indiquée par le logiciel métier",
    Method.VITALE: "Téléservice INSi, avec la carte Vitale",
    Method.TRAITS: "Téléservice INSi, par les traits d'identité",
    Method.DATAMATRIX: "Code INS scanné",
    Method.APP_VITALE: "Application carte Vitale",
}

DUPLICATE = "ins-duplicate"
_UNCERTAIN = Explanation(
    code="birth-date-uncertain",
    who="le secrétariat",
    what="La date de naissance connue est incomplète : celle du dossier est fictive, faite selon la règle nationale "
    "(1er du mois, janvier, ou 31 décembre quand ni le jour ni le mois ne sont connus).",
    gesture="Demandez la date entière si une pièce d'identité la donne. INSi est interrogé avec la date incomplète.",
)


def identity_view(entry: Entry, structure: Structure, waiting: int, twins: Sequence[Identity] = ()) -> IdentityView:
    """The whole entry; `waiting` deliveries wait for this identity, `twins` are other patients under the same INS."""
    identity = entry.identity
    recovery, check = identity.recovery, identity.check
    return IdentityView(
        structure=structure.id,
        local_id=identity.local_id,
        status=identity.status.value,
        attributes=tuple(sorted(identity.attributes)),
        traits=traits_view(identity.traits),
        ins=ins_view(recovery.ins) if recovery is not None else None,
        former=former_views(recovery.former, recovery.ins) if recovery is not None else (),
        recovered=None
        if recovery is None
        else FactView(
            kind=recovery.method.value, label=_METHODS[recovery.method], at=instant(recovery.at), by=name_of(recovery.by, structure)
        ),
        checked=None
        if check is None
        else FactView(kind=check.kind, label=label_of(check.kind), at=instant(check.at), by=name_of(check.by, structure)),
        proposal=proposal_view(entry.proposal, identity) if entry.proposal is not None else None,
        warnings=(*uncertain_date(entry), *((duplicate(twins),) if twins else ())),
        task=entry.kept.task,
        waiting_deliveries=waiting,
        updated_at=instant(entry.record.updated_at),
    )


def uncertain_date(entry: Entry) -> tuple[Explanation, ...]:
    """What is told of a birth date that nobody knows whole: the file holds a fictive one (EXI ID 11; insi.md 3.4)."""
    held, recovery, said = entry.identity.traits.birth_date, entry.identity.recovery, entry.kept.said
    sources = (recovery.national_birth_date if recovery is not None else None, said.birth_date if said is not None else None, held)
    return (_UNCERTAIN,) if any(one is not None and is_lunar(one) and same_date(one, held) for one in sources) else ()


def duplicate(twins: Sequence[Identity]) -> Explanation:
    """What is told of two files under one INS; only a person knows which one stays (RNIV: doublon, or a document of somebody else)."""
    names = ", ".join(one.local_id for one in twins)
    return Explanation(
        code=DUPLICATE,
        who="le secrétariat",
        what=f"La même INS se trouve dans un autre dossier de cette structure : {names}.",
        gesture="Comparez les deux dossiers dans le logiciel métier : même personne (doublon à réunir) ou erreur d'identité. "
        "Relais ne réunit rien de lui-même.",
    )


def proposal_view(proposal: Proposal, identity: Identity) -> ProposalView:
    """An answer of INSi beside the identity of the practice."""
    found = proposal.found
    comparison = compare(identity.traits, found)
    return ProposalView(
        id=proposal.id,
        at=instant(proposal.at),
        ins=ins_view(found.ins),
        former=former_views(found.shown_former, found.ins),
        traits=national_view(found),
        differences=difference_views(comparison),
        exact=comparison.exact,
        warnings=comparison.warnings,
        status_if_accepted=status_if_accepted(identity, proposal),
    )


def status_if_accepted(identity: Identity, proposal: Proposal) -> str:
    """The status this answer would give; the present one when RNIV forbids it."""
    try:
        return step(identity, accepted(proposal, proposal.by, proposal.at)).status.value
    except RelaisError:
        return identity.status.value


def accepted(proposal: Proposal, by: Actor, at: int) -> InsAccepted:
    """The event of accepting this answer; `at` is the INSi call's instant."""
    return InsAccepted(found=proposal.found, method=proposal.method, at=at, by=by)


def difference_views(comparison: Comparison) -> tuple[DifferenceView, ...]:
    """Each trait that is not the same."""
    return tuple(DifferenceView(field=one.field, local=one.local, national=one.national, kind=one.kind) for one in comparison.differences)


def ins_view(ins: Ins) -> InsView:
    """Matricule, authority, nature."""
    return InsView(matricule=ins.matricule, oid=ins.oid, nature=ins.nature)


def former_views(former: tuple[FormerIns, ...], active: Ins) -> tuple[FormerInsView, ...]:
    """The past, without what equals the present (case A15)."""
    shown = (one for one in former if (one.matricule[:13], one.oid) != (active.matricule[:13], active.oid))
    return tuple(FormerInsView(matricule=one.matricule, oid=one.oid, start=one.start, end=one.end) for one in shown)


def traits_view(traits: Traits) -> TraitsView:
    """The traits of the practice."""
    return TraitsView(
        birth_family_name=traits.birth_family_name,
        birth_given_names=traits.birth_given_names,
        first_birth_given_name=traits.first_birth_given_name,
        sex=traits.sex.value,
        birth_date=traits.birth_date,
        birth_place=traits.birth_place,
        used_family_name=traits.used_family_name,
        used_given_name=traits.used_given_name,
    )


def national_view(found: NationalIdentity) -> TraitsView:
    """The traits of INSi, as given."""
    return TraitsView(
        birth_family_name=found.birth_family_name,
        birth_given_names=found.birth_given_names,
        first_birth_given_name=found.first_given_name,
        sex=found.sex,
        birth_date=found.birth_date,
        birth_place=found.birth_place,
    )


def name_of(actor: Actor, structure: Structure) -> str:
    """How people call who acted."""
    match actor.kind:
        case "professional":
            doctor = structure.professional(actor.id)
            return f"{doctor.given} {doctor.family}" if doctor is not None else actor.id
        case "secretary":
            secretary = structure.secretary(actor.id)
            return f"{secretary.given} {secretary.family}" if secretary is not None else actor.id
        case "workstation":
            return "Le logiciel métier"
        case "system":
            return "Relais"
