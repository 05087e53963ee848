"""How far the streams of a PDF inflate, learnt without ever holding one inflated.

Flate is undone by chunks that are counted and dropped, through any number of layers. The rarer filters (LZW, RunLength) are undone by
qpdf, so only in the confined process. Image codecs are judged by the pixels they declare. Duty of cda_signing.md 1.5: nothing in a
document may grow without end at a reader's.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import pikepdf

from gateway.cda.pdf.report import PdfBomb, PdfLimits

IMAGE_CODECS = frozenset({"/DCTDecode", "/DCT", "/JPXDecode", "/CCITTFaxDecode", "/CCF", "/JBIG2Decode"})
FLATE = frozenset({"/FlateDecode", "/Fl"})
LZW = frozenset({"/LZWDecode", "/LZW"})
_ASCII_HEX = frozenset({"/ASCIIHexDecode", "/AHx"})
_ASCII_85 = frozenset({"/ASCII85Decode", "/A85"})
_CHUNK = 1 << 18
_MAX_LAYERS = 6
_MOST_FLATE = 1032
_READ_HERE = 4_000_000
"""Raw bytes of one stream that are read in the process of the gateway: qpdf holds them twice while it does."""
_OUT_OF_MEMORY = ("memory limit exceeded", "bad_alloc")
"""What qpdf says when a filter crosses its bound; it has no error of its own for it."""
_ENDLESS = "un contenu compressé se déploie sans fin"


class NeedsConfinement(Exception):
    """Not an error: the file can only be inspected where memory and time are bounded."""


def filters_of(stream: pikepdf.Object) -> tuple[str, ...]:
    """Names of the stream's filters in the order they are undone; unreadable entries are left out."""
    found = stream.get("/Filter")
    if isinstance(found, pikepdf.Name):
        return (str(found),)
    if isinstance(found, pikepdf.Array):
        return tuple(str(name) for name in found.as_list() if isinstance(name, pikepdf.Name))
    return ()


def most_inflated(stream: pikepdf.Stream, room: int) -> int | None:
    """Bytes that the stream cannot pass once inflated, told from its length; None over `room`, and when only inflating it can tell.

    One layer of Flate never gives more than 1032 bytes for one (zlib's technical details).
    """
    names = filters_of(stream)
    if not names:
        return _declared_length(stream)
    if len(names) > 1 or names[0] not in FLATE or _declared_length(stream) * _MOST_FLATE > room:
        return None
    most = len(memoryview(stream.get_raw_stream_buffer())) * _MOST_FLATE
    return most if most <= room else None


def inflated_size(stream: pikepdf.Stream, limits: PdfLimits, *, confined: bool) -> int:
    """Bytes of the stream once its filters are undone, an image codec left alone.

    Raises PdfBomb over a limit, NeedsConfinement when a rare filter or a very large stream meets an unbounded process.
    """
    names = list(itertools.takewhile(lambda name: name not in IMAGE_CODECS, filters_of(stream)))
    if len(names) > _MAX_LAYERS:
        raise PdfBomb(limit="trop de filtres sur un même contenu")
    if not names:
        return _declared_length(stream)
    if not confined and _declared_length(stream) > _READ_HERE:
        raise NeedsConfinement
    raw = memoryview(stream.get_raw_stream_buffer())
    if names and (names[0] in _ASCII_HEX or names[0] in _ASCII_85):
        raw = memoryview(_from_text(bytes(raw), names.pop(0)))
    if FLATE.issuperset(names):
        return flate_size(raw, len(names), limits.stream_bytes)
    if not confined:
        raise NeedsConfinement
    try:
        return len(stream.read_bytes(pikepdf.StreamDecodeLevel.specialized))
    except MemoryError:
        raise PdfBomb(limit=_ENDLESS) from None
    except pikepdf.PikepdfError as error:
        if any(words in str(error) for words in _OUT_OF_MEMORY):
            raise PdfBomb(limit=_ENDLESS) from None
        return len(raw)


def head_of(stream: pikepdf.Stream, length: int) -> bytes:
    """At most the first `length` bytes of a plain or Flate stream; empty for any other filter or damaged data."""
    names = filters_of(stream)
    raw = bytes(stream.read_raw_bytes())
    if not names:
        return raw[:length]
    if len(names) > 1 or names[0] not in FLATE:
        return b""
    try:
        return zlib.decompressobj().decompress(raw, length)
    except zlib.error:
        return b""


def flate_size(raw: bytes | memoryview, layers: int, limit: int) -> int:
    """Bytes of `raw` after so many layers of Flate; raises PdfBomb as soon as one layer passes the limit. Damaged data ends early."""
    chunks: Iterator[bytes | memoryview] = (raw[start : start + _CHUNK] for start in range(0, len(raw), _CHUNK))
    for _ in range(layers):
        chunks = _inflated(chunks, limit)
    return sum(len(chunk) for chunk in chunks)


def _inflated(chunks: Iterable[bytes | memoryview], limit: int) -> Iterator[bytes]:
    """One layer of Flate undone; damaged data ends it there, as readers do."""
    engine = zlib.decompressobj()
    seen = 0
    for chunk in chunks:
        pending = chunk
        while pending and not engine.eof:
            try:
                out = engine.decompress(pending, _CHUNK)
            except zlib.error:
                return
            pending = engine.unconsumed_tail
            seen += len(out)
            if seen > limit:
                raise PdfBomb(limit=_ENDLESS)
            yield out


def _from_text(data: bytes, name: str) -> bytes:
    compact = b"".join(data.split())
    try:
        if name in _ASCII_85:
            return base64.a85decode(compact.partition(b"~>")[0].removeprefix(b"<~"))
        digits = compact.partition(b">")[0]
        return binascii.unhexlify(digits + b"0" * (len(digits) % 2))
    except ValueError:
        return b""


def _declared_length(stream: pikepdf.Stream) -> int:
    """Of a stream that nothing inflates: it is no longer than the file, so it is not read (a scan is one large picture)."""
    length: Any = stream.get("/Length")
    return max(0, length) if isinstance(length, int) else 0


def check_pixels(stream: pikepdf.Stream, limits: PdfLimits) -> None:
    """Raises PdfBomb for an image that declares more pixels than allowed."""
    width: Any = stream.get("/Width")
    height: Any = stream.get("/Height")
    if isinstance(width, int) and isinstance(height, int) and width * height > limits.image_pixels:
        raise PdfBomb(limit="une image démesurée")
