"""Opens a PDF and examines it whole, in the process it is called from: the same code inside and outside confinement.

Opening decompresses nothing unless the file uses compressed structure (PDF 1.5 object or reference streams) or needs repair; unconfined,
both are turned away with NeedsConfinement before qpdf touches them. Source: cda_signing.md 1.5.
"""

from __future__ import annotations

import mmap
import re
from typing import BinaryIO

import msgspec
import pikepdf

from gateway.cda.pdf.marker import file_flaws, metadata_of, output_intent_flaws
from gateway.cda.pdf.report import Flaw, NotAPdf, PdfBomb, PdfDamaged, PdfEncrypted, PdfLimits, PdfReport
from gateway.cda.pdf.streams import NeedsConfinement, flate_size
from gateway.cda.pdf.walk import count_pages, walk

HEADER_WINDOW = 1024
"""`%PDF-` is looked for in this many bytes, as readers do."""


def _escapable(name: str) -> bytes:
    """A pattern for a PDF name whose letters may each be written as themselves or as #hh."""
    return b"".join(b"(?:%s|#%s)" % (re.escape(letter.encode()), _hex(letter)) for letter in name)


def _hex(letter: str) -> bytes:
    return b"".join(b"[%s%s]" % (digit.upper().encode(), digit.encode()) for digit in f"{ord(letter):02x}")


_COMPRESSED_STRUCTURE = re.compile(b"/(?:%s|%s)" % (_escapable("XRef"), _escapable("ObjStm")))

_DICTIONARY_WINDOW = 4096
_STRUCTURE_RAW = 2_000_000

Bytes = bytes | mmap.mmap

_UNREADABLE = (pikepdf.PdfError, ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, NotImplementedError)
"""What pikepdf raises on files that are not what they claim."""


def header_offset(data: Bytes) -> int:
    """Where `%PDF-` begins; raises NotAPdf when it is not in the first 1024 bytes."""
    offset = data[:HEADER_WINDOW].find(b"%PDF-")
    if offset < 0:
        raise NotAPdf
    return offset


def has_compressed_structure(data: Bytes) -> bool:
    """True when the file names object streams or cross-reference streams, whatever the escapes: opening it would inflate them."""
    return _COMPRESSED_STRUCTURE.search(data) is not None


def check_structure(data: Bytes, limits: PdfLimits) -> None:
    """Raises PdfBomb when an object stream or cross-reference stream inflates too far; qpdf's own bound stands behind this one."""
    for name in _COMPRESSED_STRUCTURE.finditer(data):
        begin = data.find(b"stream", name.end(), name.end() + _DICTIONARY_WINDOW)
        if begin >= 0:
            begin += len(b"stream")
            flate_size(data[begin : begin + _STRUCTURE_RAW].lstrip(b"\r\n"), 1, limits.structure_bytes)


def examine(data: Bytes, file: BinaryIO, limits: PdfLimits, *, confined: bool) -> PdfReport:
    """The report of a PDF given twice, as bytes and as the open file that holds them.

    Raises NotAPdf, PdfEncrypted, PdfBomb, PdfDamaged; unconfined, NeedsConfinement for a file that may be costly or is damaged.
    """
    offset = header_offset(data)
    compressed = has_compressed_structure(data)
    if compressed and not confined:
        raise NeedsConfinement
    if compressed:
        check_structure(data, limits)
    try:
        with pikepdf.open(
            file,
            access_mode=pikepdf.AccessMode.mmap,
            attempt_recovery=confined,
            inherit_page_attributes=False,
            suppress_warnings=True,
        ) as pdf:
            if pdf.is_encrypted:
                raise PdfEncrypted
            report = _report(data, pdf, limits, confined=confined)
            repaired = bool(pdf.get_warnings())
            if repaired and not confined:
                # without recovery qpdf takes a stream whose length it cannot read for an empty one; other readers will not
                raise NeedsConfinement
    except pikepdf.PasswordError:
        raise PdfEncrypted from None
    except MemoryError:
        raise PdfBomb(limit="mémoire") from None
    except _UNREADABLE as error:
        if not confined:
            raise NeedsConfinement from None
        raise PdfDamaged(technical=type(error).__name__) from None
    extra = [Flaw.COMPRESSED_STRUCTURE] * compressed + [Flaw.REPAIRED] * repaired
    return msgspec.structs.replace(report, leading_bytes=offset, flaws=tuple(sorted({*report.flaws, *extra})))


def _report(data: Bytes, pdf: pikepdf.Pdf, limits: PdfLimits, *, confined: bool) -> PdfReport:
    pages = count_pages(pdf, limits)
    found = walk(pdf, limits, confined=confined)
    marker, flaws = metadata_of(pdf)
    return PdfReport(
        size=len(data),
        pages=pages,
        objects=found.objects,
        inflated_bytes=found.inflated_bytes,
        version=str(pdf.pdf_version),
        leading_bytes=0,
        marker=marker,
        flaws=tuple({*flaws, *file_flaws(data, pdf), *output_intent_flaws(pdf, found.device_colours), *found.flaws}),
        fonts_not_embedded=tuple(sorted(found.fonts_not_embedded)),
    )
