"""Which names the text of a document tells as its patient's, and whether they are his.

Names stand after a label (`Patient :`, `Nom :`, `Prénom :`), under it, or after a civility. A family name told alone says nothing of the
given name; an initial says nothing either. Lines come folded (`collision_text`). Nothing of the text leaves but yes or no.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from gateway.ins.collision_text import Line, quoted, unfold
from gateway.ins.form import words
from gateway.model.patient import Traits

_CIVILITY: Final = r"(?:m\.|mr|mme|mlle|monsieur|madame|mademoiselle|patiente?)"
_WHOLE: Final = (
    re.compile(
        r"^\s*(?:patiente?|identite|concerne|enfant|nouveau-nee?|bebe|beneficiaire|nom\s+et\s+prenom(?:\s+du\s+patient)?)\s*:?\s+(?P<name>.+)"
    ),
    re.compile(rf"^\s*(?:pour\s+)?{_CIVILITY}\s+(?P<name>[^,:;0-9]+)$"),
)
_TOLD: Final = (
    *_WHOLE,
    re.compile(r"^\s*nom(?:\s+(?:de\s+naissance|utilise|d'usage|de\s+famille))?\s*:\s*(?P<name>.+)"),
)
_LABEL: Final = re.compile(r"^\s*(?:patiente?|identite|beneficiaire|nom\s+et\s+prenom(?:\s+du\s+patient)?)\s*:?\s*$")
_INLINE: Final = re.compile(
    rf"(?:confie|votre\s+patiente?|pour|examine\s+ce\s+jour|adresse)\s+{_CIVILITY}\s+(?P<told>[^,.:;0-9]+)"
    rf"|\b{_CIVILITY}\s+(?P<born>[^,.:;0-9]{{3,60}}?),?\s+nee?\s+le"
)
_YOUNG: Final = re.compile(r"\b(?:votre|vos|notre|jeune|petite?)\s+(?:(?:fils|fille|enfant|bebe)\s+)?(?P<name>[^\s,.:;]+)")
_GIVEN: Final = re.compile(
    r"\bprenoms?(?:\s?\(s\))?(?:\s+(?:de\s+naissance|utilises?|usuels?|d'usage|du\s+patient))?(?:\s*:\s*(?P<beside>.*)|(?P<header>\s*)$)"
)
_PROFESSIONAL: Final = re.compile(
    r"\b(?:docteurs?|drs?|prs?|professeur|medecins?|prescripteur|praticien\w*|demandeur|redacteur|auteur|operateur|destinataire|infirmi\w+)\b"
)
_NOT_A_NAME: Final = frozenset(
    words(
        "nom prenom prenoms sexe date ne nee naissance dossier examen le la du de ins ddn docteur dr m mme madame monsieur enfant patient"
    )
)
_MOST_WORDS: Final = 8
_COLUMN: Final = 12
"""Characters between a column's label and what stands under it, at most."""


def other_name(lines: Sequence[Line], identity: Traits) -> bool:
    """True when names are told as the patient's, none is his, and his own stands nowhere."""
    told = [one for one in (*_told(lines, _TOLD), *_inline(lines)) if one]
    if not told or any(_fits(one, identity) for one in told):
        return False
    return not any(_fits(words(line.folded), identity) for index, line in enumerate(lines) if not quoted(lines, index, len(line.folded)))


def other_given_name(lines: Sequence[Line], identity: Traits) -> bool:
    """True when given names are told as the patient's with his family name or under their label, and none of them is his."""
    family, given = _family(identity), _given(identity)
    whole = [one for one in (*_told(lines, _WHOLE), *_inline(lines)) if one & family]
    told = [_left(one, family) for one in (*whole, *_given_names(lines))]
    spoken = [one for one in told if one]
    if not spoken or any(one & given or _joined(one, identity) for one in spoken):
        return False
    if any(one in given for found in _YOUNG.finditer(unfold(lines)) for one in words(found["name"])):
        return False
    return not any(
        here & family and here & given
        for index, line in enumerate(lines)
        if not quoted(lines, index, len(line.folded)) and not _PROFESSIONAL.search(line.folded)
        for here in (frozenset(words(line.folded)),)
    )


def _told(lines: Sequence[Line], patterns: Sequence[re.Pattern[str]]) -> Iterator[frozenset[str]]:
    for index, line in enumerate(lines):
        for start, cell in line.cells:
            for pattern in patterns:
                found = pattern.match(cell)
                if found is not None and not quoted(lines, index, start):
                    yield _name(found["name"])
        if len(line.cells) == 2 and _LABEL.match(line.cells[0][1]):
            yield _name(line.cells[1][1])


def _inline(lines: Sequence[Line]) -> Iterator[frozenset[str]]:
    for found in _INLINE.finditer(unfold(lines)):
        yield _name(found["told"] or found["born"])


def _given_names(lines: Sequence[Line]) -> Iterator[frozenset[str]]:
    """What stands after or under the label of given names, a professional's left out."""
    for index, line in enumerate(lines):
        for rank, (start, cell) in enumerate(line.cells):
            found = _GIVEN.search(cell)
            if found is None or quoted(lines, index, start) or _PROFESSIONAL.search(line.folded[: start + found.start()]):
                continue
            if found["beside"]:
                yield _name(found["beside"])
            elif len(line.cells) == 2 and rank == 0 and _name(line.cells[1][1]):
                yield _name(line.cells[1][1])
            elif index + 1 < len(lines):
                under = min(lines[index + 1].cells, key=lambda one: abs(one[0] - start))
                yield _name(under[1]) if abs(under[0] - start) <= _COLUMN else frozenset()


def _name(text: str) -> frozenset[str]:
    """The words of a name; nothing for what is no name."""
    plain = re.split(r"[,:;(]|\s{3,}|\bnee?\b", text)[0].replace(".", " ")
    found = [one for one in words(plain) if not any(map(str.isdigit, one))]
    kept = [one for one in found if one not in _NOT_A_NAME]
    return frozenset(kept) if 0 < len(kept) <= _MOST_WORDS else frozenset()


def _fits(told: Sequence[str] | frozenset[str], identity: Traits) -> bool:
    """True when a family name and a given name of the identity are among these words; a family name told alone is enough."""
    here, family = frozenset(told), _family(identity)
    return bool(here & family) and (bool(here & _given(identity)) or here <= family)


def _left(told: frozenset[str], family: frozenset[str]) -> frozenset[str]:
    """The given names among these words: initials say nothing."""
    return frozenset(one for one in told - family if len(one) > 1)


def _joined(told: frozenset[str], identity: Traits) -> bool:
    """True for the given names written in one word, or the family name's parts put together otherwise."""
    names = (identity.birth_given_names, identity.first_birth_given_name, identity.birth_family_name, identity.used_family_name or "")
    return any("".join(words(one)) in told for one in names) or any(sorted("".join(told)) == sorted("".join(words(one))) for one in names)


def _family(identity: Traits) -> frozenset[str]:
    return frozenset(words(f"{identity.birth_family_name} {identity.used_family_name or ''}"))


def _given(identity: Traits) -> frozenset[str]:
    return frozenset(words(f"{identity.birth_given_names} {identity.used_given_name or ''}"))
