"""Real PDF/A-1b documents of an exact size: a page of the sample documents with a picture of noise that fills the rest."""

from __future__ import annotations

import io
import random

import pikepdf

from gateway.cda.pdf.check import inspect_pdf
from tests.rig.processes import ROOT

SOURCE = ROOT / "examples" / "documents" / "ordonnance.pdf"
_WIDTH = 64
_DRAWN = b"\nq 40 0 0 40 30 30 cm /Noise Do Q\n"


def document(size: int) -> bytes:
    """A PDF/A-1b of exactly `size` bytes, the same at each call; larger than the sample it is made from."""
    room = size - len(_with_picture(_WIDTH * 100)) + _WIDTH * 100
    while True:
        made = _with_picture(room)
        if len(made) == size:
            break
        room -= len(made) - size
    if not inspect_pdf(made).is_pdfa1b:
        raise AssertionError("the padded document is not PDF/A-1b any more")
    return made


def _with_picture(room: int) -> bytes:
    """`room` bytes of noise: whole rows make the picture, what is left over is white space behind it."""
    rows = room // _WIDTH
    noise = random.Random(rows).randbytes(rows * _WIDTH)
    with pikepdf.open(SOURCE) as pdf:
        picture = pdf.make_stream(
            noise,
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Image,
            Width=_WIDTH,
            Height=rows,
            BitsPerComponent=8,
            ColorSpace=pikepdf.Name.DeviceGray,
        )
        page = pdf.pages[0]
        page.add_resource(picture, pikepdf.Name.XObject, pikepdf.Name("/Noise"))
        page.contents_add(_DRAWN + b" " * (room - rows * _WIDTH))
        target = io.BytesIO()
        pdf.save(
            target,
            force_version="1.4",
            deterministic_id=True,
            compress_streams=False,
            stream_decode_level=pikepdf.StreamDecodeLevel.none,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
            fix_metadata_version=False,
        )
        return target.getvalue()
