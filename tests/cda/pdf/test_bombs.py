"""Files made to exhaust a reader: each is refused by a bound, quickly, without growing this process."""

from __future__ import annotations

import base64
import resource
import zlib

import pikepdf
import pytest

from gateway.cda.pdf.check import Flaw, PdfBomb, PdfDamaged, PdfLimits, inspect_pdf
from gateway.cda.pdf.confined import inspect_confined
from gateway.cda.pdf.open import has_compressed_structure
from gateway.cda.pdf.streams import flate_size
from tests.cda import pdf_samples as samples

ENDLESS = "sans fin"


def refused(data: bytes, limits: PdfLimits | None = None, *, for_its: str) -> None:
    """Refused as a bomb, and for this limit."""
    with pytest.raises(PdfBomb) as refusal:
        inspect_pdf(data, limits)
    assert (refusal.value.code, refusal.value.status) == ("pdf-bomb", 422)
    assert for_its in refusal.value.explanation.what


def with_content(data: bytes, filters: list[str]) -> bytes:
    """A page whose content is these raw bytes, said to be encoded so."""

    def change(pdf: pikepdf.Pdf) -> None:
        stream = pdf.make_stream(b"")
        stream.write(
            data, filter=pikepdf.Array([pikepdf.Name(name) for name in filters]), decode_parms=pikepdf.Array([None] * len(filters))
        )
        pdf.pages[0].obj.Contents = stream

    return samples.changed(change, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_content_that_inflates_to_gigabytes_is_refused_in_little_memory(layers: int) -> None:
    bomb = samples.bomb(layers)
    assert len(bomb) < 5_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(bomb, for_its=ENDLESS)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000


def test_opening_alone_would_inflate_and_is_refused() -> None:
    refused(samples.structure_bomb(), for_its=ENDLESS)


def test_a_bomb_behind_ascii_is_seen() -> None:
    raw = base64.a85encode(zlib.compress(bytes(300_000_000), 9)) + b"~>"
    refused(with_content(raw, ["/ASCII85Decode", "/FlateDecode"]), for_its=ENDLESS)


def test_rare_filters_are_measured_apart_and_bounded() -> None:
    run = b"\x81\x00" * 400_000
    limits = PdfLimits(stream_bytes=20_000_000, total_bytes=20_000_000)
    assert inspect_pdf(with_content(run[:2000], ["/RunLengthDecode"]), limits).inflated_bytes > 100_000
    refused(with_content(run, ["/RunLengthDecode"]), limits, for_its=ENDLESS)


def test_many_streams_add_up() -> None:
    limits = PdfLimits(total_bytes=5_000_000)

    def change(pdf: pikepdf.Pdf) -> None:
        for _ in range(10):
            pdf.pages[0].obj[f"/Extra{_}"] = pdf.make_stream(bytes(1_000_000))

    refused(samples.changed(change, compress_streams=True), limits, for_its=ENDLESS)


def test_too_many_filters_objects_pages_and_pixels() -> None:
    refused(with_content(b"x", ["/FlateDecode"] * 7), for_its="trop de filtres")
    refused(samples.plain(40), PdfLimits(objects=30), for_its="trop de pages")
    refused(samples.plain(12), PdfLimits(pages=10), for_its="trop de pages")

    def many_objects(pdf: pikepdf.Pdf) -> None:
        for number in range(40):
            pdf.pages[0].obj[f"/Extra{number}"] = pdf.make_indirect(pikepdf.Dictionary())

    refused(samples.changed(many_objects), PdfLimits(objects=30), for_its="trop d'objets")

    def huge_image(pdf: pikepdf.Pdf) -> None:
        image = pdf.make_stream(b"x", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=60_000, Height=60_000)
        pdf.pages[0].obj.Resources.XObject = pikepdf.Dictionary(Im0=image)

    refused(samples.changed(huge_image), for_its="image démesurée")


@pytest.mark.parametrize("opening", [b"[", b"<< /A "])
def test_nesting_is_bounded(opening: bytes) -> None:
    closing = {b"[": b"]", b"<< /A ": b" >>"}[opening]
    body = opening * 200 + b"1" + closing * 200
    refused(
        samples.handmade(
            {
                1: b"<< /Type /Catalog /Pages 2 0 R /Deep " + body + b" >>",
                2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
                3: b"<< /Type /Page >>",
            }
        ),
        for_its="emboîtés",
    )


def test_a_page_tree_whose_kids_repeat_does_not_multiply() -> None:
    objects = {1: b"<< /Type /Catalog /Pages 2 0 R >>"}
    for level in range(2, 30):
        objects[level] = b"<< /Type /Pages /Count 10 /Kids [" + b"%d 0 R " % (level + 1) * 10 + b"] >>"
    objects[30] = b"<< /Type /Page >>"
    with pytest.raises(PdfDamaged, match="loops"):
        inspect_pdf(samples.handmade(objects))


@pytest.mark.parametrize("name", [b"/ObjStm", b"/XRef", b"/#58Ref", b"/XRe#66", b"/Obj#53tm", b"/O#62jStm", b"/#4f#62#6A#53#74#6D"])
def test_escaped_names_of_compressed_structure_are_seen(name: bytes) -> None:
    assert has_compressed_structure(b"%PDF-1.4 << /Type " + name + b" >>")


def test_ordinary_names_are_not_taken_for_compressed_structure() -> None:
    assert not has_compressed_structure(b"%PDF-1.4 << /Type /XObject /Obj /Ref /X#20Ref >>")


def test_flate_size_counts_through_layers_and_stops_at_damage() -> None:
    data = bytes(100_000)
    assert flate_size(zlib.compress(zlib.compress(data)), 2, 1_000_000) == 100_000
    assert flate_size(zlib.compress(data)[:-40] + b"\xff" * 40, 1, 1_000_000) <= 100_000
    with pytest.raises(PdfBomb):
        flate_size(zlib.compress(data), 1, 99_999)


def test_the_confined_process_runs_out_of_time_alone() -> None:
    with pytest.raises(PdfBomb):
        inspect_confined(samples.plain(), PdfLimits(seconds=0))


def test_the_confined_process_runs_out_of_memory_alone() -> None:
    growing = with_content(b"\x81\x00" * 2_000_000, ["/RunLengthDecode"])
    with pytest.raises(PdfBomb):
        inspect_confined(growing, PdfLimits(stream_bytes=10**12, total_bytes=10**12))


def test_the_confined_process_answers_like_this_one() -> None:
    data = samples.transparent()
    assert inspect_confined(data, PdfLimits()) == inspect_pdf(data)


def test_small_documents_are_told_by_their_lengths_and_a_lying_length_changes_nothing() -> None:
    raw = zlib.compress(bytes(3_000_000), 9)
    honest = with_content(raw, ["/FlateDecode"])
    assert inspect_pdf(honest).inflated_bytes == 0
    tight = PdfLimits(stream_bytes=2_000_000)
    refused(honest, tight, for_its=ENDLESS)
    lying = honest.replace(b"/Length %d" % len(raw), b"/Length %s" % b"9".rjust(len(str(len(raw))), b"0"))
    assert lying != honest
    refused(lying, tight, for_its=ENDLESS)
    assert Flaw.REPAIRED in inspect_pdf(lying).flaws, "what could not be read is never taken as it is"


def test_lengths_alone_never_let_a_bomb_through() -> None:
    raw = zlib.compress(bytes(4_000_000), 9)
    assert len(raw) * 1032 >= 4_000_000
    for limit in (3_999_999, 4_000_000):
        limits = PdfLimits(stream_bytes=limit)
        if limit < 4_000_000:
            refused(with_content(raw, ["/FlateDecode"]), limits, for_its=ENDLESS)
        else:
            assert inspect_pdf(with_content(raw, ["/FlateDecode"]), limits).pages == 1
