"""The text of a PDF for the comparison: read whoever made it, and none at all when it cannot be."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from gateway.cda.pdf.text import read_text
from tests.cda import pdf_samples as samples
from tests.cda.pdf.letters import LETTER, by_reportlab, drawn, letter
from tests.rig.processes import ROOT
from tests.tools import need_tool

DEJAVU = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


@pytest.fixture(autouse=True)
def _reader() -> None:
    need_tool("pdftotext")


def words(text: str | None) -> str:
    """The text with single spaces, to be looked into."""
    assert text is not None
    return " ".join(text.split())


# Whoever made it


def by_an_office_suite() -> bytes:
    """As LibreOffice writes: a subset of a TrueType font, its characters told by a ToUnicode table, compressed structure."""
    if not DEJAVU.exists():
        pytest.fail("fonts-dejavu-core belongs to what the service needs")
    pdfmetrics.registerFont(TTFont("Bureautique", str(DEJAVU)))
    made = drawn(lambda canvas: letter(canvas, "Bureautique"))
    return samples.changed(lambda _: None, made, object_stream_mode=pikepdf.ObjectStreamMode.generate, compress_streams=True)


def by_ghostscript() -> bytes:
    """As PDF printers write."""
    command = [need_tool("gs"), "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pdfwrite", "-sOutputFile=-", "-"]
    return subprocess.run(command, input=by_reportlab(), capture_output=True, check=True).stdout


def by_a_browser(folder: Path) -> bytes:
    page, target = folder / "page.html", folder / "page.pdf"
    page.write_text("<meta charset=utf-8><p>" + LETTER.replace("\n", "<p>"), encoding="utf-8")
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder / 'profile'}"]
    subprocess.run(
        [need_tool("chromium"), *quiet, "--no-pdf-header-footer", f"--print-to-pdf={target}", page.as_uri()],
        capture_output=True, check=True, timeout=50,
    )  # fmt: skip
    return target.read_bytes()


def with_a_colour_promise() -> bytes:
    """A PDF/A, whose output intent the reading leaves aside."""
    return (ROOT / "examples" / "documents" / "ordonnance.pdf").read_bytes()


@pytest.mark.parametrize("made", [by_reportlab, by_an_office_suite, by_ghostscript])
def test_a_letter_is_read_whoever_made_it(made: Callable[[], bytes]) -> None:
    assert "Madame Élodie NOËL-LEFÈVRE née le 12/03/1975" in words(read_text(made()))


def test_a_letter_printed_by_a_browser_is_read(tmp_path: Path) -> None:
    assert "Madame Élodie NOËL-LEFÈVRE née le 12/03/1975" in words(read_text(by_a_browser(tmp_path)))


def test_leaving_the_promised_colours_aside_changes_nothing_of_the_text(tmp_path: Path) -> None:
    document = with_a_colour_promise()
    assert b"/OutputIntents" in document
    path = tmp_path / "x.pdf"
    path.write_bytes(document)
    alone = subprocess.run([need_tool("pdftotext"), "-layout", "-enc", "UTF-8", str(path), "-"], capture_output=True, check=True).stdout
    assert read_text(document) == alone.decode()


def test_ligatures_of_a_font_are_letters_again() -> None:
    pdfmetrics.registerFont(TTFont("Ligatures", str(DEJAVU)))

    def draw(canvas: Canvas) -> None:
        canvas.setFont("Ligatures", 12)
        canvas.drawString(60, 780, "Mme DU\ufb01EF So\ufb01e, n\ufb02uence, cœur, Æsculape, consultation")

    text = words(read_text(drawn(draw)))
    assert "So\ufb01e" in text or "Sofie" in text
    assert "cœur" in text


def test_columns_are_kept_apart_and_lines_together() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(60, 780, "Docteur Paul DURAND")
        canvas.drawString(330, 780, "Madame Sophie MARTIN")
        canvas.drawString(60, 760, "Cardiologue")
        canvas.drawString(330, 760, "née le 12/03/1975")

    text = read_text(drawn(draw))
    assert text is not None
    first, second = [line for line in text.splitlines() if line.strip()]
    assert re.split(r"\s{3,}", first.strip()) == ["Docteur Paul DURAND", "Madame Sophie MARTIN"]
    assert re.split(r"\s{3,}", second.strip()) == ["Cardiologue", "née le 12/03/1975"]


@pytest.mark.parametrize("page", [0, 90, 180, 270])
@pytest.mark.parametrize("line", [0, 90, 180, 270])
def test_a_turned_page_and_a_turned_line_are_read(page: int, line: int) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(page)
        canvas.translate(300, 300)
        canvas.rotate(line)
        canvas.drawString(0, 0, "Madame Sophie MARTIN née le 12/03/1975")

    assert "Madame Sophie MARTIN née le 12/03/1975" in words(read_text(drawn(draw)))


def test_pages_turned_by_the_reader_are_all_read() -> None:
    assert words(read_text(samples.turned())).count("ordonnance délivrée") == 2


def test_only_the_first_pages_are_read_of_a_document_of_thousands() -> None:
    text = words(read_text(samples.plain(3000)))
    assert [f"Page {number} " in text for number in (1, 2, 3, 4, 3000)] == [True, True, True, False, False]


# No usable text


def scanned() -> bytes:
    picture = Image.effect_noise((400, 400), 60)
    return drawn(lambda canvas: canvas.drawImage(ImageReader(picture), 0, 0, 595, 842))


@pytest.mark.parametrize(
    "document",
    [b"", b"%PDF-1.4\n%%EOF", b"<html>bonjour tout le monde, ceci n'est pas un PDF</html>", bytes(100_000)],
    ids=["empty", "hollow", "html", "zeros"],
)
def test_what_is_no_pdf_has_no_text(document: bytes) -> None:
    assert read_text(document) is None


def test_a_scan_has_no_text_nor_has_one_with_a_few_letters_stamped_on_it() -> None:
    assert read_text(scanned()) is None
    assert read_text(drawn(lambda canvas: canvas.drawString(60, 60, "Page 1/1 - 24/11/2026 - 0123456789"))) is None


def test_a_locked_document_has_no_text_and_one_that_only_forbids_things_has() -> None:
    assert read_text(samples.encrypted(user="secret")) is None
    assert "ordonnance délivrée" in words(read_text(samples.encrypted()))


def test_a_damaged_document_gives_its_text_or_none_and_never_an_error() -> None:
    whole = samples.plain(2)
    assert "ordonnance délivrée" in words(read_text(whole[: whole.rindex(b"xref")])), "the table is rebuilt"
    assert read_text(whole[: len(whole) // 2]) is None
    rng = random.Random(20_261)
    read = 0
    for _ in range(40):
        broken = bytearray(whole)
        for _ in range(rng.randrange(1, 12)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        read += read_text(bytes(broken)) is not None
    assert 0 < read < 40


@pytest.mark.parametrize("length", [b"0", b"1", b"9", b"999", b"999999999", b"99999999999999999999", b"-5", b"(a)", b"7 0 R"])
def test_a_lying_length_never_brings_an_error_nor_another_text(length: bytes) -> None:
    honest = samples.plain()
    told = re.search(rb"/Length \d+", honest)
    assert told is not None
    text = read_text(honest.replace(told.group(), b"/Length " + length, 1))
    assert text is None or text == read_text(honest)
