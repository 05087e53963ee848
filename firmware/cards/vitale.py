"""The free files of a Vitale 2 card, as they are stored. Pure, over a card that is selected already; nothing of them is kept or logged.

The card's file of pointers (2001) names its applications and records; each is selected and read, and one that the card refuses is left out:
the protected ones need the licensed plug-in (plug_in). [S] read from a public script of 2009 to 2013 cards; newer masks (ATR 46 to 49) may
refuse, and a Vitale 1 speaks another scheme: VitaleUnreadable then. What a file means is the caller's business: the number of the opener of
rights stands for the whole family, and dates may be lunar. Source: cards.md 2.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from firmware.cards.apdu import END_OF_FILE, WRONG_OFFSET, Command, Response, read_binary, select_application, select_file
from firmware.cards.atr import VitaleVersion, vitale_version
from firmware.cards.tlv import TlvMalformed, within
from firmware.errors import CardFault, NotAVitale, VitaleUnreadable
from firmware.protocol import CardObject

Exchange = Callable[[Command], Response]

VITALE = bytes.fromhex("D250000002564954414C45")
POINTERS = 0x2001
_APPLICATION, _RECORD = 0x82, 0x80
_MOST_FILES, _LARGEST_FILE = 64, 32_768
_BLOCK = 256
_STRANGE = re.compile(r"[^A-Za-z0-9]+")


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """Where a record lies."""

    name: str
    """As the card names it, in plain characters; empty when it has none."""
    application: bytes
    file: int


def read_vitale(exchange: Exchange, atr: bytes) -> tuple[CardObject, ...]:
    """The free records, labelled `VITALE_<name>_<file>`. Raises NotAVitale, VitaleUnreadable, and what `exchange` raises."""
    version = vitale_version(atr)
    if version is None:
        raise NotAVitale
    if version is not VitaleVersion.TWO:
        raise VitaleUnreadable(version)
    if not exchange(select_application(VITALE)).done:
        raise VitaleUnreadable("application")
    pointers = _read_file(exchange, POINTERS)
    if pointers is None:
        raise VitaleUnreadable("pointers refused")
    found: list[CardObject] = []
    selected = VITALE
    for pointer in parse_pointers(pointers):
        if pointer.application != selected:
            if not exchange(select_application(pointer.application)).done:
                continue
            selected = pointer.application
        value = _read_file(exchange, pointer.file)
        if value:
            found.append(CardObject(label=f"VITALE_{pointer.name}_{pointer.file:04X}", value=value))
    return tuple(found)


def parse_pointers(content: bytes) -> tuple[Pointer, ...]:
    """The records that the file of pointers names, 64 at most, those of unknown applications left out. Raises VitaleUnreadable.

    An application is its number (bytes 0 and 1) and its AID from byte 4; a record its name (0 to 7), the number of its application (8, 9)
    and its file (10, 11).
    """
    try:
        applications = {value[:2]: value[4:] for value in within(content, _APPLICATION) if len(value) > 4}
        records = [value for value in within(content, _RECORD) if len(value) >= 12]
    except TlvMalformed as error:
        raise VitaleUnreadable("pointers malformed") from error
    found = [
        Pointer(name=_plain(one[:8]), application=applications[one[8:10]], file=int.from_bytes(one[10:12]))
        for one in records
        if one[8:10] in applications
    ]
    return tuple(dict.fromkeys(found))[:_MOST_FILES]


def _plain(name: bytes) -> str:
    return _STRANGE.sub("", name.decode("ascii", errors="ignore"))


def _read_file(exchange: Exchange, file: int) -> bytes | None:
    """The whole file, 32 kB at most; None when the card refuses it."""
    if not exchange(select_file(file)).done:
        return None
    content = b""
    while len(content) < _LARGEST_FILE:
        answer = exchange(read_binary(len(content), _BLOCK))
        if answer.status == WRONG_OFFSET and content:
            break
        try:
            part = answer.expect(END_OF_FILE)
        except CardFault:
            return None
        content += part
        if answer.status == END_OF_FILE or len(part) < _BLOCK:
            break
    return content
