"""What an inspection says of sound files, and how it refuses the others."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.cda.pdf.check import Flaw, NotAPdf, PdfDamaged, PdfEncrypted, PdfLimits, PdfRefused, inspect_pdf
from gateway.cda.pdf.open import examine
from gateway.cda.pdf.streams import NeedsConfinement
from gateway.kernel.errors import ErrorClass
from tests.cda import pdf_samples as samples


def test_a_plain_pdf_is_told_from_a_pdfa(tmp_path: Path) -> None:
    path = tmp_path / "plain.pdf"
    path.write_bytes(samples.plain(3))
    report = inspect_pdf(path)
    assert (report.pages, report.marker, report.leading_bytes) == (3, None, 0)
    assert not report.is_pdfa1b
    assert {Flaw.FONT_NOT_EMBEDDED, Flaw.NO_MARKER, Flaw.NO_OUTPUT_INTENT} == set(report.flaws)
    assert report.fonts_not_embedded == ("Helvetica",)
    assert inspect_pdf(path.read_bytes()) == report


@pytest.mark.parametrize(
    ("make", "flaw"),
    [
        (samples.with_javascript, Flaw.JAVASCRIPT),
        (samples.with_embedded_file, Flaw.EMBEDDED_FILE),
        (samples.with_launch, Flaw.LAUNCH),
        (samples.with_xfa, Flaw.XFA),
        (samples.transparent, Flaw.TRANSPARENCY),
    ],
)
def test_what_a_conversion_can_mend_is_reported_not_refused(make: Callable[[], bytes], flaw: Flaw) -> None:
    report = inspect_pdf(make())
    assert report.has(flaw)
    assert report.pages == 1


@pytest.mark.parametrize("password", [("owner", ""), ("owner", "secret")])
def test_any_encryption_is_refused(password: tuple[str, str]) -> None:
    with pytest.raises(PdfEncrypted) as refusal:
        inspect_pdf(samples.encrypted(*password))
    assert (refusal.value.code, refusal.value.status) == ("pdf-encrypted", 422)


def test_an_encrypted_pdf_with_compressed_structure_is_refused_alike() -> None:
    data = samples.changed(
        lambda _: None,
        encryption=pikepdf.Encryption(owner="o", user="u"),
        object_stream_mode=pikepdf.ObjectStreamMode.generate,
    )
    with pytest.raises(PdfEncrypted):
        inspect_pdf(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<!DOCTYPE html><html><body>%PDF</body></html>",
        b"PK\x03\x04 renamed.pdf",
        b"\xff\xd8\xff\xe0 a scan",
        b" " * 2000 + samples.plain(),
    ],
)
def test_another_file_renamed_pdf_is_not_a_pdf(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "document.pdf"
    path.write_bytes(data)
    for source in (data, path):
        with pytest.raises(NotAPdf) as refusal:
            inspect_pdf(source)
        assert (refusal.value.code, refusal.value.status) == ("document-not-pdf", 415)


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.4\n",
        b"%PDF-1.4\n<html>nothing else</html>",
        samples.plain()[:400],
        samples.handmade({1: b"<< /Type /Catalog /Pages 2 0 R >>", 2: b"<< /Type /Pages /Kids [] /Count 0 >>"}),
        samples.handmade({1: b"<< /Type /Catalog >>"}),
        samples.handmade({1: b"<< /Type /Catalog /Pages 2 0 R >>", 2: b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>"}),
        samples.handmade({1: b"<< /Type /Catalog /Pages 2 0 R >>", 2: b"<< /Type /Pages /Kids [5] /Count 1 >>"}),
        samples.handmade({1: b"(not a catalog)"}),
    ],
    ids=["header only", "html after a header", "truncated", "no page", "no page tree", "looping tree", "tree of numbers", "no catalog"],
)
def test_a_broken_or_empty_pdf_is_damaged(data: bytes) -> None:
    with pytest.raises(PdfDamaged) as refusal:
        inspect_pdf(data)
    assert (refusal.value.code, refusal.value.status) == ("pdf-damaged", 422)


def test_a_pdf_without_its_end_is_read_and_reported_as_repaired() -> None:
    data = samples.plain()
    report = inspect_pdf(data[: data.rindex(b"xref")])
    assert report.has(Flaw.REPAIRED)
    assert report.pages == 1


def test_garbage_before_the_header_is_counted() -> None:
    report = inspect_pdf(b"HTTP/1.1 200 OK\r\n\r\n" + samples.plain())
    assert report.leading_bytes == 19
    assert report.has(Flaw.HEADER)


def test_a_modern_pdf_is_inspected_apart_and_is_no_pdfa() -> None:
    data = samples.changed(lambda _: None, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    with pytest.raises(NeedsConfinement):
        examine(data, io.BytesIO(data), PdfLimits(), confined=False)
    report = inspect_pdf(data)
    assert report.has(Flaw.COMPRESSED_STRUCTURE)
    assert report.pages == 1


def test_refusals_are_permanent_french_and_ask_for_a_gesture() -> None:
    for refusal in PdfRefused.__subclasses__():
        said = refusal(limit="trop de pages").explanation
        assert refusal.error_class is ErrorClass.PERMANENT
        assert said.what.endswith(".")
        assert said.gesture.endswith(".")


@settings(max_examples=150)
@given(st.data())
def test_a_mutilated_pdf_is_read_or_refused_never_more(data: st.DataObject) -> None:
    original = samples.plain(2)
    position = data.draw(st.integers(5, len(original) - 1))
    insert = data.draw(st.binary(max_size=12))
    cut = data.draw(st.integers(0, 40))
    mutilated = original[:position] + insert + original[position + cut :]
    try:
        report = examine(mutilated, io.BytesIO(mutilated), PdfLimits(), confined=True)
    except PdfRefused:
        return
    assert report.pages >= 1
