"""The door of a PDF: is it one, is it safe, is it already a PDF/A-1b.

Most files are inspected in this process in a few milliseconds; those that would make qpdf inflate or repair something go to a process of
their own with bounded memory and time (`confined`). Never refuses what a conversion can mend: JavaScript, embedded files, missing
fonts are only reported. Source: cda_signing.md 1.5.
"""

from __future__ import annotations

import io
import mmap
from pathlib import Path

from gateway.cda.pdf.confined import inspect_confined
from gateway.cda.pdf.open import examine
from gateway.cda.pdf.report import Flaw, NotAPdf, PdfBomb, PdfDamaged, PdfEncrypted, PdfLimits, PdfRefused, PdfReport
from gateway.cda.pdf.streams import NeedsConfinement

__all__ = ["Flaw", "NotAPdf", "PdfBomb", "PdfDamaged", "PdfEncrypted", "PdfLimits", "PdfRefused", "PdfReport", "inspect_pdf"]


def inspect_pdf(source: Path | bytes, limits: PdfLimits | None = None) -> PdfReport:
    """What a PDF is made of; blocks for the time of the inspection (`limits.seconds` at worst), so call it from a thread in async code.

    Raises NotAPdf (415), PdfEncrypted, PdfBomb, PdfDamaged (422); OSError when the path cannot be read.
    """
    bounds = limits or PdfLimits()
    if isinstance(source, bytes):
        try:
            return examine(source, io.BytesIO(source), bounds, confined=False)
        except NeedsConfinement:
            return inspect_confined(source, bounds)
    with source.open("rb") as file:
        if source.stat().st_size == 0:
            raise NotAPdf
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return examine(data, file, bounds, confined=False)
            except NeedsConfinement:
                file.seek(0)
                return inspect_confined(file, bounds)
