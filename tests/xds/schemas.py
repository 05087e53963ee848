"""The official schemas of the DMP kit as judges, and the reading of a message by plain lxml."""

from __future__ import annotations

import base64
from functools import cache

from lxml import etree

from tests.shared import need

RIM = "{urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0}"
XDSB = "{urn:ihe:iti:xds-b:2007}"
XOP = "{http://www.w3.org/2004/08/xop/include}"


@cache
def schema(name: str) -> etree.XMLSchema:
    """A schema of the DMP kit, by its path under data/dmp/schema."""
    return etree.XMLSchema(etree.parse(str(need("data", "dmp", "schema", *name.split("/")))))


def check_submission(data: bytes) -> etree._Element:
    """Valid against lcm.xsd; the root element."""
    root = etree.fromstring(data)
    schema("ebRS/lcm.xsd").assertValid(root)
    return root


def check_provide_and_register(body: etree._Element, parts: dict[str, bytes]) -> None:
    """Valid against XDS.b_DocumentRepository.xsd once each xop:Include is replaced by the bytes of its part."""
    for include in list(body.iter(f"{XOP}Include")):
        parent = include.getparent()
        assert parent is not None
        parent.remove(include)
        parent.text = base64.b64encode(parts[str(include.get("href")).removeprefix("cid:")]).decode()
    schema("IHE/XDS.b_DocumentRepository.xsd").assertValid(body)


def slots(parent: etree._Element) -> dict[str, list[str]]:
    """Slot name to values of a registry object or classification."""
    return {str(slot.get("name")): [str(value.text) for value in slot.iter(f"{RIM}Value")] for slot in parent.iterfind(f"{RIM}Slot")}


def classifications(parent: etree._Element, scheme: str) -> list[etree._Element]:
    """Classifications of an object under one scheme."""
    return [one for one in parent.iterfind(f"{RIM}Classification") if one.get("classificationScheme") == f"urn:uuid:{scheme}"]


def codes_of(parent: etree._Element, scheme: str) -> list[tuple[str, str]]:
    """(code, coding scheme) of the classifications under one scheme."""
    return [(str(one.get("nodeRepresentation")), slots(one)["codingScheme"][0]) for one in classifications(parent, scheme)]


def identifiers(parent: etree._Element) -> dict[str, str]:
    """Name to value of the external identifiers."""
    return {
        str(one.find(f"{RIM}Name/{RIM}LocalizedString").get("value")): str(one.get("value"))  # type: ignore[union-attr]
        for one in parent.iterfind(f"{RIM}ExternalIdentifier")
    }
