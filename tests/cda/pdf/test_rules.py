"""Each rule of PDF/A-1b, on a sound PDF/A-1b with one thing spoilt: ours sees it, and Apache Preflight agrees that it is a fault."""

from __future__ import annotations

import asyncio
import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from gateway.cda.pdf.check import Flaw, inspect_pdf
from gateway.cda.pdf.info import read_date
from gateway.cda.pdf.marker import read_marker
from gateway.cda.pdf.pdfa import convert_to_pdfa1b
from tests.cda import pdf_samples as samples
from tests.cda.pdf_judges import preflight
from tests.tools import need_tool

Change = Callable[[pikepdf.Pdf], None]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A PDF/A-1b as our conversion makes it."""
    need_tool("gs")
    folder = tmp_path_factory.mktemp("sound")
    (folder / "in.pdf").write_bytes(samples.plain())
    asyncio.run(convert_to_pdfa1b(folder / "in.pdf", folder / "out.pdf"))
    return (folder / "out.pdf").read_bytes()


def spoilt(sound: bytes, change: Change) -> bytes:
    return samples.changed(
        change,
        sound,
        compress_streams=False,
        stream_decode_level=pikepdf.StreamDecodeLevel.none,
        object_stream_mode=pikepdf.ObjectStreamMode.disable,
        fix_metadata_version=False,
    )


def page(pdf: pikepdf.Pdf) -> pikepdf.Object:
    return pdf.pages[0].obj


def graphics_state(**entries: Any) -> Change:
    """A graphics state that the page really uses."""

    def change(pdf: pikepdf.Pdf) -> None:
        page(pdf).Resources.ExtGState = Dictionary(GS0=Dictionary(Type=Name.ExtGState, **entries))
        old = page(pdf).Contents.read_bytes()
        page(pdf).Contents = pdf.make_stream(b"/GS0 gs\n" + old)

    return change


def image(**entries: Any) -> Change:
    """A grey image that the page really shows."""

    def change(pdf: pikepdf.Pdf) -> None:
        common = {
            "Type": Name.XObject,
            "Subtype": Name.Image,
            "Width": 1,
            "Height": 1,
            "BitsPerComponent": 8,
            "ColorSpace": Name.DeviceGray,
        }
        wanted = {**common, **{key: value(pdf) if callable(value) else value for key, value in entries.items()}}
        pixels = b"\x80" * (4 if wanted["ColorSpace"] == Name.DeviceCMYK else 1)
        page(pdf).Resources.XObject = Dictionary(Im0=pdf.make_stream(pixels, **wanted))
        page(pdf).Contents = pdf.make_stream(page(pdf).Contents.read_bytes() + b"\nq 9 0 0 9 9 9 cm /Im0 Do Q\n")

    return change


def annotation(**entries: Any) -> Change:
    def change(pdf: pikepdf.Pdf) -> None:
        common = {"Type": Name.Annot, "Subtype": Name.Link, "Rect": [0, 0, 9, 9], "F": 4}
        page(pdf).Annots = Array([pdf.make_indirect(Dictionary(**{**common, **entries}))])

    return change


def catalog(**entries: Any) -> Change:
    def change(pdf: pikepdf.Pdf) -> None:
        for key, value in entries.items():
            pdf.Root[f"/{key}"] = value(pdf) if callable(value) else value

    return change


def without_font_program(pdf: pikepdf.Pdf) -> None:
    for item in pdf.objects:
        if isinstance(item, Dictionary) and item.get("/Type") == Name.FontDescriptor:
            for key in ("/FontFile", "/FontFile2", "/FontFile3"):
                if key in item:
                    del item[key]


def without_character_set(pdf: pikepdf.Pdf) -> None:
    for item in pdf.objects:
        if isinstance(item, Dictionary) and "/CharSet" in item:
            del item["/CharSet"]


def metadata(old: bytes, new: bytes) -> Change:
    def change(pdf: pikepdf.Pdf) -> None:
        packet = pdf.Root.Metadata.read_bytes()
        assert old in packet
        pdf.Root.Metadata.write(packet.replace(old, new))

    return change


def compressed_metadata(pdf: pikepdf.Pdf) -> None:
    packet = pdf.Root.Metadata.read_bytes()
    pdf.Root.Metadata = pdf.make_stream(b"", Subtype=Name.XML)
    pdf.Root.Metadata.write(zlib.compress(packet), filter=Name.FlateDecode)


def contradicting_info(pdf: pikepdf.Pdf) -> None:
    pdf.trailer.Info = pdf.make_indirect(Dictionary(Title="Another title"))


def without_intent(pdf: pikepdf.Pdf) -> None:
    del pdf.Root["/OutputIntents"]


def late_profile(pdf: pikepdf.Pdf) -> None:
    profile = pdf.Root.OutputIntents[0].DestOutputProfile
    data = bytearray(profile.read_bytes())
    data[8] = 4
    profile.write(bytes(data))


CASES: dict[str, tuple[Change, Flaw]] = {
    "font not embedded": (without_font_program, Flaw.FONT_NOT_EMBEDDED),
    "subset without CharSet": (without_character_set, Flaw.FONT_INCOMPLETE),
    "constant opacity": (graphics_state(ca=0.5), Flaw.TRANSPARENCY),
    "stroking opacity": (graphics_state(CA=0.5), Flaw.TRANSPARENCY),
    "blend mode": (graphics_state(BM=Name.Multiply), Flaw.TRANSPARENCY),
    "transfer function": (graphics_state(TR=Name.Identity), Flaw.GRAPHICS_STATE),
    "transfer function 2": (graphics_state(TR2=Name.Identity), Flaw.GRAPHICS_STATE),
    "soft mask of an image": (image(SMask=lambda pdf: pdf.make_stream(b"\x80", Subtype=Name.Image)), Flaw.TRANSPARENCY),
    "interpolated image": (image(Interpolate=True), Flaw.XOBJECT),
    "alternate images": (image(Alternates=[]), Flaw.XOBJECT),
    "four colours under an RGB intent": (image(ColorSpace=Name.DeviceCMYK), Flaw.DEVICE_COLOUR),
    "transparency group": (lambda pdf: page(pdf).__setattr__("Group", Dictionary(S=Name.Transparency)), Flaw.TRANSPARENCY),
    "JavaScript": (catalog(OpenAction=Dictionary(S=Name.JavaScript, JS="1")), Flaw.JAVASCRIPT),
    "launch": (annotation(A=Dictionary(S=Name.Launch, F="calc.exe")), Flaw.LAUNCH),
    "form action": (annotation(A=Dictionary(S=Name.ImportData, F="x")), Flaw.ACTION),
    "unknown named action": (annotation(A=Dictionary(S=Name.Named, N=Name.Print)), Flaw.ACTION),
    "additional actions": (catalog(AA=Dictionary(WC=Dictionary(S=Name.Named, N=Name.NextPage))), Flaw.ACTION),
    "file attachment": (annotation(Subtype=Name.FileAttachment, FS=Dictionary(F="x")), Flaw.EMBEDDED_FILE),
    "movie": (annotation(Subtype=Name.Movie), Flaw.ANNOTATION),
    "hidden annotation": (annotation(F=6), Flaw.ANNOTATION),
    "unprinted annotation": (annotation(F=0), Flaw.ANNOTATION),
    "appearances to be made": (catalog(AcroForm=Dictionary(Fields=[], NeedAppearances=True)), Flaw.FORM),
    "optional content": (catalog(OCProperties=Dictionary(OCGs=[], D=Dictionary())), Flaw.OPTIONAL_CONTENT),
    "other part": (metadata(b"pdfaid:part='1'", b"pdfaid:part='3'"), Flaw.NO_MARKER),
    "no claim": (metadata(b"http://www.aiim.org/pdfa/ns/id/", b"http://www.aiim.org/pdfa/ns/no/"), Flaw.NO_MARKER),
    "compressed metadata": (compressed_metadata, Flaw.METADATA_FILTERED),
    "no metadata": (lambda pdf: pdf.Root.__delattr__("Metadata"), Flaw.NO_MARKER),
    "Info against XMP": (contradicting_info, Flaw.INFO),
    "no output intent": (without_intent, Flaw.NO_OUTPUT_INTENT),
    "profile of a later ICC": (late_profile, Flaw.OUTPUT_PROFILE),
}


@pytest.mark.parametrize("case", CASES)
def test_one_fault_is_seen(sound: bytes, case: str) -> None:
    change, flaw = CASES[case]
    report = inspect_pdf(spoilt(sound, change))
    assert flaw in report.flaws
    assert not report.is_pdfa1b


def test_the_sound_file_has_none(sound: bytes) -> None:
    assert inspect_pdf(spoilt(sound, lambda _: None)).flaws == ()


@pytest.mark.conformity
@pytest.mark.parametrize("case", CASES)
def test_preflight_sees_the_same_fault(sound: bytes, case: str, tmp_path: Path) -> None:
    path = tmp_path / "spoilt.pdf"
    path.write_bytes(spoilt(sound, CASES[case][0]))
    assert preflight(path)["spoilt.pdf"]


@pytest.mark.conformity
def test_preflight_finds_the_sound_file_valid(sound: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sound.pdf"
    path.write_bytes(spoilt(sound, lambda _: None))
    assert preflight(path) == {"sound.pdf": []}


@pytest.mark.parametrize(
    ("spoil", "flaw"),
    [
        (lambda data: b"x" + data, Flaw.HEADER),
        (lambda data: data + b"more than the end", Flaw.TRAILER),
        (lambda data: data.replace(b"/FlateDecode", b"/LZWDecode  "), Flaw.LZW),
    ],
    ids=["byte before the header", "bytes after the end", "LZW"],
)
def test_faults_of_the_bytes_themselves(sound: bytes, spoil: Callable[[bytes], bytes], flaw: Flaw) -> None:
    assert inspect_pdf(spoil(sound)).has(flaw)


def test_the_colour_names_of_a_grey_page_are_allowed(sound: bytes) -> None:
    assert inspect_pdf(spoilt(sound, image())).is_pdfa1b


def test_a_caption_is_not_an_opacity(sound: bytes) -> None:
    report = inspect_pdf(spoilt(sound, annotation(MK=Dictionary(CA="Valider"))))
    assert not report.has(Flaw.TRANSPARENCY)


IDENTITY = b'xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"'


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (b"<rdf:Description " + IDENTITY + b' pdfaid:part="1" pdfaid:conformance="B"/>', "1B"),
        (b"<rdf:Description " + IDENTITY + b"><pdfaid:part>1</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>", "1A"),
        (b"<a xmlns:p='http://www.aiim.org/pdfa/ns/id/' p:conformance='b'><p:part> 3 </p:part></a>", "3B"),
        (b"<rdf:Description " + IDENTITY + b"/>", None),
        (b'<rdf:Description xmlns:pdfaid="urn:other" pdfaid:part="1" pdfaid:conformance="B"/>', None),
        (b"", None),
        ("<x/>".encode("utf-16"), None),
    ],
)
def test_marker_in_attribute_and_element_form(packet: bytes, expected: str | None) -> None:
    assert read_marker(packet) == expected


@pytest.mark.parametrize(
    ("pdf_date", "xmp_date"),
    [
        ("D:20261122093000Z00'00'", "2026-11-22T09:30:00Z"),
        ("D:20261122103000+01'00'", "2026-11-22T09:30:00+00:00"),
        ("D:20261122093000", "2026-11-22T09:30:00.000Z"),
    ],
)
def test_dates_of_info_and_xmp_are_compared_as_instants(pdf_date: str, xmp_date: str) -> None:
    assert read_date(pdf_date) == read_date(xmp_date) is not None


@pytest.mark.parametrize("text", ["", "hier", "D:2026", "D:20261340999999Z", "99999999999999"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert read_date(text) is None


def test_the_file_object_is_left_to_its_owner(sound: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sound.pdf"
    path.write_bytes(sound)
    assert inspect_pdf(path).is_pdfa1b
    path.unlink()
    assert io.BytesIO(sound).read(5) == b"%PDF-"
