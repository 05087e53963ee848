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
    r"|jumeau|jumelle|grand-mere|grand-pere|tante|oncle|niece|neveu)|nouveau-nee?|accompagnante?|personne\s+a\s+prevenir|aidante?|assuree?"
    r"|tuteur|tutrice)\b"
)
_SENTENCE: Final = re.compile(r"[.!?]\s")
_FAR: Final = 160
_PLAIN: Final = str.maketrans({"’": "'", "\N{NO-BREAK SPACE}": " ", "œ": "oe", "Œ": "oe", "ﬁ": "fi", "ﬂ": "fl"})


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


def _last_sentence(text: str) -> str:
    cuts = [one.end() for one in _SENTENCE.finditer(text)]
    return text[cuts[-1] :] if cuts else text


def _folded(text: str) -> str:
    """Lower case, accents and typographic signs made plain, length kept where it can be."""
    plain = (
        text.replace("’", "'")
        .replace("\N{NO-BREAK SPACE}", " ")
        .replace("œ", "oe")
        .replace("Œ", "OE")
        .replace("ﬁ", "fi")
        .replace("ﬂ", "fl")
    )
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
