"""A letter as several makers write it, and a program of ours in the place of the reader: what the tests of the text share."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pikepdf
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from gateway.cda.pdf.text import TextLimits
from tests.cda import pdf_samples as samples

LETTER = "Madame Élodie NOËL-LEFÈVRE\nnée le 12/03/1975"


def drawn(draw: Callable[[Canvas], object]) -> bytes:
    """One page drawn by reportlab."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4, invariant=1)
    draw(canvas)
    canvas.save()
    return target.getvalue()


def letter(canvas: Canvas, font: str) -> None:
    """Write LETTER from the top in this font."""
    canvas.setFont(font, 11)
    for row, line in enumerate(LETTER.splitlines()):
        canvas.drawString(60, 780 - 20 * row, line)


def by_reportlab() -> bytes:
    """In a standard font, not compressed."""
    return drawn(lambda canvas: letter(canvas, "Helvetica"))


def with_content(content: bytes, *, side: int = 842) -> bytes:
    """A square page that draws this content with its font F1."""

    def change(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].obj.MediaBox = pikepdf.Array([0, 0, side, side])
        pdf.pages[0].obj.Contents = pdf.make_stream(content)

    return samples.changed(change, compress_streams=True)


def fake(folder: Path, script: str, **limits: float) -> TextLimits:
    """Limits that name a program of ours in the place of pdftotext."""
    program = folder / "reader"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    return TextLimits(program=str(program), **limits)  # type: ignore[arg-type]
