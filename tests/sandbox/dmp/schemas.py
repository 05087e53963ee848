"""The official schemas (beside the repository), loaded without the network."""

from __future__ import annotations

import base64
import tarfile
from functools import cache
from pathlib import Path

from lxml import etree

from tests.sandbox.dmp.stranger import Feed
from tests.shared import need

BODY = "{http://www.w3.org/2003/05/soap-envelope}Body"
XOP = "{http://www.w3.org/2004/08/xop/include}Include"


@cache
def schema(*parts: str) -> etree.XMLSchema:
    """A schema of ../shared/data/dmp/schema."""
    return etree.XMLSchema(etree.parse(str(need("data", "dmp", "schema", *parts))))


def hl7_schema(folder: Path, name: str) -> etree.XMLSchema:
    """A schema of the HL7 V3 archive, unpacked in `folder`."""
    with tarfile.open(need("data", "dmp", "schema", "HL7V3.tar.gz")) as archive:
        archive.extractall(folder, filter="data")
    return etree.XMLSchema(etree.parse(str(folder / "HL7V3" / "NE2009" / "multicacheschemas" / f"{name}.xsd")))


def body_of(message: bytes) -> etree._Element:
    """The only child of a SOAP body, as a document of its own."""
    found = etree.fromstring(message).find(BODY)
    assert found is not None
    assert len(found) == 1
    return etree.fromstring(etree.tostring(found[0]))


def inlined(sent: Feed) -> etree._Element:
    """The ITI-41 body of a feed with its parts in base64 in place of the xop:Include."""
    return inline(body_of(sent.envelope().encode()), dict(sent.parts()))


def inline(body: etree._Element, parts: dict[str, bytes]) -> etree._Element:
    """Put base64 in place of every xop:Include."""
    for include in list(body.iter(XOP)):
        document = include.getparent()
        assert document is not None
        document.remove(include)
        document.text = base64.b64encode(parts.get(document.get("id", ""), b"")).decode()
    return body


def is_valid(name: tuple[str, ...], element: etree._Element) -> bool:
    """True when the schema accepts the element."""
    return schema(*name).validate(element)
