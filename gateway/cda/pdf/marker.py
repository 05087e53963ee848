"""What a PDF says of itself as a whole: PDF/A marker of the XMP, output intent, catalog, trailer, first and last lines.

Reads the XMP as text: a packet in anything but UTF-8 counts as no marker, which costs a conversion and no more. Clauses of ISO 19005-1
by number; source cda_signing.md 1.5.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator

import pikepdf

from gateway.cda.pdf.info import info_flaws
from gateway.cda.pdf.report import Flaw
from gateway.cda.pdf.streams import filters_of, head_of

_NAMESPACE = re.compile(rb"""xmlns:([A-Za-z_][\w.-]*)\s*=\s*["']http://www\.aiim\.org/pdfa/ns/id/["']""")
_XMP_BYTES = 1_000_000
_HEADER = re.compile(rb"%PDF-1\.[0-7][ \t]*(?:\r\n|\r|\n)%[\x80-\xff]{4}")
_TAIL = re.compile(rb"%%EOF[\r\n\x00 ]*\Z")
_ICC_HEADER = 128
_COMPONENTS = {b"RGB ": 3, b"CMYK": 4, b"GRAY": 1}
_MAX_ICC_MAJOR = 2


def read_marker(xmp: bytes) -> str | None:
    """The PDF/A claim of an XMP packet, such as "1B", "1A" or "3U", in attribute or element form; None when there is none."""
    namespace = _NAMESPACE.search(xmp)
    if namespace is None:
        return None
    part, conformance = (_property(xmp, namespace[1], name) for name in (b"part", b"conformance"))
    return f"{part}{conformance.upper()}" if part else None


def _property(xmp: bytes, prefix: bytes, name: bytes) -> str:
    qualified = re.escape(prefix) + b":" + name
    found = re.search(rb"\s" + qualified + rb"""\s*=\s*["']\s*(\w+)\s*["']|<""" + qualified + rb"\s*>\s*(\w+)\s*</", xmp)
    return (found[1] or found[2]).decode("ascii", "replace") if found else ""


def metadata_of(pdf: pikepdf.Pdf) -> tuple[str | None, list[Flaw]]:
    """The marker and its flaws. 6.7.2: catalog metadata, not filtered; 6.7.11: part 1, conformance A or B; 6.7.3: Info agrees."""
    stream = pdf.Root.get("/Metadata")
    if not isinstance(stream, pikepdf.Stream):
        return None, [Flaw.NO_MARKER]
    flaws = [Flaw.METADATA_FILTERED] if filters_of(stream) else []
    xmp = head_of(stream, _XMP_BYTES)
    marker = read_marker(xmp)
    if marker not in ("1A", "1B"):
        flaws.append(Flaw.NO_MARKER)
    return marker, [*flaws, *info_flaws(pdf, xmp)]


def output_intent_flaws(pdf: pikepdf.Pdf, device_colours: set[str]) -> Iterator[Flaw]:
    """6.2.2 and 6.2.3.3: one GTS_PDFA1 intent with an ICC profile of version 2, of the colours that the file uses."""
    profile = _destination_profile(pdf)
    if profile is None:
        yield Flaw.NO_OUTPUT_INTENT
        return
    head = head_of(profile, _ICC_HEADER)
    components = _COMPONENTS.get(head[16:20], 0)
    if len(head) < _ICC_HEADER or head[36:40] != b"acsp" or head[8] > _MAX_ICC_MAJOR or profile.get("/N") != components:
        yield Flaw.OUTPUT_PROFILE
    allowed = {3: {"/DeviceRGB", "/DeviceGray"}, 4: {"/DeviceCMYK", "/DeviceGray"}, 1: {"/DeviceGray"}}.get(components, set())
    if device_colours - allowed:
        yield Flaw.DEVICE_COLOUR


def _destination_profile(pdf: pikepdf.Pdf) -> pikepdf.Stream | None:
    intents = pdf.Root.get("/OutputIntents")
    for intent in intents.as_list() if isinstance(intents, pikepdf.Array) else []:
        if isinstance(intent, pikepdf.Dictionary) and str(intent.get("/S", "")) == "/GTS_PDFA1":
            profile = intent.get("/DestOutputProfile")
            return profile if isinstance(profile, pikepdf.Stream) else None
    return None


def file_flaws(data: bytes | mmap.mmap, pdf: pikepdf.Pdf) -> Iterator[Flaw]:
    """6.1.2: `%PDF-1.n` first, then a binary comment; 6.1.3: file identifier, nothing after the end."""
    if not _HEADER.match(data):
        yield Flaw.HEADER
    if "/ID" not in pdf.trailer or not _TAIL.search(data[-64:]):
        yield Flaw.TRAILER
