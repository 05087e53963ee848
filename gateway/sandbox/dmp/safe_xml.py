"""The only XML parser of the simulated DMP: no document type, no entity, no network, bounded size.

It never repairs, never fetches and never echoes what it read (cda_signing.md section 5).
"""

from __future__ import annotations

from lxml import etree

from gateway.sandbox.dmp.refusals import Refusal

_STRING = etree.XPath("string()")
PLAIN_LIMIT = 9_000_000
"""Beyond this libxml2 needs huge_tree for a single text node (10 MB)."""


class XmlRefused(Refusal):
    """Not XML, too large, or with a document type: `reason` is one of `syntax`, `size`, `doctype`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse_xml(data: bytes, limit: int) -> etree._Element:
    """Root element of a document of at most `limit` bytes; raises XmlRefused."""
    if len(data) > limit:
        raise XmlRefused("size")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=len(data) > PLAIN_LIMIT
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as problem:
        raise XmlRefused("syntax") from problem
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr] # a parsed document always has its information
        raise XmlRefused("doctype")
    return root


def attribute_values(element: etree._Element, path: str) -> list[str]:
    """The attribute values that an XPath ending in attributes selects."""
    found = element.xpath(path)
    return [str(value) for value in found] if isinstance(found, list) else []


def children(element: etree._Element) -> list[etree._Element]:
    """Child elements only: no comment, no processing instruction."""
    return list(element.iterchildren("*"))


def content_of(element: etree._Element) -> str:
    """Text of an element as it stands, comments left out."""
    return str(_STRING(element))


def text_of(element: etree._Element | None) -> str:
    """Text of an element without surrounding blanks, comments left out; empty when there is no element."""
    return "" if element is None else content_of(element).strip()
