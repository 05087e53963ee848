"""The official XSD of signatures (annex of the DMP kit), loaded offline: the web address one of them imports is answered locally."""

from __future__ import annotations

from functools import cache

from lxml import etree

from tests.shared import need

_XSD = "{http://www.w3.org/2001/XMLSchema}"


@cache
def schema(name: str) -> etree.XMLSchema:
    """`XAdES.xsd` (version 1.1.1) or `xmldsig-core-schema.xsd`."""
    tree = etree.parse(str(need("data", "dmp", "schema", name)), etree.XMLParser(load_dtd=False, no_network=True))
    for imported in tree.getroot().findall(f"{_XSD}import"):
        assert imported.get("namespace") == "http://www.w3.org/2000/09/xmldsig#"
        imported.set("schemaLocation", need("data", "dmp", "schema", "xmldsig-core-schema.xsd").as_uri())
    return etree.XMLSchema(tree)


def complaint(name: str, element: etree._Element) -> str | None:
    """The first thing that the schema finds wrong with an element taken alone."""
    judge, alone = schema(name), etree.fromstring(etree.tostring(element))
    try:
        judge.assertValid(alone)
    except etree.DocumentInvalid as problem:
        return str(problem)
    return None
