"""One header line of a mail: plain ASCII, free text with RFC 2047 encoded words, or a named mailbox; folded at 76 columns.

Never lets a control character through: a CR or LF would open a line of its own (header injection). Never shortens a value.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby
from operator import itemgetter

import msgspec

from gateway.kernel.errors import PermanentFault

_LINE = 76
_LONGEST_LINE = 998
_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_ASCII_WORD = re.compile(r"[!-~]+")
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+")
_ADDRESS = re.compile(r"[^\x00-\x20\x7f-\U0010ffff<>()\[\]\\,;:\"]+")
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
"""Bytes that Q encoding may leave as they are everywhere, display names included (RFC 2047 section 5)."""
_OPEN, _CLOSE = "=?utf-8?q?", "?="
_ROOM = 75 - len(_OPEN) - len(_CLOSE)
_LEAST_ROOM = 12
"""Columns that the widest character takes once encoded."""


class HeaderForbidden(PermanentFault):
    """A header value holds a line break, another control character, or something its kind does not allow."""

    code = "mail-header-forbidden"
    who = "le secrétariat"
    what = "Un texte destiné à l'en-tête du courriel contient un caractère interdit (retour à la ligne ou caractère invisible)."
    gesture = "Retirez les caractères invisibles du nom, du titre ou de l'adresse, puis renvoyez le document."


class FreeText(msgspec.Struct, frozen=True):
    """Unstructured text for people, any printable character: a subject."""

    text: str


class Named(msgspec.Struct, frozen=True):
    """A mailbox and the label shown beside it; an empty label is left out."""

    label: str
    address: str


HeaderValue = str | FreeText | Named
"""A plain `str` is written as it is: ASCII only."""


def header_line(name: str, value: HeaderValue) -> bytes:
    """One header, folded, without its final CRLF; raises HeaderForbidden, whose `technical` names the header and never its value."""
    if not _NAME.fullmatch(name):
        raise HeaderForbidden("header name")
    match value:
        case FreeText(text=text):
            tokens = _words(checked_text(text, name), len(name) + 2, _ASCII_WORD)
        case Named(label=label, address=address):
            if not _ADDRESS.fullmatch(address):
                raise HeaderForbidden(name)
            tokens = [*_phrase(checked_text(label, name), len(name) + 2), f"<{address}>"]
        case _:
            tokens = _plain(value, name).split(" ")
    line = _folded(f"{name}:", tokens)
    if any(len(one) > _LONGEST_LINE for one in line.split("\r\n")):
        raise HeaderForbidden(f"{name} too long")
    return line.encode("ascii")


def checked_text(text: str, name: str) -> str:
    """The text itself, without control character nor lone surrogate; raises HeaderForbidden naming only the header."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise HeaderForbidden(name)
    return text


def _plain(value: str, name: str) -> str:
    if not value or not value.isascii() or not value.isprintable() or value != value.strip() or "  " in value:
        raise HeaderForbidden(name)
    return value


def _words(text: str, column: int, plain: re.Pattern[str]) -> list[str]:
    """Words that `plain` takes as they are, and encoded words for each run of the others, with the spaces inside it.

    Runs are kept short because some readers show the blank that separates two encoded words.
    """
    words = text.split(" ")
    odd = [not plain.fullmatch(word) or "=?" in word or len(word) > _LINE - (1 if index else column) for index, word in enumerate(words)]
    gaps = [index for index, word in enumerate(words) if not word]
    for index in gaps:
        odd[max(0, index - 1) : index + 2] = [True] * len(odd[max(0, index - 1) : index + 2])
    tokens: list[str] = []
    for is_odd, group in groupby(zip(odd, words, strict=True), key=itemgetter(0)):
        run = [word for _, word in group]
        tokens += _encoded(" ".join(run), 1 if tokens else column) if is_odd else run
    return tokens


def _phrase(label: str, column: int) -> list[str]:
    if not label:
        return []
    if label.isascii() and "=?" not in label and len(label) <= _LINE - column - 2:
        escaped = label.replace("\\", "\\\\").replace('"', '\\"')
        return [f'"{escaped}"']
    return _words(label, column, _ATOM)


def _encoded(text: str, column: int) -> list[str]:
    """Encoded words of at most 75 columns, cut between characters; the first one begins at `column`."""
    room = max(_LEAST_ROOM, _LINE - column - len(_OPEN) - len(_CLOSE))
    pieces = [""]
    for character in text:
        escaped = "".join("_" if byte == 0x20 else chr(byte) if byte in _SAFE else f"={byte:02X}" for byte in character.encode("utf-8"))
        if len(pieces[-1]) + len(escaped) > room:
            pieces.append("")
            room = _ROOM
        pieces[-1] += escaped
    return [f"{_OPEN}{piece}{_CLOSE}" for piece in pieces]


def _folded(head: str, tokens: list[str]) -> str:
    lines = [head]
    for token in tokens:
        if len(lines[-1]) + 1 + len(token) > _LINE and lines[-1] != head:
            lines.append("")
        lines[-1] += f" {token}"
    return "\r\n".join(lines)
