"""SMTP answers as values: code, enhanced status (RFC 3463), text; and the acceptance of a mail, kept as proof.

The text of a server may hold addresses: it goes to the proof, never to a log nor to an explanation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:\s|$)")
_QUEUE_ID = re.compile(
    r"queued as <?([\w.-]+)|\bid=([\w.-]+)|InternalId=([0-9]+)|([\w.-]{6,}) Message accepted for delivery",
    re.IGNORECASE,
)


class ReplyGarbled(Exception):
    """What came is not an SMTP answer. Stays inside the SMTP room."""


class SmtpReply(msgspec.Struct, frozen=True, kw_only=True):
    """One whole answer, its lines joined by line feeds."""

    code: int
    text: str

    @property
    def enhanced(self) -> str | None:
        """The status `5.1.1` at the head of the text, when the server gives one of the class of its code."""
        found = _ENHANCED.match(self.text)
        return found[1] if found is not None and found[1][0] == str(self.code)[0] else None

    @property
    def status(self) -> str:
        """Code and enhanced status only: what may be logged."""
        return f"{self.code} {self.enhanced}" if self.enhanced else str(self.code)


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The server took responsibility for the mail (RFC 5321 6.1): handed over, not delivered. The proof of a send."""

    code: int
    text: str
    queue_id: str | None


def parse_reply(lines: Sequence[bytes]) -> SmtpReply:
    """The answer made of these lines, CRLF removed; raises ReplyGarbled when they are no SMTP or disagree on the code."""
    found = [_LINE.fullmatch(line) for line in lines]
    codes = {match[1] for match in found if match is not None}
    if None in found or len(codes) != 1:
        raise ReplyGarbled
    text = "\n".join((match[3] or b"").decode("utf-8", "replace") for match in found if match is not None)
    return SmtpReply(code=int(codes.pop()), text=text)


def is_last(line: bytes) -> bool:
    """False for a line that announces another one; raises ReplyGarbled for what is no SMTP."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise ReplyGarbled
    return match[2] != b"-"


def acceptance(reply: SmtpReply) -> Accepted:
    """The acceptance that an answer to a mail's content stands for, with the queue identifier when it is told."""
    found = _QUEUE_ID.search(reply.text)
    return Accepted(code=reply.code, text=reply.text, queue_id=next(filter(None, found.groups()), None) if found else None)
