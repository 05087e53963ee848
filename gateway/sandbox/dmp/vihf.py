"""Reads the VIHF (SAML 2.0 assertion) into a frozen value, after its signature was checked.

It never keeps the homologation number: it only tells whether it is a known one (EX_GEN-1490). Source: dmp.md section 2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from gateway.sandbox.dmp.refusals import SoapRefusal
from gateway.sandbox.dmp.safe_xml import children, text_of
from gateway.sandbox.dmp.signature import ds
from gateway.sandbox.dmp.soap import SAML

V3 = "urn:hl7-org:v3"
RESOURCE = "urn:oasis:names:tc:xacml:2.0:resource:resource-id"
SUBJECT_ID = "urn:oasis:names:tc:xspa:1.0:subject:subject-id"
PURPOSE = "urn:oasis:names:tc:xspa:1.0:subject:purposeofuse"
ROLE = "urn:oasis:names:tc:xacml:2.0:subject:role"
HOMOLOGATION = "LPS_ID_HOMOLOGATION_DMP"

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
_PATIENT = re.compile(r"([0-9AB]{15})\^\^\^&([0-9.]+)&ISO\^NH")


@dataclass(frozen=True, slots=True)
class Coded:
    """A code and its system inside the assertion."""

    code: str
    system: str


@dataclass(frozen=True, slots=True)
class Vihf:
    """What a token claims. `patient` is (matricule, INS OID) from the resource-id, None when it has not that form."""

    identifier: str
    issued_at: datetime
    not_before: datetime | None
    not_after: datetime | None
    issuer_format: str
    issuer: str
    subject: str
    authentication: str
    order: tuple[str, ...]
    audience: bool
    attributes: Mapping[str, tuple[str, ...]]
    roles: tuple[Coded, ...]
    purpose: Coded | None
    homologated: bool

    def attribute(self, name: str) -> str:
        """The value of a single-valued text attribute; empty when absent or repeated."""
        values = self.attributes.get(name, ())
        return values[0] if len(values) == 1 else ""

    @property
    def structure(self) -> str:
        """Struct_IdNat claimed by the token."""
        return self.attribute("Identifiant_Structure")

    @property
    def patient(self) -> tuple[str, str] | None:
        """Matricule and INS OID of the resource-id."""
        found = _PATIENT.fullmatch(self.attribute(RESOURCE))
        return None if found is None else (found[1], found[2])


def read_vihf(assertion: etree._Element, homologations: frozenset[str]) -> Vihf:
    """The claims of an assertion; raises SoapRefusal when its skeleton is not one."""
    values: dict[str, tuple[str, ...]] = {}
    for attribute in assertion.iterfind(f"{_saml('AttributeStatement')}/{_saml('Attribute')}"):
        name = attribute.get("Name", "")
        if name in values:
            raise SoapRefusal("dmp.vihf.attribute-repeated", "Un attribut du jeton VIHF est répété")
        values[name] = tuple(text_of(value) for value in attribute.iterfind(_saml("AttributeValue")))
    numbers = values.pop(HOMOLOGATION, ())
    conditions = assertion.find(_saml("Conditions"))
    issuer = assertion.find(_saml("Issuer"))
    purposes = _coded(assertion, PURPOSE, "PurposeOfUse")
    return Vihf(
        identifier=assertion.get("ID", ""),
        issued_at=_instant(assertion.get("IssueInstant", "")),
        not_before=_optional_instant(conditions, "NotBefore"),
        not_after=_optional_instant(conditions, "NotOnOrAfter"),
        issuer_format="" if issuer is None else issuer.get("Format", ""),
        issuer=text_of(issuer),
        subject=text_of(assertion.find(f"{_saml('Subject')}/{_saml('NameID')}")),
        authentication=text_of(assertion.find(f"{_saml('AuthnStatement')}/{_saml('AuthnContext')}/{_saml('AuthnContextClassRef')}")),
        order=tuple(_local(child.tag) for child in children(assertion)),
        audience=conditions is not None and len(children(conditions)) > 0,
        attributes=values,
        roles=_coded(assertion, ROLE, "Role"),
        purpose=purposes[0] if len(purposes) == 1 else None,
        homologated=len(numbers) == 1 and numbers[0] in homologations,
    )


def _saml(name: str) -> str:
    return f"{{{SAML}}}{name}"


def _local(tag: str) -> str:
    return "Signature" if tag == ds("Signature") else tag.removeprefix(f"{{{SAML}}}")


def _instant(text: str) -> datetime:
    if not _INSTANT.fullmatch(text):
        raise SoapRefusal("dmp.vihf.instant", "Une date du jeton VIHF est absente ou mal formée")
    try:
        return datetime.fromisoformat(text)
    except ValueError as problem:
        raise SoapRefusal("dmp.vihf.instant", "Une date du jeton VIHF est absente ou mal formée") from problem


def _optional_instant(conditions: etree._Element | None, name: str) -> datetime | None:
    text = None if conditions is None else conditions.get(name)
    return None if text is None else _instant(text)


def _coded(assertion: etree._Element, attribute: str, element: str) -> tuple[Coded, ...]:
    path = f"{_saml('AttributeStatement')}/{_saml('Attribute')}[@Name='{attribute}']/{_saml('AttributeValue')}/{{{V3}}}{element}"
    return tuple(Coded(found.get("code", ""), found.get("codeSystem", "")) for found in assertion.iterfind(path))
