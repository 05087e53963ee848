"""PDFs made for the tests, sound and unsound, each builder named after what is special about it."""

from __future__ import annotations

import functools
import io
import zlib
from collections.abc import Callable

import pikepdf
from PIL import Image, ImageDraw
from reportlab.lib.colors import Color
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

_ADLER = 65521
"""The prime of the sum at the end of a zlib stream."""
FRENCH = "Élodie Noël-Lefèvre : ordonnance délivrée à l'été, cœur régulier, pas d'œdème, 12 €, naïveté, où ça ?"


def plain(pages: int = 1, text: str = FRENCH, font: str = "Helvetica") -> bytes:
    """Text in a standard font that is not embedded, as many practice programs write it."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4, invariant=1)
    for number in range(pages):
        canvas.setFont(font, 12)
        canvas.drawString(60, 780, f"Page {number + 1}")
        canvas.drawString(60, 740, text)
        canvas.showPage()
    canvas.save()
    return target.getvalue()


def transparent() -> bytes:
    """A half transparent square over text."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4, invariant=1)
    canvas.setFont("Times-Roman", 14)
    canvas.drawString(60, 740, FRENCH)
    canvas.setFillColor(Color(1, 0, 0, alpha=0.4))
    canvas.rect(50, 700, 300, 60, stroke=0, fill=1)
    canvas.save()
    return target.getvalue()


def changed(change: Callable[[pikepdf.Pdf], None], base: bytes | None = None, **saving: object) -> bytes:
    """A sound PDF once `change` was done to it."""
    with pikepdf.open(io.BytesIO(base or plain())) as pdf:
        change(pdf)
        target = io.BytesIO()
        pdf.save(target, **saving)  # type: ignore[arg-type]
        return target.getvalue()


def encrypted(owner: str = "owner", user: str = "") -> bytes:
    """Encrypted; an empty user password opens it, and it is encrypted all the same."""
    return changed(lambda _: None, encryption=pikepdf.Encryption(owner=owner, user=user))


def with_javascript() -> bytes:
    """JavaScript when it opens."""

    def change(pdf: pikepdf.Pdf) -> None:
        pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert('bonjour')")

    return changed(change)


def with_embedded_file() -> bytes:
    """A file attached to the document."""

    def change(pdf: pikepdf.Pdf) -> None:
        pdf.attachments["notes.txt"] = pikepdf.AttachedFileSpec(pdf, b"notes", filename="notes.txt")

    return changed(change)


def with_launch() -> bytes:
    """A link that starts a program."""

    def change(pdf: pikepdf.Pdf) -> None:
        action = pikepdf.Dictionary(S=pikepdf.Name.Launch, F="calc.exe")
        link = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 100, 100], A=action)
        pdf.pages[0].obj.Annots = pdf.make_indirect(pikepdf.Array([pdf.make_indirect(link)]))

    return changed(change)


def with_xfa() -> bytes:
    """An XFA form."""

    def change(pdf: pikepdf.Pdf) -> None:
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=[], XFA=pdf.make_stream(b"<xdp/>"))

    return changed(change)


def bomb(layers: int = 1, size: int = 1_200_000_000) -> bytes:
    """Page content that inflates to `size` zeros, through several layers of Flate."""
    data = deflated(b"\0", size)
    for _ in range(layers - 1):
        data = zlib.compress(data, 9)

    def change(pdf: pikepdf.Pdf) -> None:
        stream = pdf.make_stream(b"")
        filters = pikepdf.Array([pikepdf.Name.FlateDecode] * layers)
        stream.write(data, filter=filters, decode_parms=pikepdf.Array([None] * layers))
        pdf.pages[0].obj.Contents = stream

    return changed(change, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)


