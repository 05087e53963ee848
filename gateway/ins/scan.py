"""What a scanner read of an INS datamatrix: blocks found by their id from the end of the header, in any order (insi.md 5).

Separators may be lost, written as text or as another sign, and the keyboard may be another one: what can be read in one way only is read
and said to be repaired, anything else is refused. A name cut at the very end of the text cannot be noticed: a scan is input to verify
(4.7).
Never looks a block up by searching for its id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec
from typing_extensions import override

from gateway.ins.characters import NameNotSendable, family_name, given_name
from gateway.ins.datamatrix import FIELDS, GS, HEADER
from gateway.ins.keyboard import LAYOUTS
from gateway.kernel.errors import Refused
from gateway.model.patient import Ins, Sex, TraitInvalid, Traits

LONGEST: Final = 1000
"""Characters of a scan; the longest symbol holds fewer than 300, and a separator may be written with eight."""

Separators = Literal["kept", "written", "lost"]

_SEPARATOR: Final = re.compile(r"<GS>|\{GS\}|\[GS\]|\(GS\)|\\x1d|\\u001d|\^\]|␝|↔", re.IGNORECASE)
_AIM: Final = re.compile(r"\]d[0-6]", re.IGNORECASE)
"""Symbology identifier that a scanner may put before the text."""
_ALPHABETS: Final = {"S2": re.compile(r"[0-9.]*"), "S3": re.compile(r"[A-Z' -]*"), "S4": re.compile(r"[A-Z' -]*")}
_BEFORE_BLOCK: Final = re.compile(f"[{GS} ]*")
_DATE: Final = re.compile(r"([0-9]{2})-([0-9]{2})-([0-9]{4})")
_MANDATORY: Final = ("S1", "S2", "S3", "S4", "S5", "S6")
_UNKNOWN_PLACE: Final = "99999"


class ScanUnreadable(Refused):
    """Not an INS datamatrix, or one that has been altered beyond what can be put right."""

    code = "scan-unreadable"
    title = "Lecture impossible"
    who = "le secrétariat"
    what = "Ce qui a été lu n'est pas un datamatrix INS, ou a été déformé par le lecteur."
    gesture = "Scannez de nouveau. Si cela continue, faites régler le clavier du lecteur (français, AZERTY) par votre installateur."


class ScanIncomplete(Refused):
    """The text stops before its end, or lacks a mandatory block."""

    code = "scan-incomplete"
    title = "Lecture incomplète"
    who = "le secrétariat"
    what = "Il manque la fin, ou une partie, de ce que contient un datamatrix INS."
    gesture = "Scannez de nouveau en tenant le lecteur immobile jusqu'au signal."


class ScanAmbiguous(Refused):
    """More than one identity could be meant: none is chosen."""

    code = "scan-ambiguous"
    title = "Lecture incertaine"
    who = "le secrétariat"
    what = "Le lecteur a perdu des séparateurs, et ce qu'il a lu pourrait se comprendre de plusieurs façons."
    gesture = "Saisissez l'identité d'après le document, et faites régler le lecteur pour qu'il transmette les séparateurs (GS)."


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """What the symbol says, key and authority checked. Input to verify, never a recovery."""

    ins: Ins
    birth_family_name: str
    birth_given_names: str
    sex: Sex
    birth_date: str
    """YYYY-MM-DD, lunar dates as they are."""
    birth_place: str | None
    repaired: bool

    @override
    def __repr__(self) -> str:
        return "Scan(…)"


@dataclass(slots=True)
class _Blocks:
    values: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    """A separator is missing, superfluous or a space."""


def read(text: str, *, environment: str) -> Scan:
    """The identity a scanner sent.

    Raises ScanUnreadable, ScanIncomplete, ScanAmbiguous; MatriculeKeyWrong, MatriculeMalformed, InsAuthorityUnknown (an authority of test
    in production included), each with a field under `scan`.
    """
    if len(text) > LONGEST:
        raise ScanUnreadable("too long", field="scan")
    candidates = [(body, name) for name, table in LAYOUTS.items() if (body := _body(text, table)) is not None]
    found: list[Scan] = []
    refusals: list[Refused] = []
    for body, name in candidates:
        try:
            found.append(_understood(body, environment, repaired=name != "same" or _SEPARATOR.search(text) is not None))
        except Refused as refusal:
            refusals.append(refusal)
    if len(found) > 1:
        raise ScanAmbiguous(field="scan")
    if not found:
        raise refusals[0] if refusals else ScanUnreadable("no header", field="scan")
    return found[0]


def layouts(text: str) -> tuple[str, ...]:
    """Names of the keyboards of `keyboard.LAYOUTS` under which a text is an INS datamatrix; if none, those under which it begins as one."""
    if len(text) > LONGEST:
        return ()
    bodies = {name: body for name, table in LAYOUTS.items() if (body := _body(text, table)) is not None}
    return tuple(name for name, body in bodies.items() if _whole(body)) or tuple(bodies)


def separators(text: str) -> Separators:
    """What became of the separators of an INS datamatrix on their way; every one holds some."""
    if _SEPARATOR.search(text) or any(_SEPARATOR.search(text.translate(LAYOUTS[name])) for name in layouts(text)):
        return "written"
    return "kept" if GS in text else "lost"


def _whole(body: str) -> bool:
    try:
        return all(one in _blocks(body).values for one in _MANDATORY)
    except Refused:
        return False


def _body(text: str, table: Mapping[int, str]) -> str | None:
    """What follows the header under a layout; None when the header does not prove it. Separators are looked for on both sides of it."""
    meant = _SEPARATOR.sub(GS, _SEPARATOR.sub(GS, text.strip(" \t\r\n\0")).translate(table))
    prefix = _AIM.match(meant)
    start = prefix.end() if prefix is not None else 0
    return meant[start + len(HEADER) :] if meant.startswith(HEADER, start) else None


def _understood(body: str, environment: str, *, repaired: bool) -> Scan:
    blocks = _blocks(body)
    values = blocks.values
    if any(one not in values for one in _MANDATORY):
        raise ScanIncomplete("a mandatory block is missing", field="scan")
    _check_end(blocks)
    ins = Ins.checked(values["S1"], values["S2"], field="scan.ins")
    ins.check_environment(environment, field="scan.ins")
    _check_names(values["S3"], values["S4"])
    sex, place = values["S5"], values.get("S7")
    if sex not in {"M", "F"} or _DATE.fullmatch(values["S6"]) is None:
        raise ScanUnreadable("sex or date", field="scan")
    scan = Scan(
        ins=ins,
        birth_family_name=values["S4"],
        birth_given_names=values["S3"],
        sex=Sex(sex),
        birth_date=_DATE.sub(r"\3-\2-\1", values["S6"]),
        birth_place=place,
        repaired=repaired or blocks.lost,
    )
    _check_traits(scan)
    return scan


def _blocks(body: str) -> _Blocks:
    """Walk from block to block; what follows a block must be the id of one that has not come yet."""
    blocks, position = _Blocks(), 0
    while position < len(body):
        block = body[position : position + 2]
        if len(block) < 2:
            raise ScanIncomplete("cut within an id", field="scan")
        if block not in FIELDS or block in blocks.values:
            raise ScanUnreadable("no known block where one is due", field="scan")
        position = (_take_variable if block in _ALPHABETS else _take_fixed)(body, position + 2, block, blocks)
    return blocks


def _take_fixed(body: str, start: int, block: str, blocks: _Blocks) -> int:
    end = start + FIELDS[block]
    value = body[start:end]
    if len(value) < FIELDS[block]:
        raise ScanIncomplete("cut within a block", field="scan")
    blocks.values[block] = value
    return _after(body, end, blocks, expected=False)


def _take_variable(body: str, start: int, block: str, blocks: _Blocks) -> int:
    """A name holds no digit: a digit met without a separator can only be that of the next id, whose S stands before it."""
    match = _ALPHABETS[block].match(body, start)
    end = match.end() if match is not None else start
    if block != "S2" and end < len(body) and body[end] != GS:
        end -= 1
        if end < start or body[end] != "S":
            raise ScanUnreadable("a sign that no name holds", field="scan")
    value = body[start:end].rstrip(" ")
    if not value or len(value) > FIELDS[block]:
        raise ScanUnreadable("a value without its length", field="scan")
    blocks.values[block] = value
    return _after(body, end, blocks, expected=len(value) < FIELDS[block], padded=len(value) < end - start)


def _after(body: str, position: int, blocks: _Blocks, *, expected: bool, padded: bool = False) -> int:
    """Past the separator, noting when it is not the one that is due."""
    match = _BEFORE_BLOCK.match(body, position)
    between = match.group() if match is not None else ""
    end = position + len(between)
    if padded or (between != (GS if expected else "") and end < len(body)):
        blocks.lost = True
    return end


def _check_end(blocks: _Blocks) -> None:
    """Separators lost, text ending with the S of a name, place not seen: the S may be the first letter of its id, cut."""
    last = next(reversed(blocks.values))
    if blocks.lost and last in {"S3", "S4"} and "S7" not in blocks.values and blocks.values[last].endswith("S"):
        raise ScanAmbiguous(field="scan")


def _check_names(given: str, family: str) -> None:
    try:
        exact = given_name(given) == given and family_name(family) == family
    except NameNotSendable:
        exact = False
    if not exact:
        raise ScanUnreadable("a name out of its form", field="scan")


def _check_traits(scan: Scan) -> None:
    traits = Traits(
        birth_family_name=scan.birth_family_name,
        birth_given_names=scan.birth_given_names,
        first_birth_given_name=scan.birth_given_names.split(" ", 1)[0],
        sex=scan.sex,
        birth_date=scan.birth_date,
        birth_place=scan.birth_place or _UNKNOWN_PLACE,
    )
    try:
        traits.check()
    except TraitInvalid as refusal:
        raise ScanUnreadable(refusal.field or "", field="scan") from None
