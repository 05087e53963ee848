"""The line to one operator: sessions kept open for a burst of mails, one mail at a time in each (stack.md section 10).

Never repeats a mail whose content has begun to leave. An idle session that turns out dead, or is dismissed, is replaced at once by a
fresh one; a fresh one that fails is an error for the queue.
"""

from __future__ import annotations

import asyncio
import ssl

from gateway.wire.smtp import Accepted, Endpoint, OnPhase, SmtpSession
from gateway.wire.smtp_errors import OperatorUnavailable, SmtpFault


class OperatorLine:
    """Sessions with one endpoint. Concurrent mails open sessions of their own: the caller bounds how many."""

    def __init__(self, endpoint: Endpoint, context: ssl.SSLContext, *, idle_seconds: float = 20.0, burst: int = 100) -> None:
        self._endpoint = endpoint
        self._context = context
        self._idle_seconds = idle_seconds
        self._burst = burst
        self._idle: dict[SmtpSession, asyncio.TimerHandle] = {}
        self._farewells: set[asyncio.Task[None]] = set()
        self._closed = False
        self.size_limit: int | None = None
        """SIZE as announced last; None before the first session, or without limit."""

    async def send(self, mail: bytes, *, sender: str, recipient: str, on_phase: OnPhase) -> Accepted:
        """Hand one mail over; raises the types of `smtp_errors`."""
        session = self._parked()
        if session is not None:
            try:
                return await self._carry(session, mail, sender, recipient, on_phase)
            except OperatorUnavailable:
                if session.content_begun:
                    raise
        return await self._carry(await self._open(), mail, sender, recipient, on_phase)

    async def close(self) -> None:
        """Take leave of every idle session."""
        self._closed = True
        for session, timer in list(self._idle.items()):
            timer.cancel()
            self._leave(session)
        await asyncio.gather(*self._farewells)

    async def _open(self) -> SmtpSession:
        session = await SmtpSession.open(self._endpoint, self._context)
        self.size_limit = session.size_limit
        return session

    async def _carry(self, session: SmtpSession, mail: bytes, sender: str, recipient: str, on_phase: OnPhase) -> Accepted:
        kept = False
        try:
            accepted = await session.send(mail, sender=sender, recipient=recipient, on_phase=on_phase)
            kept = True
            return accepted
        except SmtpFault:
            kept = session.alive and await session.reset()
            raise
        finally:
            if not kept:
                session.abort()
            elif self._closed or session.mails >= self._burst or not session.alive:
                self._leave(session)
            else:
                self._idle[session] = asyncio.get_running_loop().call_later(self._idle_seconds, self._leave, session)

    def _parked(self) -> SmtpSession | None:
        """The session used last, the dead ones dropped on the way."""
        while self._idle:
            session, timer = self._idle.popitem()
            timer.cancel()
            if session.alive:
                return session
            session.abort()
        return None

    def _leave(self, session: SmtpSession) -> None:
        self._idle.pop(session, None)
        farewell = asyncio.get_running_loop().create_task(session.quit(), name="smtp farewell")
        self._farewells.add(farewell)
        farewell.add_done_callback(self._farewells.discard)
