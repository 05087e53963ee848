"""Conversion of any readable PDF to PDF/A-1b by Ghostscript, in confined processes, never trusted: the result is inspected and compared.

Works in a folder of its own (0700) made beside the target, removed whatever happens, with file names that say nothing. Never changes the
original. Source: cda_signing.md 1.5; design section 4, step 6.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from pathlib import Path

import msgspec

from gateway.cda.pdf.check import inspect_pdf
from gateway.cda.pdf.conversion import (
    ConversionInterrupted,
    ConversionLimits,
    ConversionReport,
    GhostscriptMissing,
    PdfaConversionFailed,
)
from gateway.cda.pdf.finish import finish
from gateway.cda.pdf.ghostscript import run_ghostscript, run_module
from gateway.cda.pdf.likeness import compare_text, same_look, sampled_pages
from gateway.cda.pdf.report import Flaw, PdfRefused, PdfReport
from gateway.cda.pdf.srgb import srgb_profile

__all__ = [
    "ConversionInterrupted",
    "ConversionLimits",
    "ConversionReport",
    "GhostscriptMissing",
    "PdfaConversionFailed",
    "convert_to_pdfa1b",
]

_OPAQUE = "opaque.pdf"
_SOURCE, _CONVERTED, _RESULT, _PROFILE, _PREFIX = "source.pdf", "converted.pdf", "result.pdf", "srgb.icc", "prefix.ps"
_LOOK_DOTS_PER_INCH, _FINER = 60, 4
"""Pages are drawn finer and averaged, or a picture of a page would never look like the page."""
_FLATTENING_DOTS_PER_INCH = 300
"""Of the image that a page with transparency becomes; letters and lines stay what they are."""

_OUTPUT_INTENT = f"""%!
<< /AutoFilterColorImages true /AutoFilterGrayImages true
   /ColorACSImageDict << /QFactor 0.15 /Blend 1 /ColorTransform 1 /HSamples [1 1 1 1] /VSamples [1 1 1 1] >>
   /GrayACSImageDict << /QFactor 0.15 /Blend 1 /HSamples [1 1 1 1] /VSamples [1 1 1 1] >>
   /DownsampleColorImages false /DownsampleGrayImages false /DownsampleMonoImages false
