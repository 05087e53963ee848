"""What a person reads of a mail before opening it: subject, name of the PDF copy, text.

Never logged: subject and file name carry an identity by rule of the national specification. Source: mssante.md 2.1 (ECO.2.1.3,
ECO.2.1.6); the place of `[Annule et remplace]` is ambiguous there, so a setting.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Literal

from gateway.model.patient import Traits

LABEL_LIMIT = 40
_NAME_LIMIT = 80
_PREFIX = "XDM/1.0/DDM+"
_REPLACES = "[Annule et remplace]"
_LETTERS = str.maketrans(
    {"Œ": "OE", "œ": "oe", "Æ": "AE", "æ": "ae", "ß": "ss", "ẞ": "SS", "Ø": "O", "ø": "o", "Ł": "L", "ł": "l", "Đ": "D", "đ": "d"}
    | {"Ð": "D", "ð": "d", "Þ": "TH", "þ": "th", "ı": "i", "’": "'", "‘": "'", "ʼ": "'", "‐": "-", "‑": "-", "–": "-"}
)
_FORBIDDEN_IN_FILES = str.maketrans(dict.fromkeys('/\\:*?"<>|_', "-"))
_BREAKING = frozenset({"Cc", "Cs", "Zl", "Zp"})
_NAMELESS = "INCONNU"


def subject_line(label: str, traits: Traits, *, replaces: bool, marker: Literal["before", "after"]) -> str:
    """`XDM/1.0/DDM+<label cut at 40> <NOM> <prénom> <JJ/MM/AAAA>`, birth names without accents, the marker where the setting says."""
    before, after = (f"{_REPLACES} ", "") if marker == "before" else ("", f"{_REPLACES} ")
    head = f"{before}{_PREFIX}{after}" if replaces else _PREFIX
    year, month, day = traits.birth_date.split("-")
    return f"{head}{short_label(label)} {_family(traits)} {_given(traits)} {day}/{month}/{year}"


def pdf_name(created_at: datetime, label: str, traits: Traits) -> str:
    """`<AAAAMMJJ>_<type>_<NOM>_<prénom>.pdf`: the document's own day, accents of the type kept, no character a file system refuses."""
    parts = (short_label(label), _family(traits)[:_NAME_LIMIT], _given(traits)[:_NAME_LIMIT])
    kept = (part.translate(_FORBIDDEN_IN_FILES).strip(" .") or _NAMELESS for part in parts)
    return f"{created_at:%Y%m%d}_{'_'.join(kept)}.pdf"


def short_label(label: str) -> str:
    """The label of a document type on one line, cut at 40 characters."""
    return (
        "".join(" " if unicodedata.category(character) in _BREAKING else character for character in label)[:LABEL_LIMIT].strip()
        or "Document"
    )


def without_accents(text: str) -> str:
    """ASCII, one space between words: accents dropped, ligatures opened; a letter without Latin equivalent is left out."""
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS)).translate(_LETTERS)
    return " ".join("".join(character for character in plain if " " <= character <= "~").split())


def patient_text(structure: str, *, may_reply: bool) -> str:
    """The text of a mail to a patient: says nothing of the document."""
    reply = "Vous pouvez répondre à ce message." if may_reply else "Vous ne pouvez pas répondre à ce message."
    return (
        f"Bonjour,\n\n{structure} vous adresse un document de santé, joint à ce message.\n\n"
        "Pour le lire, ouvrez le fichier PDF. L'autre fichier est destiné aux logiciels de santé : vous n'avez pas à l'ouvrir.\n\n"
        f"{reply}\n\nCordialement\n"
    )


def professional_text(structure: str) -> str:
    """The text of a mail to a professional: says nothing of the patient nor of the document."""
    return (
        f"Bonjour,\n\n{structure} vous adresse un document concernant un de vos patients.\n\n"
        "Le fichier IHE_XDM.zip permet à votre logiciel de le classer ; le fichier PDF en est la copie lisible.\n\n"
        "Cordialement\n"
    )


def _family(traits: Traits) -> str:
    return without_accents(traits.birth_family_name).upper() or _NAMELESS


def _given(traits: Traits) -> str:
    return without_accents(traits.first_birth_given_name) or _NAMELESS
