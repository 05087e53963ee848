"""Rules on the body that no schematron looks at: one body, its media type, its base64, and that the bytes are what is announced.

A PDF is judged on what can be told at a glance (header, end, the PDF/A-1 mark, which PDF/A-1 leaves uncompressed); `pdf.check` looks
inside. Source: cda_signing.md section 1.5.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator

from lxml import etree

from gateway.cda.finding import Finding
from gateway.cda.nodes import children, first

_TEXT = "component/nonXMLBody/text"
_PART = re.compile(rb"<pdfaid:part>\s*1\s*</pdfaid:part>|pdfaid:part\s*=\s*[\"']1[\"']")


def check_body(document: etree._Element) -> Iterator[Finding]:
    """Findings on component; the sections of a structured body are left to the schemas."""
    bodies = [*children(document, "component", "structuredBody"), *children(document, "component", "nonXMLBody")]
    if len(bodies) != 1:
        yield Finding("one-body", "component", "le document doit avoir un corps et un seul")
        return
    if str(bodies[0].tag).endswith("structuredBody"):
        if first(bodies[0], "component", "section") is None:
            yield Finding("empty-body", "component/structuredBody", "le corps structuré du document est vide")
        return
    node = first(bodies[0], "text")
    if node is None:
        yield Finding("empty-body", _TEXT, "le corps du document est vide")
        return
    yield from _embedded_file(node)


def _embedded_file(node: etree._Element) -> Iterator[Finding]:
    judge = _JUDGES.get(node.get("mediaType") or "")
    if judge is None:
        yield Finding("body-media-type", _TEXT, "le type du fichier contenu dans le document n'est pas accepté")
    if node.get("representation") != "B64" or len(node):
        yield Finding("body-base64", _TEXT, "le fichier contenu dans le document n'est pas en base64")
        return
    try:
        body = binascii.a2b_base64("".join((node.text or "").split()), strict_mode=True)
    except (binascii.Error, ValueError):
        yield Finding("body-base64", _TEXT, "le fichier contenu dans le document n'est pas un base64 correct")
        return
    if not body:
        yield Finding("empty-body", _TEXT, "le corps du document est vide")
    elif judge is not None:
        yield from judge(body)


def _pdf(body: bytes) -> Iterator[Finding]:
    if not body.startswith(b"%PDF-1.") or b"%%EOF" not in body[-2048:]:
        yield Finding("body-not-pdf", _TEXT, "le fichier contenu dans le document n'est pas un PDF complet")
    elif not _PART.search(body):
        yield Finding("body-not-pdfa1", _TEXT, "le PDF contenu dans le document n'est pas au format PDF/A-1")


def _starting(*marks: bytes) -> Callable[[bytes], Iterator[Finding]]:
    def judge(body: bytes) -> Iterator[Finding]:
        if not body.startswith(marks):
            yield Finding("body-not-as-announced", _TEXT, "le fichier contenu dans le document n'est pas du type annoncé")

    return judge


def _plain_text(body: bytes) -> Iterator[Finding]:
    try:
        is_text = "\x00" not in body.decode("utf-8")
    except UnicodeDecodeError:
        is_text = False
    if not is_text:
        yield Finding("body-not-as-announced", _TEXT, "le fichier contenu dans le document n'est pas un texte en UTF-8")


_JUDGES: dict[str, Callable[[bytes], Iterator[Finding]]] = {
    "application/pdf": _pdf,
    "text/plain": _plain_text,
    "text/rtf": _starting(b"{\\rtf"),
    "image/jpeg": _starting(b"\xff\xd8\xff"),
    "image/tiff": _starting(b"II*\x00", b"MM\x00*"),
}
