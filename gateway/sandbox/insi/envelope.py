"""The SOAP 1.2 envelope of INSi and its two contexts, held to the rules of insi.md 1.3 to 1.5. Never looks into the body."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

from gateway.sandbox.dmp.safe_xml import XmlRefused, children, parse_xml, text_of
from gateway.sandbox.insi.refusals import broken

SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING: Final = "http://www.w3.org/2005/08/addressing"
WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
SAML: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
BAM: Final = "urn:siram:bam:ctxbam"
LPS: Final = "urn:siram:lps:ctxlps"

_LIMIT = 200_000
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ALLOWED: Final = {
    f"{{{ADDRESSING}}}Action", f"{{{ADDRESSING}}}MessageID", f"{{{BAM}}}ContexteBAM", f"{{{LPS}}}ContexteLPS", f"{{{WSSE}}}Security",
}  # fmt: skip
_LPS_ORDER = ("IDAM", "Version", "Instance", "Nom")


@dataclass(frozen=True, slots=True)
class Message:
    """What an envelope says."""

    action: str
    message_id: str
    sender: str
    coverage: etree._Element
    idam: str
    assertion: etree._Element | None
    body: etree._Element


def read_message(data: bytes, *, strict: bool) -> Message:
    """Parse and judge; raises InsiRefusal. Lenient, only what is needed to answer is looked at."""
    try:
        root = parse_xml(data, _LIMIT)
    except XmlRefused as problem:
        raise broken(f"insi.soap.{problem.reason}", "document XML refusé") from problem
    if root.tag != f"{{{SOAP}}}Envelope":
        raise broken("insi.soap.version", "SOAP 1.2 attendu")
    header, body = root.find(f"{{{SOAP}}}Header"), root.find(f"{{{SOAP}}}Body")
    if header is None or body is None or len(children(body)) != 1:
        raise broken("insi.soap.envelope", "en-tête et corps à un élément attendus")
    action, message_id = _only(header, ADDRESSING, "Action"), _only(header, ADDRESSING, "MessageID")
    bam, lps = _context(header, BAM, "ContexteBAM"), _context(header, LPS, "ContexteLPS")
    if strict:
        _judge(header, message_id, bam, lps)
    coverage = bam.find(f"{{{BAM}}}COUVERTURE")
    if coverage is None:
        raise broken("insi.bam.coverage", "COUVERTURE absente")
    assertions = list(root.iter(f"{{{SAML}}}Assertion"))
    if len(assertions) > 1:
        raise broken("insi.assertion.single", "une seule assertion")
    return Message(
        action=action,
        message_id=message_id,
        sender=text_of(bam.find(f"{{{BAM}}}Emetteur")),
        coverage=coverage,
        idam=text_of(lps.find(f"{{{LPS}}}LPS/{{{LPS}}}IDAM")),
        assertion=assertions[0] if assertions else None,
        body=children(body)[0],
    )


def _judge(header: etree._Element, message_id: str, bam: etree._Element, lps: etree._Element) -> None:
    unknown = [child.tag for child in children(header) if child.tag not in _ALLOWED]
    if unknown:
        raise broken("insi.header.unexpected", "en-tête inattendu")
    if not message_id.startswith("uuid:") or not _UUID.fullmatch(message_id[5:]):
        raise broken("insi.addressing.message-id", "uuid: suivi d'un UUID attendu")
    security = header.find(f"{{{WSSE}}}Security")
    if security is not None and not children(security):
        raise broken("insi.security.empty", "Security vide")
    _judge_context(bam, "bam", "01_02", "CTXBAM")
    _judge_context(lps, "lps", "01_00", "CTXLPS")
    software = lps.find(f"{{{LPS}}}LPS")
    if software is None:
        raise broken("insi.lps.software", "LPS absent")
    names = [etree.QName(child).localname for child in children(software)]
    if names != [name for name in _LPS_ORDER if name in names]:
        raise broken("insi.lps.order", "IDAM, Version, Instance, Nom dans cet ordre")
    idam, name = software.find(f"{{{LPS}}}IDAM"), text_of(software.find(f"{{{LPS}}}Nom"))
    if idam is None or idam.get("R") != "4":
        raise broken("insi.lps.idam", 'IDAM avec R="4" attendu')
    if name and not name.startswith("urn:lps:"):
        raise broken("insi.lps.name", "urn:lps: attendu devant le nom")
    instance = text_of(software.find(f"{{{LPS}}}Instance"))
    if instance and not _UUID.fullmatch(instance):
        raise broken("insi.lps.instance", "UUID attendu")


def _judge_context(context: etree._Element, name: str, version: str, nature: str) -> None:
    namespace = etree.QName(context).namespace
    if context.get("Version") != version:
        raise broken(f"insi.{name}.version", f"Version {version} attendue")
    if context.get("Nature", nature) != nature:
        raise broken(f"insi.{name}.nature", f"Nature {nature} attendue")
    if not _UUID.fullmatch(text_of(context.find(f"{{{namespace}}}Id"))):
        raise broken(f"insi.{name}.id", "UUID attendu")
    if not _INSTANT.fullmatch(text_of(context.find(f"{{{namespace}}}Temps"))):
        raise broken(f"insi.{name}.time", "instant attendu")
    names = [etree.QName(child).localname for child in children(context)]
    order = ("Id", "Temps", "Emetteur", "DateRef", "COUVERTURE", "LPS")
    if names != sorted(names, key=lambda one: order.index(one) if one in order else 99) or set(names) - set(order):
        raise broken(f"insi.{name}.order", "éléments dans l'ordre du schéma")


def _only(header: etree._Element, namespace: str, name: str) -> str:
    found = header.findall(f"{{{namespace}}}{name}")
    if len(found) != 1 or not text_of(found[0]):
        raise broken(f"insi.addressing.{name.lower()}", f"un {name} attendu")
    return text_of(found[0])


def _context(header: etree._Element, namespace: str, name: str) -> etree._Element:
    found = header.findall(f"{{{namespace}}}{name}")
    if len(found) != 1:
        raise broken(f"insi.{namespace.rsplit(':', 1)[-1]}.single", f"un {name} attendu")
    return found[0]
