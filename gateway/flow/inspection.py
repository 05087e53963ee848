"""What a received file is, told before anything is kept: PDF rules in a thread, schema of a ready CDA when the conformity pack is there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.cda.conformity import Conformity
from gateway.cda.errors import CdaInvalid
from gateway.cda.finding import Finding
from gateway.cda.pdf.report import NotAPdf, PdfLimits, PdfReport
from gateway.flow.upload import Upload
from gateway.kernel.errors import Refused


class Inspection:
    """Checks of the file part at the door."""

    def __init__(self, conformity: Conformity | None, limits: PdfLimits | None = None) -> None:
        self._conformity = conformity
        self._limits = limits or PdfLimits()

    async def pdf(self, upload: Upload) -> bool:
        """True when the PDF already is PDF/A-1b; raises NotAPdf, PdfEncrypted, PdfBomb, PdfDamaged."""
        if upload.size == 0:
            raise NotAPdf(field="file")
        with about_the_file():
            report = await asyncio.to_thread(_inspected, Path(upload.path), self._limits)
        return report.is_pdfa1b

    async def schema(self, data: bytes) -> None:
        """Raises CdaInvalid with the first finding when the official schemas are installed and refuse this CDA."""
        if self._conformity is None:
            return
        refuse_first(await asyncio.to_thread(self._conformity.validate, data))


@contextmanager
def about_the_file() -> Iterator[None]:
    """A refusal raised inside names the file part, unless it says where in the file."""
    try:
        yield
    except Refused as refusal:
        refusal.field = refusal.field or "file"
        raise


def _inspected(path: Path, limits: PdfLimits) -> PdfReport:
    from gateway.cda.pdf.check import inspect_pdf

    return inspect_pdf(path, limits)


def refuse_first(findings: list[Finding]) -> None:
    """Raises CdaInvalid for the first finding; none, nothing."""
    if findings:
        first = findings[0]
        raise CdaInvalid(first.path, first.rule, first.what)
