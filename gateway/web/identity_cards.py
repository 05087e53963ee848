"""Identities as the page lays them out: every word, date and sign chosen here, so that the templates only place them (insi.md 4)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.flow.identities.showing import DUPLICATE
from gateway.flow.identities.views import (
    ChangeView,
    DifferenceView,
    EvidenceView,
    FactView,
    IdentityView,
    InsView,
    ProposalView,
    TraitsView,
)
from gateway.kernel.errors import Explanation
from gateway.model.patient import IdentityStatus
from gateway.web.addresses import Place, identity_address
from gateway.web.identity_words import (
    ATTRIBUTES,
    BARRING,
    TRAITS,
    AttributeWords,
    attribute_badges,
    difference_badge,
    matricule_text,
    status_badge,
    status_sentence,
    task_badge,
    trait_text,
)
from gateway.web.marked_text import Piece, marked_texts, plain_text
from gateway.web.moments import Moment, told
from gateway.web.words import Badge, act_words, many

_NO_MATTER = frozenset({"same", "form"})
_MARKED = frozenset({"different", "completed"})
BY_CARD = "CV"
"""Code of an INS that came with a carte Vitale (insi.md 4.7)."""


class TraitRow(msgspec.Struct, frozen=True, kw_only=True):
    """One trait on both sides."""

    label: str
    local: tuple[Piece, ...]
    national: tuple[Piece, ...]
    badge: Badge
    kind: str


class ProposalCard(msgspec.Struct, frozen=True, kw_only=True):
    """What INSi gave, beside what the practice holds."""

    id: str
    at: Moment
    rows: tuple[TraitRow, ...]
    alike: bool
    """True when nothing differs but the writing: taken and qualified in one gesture."""
    summary: str
    warnings: tuple[Explanation, ...]
    becomes: Badge


class FactLine(msgspec.Struct, frozen=True, kw_only=True):
    """How the INS came, or what was checked."""

    text: str
    at: Moment
    by: str


class WorkLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the worklist."""

    key: str
    """Names the line among the others."""
    name: str
    born: str | None
    local_id: str
    structure: str
    address: str
    status: Badge
    attributes: tuple[Badge, ...]
    task: Badge | None
    warnings: tuple[Explanation, ...]
    duplicate: bool
    """True when another file holds the same INS."""
    since: Moment
    waiting: str | None


class IdentityCard(msgspec.Struct, frozen=True, kw_only=True):
    """One patient: who, how far, what is to be done."""

    line: WorkLine
    seen_at: str
    """What the page shows is of this instant: a check is only of that."""
    sentence: str
    traits: tuple[tuple[str, str], ...]
    matricule: str | None
    former: int
    recovered: FactLine | None
    checked: FactLine | None
    by_card: bool
    proposal: ProposalCard | None
    codes: tuple[str, ...]
    """Its attributes, by code."""
    set_gestures: tuple[AttributeWords, ...]
    lift_gestures: tuple[AttributeWords, ...]
    barred: bool
    may_search: bool
    may_check: bool
    qualified: bool


class Criteria(msgspec.Struct, frozen=True, kw_only=True):
    """What the fields of a new search hold, as a person types it."""

    nom: str
    prenoms: str
    sexe: str
    naissance: str
    lieu: str


class ChangeLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the history."""

    at: Moment
    text: str
    about: str | None
    by: str
    status: Badge


def work_line(view: IdentityView, place: Place, now: datetime) -> WorkLine:
    """A patient as the list shows it; its link leads back to this `place`."""
    address = identity_address(view.structure, view.local_id)
    return WorkLine(
        key=address,
        name=patient_name(view.traits) or f"Dossier {view.local_id}",
        born=trait_text("birth_date", view.traits.birth_date),
        local_id=view.local_id,
        structure=view.structure,
        address=address + place.query,
        status=status_badge(view.status),
        attributes=attribute_badges(view.attributes),
        task=task_badge(view.task) if view.task is not None else None,
        warnings=view.warnings,
        duplicate=any(one.code == DUPLICATE for one in view.warnings),
        since=told(view.updated_at, now),
        waiting=many(view.waiting_deliveries, "1 envoi attend", "{} envois attendent") if view.waiting_deliveries else None,
    )


def identity_card(view: IdentityView, place: Place, now: datetime) -> IdentityCard:
    """A patient in full."""
    barred = bool(BARRING & set(view.attributes))
    texts = ((TRAITS[field], trait_text(field, getattr(view.traits, field))) for field in TRAITS)
    return IdentityCard(
        line=work_line(view, place, now),
        seen_at=view.updated_at.isoformat(),
        sentence=status_sentence(view.status),
        traits=tuple((label, text) for label, text in texts if text is not None),
        matricule=_matricule(view.ins),
        former=len(view.former),
        recovered=_fact(view.recovered, now),
        checked=_fact(view.checked, now),
        by_card=view.recovered is not None and view.recovered.kind == BY_CARD,
        proposal=_proposal(view, view.proposal, now) if view.proposal is not None else None,
        codes=view.attributes,
        set_gestures=_settable(view.attributes),
        lift_gestures=tuple(one for one in ATTRIBUTES if one.code in view.attributes),
        barred=barred,
        may_search=view.ins is None and view.proposal is None and not barred,
        may_check=view.checked is None and not barred,
        qualified=view.status == IdentityStatus.QUALIFIEE,
    )


def change_lines(changes: tuple[ChangeView, ...], evidence: tuple[EvidenceView, ...], now: datetime) -> list[ChangeLine]:
    """The history of an identity, in the order given."""
    labels = {one.code: one.label for one in evidence}
    return [
        ChangeLine(
            at=told(one.at, now),
            text=act_words(one.act),
            about=labels.get(one.evidence, one.evidence) if one.evidence is not None else None,
            by=_within(one.by),
            status=status_badge(one.status),
        )
        for one in changes
    ]


def criteria_shown(traits: TraitsView, said: dict[str, str]) -> Criteria:
    """What the form said last, else the traits of the registry; a date as JJ/MM/AAAA."""
    return Criteria(
        nom=said.get("nom", traits.birth_family_name or ""),
        prenoms=said.get("prenoms", traits.birth_given_names or traits.first_birth_given_name or ""),
        sexe=said.get("sexe", traits.sex or ""),
        naissance=said.get("naissance", trait_text("birth_date", traits.birth_date) or ""),
        lieu=said.get("lieu", traits.birth_place or ""),
    )


def patient_name(traits: TraitsView) -> str:
    """How a patient is called: used names first, as on documents."""
    family = traits.used_family_name or traits.birth_family_name
    given = traits.used_given_name or traits.first_birth_given_name or traits.birth_given_names
    return " ".join(one for one in (family, given) if one)


def _within(name: str) -> str:
    """Who did it, within a sentence: « le logiciel métier »."""
    return "le" + name[2:] if name.startswith("Le ") else name


def _settable(attributes: tuple[str, ...]) -> tuple[AttributeWords, ...]:
    """Only douteuse and homonyme go together (insi.md 4.2): a fictive identity takes nothing more."""
    if "fictive" in attributes:
        return ()
    return tuple(one for one in ATTRIBUTES if one.code not in attributes)


def _fact(fact: FactView | None, now: datetime) -> FactLine | None:
    if fact is None:
        return None
    return FactLine(text=fact.label, at=told(fact.at, now), by=_within(fact.by))


def _matricule(ins: InsView | None) -> str | None:
    return f"{matricule_text(ins.matricule)} ({ins.nature})" if ins is not None else None


def _proposal(view: IdentityView, proposal: ProposalView, now: datetime) -> ProposalCard:
    found = {one.field: one for one in proposal.differences}
    rows = [_trait_row(field, view.traits, proposal.traits, found.get(field)) for field in TRAITS]
    rows = [one for one in rows if one.local or one.national]
    rows.append(_matricule_row(view.ins, proposal.ins))
    different = sum(one.kind not in _NO_MATTER for one in rows[:-1])
    alike = not different and rows[-1].kind != "different" and not proposal.warnings
    return ProposalCard(
        id=proposal.id,
        at=told(proposal.at, now),
        rows=tuple(rows),
        alike=alike,
        summary=_summary(rows, different),
        warnings=proposal.warnings,
        becomes=status_badge(proposal.status_if_accepted),
    )


def _summary(rows: list[TraitRow], different: int) -> str:
    if rows[-1].kind == "different":
        return "INSi donne un autre matricule que celui que vous avez. Comparez avec la pièce d'identité."
    if not different:
        return "Les deux identités disent la même chose."
    asks = many(different, "Un trait n'est pas le même.", "{} traits ne sont pas les mêmes.")
    return f"{asks} Comparez avec la pièce d'identité avant de décider."


def _trait_row(field: str, local: TraitsView, national: TraitsView, found: DifferenceView | None) -> TraitRow:
    """As the comparison found it. Of what it says nothing, what INSi gives only in its list is ours (the first given name)."""
    ours = getattr(local, field)
    theirs = getattr(national, field) or (found.national if found is not None else ours)
    kind = found.kind if found is not None else "same" if ours == theirs else "form"
    return TraitRow(
        label=TRAITS[field],
        **_sides(kind, trait_text(field, ours), trait_text(field, theirs)),
        badge=difference_badge(kind, local=ours, national=theirs),
        kind=kind,
    )


def _sides(kind: str, ours: str | None, theirs: str | None) -> dict[str, tuple[Piece, ...]]:
    """Both writings, what differs set apart where it matters."""
    if kind in _MARKED and ours is not None and theirs is not None:
        local, national = marked_texts(ours, theirs)
        return {"local": local, "national": national}
    return {"local": plain_text(ours), "national": plain_text(theirs)}


def _matricule_row(held: InsView | None, given: InsView) -> TraitRow:
    kind = "completed" if held is None else "same" if (held.matricule, held.oid) == (given.matricule, given.oid) else "different"
    return TraitRow(
        label="Matricule INS",
        **_sides(kind, _matricule(held), _matricule(given)),
        badge=difference_badge(kind, local=None, national=given.matricule),
        kind=kind,
    )
