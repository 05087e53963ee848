"""A simulated HTTP service as the network sees it: faults, then the judge, then the evidence, then the commit, then the answer.

Never judges itself. The order is the contract (contract.md 2): what was received is on disk before the commit, the commit is done before
the answer, and each fault falls between two of these steps.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import Final

from gateway.sandbox.capture import CaptureFolder, Received, certificate_text
from gateway.sandbox.exchange import Answer, Judge, Request, Verdict
from gateway.sandbox.faults import REQUEST_FAULTS, Armed, FaultBoard
from gateway.sandbox.http_message import Head
from gateway.sandbox.http_server import Reply
from gateway.sandbox.lane import Lane
from gateway.sandbox.tls import TLS_FAULTS, ServerTls

_LOG = logging.getLogger(__name__)
_UNAVAILABLE: Final = Answer(503, "text/plain; charset=utf-8", b"Service Unavailable")
_CRASHED: Final = Answer(500, "text/plain; charset=utf-8", b"Internal Server Error")
_GARBAGE: Final = Answer(200, "text/html", b"<html><body>\x00\xffmaintenance en cours <<<</html")


class JudgedService:
    """Handler of one simulated service."""

    def __init__(
        self,
        name: str,
        judge: Judge,
        *,
        capture: CaptureFolder,
        faults: FaultBoard,
        tls: ServerTls,
        lane: Lane,
        now: Callable[[], datetime],
    ) -> None:
        self._name = name
        self._judge = judge
        self._capture = capture
        self._faults = faults
        self._tls = tls
        self._lane = lane
        self._now = now

    def refuses_connection(self) -> bool:
        """See http_server.Handler."""
        return self._faults.take(self._name, ("refuse_connection",)) is not None

    def tls_context(self) -> ssl.SSLContext:
        """See http_server.Handler."""
        fault = self._faults.take(self._name, TLS_FAULTS)
        return self._tls.context(fault.name if fault else None)

    def cuts_request(self, head: Head) -> bool:
        """See http_server.Handler."""
        waiting = self._faults.peek(self._name, ("reset_mid_body",), head.target)
        if waiting is None or waiting.hits_answer:
            return False
        return self._faults.take(self._name, ("reset_mid_body",), head.target) is not None

    async def broken(self, raw: bytes, status: int | None) -> None:
        """See http_server.Handler."""
        fault = "reset_mid_body" if status is None else None
        note = Received(time=self._now(), status=status, failed_rules=("http.message",) if status else (), fault=fault, complete=False)
        await self._lane.run(self._capture.keep, raw, note)

    async def handle(self, request: Request) -> Reply:
        """See http_server.Handler."""
        fault = self._faults.take(self._name, REQUEST_FAULTS, request.path)
        answer = await self._lane.run(self._judged, request, fault)
        if fault is None:
            return Reply(answer)
        if fault.name == "slow":
            await asyncio.sleep(fault.seconds)
        died = fault.name in ("lost_answer", "cut_before_commit")
        return Reply(None if died else answer, cut_in_half=fault.name == "reset_mid_body")

    def _judged(self, request: Request, fault: Armed | None) -> Answer:
        """Runs in the lane: judge, keep the evidence, commit."""
        name = fault.name if fault else None
        if name == "unavailable":
            verdict = Verdict(_UNAVAILABLE)
        elif name == "cut_before_commit" or (fault and name == "garbage" and not fault.commits):
            verdict = Verdict(_GARBAGE)
        else:
            verdict = self._verdict(request)
        answer = _GARBAGE if name == "garbage" else verdict.answer
        note = Received(
            time=request.received_at,
            client_certificate=certificate_text(request.client_certificate),
            status=None if name in ("lost_answer", "cut_before_commit") else answer.status,
            failed_rules=verdict.failed_rules,
            fault=name,
        )
        self._capture.keep(request.raw, note)
        try:
            verdict.commit()
        except Exception:  # noqa: BLE001 - a broken service answers 500, as broken services do
            _LOG.exception("commit of %s failed", self._name)
            return _CRASHED
        return answer

    def _verdict(self, request: Request) -> Verdict:
        try:
            return self._judge.judge(request)
        except Exception:  # noqa: BLE001 - see above
            _LOG.exception("judge of %s failed", self._name)
            return Verdict(_CRASHED, ("sandbox.judge-crashed",))
