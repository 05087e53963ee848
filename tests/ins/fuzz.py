"""Bytes that no well-meaning service or scanner sends, thrown at the two readers of INSi by a process of its own.

`python -m tests.ins.fuzz <seed> <inputs>` prints one line of JSON: how many inputs of each reader were read and how many refused, and by
how much the resident memory grew. Any other exception, or a reader that wants half a gigabyte, ends it with another status than 0.
"""

from __future__ import annotations

import json
import random
import resource
import sys
from collections import Counter

from gateway.ins.datamatrix import HEADER
from gateway.ins.reading import MAX_BYTES, read_answer
from gateway.ins.scan import read
from gateway.kernel.errors import RelaisError
from tests.ins.answers import ADRUN, Number, Person, Style, new_fault, old_fault, result
from tests.ins.test_datamatrix import VECTOR

_MOST = 512 * 1024 * 1024
_HOSTILE = (
    b"<",
    b">",
    b"&",
    b"&#0;",
    b"&#x1F600;",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"\x00",
    b"\xff\xfe",
    b"xmlns=''",
    b"<a>",
    b"</a>",
)
_MARKS = ("\x1d", "<GS>", "S1", "S2", "S3", "S4", "S5", "S6", "S7", "\x00", "\ud800", "é", " ", "00-00-0000", "2A", "\u0661")


def main(seed: int, inputs: int) -> None:
    """That many mutated answers and as many scribbled scans."""
    dice = random.Random(seed)
    seen: Counter[str] = Counter()
    for data in _answers():
        _answer(data, "", seen)
    _scan(VECTOR, seen)
    warm = _peak()
    resource.setrlimit(resource.RLIMIT_AS, (_MOST, resource.RLIM_INFINITY))
    for _ in range(inputs):
        kind = dice.choice(("", "", "", 'multipart/related; boundary="b"; start="<r>"', "text/html; charset=utf-7"))
        _answer(_mutated(dice), kind, seen)
        _scan(_scribbled(dice), seen)
    print(json.dumps({**seen, "grown_mb": (_peak() - warm) // 1024}))


def _answers() -> list[bytes]:
    aged = Person(Number("1090763220834", "89"), (Number("2090763220834", "39", start="2019-03-01"),))
    plain = [result(person=one, style=Style.random(index)) for index, one in enumerate((ADRUN, aged))]
    return [
        *plain,
        result("01", "ABSENT"),
        old_fault("siram_40", "desir_1020", "fatale", "x", "m"),
        new_fault("siram_100", "desir_550", "erreur", "x", "m"),
    ]


def _mutated(dice: random.Random) -> bytes:
    data = bytearray(dice.choice(_answers()))
    for _ in range(dice.choice((0, 1, 1, 2, 6))):
        place, length = dice.randrange(len(data) + 1), dice.choice((1, 2, 8, 64))
        match dice.randrange(6):
            case 0:
                data[place : place + length] = dice.randbytes(length)
            case 1:
                del data[place : place + length]
            case 2:
                data[place:place] = dice.choice(_HOSTILE)
            case 3:
                data[place:place] = data[place : place + length] * dice.choice((2, 50, 2000))
            case 4:
                data[place:place] = b"<x>" * dice.choice((10, 5000, 100_000))
            case _:
                data[place:place] = dice.choice((b"A", b" ", b"\n", b"<x/>", b"&amp;")) * dice.choice((1000, 70_000, MAX_BYTES))
    head = dice.choice((b"", b"", _BOMB, b"\xef\xbb\xbf", b"--b\r\nContent-ID: <r>\r\n\r\n"))
    return head + bytes(data)


_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE z [<!ENTITY a "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + step, b"&%c;" % (97 + step) * 12) for step in range(9))
    + b"]>"
)


def _scribbled(dice: random.Random) -> str:
    text = dice.choice((VECTOR, HEADER, "")) * dice.choice((1, 1, 1, 200))
    for _ in range(dice.choice((0, 1, 1, 2, 8))):
        place = dice.randrange(len(text) + 1)
        match dice.randrange(4):
            case 0:
                text = text[:place] + dice.choice(_MARKS) * dice.choice((1, 2, 5000)) + text[place:]
            case 1:
                text = text[:place] + text[place + dice.randint(1, 40) :]
            case 2:
                text = text[:place] + text[dice.randrange(len(text) + 1) :][:3000] + text[place:]
            case _:
                text = text[:place] + chr(dice.randrange(0x11000)) + text[place + 1 :]
    return text


def _answer(data: bytes, content_type: str, seen: Counter[str]) -> None:
    try:
        read_answer(data, content_type, environment="test")
    except RelaisError:
        seen["answers_refused"] += 1
    else:
        seen["answers_read"] += 1


def _scan(text: str, seen: Counter[str]) -> None:
    try:
        read(text, environment="test")
    except RelaisError:
        seen["scans_refused"] += 1
    else:
        seen["scans_read"] += 1


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
