"""Does the converted PDF still show what the original showed: the same letters page by page, the same look from afar.

Text is read by Ghostscript on both sides, compared as a bag of letters and digits (order and spacing move, accents may not). Where a page
has no letters left, transparency may have made it an image: its look decides. Source: our own duty, a document is never altered unseen.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from PIL import Image

_FEW_LETTERS = 8
_INK_TOLERANCE = 0.25
_INK_FLOOR = 0.002
_WHITE = 255
_BLUR = 2
_DIFFERENCE = 42
"""Greatest difference of a dot, out of 255, once both pages are blurred by 2 dots. Measured at 60 dots an inch: a page turned into a
picture stays under 30, a missing word of three letters in 7 points makes 58."""


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
    """Two grey maps of one page show about the same ink, and nowhere a word more or less."""
    first, second = _grey_map(before), _grey_map(after)
    if first is None or second is None or first.size != second.size:
        return False
    from PIL import ImageChops, ImageFilter, ImageStat

    ink_old, ink_new = (_WHITE * image.width * image.height - ImageStat.Stat(image).sum[0] for image in (first, second))
    if abs(ink_old - ink_new) > _INK_TOLERANCE * max(ink_old, ink_new) + _INK_FLOOR * _WHITE * first.width * first.height:
        return False
    blur = ImageFilter.GaussianBlur(_BLUR)
    greatest = ImageChops.difference(first.filter(blur), second.filter(blur)).getextrema()[1]
    return isinstance(greatest, int | float) and greatest <= _DIFFERENCE


def _grey_map(path: Path) -> Image.Image | None:
    """The image of a PNG file with 8 bits a pixel; None when it is missing or something else."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=("PNG",)) as image:
            return image.copy() if image.mode == "L" else None
    except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
