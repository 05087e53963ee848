"""A real PDF/A-1b near the limit of the box: a page of the samples with a picture of noise, which nothing compresses."""

from __future__ import annotations

import io
import random

import pikepdf

_WIDTH = 1000


def large_pdf(page: bytes, size: int) -> bytes:
    """The given PDF/A-1b with `size` bytes of noise drawn on its first page; the same bytes at each call."""
    rows = size // _WIDTH
    with pikepdf.open(io.BytesIO(page)) as pdf:
        picture = pdf.make_stream(
            random.Random(size).randbytes(rows * _WIDTH),
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Image,
            Width=_WIDTH,
            Height=rows,
            BitsPerComponent=8,
            ColorSpace=pikepdf.Name.DeviceGray,
        )
        first = pdf.pages[0]
        first.add_resource(picture, pikepdf.Name.XObject, pikepdf.Name("/Noise"))
        first.contents_add(b"\nq 40 0 0 40 30 30 cm /Noise Do Q\n")
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
