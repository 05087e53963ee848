"""The submission port: accepted connections become SMTP conversations, unless an accident takes them first.

Never reads a command. Source: mssante.md 8 (cases 1 to 7, 12).
"""

from __future__ import annotations

import asyncio
import socket

from gateway.sandbox.listener import Listener, reset
from gateway.sandbox.mss.operator import MssOperator
from gateway.sandbox.mss.session import SubmissionSession
from gateway.sandbox.tls import TLS_FAULTS, ServerTls


class SubmissionServer:
    """One port of one operator."""

    def __init__(self, operator: MssOperator, tls: ServerTls) -> None:
        self._operator = operator
        self._tls = tls
        self.listener = Listener(self._serve)

    async def _serve(self, connection: socket.socket) -> None:
        if self._operator.accident("refuse_connection"):
            reset(connection)
            return
        loop = asyncio.get_running_loop()
        if self._operator.accident("421_greeting", "unavailable", phase="greeting"):
            await loop.sock_sendall(connection, b"421 4.3.2 Service indisponible\r\n")
            connection.close()
            return
        withheld = self._operator.accident("no_starttls") is not None
        fault = self._operator.accident(*TLS_FAULTS)
        context = self._tls.context(fault.name if fault else None)
        transport, session = await loop.connect_accepted_socket(
            lambda: SubmissionSession(self._operator, context, starttls_withheld=withheld), connection
        )
        try:
            await session.finished()
        except asyncio.CancelledError:
            transport.abort()
            raise
        finally:
            transport.close()
