"""INSi as one structure calls it: one question, one new MessageID, one answer (insi.md 1, 2, 3).

Never retries, never chooses what to ask (`search` does), never stores. Whoever keeps the audit trail is told of a call before it leaves.
A box whose clock is not trusted asks nothing: the contexts bear the instant of the call. Source: insi.md 1.1 to 1.7, 2.1, 2.3.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from gateway.ins.answer import Answer, Exchange
from gateway.ins.assertion import PsAssertion
from gateway.ins.card import coverage
from gateway.ins.contexts import Coverage
from gateway.ins.criteria import CardReading, Question, Software
from gateway.ins.envelope import content_type, envelope, new_message_id
from gateway.ins.error_table import error_of_status
from gateway.ins.errors import (
    FromInsi,
    InsiAddressRefused,
    InsiAnswerLost,
    InsiNotConfigured,
    InsiTlsRefused,
    InsiUnreachable,
    InsiUnreadable,
    VerificationOff,
)
from gateway.ins.line import Line
from gateway.ins.reading import read_answer
from gateway.ins.requests import Operation, card_body, traits_body, verification_body
from gateway.kernel.clock import Clock, ClockNotTrusted
from gateway.kernel.config import Insi
from gateway.kernel.errors import ConfigurationFault
from gateway.model.patient import Ins
from gateway.wire.http import AnswerLost, HttpPort, HttpRequest, HttpResponse, PeerUnreachable, TlsRefused

Announce: TypeAlias = Callable[[str, str, bytes], Awaitable[None]]
"""`announce(operation, message_id, sent)`, awaited before the request leaves: the audit trail is written first. Operation: WS_INS1..3."""


Assertions: TypeAlias = Callable[[], Awaitable[PsAssertion]]
"""What a CPx card signs for a call about to be made, for instance a `CardSession.assertion` with its arguments bound (insi.md 2.2)."""


class InsiClient:
    """Keep one for each certificate and software; all its calls go through `line`."""

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
        card: Assertions | None = None,
    ) -> None:
        """`sender` is the OU of the certificate; with a `card`, its holder takes that place. `urgent`: a person waits."""
        self._http = http
        self._settings = settings
        self._environment = environment
        self._sender = sender
        self._software = software
        self._installation = installation
        self._line = line
        self._clock = clock
        self._urgent = urgent
        self._card = card

    @property
    def line(self) -> Line:
        """The way its calls take; tells whether the service is being left alone."""
        return self._line

    async def by_traits(self, question: Question, *, announce: Announce | None = None) -> Exchange:
        """WS_INS2. Returns for 00, 01 and 02; raises one of FromInsi (with `answer` and `message_id`) or ClockNotTrusted."""
        return await self._call(Operation.TRAITS, traits_body(question), None, announce)

    async def by_card(self, reading: CardReading, *, announce: Announce | None = None) -> Exchange:
        """WS_INS1; as `by_traits`, and CardDataInvalid or NameNotSendable before any call."""
        return await self._call(Operation.CARD, card_body(reading), coverage(reading), announce)

    async def verify(self, ins: Ins, question: Question, *, announce: Announce | None = None) -> Exchange:
        """WS_INS3, reconstructed [R]: FOUND means that the INS and the traits go together; raises VerificationOff by default."""
        if not self._settings.verification:
            raise VerificationOff
        return await self._call(Operation.VERIFICATION, verification_body(ins, question), None, announce)

    async def _call(self, operation: Operation, body: bytes, covered: Coverage | None, announce: Announce | None) -> Exchange:
        url = self._settings.url if self._card is None else self._settings.card_url
        if url is None:
            raise InsiNotConfigured(missing="son adresse" if self._card is None else "l'adresse des appels par carte")
        return await self._line.run(lambda: self._exchange(url, operation, body, covered, announce), urgent=self._urgent)

    async def _exchange(self, url: str, operation: Operation, body: bytes, covered: Coverage | None, announce: Announce | None) -> Exchange:
        if not self._clock.trusted():
            raise ClockNotTrusted("the clock says so")
        signed = None if self._card is None else await self._card()
        message_id = new_message_id()
        sent = envelope(
            operation.action,
            message_id=message_id,
            moment=self._clock.now(),
            sender=self._sender if signed is None else signed.name_id,
            software=self._software,
            installation=self._installation,
            body=body,
            coverage=covered,
            assertion=None if signed is None else signed.xml,
            name_prefix=self._settings.software_name_prefix,
        )
        if announce is not None:
            await announce(operation, message_id, sent)
        headers = (("content-type", content_type(operation.action)),)
        try:
            response = await self._send(HttpRequest(method="POST", url=url, headers=headers, body=sent))
            answer = self._read(response, operation)
        except FromInsi as problem:
            problem.message_id = message_id
            raise
        return Exchange(operation=operation, message_id=message_id, sent=sent, received=response.body, answer=answer)

    async def _send(self, request: HttpRequest) -> HttpResponse:
        try:
            return await self._http.send(request)
        except PeerUnreachable as problem:
            raise InsiUnreachable(problem.technical) from problem
        except AnswerLost as problem:
            raise InsiAnswerLost(problem.technical) from problem
        except TlsRefused as problem:
            raise InsiTlsRefused(problem.technical) from problem
        except ConfigurationFault as problem:
            raise InsiAddressRefused(problem.code) from problem

    def _read(self, response: HttpResponse, operation: Operation) -> Answer:
        try:
            answer = read_answer(
                response.body,
                response.headers.get("content-type", ""),
                environment=self._environment,
                platform=self._settings.platform,
                software=self._software.name,
                verification=operation is Operation.VERIFICATION,
            )
            if response.status >= 300:
                raise InsiUnreadable("status and envelope disagree")
        except FromInsi as problem:
            error = error_of_status(response.status, problem.technical) if isinstance(problem, InsiUnreadable) else problem
            error.answer = response.body
            raise error from None
        return answer