def handmade(objects: dict[int, bytes], root: int = 1, trailer: bytes = b"") -> bytes:
    """A PDF of these objects with a right cross-reference table."""
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = {}
    for number, body in objects.items():
        offsets[number] = out.tell()
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start, size = out.tell(), max(objects) + 1
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % size)
    for number in range(1, size):
        out.write(b"%010d 00000 n \n" % offsets[number] if number in offsets else b"0000000000 00000 f \n")
    out.write(b"trailer\n<< /Size %d /Root %d 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (size, root, trailer, start))
    return out.getvalue()


@functools.cache
def deflated(byte: bytes, size: int) -> bytes:
    """A Flate stream of `size` times this byte, about a thousandth of that: one block deflated, then repeated, and the sum that ends it."""
    engine = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = engine.compress(byte * (1 << 20)) + engine.flush(zlib.Z_FULL_FLUSH)
    whole = size >> 20 << 20
    low = (1 + whole * byte[0]) % _ADLER
    high = (whole + byte[0] * whole * (whole + 1) // 2) % _ADLER
    return b"\x78\x9c" + block * (size >> 20) + engine.flush() + (high << 16 | low).to_bytes(4, "big")


def structure_bomb(size: int = 1_500_000_000) -> bytes:
    """A PDF 1.5 whose catalog lies in an object stream that inflates to `size` bytes: merely opening it would."""
    data = deflated(b" ", size)
    out = io.BytesIO()
    out.write(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
    stream_at = out.tell()
    out.write(b"2 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length %d >>\nstream\n" % len(data))
    out.write(data + b"\nendstream\nendobj\n")
    table_at = out.tell()
    rows = [(0, 0, 65535), (2, 2, 0), (1, stream_at, 0), (1, table_at, 0)]
    table = b"".join(kind.to_bytes(1, "big") + where.to_bytes(4, "big") + extra.to_bytes(2, "big") for kind, where, extra in rows)
    out.write(b"3 0 obj\n<< /Type /XRef /Size 4 /W [1 4 2] /Root 1 0 R /Length %d >>\nstream\n" % len(table))
    out.write(table + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % table_at)
    return out.getvalue()


def with_alpha_picture(left: float, bottom: float, *, band: bool = False) -> bytes:
    """A round logo with a soft mask at this place, over the text at (60, 740) or over a coloured band when asked."""
    picture = Image.new("RGBA", (240, 240), (0, 0, 0, 0))
    ImageDraw.Draw(picture).ellipse((10, 10, 230, 230), outline=(30, 70, 160, 255), width=14)
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4, invariant=1)
    if band:
        canvas.setFillColorRGB(0.1, 0.4, 0.3)
        canvas.rect(0, bottom - 20, 595, 140, stroke=0, fill=1)
        canvas.setFillColorRGB(0, 0, 0)
    canvas.setFont("Times-Roman", 12)
    for line in range(12):
        canvas.drawString(60, 740 - 18 * line, FRENCH)
    canvas.drawImage(ImageReader(picture), left, bottom, 90, 90, mask="auto")
    canvas.save()
    return target.getvalue()


def form(value: str = "Élodie Noël") -> bytes:
    """A form with a filled field and a ticked box."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4, invariant=1)
    canvas.drawString(60, 740, FRENCH)
    canvas.acroForm.textfield(name="nom", value=value, x=60, y=660, width=200, height=20)
    canvas.acroForm.checkbox(name="fumeur", checked=True, x=60, y=620)
    canvas.save()
    return target.getvalue()


def four_colours() -> bytes:
    """Text and a JPEG in CMYK, as a printer's letterhead has them."""
    picture = Image.effect_noise((200, 200), 40).convert("RGB").convert("CMYK")
    packed = io.BytesIO()
    picture.save(packed, format="JPEG")
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4, invariant=1)
    canvas.setFillColorCMYK(0.9, 0.5, 0.1, 0.3)
    canvas.drawString(60, 740, FRENCH)
    canvas.drawImage(ImageReader(packed), 60, 400, 200, 200)
    canvas.save()
    return target.getvalue()


def turned() -> bytes:
    """A landscape page turned by the reader, then a small page."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=(842, 595), invariant=1)
    for size in ((842, 595), (640, 300)):
        canvas.setPageSize(size)
        canvas.setPageRotation(90 if size[0] == 842 else 0)
        canvas.drawString(20, 200, FRENCH)
        canvas.showPage()
    canvas.save()
    return target.getvalue()
