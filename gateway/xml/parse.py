"""The only XML parser of the product: bytes to an lxml element, nothing fetched, nothing expanded.

A DOCTYPE is refused before anything is parsed; there are no entities but the five of XML, no DTD, no network, no XInclude, no style sheet.
Size, number of elements and attributes, and depth are capped before or right after the tree is built. Comments and processing
instructions are kept: canonical forms with comments count them. Source: cda_signing.md section 5 (measured on libxml2 2.14).
"""

from __future__ import annotations

from lxml import etree

from gateway.xml.errors import XmlForbidden, XmlMalformed, XmlTooLarge
from gateway.xml.prolog import check_prolog

MAX_MARKUP = 400_000
"""Number of `<`: an element costs some 200 bytes of memory, so a few characters of markup could otherwise fill the box."""
MAX_ATTRIBUTES = 400_000
"""Number of `=` outside of long texts is at least the number of attributes."""
MAX_ON_ONE = 256
"""Attributes of one element: a canonical form sorts them in the square of their number, 200 000 of them in minutes [M]."""
MAX_NAMESPACES = 64
"""Prefixes declared at one place: an inclusive canonical form weighs each of them at every element below."""
MAX_DEPTH = 256
"""The limit of libxml2 without its huge mode, kept in that mode too."""

_CROWDED = etree.XPath(f"boolean(//*[count(@*) > {MAX_ON_ONE}])")
_TOO_DEEP = etree.XPath("boolean(/*" + "/*" * MAX_DEPTH + ")")


def parse(data: bytes, *, max_bytes: int = 10_000_000) -> etree._Element:
    """The root element of a document; raises XmlTooLarge, XmlForbidden or XmlMalformed. Texts beyond 10 MB are refused."""
    return _read(data, max_bytes, huge=False)


def parse_large(data: bytes, *, max_bytes: int) -> etree._Element:
    """As `parse`, with texts as long as `max_bytes`; only for bodies whose size was capped when they came in."""
    return _read(data, max_bytes, huge=True)


def _read(data: bytes, max_bytes: int, *, huge: bool) -> etree._Element:
    if len(data) > max_bytes:
        raise XmlTooLarge(f"{len(data)} bytes, {max_bytes} allowed", limit="taille")
    if len(data) > MAX_MARKUP and data.count(b"<") > MAX_MARKUP:
        raise XmlTooLarge("markup", limit="nombre d'éléments")
    if len(data) > MAX_ATTRIBUTES and data.count(b"=") > MAX_ATTRIBUTES:
        raise XmlTooLarge("attributes", limit="nombre d'attributs")
    check_prolog(data)
    try:
        root = etree.fromstring(data, _parser(huge=huge))
    except etree.XMLSyntaxError as problem:
        raise _malformed(problem) from None
    except (ValueError, LookupError) as problem:
        raise XmlMalformed(type(problem).__name__) from None
    document = root.getroottree().docinfo
    if document.internalDTD is not None or document.externalDTD is not None:
        raise XmlForbidden("DTD")
    if huge and _TOO_DEEP(root):
        raise XmlTooLarge("depth", limit="profondeur")
    if data.count(b"=") > MAX_ON_ONE and _CROWDED(root):
        raise XmlTooLarge("attributes of one element", limit="nombre d'attributs")
    if data.count(b"xmlns") > MAX_NAMESPACES and _most_namespaces(root) > MAX_NAMESPACES:
        raise XmlTooLarge("namespaces", limit="nombre d'espaces de noms")
    return root


def _most_namespaces(root: etree._Element) -> int:
    held = most = 0
    for event, _ in etree.iterwalk(root, events=("start-ns", "end-ns")):
        held += 1 if event == "start-ns" else -1
        most = max(most, held)
    return most


def _parser(*, huge: bool) -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=huge, collect_ids=False)


def _malformed(problem: etree.XMLSyntaxError) -> XmlMalformed:
    number = getattr(problem, "code", 0)
    where = f"libxml2 error {number}, line {problem.lineno}, column {problem.offset}"
    if number == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
        return XmlTooLarge(where, limit="profondeur ou longueur d'un texte")
    return XmlMalformed(where)
