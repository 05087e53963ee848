"""The official INSi contract as a judge: every type of the WSDL, compiled offline for lxml and for xmllint.

The WSDL imports WS-Addressing by web address and takes SOAP for granted: both are answered by a few lines written at run time. Nothing
official is copied.
"""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from lxml import etree

from tests.shared import need
from tests.tools import need_tool

XS = "{http://www.w3.org/2001/XMLSchema}"
SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
BAM = "urn:siram:bam:ctxbam"
LPS = "urn:siram:lps:ctxlps"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"

_ADDRESSING = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{WSA}">
<xs:element name="Action" type="xs:anyURI"/><xs:element name="MessageID" type="xs:anyURI"/></xs:schema>"""

_ENVELOPE = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{SOAP}" elementFormDefault="qualified">
<xs:element name="Envelope"><xs:complexType><xs:sequence>
<xs:element name="Header"><xs:complexType><xs:sequence>
<xs:any namespace="##other" processContents="strict" minOccurs="4" maxOccurs="5"/></xs:sequence></xs:complexType></xs:element>
<xs:element name="Body"><xs:complexType><xs:sequence>
<xs:any namespace="##other" processContents="strict"/></xs:sequence></xs:complexType></xs:element>
</xs:sequence></xs:complexType></xs:element></xs:schema>"""


def write_contract(folder: Path) -> Path:
    """A schema in `folder` that holds the types of the official WSDL, SOAP and WS-Addressing."""
    wsdl = need("data", "insi", "wsdl", "DESIR_ICIR_EXP_1.5.0.wsdl")
    types = etree.parse(str(wsdl)).find(f".//{XS}schema")
    assert types is not None
    for name, text in (("addressing.xsd", _ADDRESSING), ("envelope.xsd", _ENVELOPE)):
        folder.joinpath(name).write_text(text, encoding="utf-8")
    for imported in types.findall(f"{XS}import"):
        if imported.get("namespace") == WSA:
            imported.set("schemaLocation", "addressing.xsd")
        else:
            imported.set("schemaLocation", (wsdl.parent / str(imported.get("schemaLocation"))).as_uri())
    etree.SubElement(types, f"{XS}import", namespace=SOAP, schemaLocation="envelope.xsd")
    path = folder / "contract.xsd"
    path.write_bytes(etree.tostring(types))
    return path


@cache
def compiled(path: Path) -> etree.XMLSchema:
    """The schema for lxml, no network."""
    return etree.XMLSchema(etree.parse(str(path), etree.XMLParser(no_network=True)))


@cache
def official(*parts: str) -> etree.XMLSchema:
    """One official XSD alone, by its place under wsdl/xsd."""
    return compiled(need("data", "insi", "wsdl", "xsd", *parts))


def xmllint_faults(document: bytes, schema: Path) -> str:
    """What xmllint says against a document; empty when it validates."""
    command = [need_tool("xmllint"), "--noout", "--nonet", "--schema", str(schema), "-"]
    result = subprocess.run(command, input=document, capture_output=True, check=False, timeout=60)
    return "" if result.returncode == 0 else result.stderr.decode()


def sample(name: str) -> etree._Element:
    """One of the synthetic requests."""
    return etree.parse(str(need("data", "insi", "samples", "synthetic_requests", name))).getroot()
