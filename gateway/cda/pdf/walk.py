"""The bounded walk through every object of an open PDF: flaws, fonts, colours, inflated size, pages.

Follows no reference (every indirect object comes up once by itself), never recurses, never decodes a content stream. Raises PdfBomb at
the first bound crossed. Source: cda_signing.md 1.5; ISO 19005-1 6.1.12 for the sizes of containers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pikepdf

from gateway.cda.pdf.report import Flaw, PdfBomb, PdfDamaged, PdfLimits
from gateway.cda.pdf.rules import RULES
from gateway.cda.pdf.streams import check_pixels, inflated_size, most_inflated

_DEVICE_COLOURS = frozenset({"/DeviceRGB", "/DeviceCMYK", "/DeviceGray"})
_MAX_ARRAY, _MAX_DICTIONARY = 8191, 4095
_MAX_FONT_NAMES = 20


class Findings(msgspec.Struct):
    """What the walk gathers, object after object."""

    objects: int = 0
    inflated_bytes: int = 0
    flaws: set[Flaw] = msgspec.field(default_factory=set)
    fonts_not_embedded: set[str] = msgspec.field(default_factory=set)
    device_colours: set[str] = msgspec.field(default_factory=set)


def walk(pdf: pikepdf.Pdf, limits: PdfLimits, *, confined: bool) -> Findings:
    """Looks at every indirect object once; raises PdfBomb, or NeedsConfinement when a stream cannot be measured in this process."""
    found = Findings()
    if len(pdf.objects) > limits.objects:
        raise PdfBomb(limit="trop d'objets")
    harmless = _cannot_grow(pdf, limits)
    for item in pdf.objects:
        found.objects += 1
        if isinstance(item, pikepdf.Stream):
            check_pixels(item, limits)
            found.inflated_bytes += 0 if harmless else inflated_size(item, limits, confined=confined)
            if found.inflated_bytes > limits.total_bytes:
                raise PdfBomb(limit="un contenu compressé se déploie sans fin")
        _look_into(item, found, limits)
    return found


def _cannot_grow(pdf: pikepdf.Pdf, limits: PdfLimits) -> bool:
    """True when the lengths alone keep every stream, and all of them together, within bounds: most small documents."""
    total = 0
    for item in pdf.objects:
        most = most_inflated(item, limits.stream_bytes) if isinstance(item, pikepdf.Stream) else 0
        if most is None:
            return False
        total += most
    return total <= limits.total_bytes


def count_pages(pdf: pikepdf.Pdf, limits: PdfLimits) -> int:
    """Pages reached through the page tree; raises PdfBomb beyond the limit, PdfDamaged for a loop, no tree or no page."""
    root = pdf.Root.get("/Pages") if isinstance(pdf.Root, pikepdf.Dictionary) else None
    pages, seen, waiting = 0, set[tuple[int, int]](), [root]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, pikepdf.Dictionary):
            raise PdfDamaged(technical="page tree")
        kids = node.get("/Kids")
        if not isinstance(kids, pikepdf.Array):
            pages += 1
        elif node.objgen in seen:
            raise PdfDamaged(technical="page tree loops")
        else:
            seen.add(node.objgen)
            waiting.extend(kids.as_list())
        if pages > limits.pages or len(waiting) + len(seen) > limits.objects:
            raise PdfBomb(limit="trop de pages")
    if pages == 0:
        raise PdfDamaged(technical="no page")
    return pages


def _look_into(item: pikepdf.Object, found: Findings, limits: PdfLimits) -> None:
    """One indirect object and the direct containers inside it."""
    waiting: list[tuple[pikepdf.Object, int]] = [(item, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > limits.nesting:
            raise PdfBomb(limit="des objets emboîtés sans fin")
        if isinstance(node, pikepdf.Array):
            values: Iterable[Any] = node.as_list()
            if len(node) > _MAX_ARRAY:
                found.flaws.add(Flaw.CONTAINER_SIZE)
        else:
            values = _dictionary(node, found) if isinstance(node, pikepdf.Dictionary | pikepdf.Stream) else []
        for value in values:
            if isinstance(value, pikepdf.Name):
                if str(value) in _DEVICE_COLOURS:
                    found.device_colours.add(str(value))
            elif isinstance(value, pikepdf.Array | pikepdf.Dictionary) and not value.is_indirect:
                waiting.append((value, depth + 1))


def _dictionary(node: pikepdf.Object, found: Findings) -> list[Any]:
    """Applies the rules to one dictionary and returns its values."""
    values = []
    for key, value in node.items():
        values.append(value)
        rule = RULES.get(key)
        if rule is None:
            continue
        for flaw in rule(node, value):
            found.flaws.add(flaw)
            if flaw is Flaw.FONT_NOT_EMBEDDED and len(found.fonts_not_embedded) < _MAX_FONT_NAMES:
                found.fonts_not_embedded.add(str(value).removeprefix("/")[:64])
    if len(values) > _MAX_DICTIONARY:
        found.flaws.add(Flaw.CONTAINER_SIZE)
    return values
