"""The conversion and files made to exhaust it: just under a bound they are converted, just above Ghostscript never sees them."""

from __future__ import annotations

import io
import re
import zlib
from pathlib import Path

import pikepdf
import pytest

from gateway.cda.pdf.check import PdfBomb, PdfDamaged, PdfLimits, inspect_pdf
from gateway.cda.pdf.pdfa import ConversionLimits, PdfaConversionFailed, convert_to_pdfa1b
from tests.cda import pdf_samples as samples
from tests.cda.pdf.letters import fake
from tests.cda.pdf_judges import text_of
from tests.tools import need_tool

SHOWN = b"BT /F1 12 Tf 60 700 Td (Madame Sophie MARTIN, 12 mars 1975) Tj ET\n"
TEXT = "Madame Sophie MARTIN, 12 mars 1975"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The caller's private folder."""
    need_tool("gs")
    private = tmp_path / "work"
    private.mkdir(mode=0o700)
    return private


def inflating(*sizes: int) -> bytes:
    """A page that shows one line; its content inflates to the first size exactly, further streams to the other sizes."""

    def change(pdf: pikepdf.Pdf) -> None:
        for rank, size in enumerate(sizes):
            stream = pdf.make_stream(b"")
            stream.write(zlib.compress(SHOWN.ljust(size), 9), filter=pikepdf.Name.FlateDecode)
            pdf.pages[0].obj["/Contents" if rank == 0 else f"/Extra{rank}"] = stream

    return samples.changed(change, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)


def lying(document: bytes, length: bytes) -> bytes:
    """The length of the longest stream replaced, the table of what follows made right again by nobody."""
    told = max(re.findall(rb"/Length (\d+)", document), key=int)
    return document.replace(b"/Length " + told, b"/Length " + length, 1)


def watched(folder: Path, limits: PdfLimits) -> tuple[ConversionLimits, Path]:
    """Limits, and a file that is there once Ghostscript was started."""
    seen = folder.parent / "started"
    return ConversionLimits(pdf=limits, ghostscript=fake(folder.parent, f'touch {seen}; exec {need_tool("gs")} "$@"').program), seen


def left(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()]


async def converted(folder: Path, document: bytes, limits: ConversionLimits) -> str:
    """The text of the result as poppler reads it."""
    source, target = folder / "in.pdf", folder / "out.pdf"
    source.write_bytes(document)
    await convert_to_pdfa1b(source, target, limits=limits)
    return " ".join(text_of(target).split())


@pytest.mark.parametrize("sizes", [(3_000_000,), (1_000_000, 2_000_000)], ids=["one-stream", "together"])
async def test_at_the_bound_it_is_converted_and_one_byte_above_nothing_is_started(folder: Path, sizes: tuple[int, ...]) -> None:
    document = inflating(*sizes)
    with pikepdf.open(io.BytesIO(document)) as pdf:
        streams = [len(one.read_bytes()) for one in pdf.objects if isinstance(one, pikepdf.Stream)]
    assert sum(streams) >= sum(sizes)
    at, seen = watched(folder, PdfLimits(stream_bytes=max(streams), total_bytes=sum(streams)))
    assert TEXT in await converted(folder, document, at)
    assert seen.exists()
    seen.unlink()
    (folder / "out.pdf").unlink()
    for above in (PdfLimits(stream_bytes=max(streams) - 1), PdfLimits(total_bytes=sum(streams) - 1)):
        limits, seen = watched(folder, above)
        with pytest.raises(PdfBomb):
            await converted(folder, document, limits)
        assert not seen.exists()
        assert left(folder) == ["in.pdf"]


@pytest.mark.parametrize("length", [b"0", b"1", b"40", b"999999", b"-5", b"(a)", b"7 0 R", b"/Name", b"[1]"])
async def test_a_lying_length_never_hides_what_inflates(folder: Path, length: bytes) -> None:
    document = lying(inflating(3_000_000), length)
    limits, seen = watched(folder, PdfLimits(stream_bytes=2_000_000, total_bytes=10_000_000))
    with pytest.raises((PdfBomb, PdfDamaged)):
        await converted(folder, document, limits)
    assert not seen.exists()
    assert left(folder) == ["in.pdf"]


@pytest.mark.parametrize("length", [b"0", b"40", b"999999", b"99999999999999999999", b"-5", b"(a)", b"7 0 R"])
async def test_a_lying_length_of_an_honest_document_loses_nothing_of_it(folder: Path, length: bytes) -> None:
    """Converted whole, or not at all: never a page without its line."""
    try:
        text = await converted(folder, lying(inflating(2_000), length), ConversionLimits())
    except (PdfaConversionFailed, PdfDamaged):
        assert left(folder) == ["in.pdf"]
    else:
        assert TEXT in text


def test_the_size_that_a_lying_length_would_hide_is_measured() -> None:
    found = inspect_pdf(lying(inflating(3_000_000), b"9"), PdfLimits(stream_bytes=3_000_000, total_bytes=4_000_000))
    assert found.inflated_bytes >= 3_000_000