>> setdistillerparams
[/_objdef {{relais_icc}} /type /stream /OBJ pdfmark
[{{relais_icc}} << /N 3 >> /PUT pdfmark
[{{relais_icc}} ({_PROFILE}) (r) file /PUT pdfmark
[/_objdef {{relais_intent}} /type /dict /OBJ pdfmark
[{{relais_intent}} << /Type /OutputIntent /S /GTS_PDFA1 /DestOutputProfile {{relais_icc}}
   /OutputConditionIdentifier (sRGB IEC61966-2.1) /Info (sRGB IEC61966-2.1) >> /PUT pdfmark
[{{Catalog}} << /OutputIntents [ {{relais_intent}} ] >> /PUT pdfmark
"""


async def convert_to_pdfa1b(source: Path, target: Path, *, limits: ConversionLimits | None = None) -> ConversionReport:
    """Writes `target`, a PDF/A-1b showing what `source` shows; `target.parent` is the caller's private folder, used for the work too.

    Raises PdfaConversionFailed (held), GhostscriptMissing, ConversionInterrupted, and what `inspect_pdf` raises about the source.
    Cancellation kills the processes; nothing but a complete target is ever left.
    """
    bounds = limits or ConversionLimits()
    started = time.monotonic()
    original = await asyncio.to_thread(inspect_pdf, source, bounds.pdf)
    try:
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="pdfa-", dir=target.parent))
    except OSError as error:
        raise _interrupted(error) from None
    try:
        await asyncio.to_thread(_furnish, folder, source, original.leading_bytes)
        work = _Work(folder=folder, limits=bounds, deadline=started + bounds.seconds)
        result, kept, images = await _converted(work, original)
        await asyncio.to_thread((folder / _RESULT).replace, target)
    except OSError as error:
        raise _interrupted(error) from None
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))
    return ConversionReport(source=original, result=result, text_kept=kept, pages_as_images=images, seconds=time.monotonic() - started)


_Outcome = tuple[PdfReport, float, tuple[int, ...]]
"""Report on the result, share of text kept, pages that became images."""


class _Work(msgspec.Struct, frozen=True, kw_only=True):
    """One conversion under way: its folder, its bounds, the monotonic instant at which it must be over."""

    folder: Path
    limits: ConversionLimits
    deadline: float

    async def ghostscript(self, *arguments: str) -> None:
        """Runs Ghostscript in the folder for what is left of the time."""
        await run_ghostscript(self.folder, arguments, self.limits, seconds=self.deadline - time.monotonic())


def _interrupted(error: OSError) -> ConversionInterrupted:
    return ConversionInterrupted(technical=f"errno {error.errno}")


def _furnish(folder: Path, source: Path, leading: int) -> None:
    """The source from its `%PDF-` on: Ghostscript would run what comes before as PostScript, and convert another document."""
    with source.open("rb") as document, (folder / _SOURCE).open("xb") as copy:
        document.seek(leading)
        shutil.copyfileobj(document, copy)
    (folder / _PROFILE).write_bytes(srgb_profile())
    (folder / _PREFIX).write_text(_OUTPUT_INTENT, encoding="ascii")


async def _converted(work: _Work, original: PdfReport) -> _Outcome:
    """With transparent images made opaque first when there are any; should that change the look, with the original as it is."""
    every_page_is_looked_at = original.pages <= work.limits.pages_looked_at
    if original.has(Flaw.TRANSPARENCY) and every_page_is_looked_at and await _made_opaque(work):
        try:
            return await _attempt(work, original, _OPAQUE)
        except PdfaConversionFailed:
            await asyncio.to_thread(_sweep, work.folder)
    return await _attempt(work, original, _SOURCE)


async def _made_opaque(work: _Work) -> bool:
    try:
        await run_module(work.folder, "gateway.cda.pdf.opaque", (_SOURCE, _OPAQUE), work.limits, seconds=work.deadline - time.monotonic())
    except PdfaConversionFailed:
        return False
    return await asyncio.to_thread((work.folder / _OPAQUE).exists)


async def _attempt(work: _Work, original: PdfReport, source: str) -> _Outcome:
    await _convert(work, source)
    await asyncio.to_thread(finish, work.folder / _CONVERTED, work.folder / _RESULT)
    result = await _inspected(work.folder / _RESULT, original, work.limits)
    kept, images = await _compared(work, original.pages)
    return result, kept, images


def _sweep(folder: Path) -> None:
    for path in folder.glob(f"{_RESULT}*"):
        path.unlink()
    (folder / _CONVERTED).unlink(missing_ok=True)


async def _convert(work: _Work, source: str) -> None:
    await work.ghostscript(
        "-sDEVICE=pdfwrite",
        "-dPDFA=1",
        "-dPDFACompatibilityPolicy=1",
        "-sColorConversionStrategy=RGB",
        "-dEmbedAllFonts=true",
        "-dSubsetFonts=true",
        "-dAutoRotatePages=/None",
        f"--permit-file-read={_PROFILE}",
        f"-r{_FLATTENING_DOTS_PER_INCH}",
        f"-sOutputFile={_CONVERTED}",
        _PREFIX,
        source,
    )


async def _inspected(result: Path, original: PdfReport, limits: ConversionLimits) -> PdfReport:
    """The result, if it is a PDF/A-1b with the pages of the original."""
    try:
        report = await asyncio.to_thread(inspect_pdf, result, limits.pdf)
    except (PdfRefused, FileNotFoundError) as error:
        raise PdfaConversionFailed(technical=f"result: {type(error).__name__}", reason="le résultat est illisible") from None
    if not report.is_pdfa1b:
        raise PdfaConversionFailed(technical=_listed(report.flaws), reason="le résultat n'est pas un PDF/A-1")
    if report.pages != original.pages:
        raise PdfaConversionFailed(technical="page count", reason="des pages seraient perdues")
    return report


def _listed(flaws: tuple[Flaw, ...]) -> str:
    return "result: " + ", ".join(flaws)


async def _compared(work: _Work, pages: int) -> tuple[float, tuple[int, ...]]:
    """Share of text kept and pages that became images; raises PdfaConversionFailed when something visible was lost."""
    for name in (_SOURCE, _RESULT):
        await work.ghostscript("-sDEVICE=txtwrite", "-dTextFormat=3", f"-sOutputFile={name}.txt", name)
    before, after = await asyncio.to_thread(lambda: [_read_text(work.folder / f"{name}.txt") for name in (_SOURCE, _RESULT)])
    likeness = compare_text(before, after, threshold=work.limits.text_kept)
    if likeness.changed or len(likeness.emptied) > work.limits.pages_looked_at:
        raise PdfaConversionFailed(technical="text", reason="le texte ne serait plus le même")
    looked_at = sampled_pages(pages, work.limits.pages_looked_at, likeness.emptied)
    for name in (_SOURCE, _RESULT):
        await work.ghostscript(
            "-sDEVICE=pnggray",
            f"-r{_LOOK_DOTS_PER_INCH * _FINER}",
            f"-dDownScaleFactor={_FINER}",
            f"-sPageList={','.join(map(str, looked_at))}",
            f"-sOutputFile={name}-%d.png",
            name,
        )
    if not await asyncio.to_thread(_all_alike, work.folder, len(looked_at)):
        raise PdfaConversionFailed(technical="look", reason="l'aspect des pages changerait")
    return likeness.kept, likeness.emptied


def _read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _all_alike(folder: Path, count: int) -> bool:
    return all(same_look(folder / f"{_SOURCE}-{n}.png", folder / f"{_RESULT}-{n}.png") for n in range(1, count + 1))
