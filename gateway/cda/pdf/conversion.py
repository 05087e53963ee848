"""What a conversion to PDF/A-1b may use, what it reports, and how it fails.

PdfaConversionFailed     Held: the document stays, a person exports it otherwise
GhostscriptMissing       ConfigurationFault: a program of the box is not installed
ConversionInterrupted    TransientFault: the box had no room or no process left

Source: cda_signing.md 1.5, design section 4 step 6. Does no I/O.
"""

from __future__ import annotations

import msgspec

from gateway.cda.pdf.report import PdfLimits, PdfReport
from gateway.kernel.errors import ConfigurationFault, Held, TransientFault


class PdfaConversionFailed(Held):
    """The PDF could not be made a PDF/A-1b that shows the same; `reason` is a French clause, `technical` a stable word."""

    code = "pdfa-conversion-failed"
    title = "PDF à refaire"
    who = "le professionnel"
    what = "Ce PDF n'a pas pu être mis au format exigé par le DMP et la messagerie (PDF/A-1) : {reason}."
    gesture = "Dans le logiciel métier, exportez de nouveau le document en PDF/A-1, ou imprimez-le en PDF, puis renvoyez-le."


class GhostscriptMissing(ConfigurationFault):
    """The converter, or a program that confines it, is not installed."""

    code = "ghostscript-missing"
    title = "Convertisseur absent"
    what = "Le programme qui met les PDF au format exigé ({program}) n'est pas installé sur le boîtier."
    gesture = "Installez le paquet ghostscript ou remettez le boîtier à jour ; les documents repartiront tout seuls."


class ConversionInterrupted(TransientFault):
    """The conversion could not run to its end for a reason that is the box's, not the document's."""

    code = "pdfa-conversion-interrupted"
    title = "Conversion interrompue"
    what = "La mise au format du PDF a été interrompue, sans doute par manque de place."
    gesture = "Aucune action : Relais recommencera. Si cela dure, contactez votre installateur."


class ConversionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one conversion. `seconds` covers all of it; the others hold for each process it starts."""

    seconds: float = 60
    memory_bytes: int = 512_000_000
    output_bytes: int = 40_000_000
    niceness: int = 10
    ghostscript: str = "gs"
    """Name on PATH, or full path."""
    text_kept: float = 0.9
    """Least share of the letters and digits of the original found again on their page."""
    pages_looked_at: int = 40
    """Pages whose look is compared, spread over the document."""
    pdf: PdfLimits = PdfLimits()


class ConversionReport(msgspec.Struct, frozen=True, kw_only=True):
    """A conversion that succeeded: the original, the result, the share of text found again (1.0 without text), the time taken."""

    source: PdfReport
    result: PdfReport
    text_kept: float
    pages_as_images: tuple[int, ...]
    """Pages, from 1, whose text became part of an image because of transparency; their look was compared."""
    seconds: float
