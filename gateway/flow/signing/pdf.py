"""Signatures in a PDF for callers: the file is inspected like any document received, then signed or read in a process, one at a time.

Source: cda_signing.md 4.2 (PAdES-Baseline-B), 1.5 (bounds of a PDF).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from gateway.cda.pdf.report import NotAPdf, PdfBomb, PdfEncrypted, PdfLimits, PdfRefused
from gateway.flow.allowance import TooMuchAtOnce
from gateway.flow.signing.refusals import NotSignable
from gateway.trust.packaging import Recipe
from gateway.trust.pades_messages import PdfUnfit, Unfit
from gateway.trust.pades_process import read_pdf, sign_pdf
from gateway.trust.pades_report import report_on_pdf
from gateway.trust.report import Report
from gateway.trust.signer import Signer

PATIENCE = 30.0
"""Seconds that a PDF waits for the one before it: the process takes some 55 MB beside its document [M]."""


class PdfSignatures:
    """Makes and judges the signatures of PDF files."""

    def __init__(self, anchors: bytes, crls: Callable[[], Sequence[bytes]] = tuple, limits: PdfLimits | None = None) -> None:
        self._anchors = anchors
        self._crls = crls
        self._limits = limits or PdfLimits()
        self._turn = asyncio.Lock()

    async def sign(self, data: bytes, signer: Signer, now: datetime, reasons: Sequence[str], recipe: Recipe) -> bytes:
        """The document with one more signature. Raises NotSignable, PdfUnfit, TooMuchAtOnce, KeyUnavailable."""
        async with self._place():
            await self._check(data)
            return await sign_pdf(data, signer, now, reasons, recipe)

    async def verify(self, data: bytes, at: datetime) -> Report:
        """The report of every rule at `at` (aware). Raises NotSignable, PdfUnfit, TooMuchAtOnce."""
        async with self._place():
            await self._check(data)
            found = await read_pdf(data)
        return await asyncio.to_thread(report_on_pdf, data, found, anchors=self._anchors, crls=self._crls(), at=at)

    async def _check(self, data: bytes) -> None:
        """Turn away what is no PDF, protected or oversized, before the library of signatures opens it."""
        try:
            await asyncio.to_thread(_inspect, data, self._limits)
        except NotAPdf:
            raise NotSignable("not a PDF", field="file") from None
        except PdfEncrypted:
            raise PdfUnfit(field="file", reason=Unfit.PROTECTED) from None
        except PdfBomb as refusal:
            raise PdfUnfit(refusal.technical, field="file", reason=Unfit.OVERSIZED) from None
        except PdfRefused as refusal:
            raise PdfUnfit(refusal.technical, field="file", reason=Unfit.DAMAGED) from None

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._turn.acquire()
        except TimeoutError:
            raise TooMuchAtOnce("pdf") from None
        try:
            yield
        finally:
            self._turn.release()


def _inspect(data: bytes, limits: PdfLimits) -> None:
    from gateway.cda.pdf.check import inspect_pdf

    inspect_pdf(data, limits)
