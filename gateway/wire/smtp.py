"""One SMTP submission session (RFC 5321, 3207, 4954, 1870): STARTTLS always, mutual TLS, one recipient per mail, phases told in advance.

Never speaks of a mail in clear, never downgrades, never changes a byte of a mail but the transparency dots, never retries. Written on
asyncio because aiosmtplib names neither the phase nor the TLS alert of a cut, and scans the whole mail twice (mssante.md 7.2, stack.md 6).
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

import msgspec

from gateway.model.delivery import Phase
from gateway.wire.smtp_errors import (
    ClientRefused,
    MailRefused,
    OperatorFault,
    OperatorTlsRefused,
    OperatorUnavailable,
    SmtpOutcomeUnknown,
    StartTlsMissing,
    TooLargeForOperator,
)
from gateway.wire.smtp_reply import Accepted, ReplyGarbled, SmtpReply, acceptance, is_last, parse_reply
from gateway.wire.smtp_stream import SmtpStream, StreamEnded
from gateway.wire.smtp_verdict import Step, fault_of

__all__ = ["Accepted", "Endpoint", "OnPhase", "SmtpSession"]

OnPhase = Callable[[Phase], Awaitable[None]]
"""Awaited with Phase.ENVELOPE before MAIL and Phase.DATA before DATA; the step is taken when it returns."""

_REPLY_LINES: Final = 128
_FAREWELL_SECONDS: Final = 2.0
_MODERN: Final = frozenset({"TLSv1.2", "TLSv1.3"})
_ENVELOPE = re.compile(r"[!-;=?-~]{3,254}")
"""Printable ASCII without space, `<` and `>`."""
_T = TypeVar("_T")


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where and how to submit. `name` is the one the server's certificate must bear, `client_name` what EHLO says of us."""

    host: str
    port: int
    name: str
    client_name: str
    sasl_external: bool = False
    connect_seconds: float = 10.0
    answer_seconds: float = 60.0


