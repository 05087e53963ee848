"""Canonical XML 1.0, inclusive and exclusive, and the digests of what it gives.

A whole document is canonicalised as it stands, comments and processing instructions around the root included when a tree is given. An
element inside a document is first written out alone with the namespaces and `xml:` attributes it inherits, because lxml's own form of a
subtree loses them or injects `xmlns=""`. Sources: dmp.md section 4 pitfalls, cda_signing.md section 5, W3C REC-xml-c14n-20010315 and
REC-xml-exc-c14n-20020718.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Literal

from lxml import etree

from gateway.xml.errors import XmlMalformed
from gateway.xml.parse import parse_large

INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
INCLUSIVE_WITH_COMMENTS = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
EXCLUSIVE_WITH_COMMENTS = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"

DigestName = Literal["sha1", "sha256", "sha512"]
_XML = "{http://www.w3.org/XML/1998/namespace}"
_DEFAULT = "#default"
_PROBE = b'<p:a xmlns="urn:default" xmlns:p="urn:p" empty=""/>'


def inclusive(node: etree._Element | etree._ElementTree, *, with_comments: bool = True) -> bytes:
    """Inclusive canonical form, UTF-8; a tree counts what surrounds its root, an element does not. Raises XmlMalformed."""
    return _canonical(_standing_alone(node, inherit_xml=True), exclusive=False, with_comments=with_comments, prefixes=())


def exclusive(node: etree._Element | etree._ElementTree, prefixes: Sequence[str] = (), *, with_comments: bool = False) -> bytes:
    """Exclusive canonical form, UTF-8; `prefixes` is the InclusiveNamespaces list, `#default` allowed. Raises XmlMalformed."""
    if _DEFAULT in prefixes:
        _learn_empty_prefix()
    alone = _standing_alone(node, inherit_xml=False, anew=_DEFAULT in prefixes)
    return _canonical(alone, exclusive=True, with_comments=with_comments, prefixes=prefixes)


def digest(octets: bytes, name: DigestName = "sha256") -> str:
    """The digest of these octets in base64, as a ds:DigestValue holds it."""
    return base64.b64encode(hashlib.new(name, octets, usedforsecurity=False).digest()).decode("ascii")


def _canonical(node: etree._Element | etree._ElementTree, *, exclusive: bool, with_comments: bool, prefixes: Sequence[str]) -> bytes:
    names = ["" if prefix == _DEFAULT else prefix for prefix in prefixes]
    try:
        written = etree.tostring(node, method="c14n", exclusive=exclusive, with_comments=with_comments, inclusive_ns_prefixes=names or None)
    except etree.LxmlError as problem:
        raise XmlMalformed(f"no canonical form: {type(problem).__name__}") from None
    return written


def _learn_empty_prefix() -> None:
    """Make lxml see `#default`: it passes on only the prefixes that libxml2's dictionary of this thread holds, and holds the empty one
    once an empty attribute was read by a parser that keeps short texts in it. Raises XmlMalformed should it not work: better no form
    than one that depends on what was parsed before."""
    probe = etree.fromstring(_PROBE, etree.XMLParser(compact=False, resolve_entities=False, no_network=True))
    if b'xmlns="urn:default"' not in _canonical(probe, exclusive=True, with_comments=False, prefixes=(_DEFAULT,)):
        raise XmlMalformed("no canonical form: #default")


def _standing_alone(
    node: etree._Element | etree._ElementTree, *, inherit_xml: bool, anew: bool = False
) -> etree._Element | etree._ElementTree:
    if not isinstance(node, etree._Element):
        root = node.getroot()
        if root.getparent() is not None:
            return _standing_alone(root, inherit_xml=inherit_xml, anew=anew)
        if not anew:
            return node
        whole = etree.tostring(node, encoding="UTF-8")
        return parse_large(whole, max_bytes=len(whole)).getroottree()
    if node.getparent() is None and not anew:
        return node
    written = etree.tostring(node, with_tail=False, encoding="UTF-8")
    alone = parse_large(written, max_bytes=len(written))
    if inherit_xml:
        for ancestor in node.iterancestors():
            for name, value in ancestor.attrib.items():
                if str(name).startswith(_XML) and name not in alone.attrib:
                    alone.set(name, value)
    return alone
