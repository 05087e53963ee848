"""Does the converted PDF still show what the original showed: the same letters page by page, the same look from afar.

Text is read by Ghostscript on both sides, compared as a bag of letters and digits (order and spacing move, accents may not). Where a page
has no letters left, transparency may have made it an image: its look decides. Source: our own duty, a document is never altered unseen.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

_FEW_LETTERS = 8
_INK_TOLERANCE = 0.25
_INK_FLOOR = 0.002
_LOOK_TOLERANCE = 0.05
_WHITE = 255


class TextLikeness(msgspec.Struct, frozen=True):
    """Share of the original's letters found again, 1.0 without any; pages (from 1) whose letters changed, pages that have none left."""

    kept: float
    changed: tuple[int, ...]
    emptied: tuple[int, ...]


def compare_text(before: str, after: str, *, threshold: float) -> TextLikeness:
    """Two texts whose pages are separated by form feeds, compared page by page; missing pages count as empty."""
    old, new = before.split("\f"), after.split("\f")
    total = found = 0
    changed: list[int] = []
    emptied: list[int] = []
    for number, page in enumerate(old, start=1):
        letters, others = _letters(page), _letters(new[number - 1] if number <= len(new) else "")
        count, kept = letters.total(), (letters & others).total()
        total, found = total + count, found + kept
        if count > _FEW_LETTERS and kept < threshold * count:
            (changed if others.total() > _FEW_LETTERS else emptied).append(number)
    return TextLikeness(found / total if total else 1.0, tuple(changed), tuple(emptied))


def _letters(page: str) -> Counter[str]:
    return Counter(letter for letter in unicodedata.normalize("NFKC", page) if letter.isalnum())


def sampled_pages(pages: int, wanted: int, always: Sequence[int]) -> list[int]:
    """At most `wanted` page numbers spread over the document, those of `always` first in line."""
    step = max(1, -(-pages // wanted))
    spread = [*always, *range(1, pages + 1, step)]
    return sorted(list(dict.fromkeys(spread))[:wanted])


def same_look(before: Path, after: Path) -> bool:
    """Two binary grey maps (PGM) of one page show about the same ink at about the same places."""
    first, second = _grey_map(before), _grey_map(after)
    if first is None or second is None or first[0] != second[0]:
        return False
    old, new = first[1], second[1]
    ink_old, ink_new = _WHITE * len(old) - sum(old), _WHITE * len(new) - sum(new)
    if abs(ink_old - ink_new) > _INK_TOLERANCE * max(ink_old, ink_new) + _INK_FLOOR * _WHITE * len(old):
        return False
    return sum(abs(a - b) for a, b in zip(old, new, strict=True)) <= _LOOK_TOLERANCE * _WHITE * len(old)


def _grey_map(path: Path) -> tuple[tuple[int, int], bytes] | None:
    """Size and pixels of a P5 file with 8 bits a pixel; None when it is missing or something else."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    lines = [line for line in data[:256].split(b"\n") if not line.startswith(b"#")][:3]
    if len(lines) < 3 or lines[0] != b"P5" or lines[2] != b"255":
        return None
    size = lines[1].split()
    if len(size) != 2 or not all(figure.isdigit() for figure in size):
        return None
    width, height = int(size[0]), int(size[1])
    pixels = data[-width * height :]
    return ((width, height), pixels) if len(pixels) == width * height else None
