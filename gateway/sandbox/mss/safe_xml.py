"""XML as the operator's reader takes it: no DOCTYPE, no entity, no network, a size cap (cda_signing.md 5).

Never repairs. Apart from the gateway's parser on purpose.
"""

from __future__ import annotations

from lxml import etree

SIZE_LIMIT = 60 * 1024 * 1024


class XmlUnsafe(Exception):
    """Not well formed, too large, or with a DOCTYPE. Stays inside the reader."""


def parse(content: bytes) -> etree._Element:
    """Root element. Raises XmlUnsafe."""
    if len(content) > SIZE_LIMIT:
        raise XmlUnsafe("size")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise XmlUnsafe("syntax") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise XmlUnsafe("doctype")
    return root
