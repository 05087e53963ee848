"""The VIHF: a SAML 2.0 assertion that says for whom and for which patient a call to the DMP is made (dmp.md section 2).

Minted at send time, used once (EX_AIR-040, extended to INDIRECTE by caution [K]). Never written to disk, never printed: it names a
patient's INS, and holds the homologation number, which is confidential (EX_GEN-1490).
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import msgspec
from lxml import etree
from typing_extensions import override

from gateway.kernel.concept import Concept
from gateway.model.patient import Ins
from gateway.trust.certificate import subject_dn
from gateway.trust.dsig import sign_assertion
from gateway.trust.signer import Signer
from gateway.wire.secret import Secret
from gateway.xml.build import clean_text, element

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
X509_SUBJECT = "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"
UNATTENDED = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_XS = "http://www.w3.org/2001/XMLSchema"
_HL7 = "urn:hl7-org:v3"
_SECTORS = "1.2.250.1.71.4.2.4"
_PURPOSE = {
    "code": "normal",
    "codeSystem": "1.2.250.1.213.1.1.4.248",
    "codeSystemName": "mode acces VIHF 2.0",
    "displayName": "Accès normal",
}


class VihfFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a VIHF asserts. `version` and `mode_attribute` differ between sources and come from the configuration."""

    structure_id: str
    """Struct_IdNat, the OU of the signing certificate."""
    sector: str
    """Code of Secteur_Activite (SA05, SA07, ...)."""
    professional_id: str
    """PS_IdNat of the professional, or of the person responsible for unattended processing."""
    professional_name: str
    """Given name then family name."""
    roles: tuple[Concept, ...]
    """Profession first; a doctor's savoir-faire second, without which the DMP refuses."""
    ins: Ins
    lps_name: str
    lps_version: str
    lps_id: str | None
    homologation: Secret
    version: str = "3.0"
    mode: str = "INDIRECTE"
    mode_attribute: str = "Authentification_Mode"
    authentication: str = UNATTENDED
    """How the person was authenticated locally (EX_0.1-1020): a queue sends with nobody there."""

    @override
    def __repr__(self) -> str:
        return f"VihfFacts(structure_id={self.structure_id!r})"


class Vihf(msgspec.Struct, frozen=True, kw_only=True):
    """A signed assertion: its ID for the audit trail, its XML for one request."""

    id: str
    issued_at: datetime
    xml: bytes

    @override
    def __repr__(self) -> str:
        return f"Vihf(id={self.id!r})"


async def build_vihf(facts: VihfFacts, signer: Signer, now: datetime) -> Vihf:
    """A fresh signed assertion, rsa-sha256; raises what the signer raises, and XmlTextInvalid for a name XML cannot carry."""
    identifier = f"_{uuid.uuid4()}"
    instant = _instant(now)
    assertion = etree.Element(
        _saml("Assertion"), {"ID": identifier, "IssueInstant": instant, "Version": "2.0"}, nsmap={"saml2": SAML, "xsi": _XSI}
    )
    etree.SubElement(assertion, _saml("Issuer"), Format=X509_SUBJECT).text = clean_text(subject_dn(signer.certificate))
    subject = etree.SubElement(assertion, _saml("Subject"))
    etree.SubElement(subject, _saml("NameID")).text = clean_text(facts.professional_id)
    statement = etree.SubElement(assertion, _saml("AuthnStatement"), AuthnInstant=instant)
    context = etree.SubElement(statement, _saml("AuthnContext"))
    etree.SubElement(context, _saml("AuthnContextClassRef")).text = facts.authentication
    _write_attributes(etree.SubElement(assertion, _saml("AttributeStatement")), facts)
    signed = await sign_assertion(assertion, signer)
    return Vihf(id=identifier, issued_at=now, xml=etree.tostring(signed, encoding="UTF-8"))


def _write_attributes(parent: etree._Element, facts: VihfFacts) -> None:
    _text(parent, "VIHF_Version", facts.version)
    _text(parent, facts.mode_attribute, facts.mode)
    _text(parent, "Identifiant_Structure", facts.structure_id)
    _text(parent, "Secteur_Activite", f"{facts.sector}^{_SECTORS}")
    _text(parent, "urn:oasis:names:tc:xacml:2.0:resource:resource-id", f"{facts.ins.matricule}^^^&{facts.ins.oid}&ISO^NH")
    _text(parent, "Ressource_URN", "urn:dmp")
    _text(parent, "urn:oasis:names:tc:xspa:1.0:subject:subject-id", facts.professional_name)
    _coded(_attribute(parent, "urn:oasis:names:tc:xspa:1.0:subject:purposeofuse"), "PurposeOfUse", _PURPOSE)
    roles = _attribute(parent, "urn:oasis:names:tc:xacml:2.0:subject:role")
    for role in facts.roles:
        _coded(roles, "Role", {"code": role.code, "codeSystem": role.system, "displayName": role.label})
    if facts.lps_id is not None:
        _text(parent, "LPS_ID", facts.lps_id)
    _text(parent, "LPS_Nom", facts.lps_name)
    _text(parent, "LPS_Version", facts.lps_version)
    _text(parent, "LPS_ID_HOMOLOGATION_DMP", facts.homologation.reveal())


def _attribute(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, _saml("Attribute"), Name=name)


def _text(parent: etree._Element, name: str, text: str) -> None:
    value = etree.SubElement(_attribute(parent, name), _saml("AttributeValue"), {f"{{{_XSI}}}type": "xs:string"}, nsmap={"xs": _XS})
    value.text = clean_text(text)


def _coded(attribute: etree._Element, name: str, coded: dict[str, str]) -> None:
    value = etree.SubElement(attribute, _saml("AttributeValue"))
    value.append(element(f"{{{_HL7}}}{name}", attributes={**coded, f"{{{_XSI}}}type": "CE"}, nsmap={None: _HL7}))


def _saml(name: str) -> str:
    return f"{{{SAML}}}{name}"


def _instant(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"
