"""What a person reads of a structured CDA: facts of its header and the narrative of its sections, as plain blocks.

Takes the narrative only, never the entries: the narrative is what the author answers for. Sources: mssante.md 2.1 (ECO.2.1.5: the PDF
copy of a level 3 document is made from header and narrative), cda_signing.md 1.5 (sections, copy section 1.2.250.1.213.1.1.2.243).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Literal

import msgspec
from lxml import etree

from gateway.cda.names import HL7
from gateway.cda.reading import find_document, parse_cda

PDF_COPY_SECTION = "1.2.250.1.213.1.1.2.243"
_BREAKS = frozenset({"paragraph", "br", "item", "caption", "list", "table"})
_DEEPEST = 20
_SILENT = (etree._Comment, etree._ProcessingInstruction)


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of narrative: a heading of some depth, a paragraph, an item of a list, or a row of a table."""

    kind: Literal["heading", "paragraph", "item", "row"]
    text: str = ""
    level: int = 1
    cells: tuple[str, ...] = ()
    header: bool = False
    table: int = 0
    """Rows of one table share this number."""


def embedded_copy(data: bytes) -> bytes | None:
    """The PDF that the document carries of itself in its copy section, None when it carries none that can be read."""
    document, _ = find_document(parse_cda(data))
    for section in document.iter(_hl7("section")):
        if not any(one.get("root") == PDF_COPY_SECTION for one in section.findall(_hl7("templateId"))):
            continue
        for value in section.iter(_hl7("value")):
            if value.get("mediaType") == "application/pdf" and value.get("representation") == "B64":
                try:
                    return base64.b64decode("".join((value.text or "").split()), validate=True)
                except binascii.Error:
                    return None
    return None


def read_narrative(data: bytes) -> tuple[Block, ...]:
    """The narrative of every section, in order; raises what `parse_cda` raises. Empty for a document without structured body."""
    document, _ = find_document(parse_cda(data))
    body = document.find(f"{_hl7('component')}/{_hl7('structuredBody')}")
    if body is None:
        return ()
    counter = iter(range(1, 1_000_000))
    return tuple(block for part in body.findall(_hl7("component")) for block in _section(part.find(_hl7("section")), 1, counter))


def _section(section: etree._Element | None, level: int, counter: Iterator[int]) -> Iterator[Block]:
    if section is None or level > _DEEPEST:
        return
    title = section.find(_hl7("title"))
    if title is not None and _flat(title):
        yield Block(kind="heading", text=_flat(title), level=level)
    text = section.find(_hl7("text"))
    if text is not None:
        yield from _blocks(text, counter)
    for part in section.findall(_hl7("component")):
        yield from _section(part.find(_hl7("section")), level + 1, counter)


def _blocks(node: etree._Element, counter: Iterator[int]) -> Iterator[Block]:
    """Paragraphs, items and rows of a narrative element; loose text between them is a paragraph too."""
    loose: list[str] = [node.text or ""]
    for child in node:
        if isinstance(child, _SILENT):
            loose.append(child.tail or "")
            continue
        name = etree.QName(child).localname
        if name in _BREAKS:
            yield from _paragraph("".join(loose))
            loose = []
            yield from _block(name, child, counter)
        else:
            loose.append(_raw(child))
        loose.append(child.tail or "")
    yield from _paragraph("".join(loose))


def _block(name: str, node: etree._Element, counter: Iterator[int]) -> Iterator[Block]:
    if name == "table":
        number = next(counter)
        for row in node.iter(_hl7("tr")):
            cells = list(row.iterchildren(_hl7("th"), _hl7("td")))
            heading = bool(cells) and all(etree.QName(cell).localname == "th" for cell in cells)
            yield Block(kind="row", cells=tuple(_flat(cell) for cell in cells), header=heading, table=number)
    elif name == "list":
        for item in node.findall(_hl7("item")):
            for inner in _blocks(item, counter):
                yield Block(kind="item", text=inner.text) if inner.kind == "paragraph" else inner
    else:
        yield from _blocks(node, counter)


def _paragraph(text: str) -> Iterator[Block]:
    joined = " ".join(text.split())
    if joined:
        yield Block(kind="paragraph", text=joined)


def _raw(node: etree._Element) -> str:
    parts = [node.text or ""]
    for child in node:
        if not isinstance(child, _SILENT):
            parts.append(" " if etree.QName(child).localname in _BREAKS else "")
            parts.append(_raw(child))
        parts.append(child.tail or "")
    return "".join(parts)


def _flat(node: etree._Element) -> str:
    return " ".join(_raw(node).split())


def _hl7(name: str) -> str:
    return f"{{{HL7}}}{name}"
