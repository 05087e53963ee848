"""A mail operator for tests: aiosmtpd under STARTTLS with a client certificate demanded, told what to answer badly and when."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from typing_extensions import override

from gateway.wire.smtp import Endpoint
from tests.wire.tls_peer import server_context

CUT = "cut"
"""Close the connection instead of answering."""
CUT_STORED = "cut stored"
"""Store the mail, then close the connection instead of answering."""


@dataclass(frozen=True)
class Mail:
    """A mail the operator stored."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


@dataclass
class Operator:
    """What a running operator knows, and what it was told to do. Steps: greeting, EHLO, secure EHLO, MAIL, RCPT, DATA, content."""

    port: int = 0
    context: ssl.SSLContext = field(default_factory=server_context)
    size: int | None = 10_000_000
    starttls: bool = True
    external: bool = False
    mails: list[Mail] = field(default_factory=list)
    faults: dict[str, deque[str]] = field(default_factory=dict)
    sessions: list[Conversation] = field(default_factory=list)

    @property
    def connections(self) -> int:
        return len(self.sessions)

    def plan(self, step: str, *answers: str) -> None:
        """The next answers at a step; the right answer again after them."""
        self.faults.setdefault(step, deque()).extend(answers)

    def accident(self, step: str) -> str | None:
        planned = self.faults.get(step)
        return planned.popleft() if planned else None

    def endpoint(self, **changes: Any) -> Endpoint:
        settings: dict[str, Any] = {"host": "127.0.0.1", "port": self.port, "name": "localhost", "client_name": "relais.tilleuls.test"}
        return Endpoint(**(settings | changes))

    def hang_up(self) -> None:
        """Close every connection, as an operator does with idle ones."""
        for session in self.sessions:
            if session.transport is not None:
                session.transport.close()


class Hooks:
    """aiosmtpd's handler."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: Conversation, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        planned = self._operator.accident("secure EHLO" if server.session and server.session.ssl else "EHLO")
        if planned is not None:
            await server.misbehave(planned)
        hidden = "" if self._operator.starttls else "250-STARTTLS"
        return [line for line in responses if line != hidden]

    async def handle_MAIL(  # noqa: N802
        self, server: Conversation, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = await server.answer("MAIL", "250 2.1.0 OK")
        if answer.startswith("250"):
            envelope.mail_from, envelope.mail_options = address, options
        return answer

    async def handle_RCPT(  # noqa: N802
        self, server: Conversation, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = await server.answer("RCPT", "250 2.1.5 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Conversation, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        planned = self._operator.accident("content")
        if planned in (None, CUT_STORED):
            content = envelope.original_content or b""
            self._operator.mails.append(Mail(envelope.mail_from or "", tuple(envelope.rcpt_tos), content))
        if planned is not None:
            return await server.misbehave(CUT if planned == CUT_STORED else planned)
        return f"250 2.0.0 Ok: queued as 4XQ{len(self._operator.mails):05d}"

    async def auth_EXTERNAL(self, _server: Conversation, args: list[str]) -> AuthResult:  # noqa: N802
        return AuthResult(success=args[1:] == ["="], handled=False)


class Conversation(SMTP):
    """aiosmtpd's protocol of one connection."""

    def __init__(self, operator: Operator) -> None:
        super().__init__(
            Hooks(operator),
            data_size_limit=operator.size,
            hostname="operateur.test",
            auth_required=operator.external,
            auth_exclude_mechanism=("LOGIN", "PLAIN", *(() if operator.external else ("EXTERNAL",))),
            loop=asyncio.get_running_loop(),
        )
        # afterwards: the constructor warns about contexts that demand a certificate
        self.tls_context = operator.context if operator.starttls else None
        self.require_starttls = True
        self._operator = operator
        self._greeted = False
        operator.sessions.append(self)

    async def answer(self, step: str, good: str) -> str:
        planned = self._operator.accident(step)
        return good if planned is None else await self.misbehave(planned)

    async def misbehave(self, planned: str) -> str:
        """Give the planned answer; cut or hang up where it says so, which ends this conversation."""
        if planned.startswith("421") and self.transport is not None:
            await self.push(planned)
            self.transport.close()
        elif planned == CUT:
            self.abort()
        else:
            return planned
        await asyncio.sleep(3600)
        return planned

    @override
    async def push(self, status: Any) -> None:
        if not self._greeted:
            self._greeted = True
            status = await self.answer("greeting", status)
        await super().push(status)

    @override
    async def smtp_DATA(self, arg: str) -> None:
        planned = self._operator.accident("DATA")
        if planned is not None:
            await self.push(await self.misbehave(planned))
            return
        await super().smtp_DATA(arg)

    def abort(self) -> None:
        """End the connection with a reset, if it is still there."""
        if self.transport is not None:
            cast(asyncio.Transport, self.transport).abort()


@asynccontextmanager
async def operating(operator: Operator | None = None) -> AsyncIterator[Operator]:
    """A listening operator; every conversation has ended when it leaves."""
    operator = operator or Operator()
    server = await asyncio.get_running_loop().create_server(lambda: Conversation(operator), "127.0.0.1", 0)
    operator.port = server.sockets[0].getsockname()[1]
    try:
        yield operator
    finally:
        server.close()
        tasks = [session._handler_coroutine for session in operator.sessions if session._handler_coroutine is not None]
        for session, task in zip(operator.sessions, tasks, strict=True):
            session.abort()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[Endpoint]:
    """A server that does with each connection what `talk` says, in clear unless it does otherwise."""
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await talk(reader, writer)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Endpoint(host="127.0.0.1", port=port, name="localhost", client_name="relais.tilleuls.test", answer_seconds=2.0)
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
