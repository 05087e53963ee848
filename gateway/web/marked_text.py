"""Two writings of one trait with the words that differ set apart, so that a reader finds them without comparing letter by letter."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher

import msgspec

_WORD = re.compile(r"[^\s'’/-]+")


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of text; `differs` when the other side does not say it."""

    text: str
    differs: bool = False


def plain_text(text: str | None) -> tuple[Piece, ...]:
    """The text in one piece, nothing set apart; no piece at all for nothing."""
    return (Piece(text=text),) if text else ()


def marked_texts(one: str, other: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both texts, the words that only one of them says set apart; case and accents do not count."""
    left, right = list(_WORD.finditer(one)), list(_WORD.finditer(other))
    alike = SequenceMatcher(None, [_bare(word[0]) for word in left], [_bare(word[0]) for word in right], autojunk=False)
    said = alike.get_matching_blocks()
    in_left = {block.a + step for block in said for step in range(block.size)}
    in_right = {block.b + step for block in said for step in range(block.size)}
    return _pieces(one, left, in_left), _pieces(other, right, in_right)


def _bare(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word.casefold())
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


def _pieces(text: str, words: list[re.Match[str]], same: set[int]) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    done = 0
    for rank, word in enumerate(words):
        if rank in same:
            continue
        pieces += plain_text(text[done : word.start()])
        pieces.append(Piece(text=word[0], differs=True))
        done = word.end()
    return (*pieces, *plain_text(text[done:]))