class SmtpSession:
    """A session that is ready for mails. Made by `open`; one mail at a time."""

    def __init__(self, stream: SmtpStream, endpoint: Endpoint) -> None:
        self._stream = stream
        self._endpoint = endpoint
        self._extensions: dict[str, str] = {}
        self.mails = 0
        """Mails this session has seen, whatever became of them."""
        self.content_begun = False
        """True from the first byte of the content of the last mail on."""

    @classmethod
    async def open(cls, endpoint: Endpoint, context: ssl.SSLContext) -> SmtpSession:
        """Connect, secure, authenticate. Raises OperatorFault subclasses only."""
        if context.verify_mode is not ssl.CERT_REQUIRED or not context.check_hostname:
            raise OperatorTlsRefused("context without verification")
        try:
            async with asyncio.timeout(endpoint.connect_seconds):
                stream = await SmtpStream.connect(endpoint.host, endpoint.port)
        except (StreamEnded, TimeoutError) as problem:
            raise OperatorUnavailable(f"connect {_reason(problem)}") from None
        session = cls(stream, endpoint)
        try:
            await session._prepare(context)
        except BaseException:
            stream.abort()
            raise
        return session

    @property
    def alive(self) -> bool:
        """False once the connection has ended."""
        return self._stream.alive

    @property
    def size_limit(self) -> int | None:
        """Largest mail in bytes that the server announced (SIZE), None when it set no limit."""
        announced = self._extensions.get("SIZE", "")
        return int(announced) or None if announced.isascii() and announced.isdecimal() else None

    async def send(self, mail: bytes, *, sender: str, recipient: str, on_phase: OnPhase) -> Accepted:
        """Hand one mail over; raises the types of `smtp_errors`. `mail` is RFC 5322 bytes, CRLF everywhere."""
        self.mails += 1
        self.content_begun = False
        self._check(mail, sender, recipient)
        await on_phase(Phase.ENVELOPE)
        size = f" SIZE={len(mail)}" if "SIZE" in self._extensions else ""
        await self._expect(Step.MAIL, f"MAIL FROM:<{sender}>{size}", 2)
        await self._expect(Step.RCPT, f"RCPT TO:<{recipient}>", 2)
        await on_phase(Phase.DATA)
        await self._expect(Step.DATA, "DATA", 3)
        return await self._content(mail)

    async def reset(self) -> bool:
        """Forget the mail under way; False when the session is of no more use."""
        try:
            return (await self._ask(Step.RSET, "RSET")).code // 100 == 2
        except OperatorFault:
            return False

    async def quit(self) -> None:
        """Take leave politely, for two seconds at most; never fails."""
        try:
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await self._stream.write(b"QUIT\r\n", _FAREWELL_SECONDS)
                await self._stream.read_line()
        except (StreamEnded, TimeoutError):
            pass
        finally:
            self.abort()

    def abort(self) -> None:
        """End the connection at once."""
        self._stream.abort()

    async def _prepare(self, context: ssl.SSLContext) -> None:
        self._judge(Step.GREETING, await self._in_time(Step.GREETING, self._reply()), 2)
        await self._hello(Step.EHLO)
        if "STARTTLS" not in self._extensions:
            raise StartTlsMissing("not offered")
        await self._expect(Step.STARTTLS, "STARTTLS", 2)
        await self._secure(context)
        await self._hello(Step.SECURE_EHLO)
        if self._endpoint.sasl_external:
            await self._authenticate()

    async def _secure(self, context: ssl.SSLContext) -> None:
        try:
            async with asyncio.timeout(self._endpoint.answer_seconds):
                await self._stream.start_tls(context, self._endpoint.name)
        except StreamEnded as problem:
            raise OperatorTlsRefused(f"handshake {problem.reason}") from None
        except TimeoutError:
            raise OperatorUnavailable("handshake time-out") from None
        if self._stream.tls_version not in _MODERN:
            raise OperatorTlsRefused(f"handshake {self._stream.tls_version}")

    async def _hello(self, step: Step) -> None:
        reply = await self._expect(step, f"EHLO {self._endpoint.client_name}", 2)
        words = (line.partition(" ") for line in reply.text.split("\n")[1:])
        self._extensions = {name.upper(): value.strip() for name, _, value in words}

    async def _authenticate(self) -> None:
        """SASL EXTERNAL, no identity asked for: the certificate speaks (RFC 4422). Whether operators want this step is not known [K]."""
        if "EXTERNAL" not in self._extensions.get("AUTH", "").upper().split():
            raise ClientRefused("EXTERNAL not offered")
        reply = await self._ask(Step.AUTH, "AUTH EXTERNAL =")
        self._judge(Step.AUTH, await self._ask(Step.AUTH, "") if reply.code == 334 else reply, 2)

    def _check(self, mail: bytes, sender: str, recipient: str) -> None:
        if not (_ENVELOPE.fullmatch(sender) and _ENVELOPE.fullmatch(recipient)):
            raise MailRefused("envelope address")
        if not mail.count(b"\n") == mail.count(b"\r") == mail.count(b"\r\n"):
            raise MailRefused("bare line ending")
        limit = self.size_limit
        if limit is not None and len(mail) > limit:
            raise TooLargeForOperator("announced SIZE", limit_bytes=limit)

    async def _content(self, mail: bytes) -> Accepted:
        stuffed = mail.replace(b"\r\n.", b"\r\n..")
        opening, end = b"." if mail.startswith(b".") else b"", b".\r\n" if mail.endswith(b"\r\n") else b"\r\n.\r\n"
        try:
            self._stream.check_writable()
        except StreamEnded as problem:
            raise OperatorUnavailable(f"{Step.CONTENT} {problem.reason}") from None
        self.content_begun = True
        try:
            for part in (opening, stuffed, end):
                await self._stream.write(part, self._endpoint.answer_seconds)
            async with asyncio.timeout(self._endpoint.answer_seconds):
                reply = await self._reply()
        except (StreamEnded, TimeoutError, ReplyGarbled) as problem:
            self.abort()
            raise SmtpOutcomeUnknown(f"{Step.CONTENT} {_reason(problem)}") from None
        return acceptance(self._judge(Step.CONTENT, reply, 2))

    async def _expect(self, step: Step, command: str, wanted: int) -> SmtpReply:
        return self._judge(step, await self._ask(step, command), wanted)

    async def _ask(self, step: Step, command: str) -> SmtpReply:
        return await self._in_time(step, self._exchange(command))

    async def _exchange(self, command: str) -> SmtpReply:
        await self._stream.write(f"{command}\r\n".encode("ascii"), self._endpoint.answer_seconds)
        return await self._reply()

    async def _in_time(self, step: Step, work: Coroutine[Any, Any, _T]) -> _T:
        """Run one exchange before any content; raises OperatorTlsRefused for a death right after the handshake, OperatorUnavailable."""
        try:
            async with asyncio.timeout(self._endpoint.answer_seconds):
                return await work
        except StreamEnded as problem:
            self.abort()
            # under TLS 1.3 a server refuses our certificate after the handshake: we see an alert or the end
            kind = OperatorTlsRefused if step is Step.SECURE_EHLO else OperatorUnavailable
            raise kind(f"{step} {problem.reason}") from None
        except (TimeoutError, ReplyGarbled) as problem:
            self.abort()
            raise OperatorUnavailable(f"{step} {_reason(problem)}") from None

    async def _reply(self) -> SmtpReply:
        lines = [await self._stream.read_line()]
        while not is_last(lines[-1]):
            if len(lines) == _REPLY_LINES:
                raise ReplyGarbled
            lines.append(await self._stream.read_line())
        return parse_reply(lines)

    def _judge(self, step: Step, reply: SmtpReply, wanted: int) -> SmtpReply:
        if reply.code // 100 == wanted:
            return reply
        fault = fault_of(step, reply, self.size_limit)
        if isinstance(fault, OperatorUnavailable | SmtpOutcomeUnknown):
            self.abort()
        raise fault


def _reason(problem: Exception) -> str:
    return problem.reason if isinstance(problem, StreamEnded) else type(problem).__name__
