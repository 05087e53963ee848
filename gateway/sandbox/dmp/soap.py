"""Reads SOAP 1.2 envelopes with WS-Addressing headers and keeps the SAML assertion apart.

It never trusts the assertion: that is `vihf`'s duty (dmp.md 1.3).
"""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from gateway.sandbox.dmp.refusals import SoapRefusal
from gateway.sandbox.dmp.safe_xml import XmlRefused, children, parse_xml, text_of

SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
ADDRESSING = "http://www.w3.org/2005/08/addressing"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
ASSERTION = f"{{{SAML}}}Assertion"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a SOAP message says of itself: addressing values, the only assertion, the only child of its body."""

    action: str
    message_id: str
    assertion: etree._Element | None
    body: etree._Element


def read_envelope(data: bytes, limit: int) -> Envelope:
    """Parse a SOAP 1.2 message; raises SoapRefusal (`dmp.soap.*`) for anything else, SOAP 1.1 included."""
    try:
        root = parse_xml(data, limit)
    except XmlRefused as problem:
        raise SoapRefusal(f"dmp.soap.{problem.reason}", "L'enveloppe SOAP n'est pas un document XML acceptable") from problem
    if root.tag == f"{{{SOAP11}}}Envelope":
        raise SoapRefusal("dmp.soap.version", "SOAP 1.1 n'est pas accepté : SOAP 1.2 est attendu")
    sections = [child.tag for child in children(root)]
    if root.tag != f"{{{SOAP12}}}Envelope" or sections != [f"{{{SOAP12}}}Header", f"{{{SOAP12}}}Body"]:
        raise SoapRefusal("dmp.soap.envelope", "L'enveloppe SOAP 1.2 est mal formée")
    header, body = children(root)
    content = children(body)
    if len(content) != 1:
        raise SoapRefusal("dmp.soap.body", "Le corps SOAP doit contenir exactement un élément")
    return Envelope(_one(header, "Action"), _one(header, "MessageID"), _assertion(root, header), content[0])


def _one(header: etree._Element, name: str) -> str:
    found = header.findall(f"{{{ADDRESSING}}}{name}")
    value = text_of(found[0]) if len(found) == 1 else ""
    if not value:
        raise SoapRefusal(f"dmp.soap.{name.lower()}", f"L'en-tête {name} est absent, vide ou répété")
    return value


def _assertion(root: etree._Element, header: etree._Element) -> etree._Element | None:
    placed = header.findall(f"{{{WSSE}}}Security/{ASSERTION}")
    if len(list(root.iter(ASSERTION))) > 1 or len(header.findall(f"{{{WSSE}}}Security")) > 1:
        raise SoapRefusal("dmp.vihf.single", "Le message porte plusieurs jetons VIHF")
    return placed[0] if placed else None
