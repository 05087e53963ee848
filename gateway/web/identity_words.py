"""What statuses, tasks, traits, differences and attributes of an identity are called on the page (insi.md 4). Nothing here decides."""

from __future__ import annotations

import re
from itertools import pairwise

import msgspec

from gateway.model.patient import IdentityStatus
from gateway.web.words import Badge, badge

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TYPED_DATE = re.compile(r"([0-9]{2})[/ .-]([0-9]{2})[/ .-]([0-9]{4})")
_SEXES = {"F": "Féminin", "M": "Masculin", "I": "Indéterminé", "U": "Indéterminé"}
_MATRICULE_GROUPS = (1, 3, 5, 7, 10, 13)

_STATUSES = {
    IdentityStatus.PROVISOIRE: badge("Provisoire", "act"),
    IdentityStatus.RECUPEREE: badge("Récupérée", "going"),
    IdentityStatus.VALIDEE: badge("Validée", "going"),
    IdentityStatus.QUALIFIEE: badge("Qualifiée", "ok"),
}
_NOT_YET = "Rien ne part encore vers le DMP ni vers la messagerie du patient."
_ALLOWED = {
    IdentityStatus.PROVISOIRE: f"L'INS n'est pas connue et aucune pièce d'identité n'a été contrôlée. {_NOT_YET}",
    IdentityStatus.RECUPEREE: f"L'INS est connue, mais aucune pièce d'identité n'a été contrôlée. {_NOT_YET}",
    IdentityStatus.VALIDEE: f"Une pièce d'identité a été contrôlée, mais l'INS n'est pas connue. {_NOT_YET}",
    IdentityStatus.QUALIFIEE: (
        "L'INS est connue et une pièce d'identité a été contrôlée. Les documents peuvent partir vers le DMP et la messagerie du patient."
    ),
}
_TASKS = {
    "search": badge("À rechercher", "act"),
    "decide": badge("À décider", "act"),
    "qualify": badge("À qualifier", "act"),
}
TRAITS = {
    "birth_family_name": "Nom de naissance",
    "first_birth_given_name": "Premier prénom",
    "birth_given_names": "Prénoms de naissance",
    "sex": "Sexe",
    "birth_date": "Date de naissance",
    "birth_place": "Lieu de naissance (code INSEE)",
}
"""The strict traits in the order of an identity document, by their field (insi.md 4.3)."""


class AttributeWords(msgspec.Struct, frozen=True, kw_only=True):
    """An attribute: its badge, the gesture that sets it, what follows, the gesture that lifts it."""

    code: str
    badge: Badge
    set: str
    follows: str
    lift: str


_INVALIDATED = (
    "Le matricule INS est invalidé et n'est plus utilisé, la pièce contrôlée ne compte plus, INSi n'est plus interrogé, "
    "et les envois qui n'étaient pas partis sont retenus."
)
ATTRIBUTES = (
    AttributeWords(
        code="homonyme",
        badge=badge("Homonyme", "act"),
        set="Signaler un homonyme",
        follows="Un autre patient porte une identité proche. Le statut ne change pas et les envois continuent : soyez vigilant.",
        lift="Retirer « homonyme »",
    ),
    AttributeWords(
        code="douteuse",
        badge=badge("Douteuse", "bad"),
        set="Signaler une identité douteuse",
        follows=f"Vous pensez que ce n'est pas la bonne personne, ou que sa pièce est fausse. {_INVALIDATED}",
        lift="Retirer « douteuse »",
    ),
    AttributeWords(
        code="fictive",
        badge=badge("Fictive", "bad"),
        set="Signaler une identité fictive",
        follows=f"Ce dossier n'est pas celui d'une vraie personne (essai, formation, anonymat). {_INVALIDATED}",
        lift="Retirer « fictive »",
    ),
)
BARRING = frozenset({"douteuse", "fictive"})
"""With these INSi is never called (insi.md 4.2)."""

_UNFAMILIAR = badge("À vérifier", "act")


def status_badge(status: str) -> Badge:
    """How far an identity is."""
    return _STATUSES[IdentityStatus(status)]


def status_sentence(status: str) -> str:
    """What a status means, and what may leave with it."""
    return _ALLOWED[IdentityStatus(status)]


def task_badge(task: str) -> Badge:
    """What the worklist asks, in two words."""
    return _TASKS[task]


def difference_badge(kind: str, *, local: str | None, national: str | None) -> Badge:
    """How the two sides of one trait compare; `same`, or a kind of DifferenceView, told by a word and a sign."""
    match kind:
        case "same":
            return Badge(text="Identique", mark="=", tone="ok")
        case "form":
            return Badge(text="Écrit autrement", mark="≈", tone="ok")
        case "completed":
            return Badge(text="Complété par INSi", mark="+", tone="going")
        case "missing" if national is None:
            return Badge(text="Non donné par INSi", mark="–", tone="off")
        case "missing" if local is None:
            return Badge(text="Absent de votre dossier", mark="+", tone="going")
        case "different":
            return Badge(text="Différent", mark="≠", tone="bad")
    return _UNFAMILIAR


def attribute_badges(attributes: tuple[str, ...]) -> tuple[Badge, ...]:
    """The attributes of an identity."""
    return tuple(one.badge for one in ATTRIBUTES if one.code in attributes)


def trait_text(field: str, value: str | None) -> str | None:
    """A trait as a reader says it: date as JJ/MM/AAAA (a lunar one too), sex as a word; None when nothing is known."""
    if value is None or not value.strip():
        return None
    if field == "sex":
        return _SEXES.get(value, value)
    if field == "birth_date" and (parts := _DATE.fullmatch(value)):
        return "/".join(reversed(parts.groups()))
    return value


def typed_date(text: str) -> str:
    """A date as INSi wants it, AAAA-MM-JJ, from what a person types: JJ/MM/AAAA, or the other already; anything else as it is."""
    parts = _TYPED_DATE.fullmatch(text.strip())
    return "-".join(reversed(parts.groups())) if parts else text.strip()


def matricule_text(matricule: str) -> str:
    """A matricule in the groups in which it is read aloud, the key last."""
    edges = (0, *_MATRICULE_GROUPS, len(matricule))
    return " ".join(matricule[start:end] for start, end in pairwise(edges) if matricule[start:end])
