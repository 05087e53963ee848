"""INSi as one structure calls it: one question, one new MessageID, one answer (insi.md 1, 2, 3).

Never retries, never chooses what to ask (`search` does), never stores. Whoever keeps the audit trail is told of a call before it leaves.
Source: insi.md 1.1 to 1.7, 2.1, 2.3.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from gateway.ins.answer import Exchange
from gateway.ins.criteria import CardReading, Question, Software
from gateway.ins.line import Line
from gateway.kernel.clock import Clock
from gateway.kernel.config import Insi
from gateway.model.patient import Ins
from gateway.wire.http import HttpPort

Announce: TypeAlias = Callable[[str, str, bytes], Awaitable[None]]
"""`announce(operation, message_id, sent)`, awaited before the request leaves: the audit trail is written first. Operation: WS_INS1..3."""


class CardSession(Protocol):
    """A CPx card at work: who holds it, and a fresh signed assertion for each call (insi.md 2.2)."""

    @property
    def name_id(self) -> str:
        """PS national id: NameID of the assertion and sender of the call."""
        ...

    async def assertion(self) -> bytes:
        """The signed assertion; raises typed errors when the card left or wants its PIN."""
        ...


class InsiClient:
    """Keep one for each certificate; all its calls go through `line`."""

    def __init__(
        self,
        http: HttpPort,
        settings: Insi,
        *,
        environment: str,
        sender: str,
        software: Software,
        installation: str,
        line: Line,
        clock: Clock,
        urgent: bool,
        card: CardSession | None = None,
    ) -> None:
        """`sender` is the OU of the certificate; with a `card`, its holder. `urgent`: a person waits."""
        raise NotImplementedError

    async def by_traits(self, question: Question, *, announce: Announce | None = None) -> Exchange:
        """WS_INS2. Returns for 00, 01 and 02; raises one of FromInsi (with `answer` and `message_id`) or ClockNotTrusted."""
        raise NotImplementedError

    async def by_card(self, reading: CardReading, *, announce: Announce | None = None) -> Exchange:
        """WS_INS1; as `by_traits`."""
        raise NotImplementedError

    async def verify(self, ins: Ins, question: Question, *, announce: Announce | None = None) -> Exchange:
        """WS_INS3, reconstructed [R]: FOUND means that the INS and the traits go together; raises VerificationOff by default."""
        raise NotImplementedError
