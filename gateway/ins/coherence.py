"""Coherence of an identity in itself and with INSi's answer: what is told to a person, and forbids nothing (insi.md 4.4, EXI ID 10)."""

from __future__ import annotations

from gateway.ins.answer import NationalIdentity
from gateway.ins.form import UNKNOWN_PLACE, begins, is_lunar
from gateway.kernel.errors import Explanation
from gateway.model.patient import Traits

_WHO = "le secrétariat"
_FIRST_NAME = Explanation(
    code="first-name-incoherent",
    who=_WHO,
    what="Le premier prénom de naissance ne correspond pas au début de la liste des prénoms de naissance.",
    gesture="Vérifiez le premier prénom sur la pièce d'identité, puis corrigez-le.",
)
_LUNAR = Explanation(
    code="birth-date-incomplete",
    who=_WHO,
    what="Le téléservice INSi ne connaît pas toute la date de naissance de cette personne.",
    gesture="Si vous acceptez, la date du dossier suit la règle nationale : 1er du mois, janvier, ou 31 décembre.",
)
_PLACE = Explanation(
    code="birth-place-unknown",
    who=_WHO,
    what="Le lieu de naissance de cette personne n'est pas connu.",
    gesture="Demandez le lieu de naissance et complétez le dossier si vous le pouvez.",
)


def first_name_coherent(first: str, given_names: str) -> bool:
    """True when the first given name is the start of the list, on word boundary, but for case, accents and hyphens (EXI ID 10, A31)."""
    return begins(given_names, first)


def warnings(local: Traits, national: NationalIdentity) -> tuple[Explanation, ...]:
    """What a person should look at before deciding on an answer: first given name, lunar date, unknown birth place. No health datum."""
    found = []
    listed = national.birth_given_names or local.birth_given_names
    if not first_name_coherent(local.first_birth_given_name, listed):
        found.append(_FIRST_NAME)
    if national.birth_date is not None and is_lunar(national.birth_date):
        found.append(_LUNAR)
    if (national.birth_place or local.birth_place) == UNKNOWN_PLACE:
        found.append(_PLACE)
    return tuple(found)
