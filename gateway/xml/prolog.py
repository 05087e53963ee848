"""What stands before the root element, read on the bytes alone: encoding accepted, DOCTYPE refused.

Runs before the parser sees anything, so a declaration never gets the chance to be obeyed. Only encodings in which ASCII is written as
ASCII are accepted; otherwise a DOCTYPE could hide (UTF-7, UTF-16, EBCDIC). Source: cda_signing.md section 5.
"""

from __future__ import annotations

import re

from gateway.xml.errors import XmlForbidden, XmlMalformed

ENCODINGS = frozenset({"utf-8", "us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "windows-1252"})
_BOM = b"\xef\xbb\xbf"
_BLANK = re.compile(rb"[ \t\r\n]*")
_DECLARATION = re.compile(
    rb"<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*[\"']1\.0[\"']"
    rb"(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*[\"']([A-Za-z0-9._-]{1,40})[\"'])?"
    rb"(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*[\"'](?:yes|no)[\"'])?[ \t\r\n]*\?>"
)


def check_prolog(data: bytes) -> None:
    """Raises XmlForbidden for a DOCTYPE, XmlMalformed for an encoding or XML version that is not accepted."""
    position = len(_BOM) if data.startswith(_BOM) else 0
    if data.startswith(b"<?xml", position) and data[position + 5 : position + 6] in (b" ", b"\t", b"\r", b"\n"):
        position = _check_declaration(data, position)
    while True:
        position = _skip_blank(data, position)
        if data.startswith(b"<!--", position):
            position = _after(data, b"-->", position + 4)
        elif data.startswith(b"<?", position):
            position = _after(data, b"?>", position + 2)
        elif data.startswith(b"<!", position):
            raise XmlForbidden(f"declaration at byte {position}")
        elif data.startswith(b"<", position):
            return
        else:
            raise XmlMalformed(f"no element at byte {position}")


def _check_declaration(data: bytes, position: int) -> int:
    found = _DECLARATION.match(data, position)
    if found is None:
        raise XmlMalformed("XML declaration")
    encoding = (found.group(1) or b"utf-8").decode("ascii").lower()
    if encoding not in ENCODINGS:
        raise XmlMalformed("encoding not accepted")
    if position and encoding not in {"utf-8", "us-ascii", "ascii"}:
        raise XmlMalformed("byte order mark and encoding disagree")
    return found.end()


def _skip_blank(data: bytes, position: int) -> int:
    blank = _BLANK.match(data, position)
    return blank.end() if blank else position


def _after(data: bytes, mark: bytes, position: int) -> int:
    found = data.find(mark, position)
    if found < 0:
        raise XmlMalformed(f"{mark.decode()} expected after byte {position}")
    return found + len(mark)
