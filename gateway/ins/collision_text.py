"""The text of a document made fit for comparison: lines, cells, letters apart put together, and who is only quoted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

_CELLS: Final = re.compile(r"\S+(?: \S+)*")
_RELATIVES: Final = re.compile(
    r"\b(?:(?:son|sa|leur|ses|mon|ma)\s+(?:epouse|epoux|mari|femme|fils|fille|mere|pere|frere|soeur|conjointe?|compagnon|compagne|enfant|bebe"
    r"|jumeau|jumelle|grand-mere|grand-pere|tante|oncle|niece|neveu)|accompagnante?|personne\s+a\s+prevenir|aidante?|assuree?"
    r"|tuteur|tutrice)\b"
    r"|\b(?:mere|pere|parents?|conjointe?|epoux|epouse|mari|compagnon|compagne|frere|soeur|jumeau|jumelle|representante?\s+legale?)\s*:"
)
_NEWBORN: Final = re.compile(
    r"\b(?:nouveau-nee?s?|nouveaux-nes|bebes?|jumeaux|jumelles|nourrisson|accouch\w*|donne\s+naissance|de\s+l'enfant"
    r"|(?:d'une?|une?|petite?)\s+(?:fille|garcon|enfant))\b"
)
_CHILD: Final = re.compile(r"^\s*enfants?\b")
_BIRTHING: Final = re.compile(r"\b(?:accouch\w*|maternite|cesarienne|post-?partum|suites\s+de\s+couches)\b")
_SENTENCE: Final = re.compile(r"(?<!\bm)(?<!\b[dmp]r)[.!?]\s")
_FAR: Final = 160
_AFTER: Final = 40
_PLAIN: Final = str.maketrans(
    {"’": "'", "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "\N{NON-BREAKING HYPHEN}": "-", "\N{HYPHEN}": "-",
     "\N{SOFT HYPHEN}": None, "œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl"}
)  # fmt: skip


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line: lower case without accents, its cells with the column each begins at."""

    folded: str
    cells: tuple[tuple[int, str], ...]


def lines_of(text: str) -> list[Line]:
    """The lines that hold something, letters printed far apart put together."""
    found: list[Line] = []
    for raw in text.replace("\f", "\n").splitlines():
        if raw.strip():
            folded = _folded(_together(raw))
            found.append(Line(folded=folded, cells=tuple((one.start(), one.group()) for one in _CELLS.finditer(folded))))
    return found


def unfold(lines: Sequence[Line]) -> str:
    """Everything on one line, what is quoted of relatives left out."""
    return " ".join(" ".join(line.folded.split()) for index, line in enumerate(lines) if not quoted(lines, index, len(line.folded)))


def quoted(lines: Sequence[Line], index: int, column: int) -> bool:
    """True when what stands at this place is said of a relative or of who insures: the sentence, or the cell, begins with them."""
    before = lines[index].folded[:column]
    cell = before.rpartition("   ")[2]
    sentence = _last_sentence(cell)
    return _RELATIVES.search(sentence[-_FAR:]) is not None


def newborn(lines: Sequence[Line], index: int, start: int, end: int) -> bool:
    """True when what stands from `start` to `end` of a line may be said of a newborn: of the sentence around it, begun above or here."""
    here = lines[index].folded
    cell = here[:start].rpartition("   ")[2]
    around = _last_sentence(cell)[-_FAR:] + here[start : end + _AFTER].partition("   ")[0]
    above = lines[index - 1].folded if index > 0 and around.startswith(cell) else ""
    if above.rstrip().endswith((".", ":", "!", "?")):
        above = ""
    if _NEWBORN.search(around) or _NEWBORN.search(_last_sentence(above)):
        return True
    return bool(_CHILD.search(cell)) and any(_BIRTHING.search(line.folded) for line in lines)


def _last_sentence(text: str) -> str:
    cuts = [one.end() for one in _SENTENCE.finditer(text)]
    return text[cuts[-1] :] if cuts else text


def _folded(text: str) -> str:
    """Lower case, accents and typographic signs made plain, length kept where it can be."""
    plain = text.translate(_PLAIN)
    return "".join(one for one in unicodedata.normalize("NFD", plain.lower()) if not unicodedata.combining(one))


def _together(line: str) -> str:
    """`N o m :  D U P O N T` as `Nom : DUPONT`: single spaces between single letters go when nearly everything is single letters."""
    pieces = line.split()
    alone = sum(len(one) == 1 for one in pieces)
    if len(pieces) < 6 or alone < len(pieces) * 0.7:
        return line
    return " ".join("".join(group.split()) for group in _groups(line))


def _groups(line: str) -> Iterator[str]:
    yield from (one for one in re.split(r"\s{2,}", line.strip()) if one)
