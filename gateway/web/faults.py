"""Which field of a form a refusal is about, so that it is said beside it and nothing is typed twice."""

from __future__ import annotations

from gateway.kernel.errors import Refused, RelaisError
from gateway.web.card_choice import CODE
from gateway.web.sessions import Notice

_FIELDS = {
    "vous": "vous",
    "piece": "piece",
    "pin": CODE,
    "decision": "decision",
    "nom": "nom",
    "prenoms": "prenoms",
    "sexe": "sexe",
    "naissance": "naissance",
    "lieu": "lieu",
    "liste": "liste",
    "quoi": "quoi",
    "quand": "quand",
    "attestation": "attestation",
    "usage": "usage",
    "fichier": "fichier",
    "file": "fichier",
    "passphrase": "mot_de_passe",
    "evidence": "piece",
    "birth_family_name": "nom",
    "given_names": "prenoms",
    "sex": "sexe",
    "birth_date": "naissance",
    "birth_place": "lieu",
}
"""Fields of the forms, by the last word of the path that flow names; what a person cannot mend there has none."""
_TYPED = frozenset({"nom", "prenoms", "sexe", "naissance", "lieu"})
_WELL_KNOWN_FORM = "connu"
_KEPT_TO_ITSELF = frozenset({"marque", "tache", "apres", "forme", CODE})


class FormIncomplete(Refused):
    """A field of the form is missing or cannot be what it says."""

    code = "form-incomplete"
    title = "Formulaire incomplet"
    who = "le secrétariat"
    what = "Il manque un choix ou un champ dans ce formulaire : rien n'a été enregistré."
    gesture = "Complétez-le, puis recommencez."


def refused_notice(refusal: RelaisError, fields: dict[str, str]) -> Notice:
    """The refusal in its own words, beside the field at fault of the form that was sent."""
    told, form = refusal.explanation, fields.get("forme", "")
    field = _field(refusal, form)
    shown = field not in _TYPED or "nom" in fields
    return Notice(tone="bad", what=told.what, gesture=told.gesture, form=form, field=field if shown else "", said=said_in(fields))


def said_in(fields: dict[str, str]) -> dict[str, str]:
    """What a person typed or chose in a form."""
    return {name: value for name, value in fields.items() if name not in _KEPT_TO_ITSELF}


def _field(refusal: RelaisError, form: str) -> str:
    last = (refusal.field or "").rpartition(".")[2].partition("[")[0]
    named = _FIELDS.get(last, "")
    return "attestation" if form == _WELL_KNOWN_FORM and named == "piece" else named
