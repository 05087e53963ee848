"""The stranger's signatures, written in canonical form by hand: VIHF assertions and lot signatures (dmp.md sections 2 and 4)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.sandbox.dmp.pki import Identity

DS = "http://www.w3.org/2000/09/xmldsig#"
C14N_COMMENTS = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
DIGESTS = {"sha1": f"{DS}sha1", "sha256": "http://www.w3.org/2001/04/xmlenc#sha256"}
SIGNATURES = {"sha1": f"{DS}rsa-sha1", "sha256": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def digest(suite: str, data: str | bytes) -> str:
    return b64(hashlib.new(suite, data.encode() if isinstance(data, str) else data).digest())


def rsa_value(identity: Identity, suite: str, data: str) -> str:
    algorithm = hashes.SHA1() if suite == "sha1" else hashes.SHA256()  # noqa: S303 - one of the two suites of the profile
    return b64(identity.key.sign(data.encode(), padding.PKCS1v15(), algorithm))


def apex(fragment: str, *declarations: str) -> str:
    """The fragment as the top of a canonical form: the namespaces in scope declared on its first tag."""
    return re.sub(r"^<([\w:]+)", lambda found: " ".join((found[0], *declarations)), fragment, count=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vihf:
    """What a token says."""

    identifier: str
    issued: str
    structure: str = "10B0152872"
    resource: str = "279035121518989^^^&amp;1.2.250.1.213.1.4.10&amp;ISO^NH"
    mode: str = "INDIRECTE"
    mode_name: str = "Authentification_Mode"
    version: str = "3.0"
    roles: tuple[tuple[str, str], ...] = (("10", "1.2.250.1.71.1.2.7"), ("SM54", "1.2.250.1.71.4.2.5"))
    homologation: str | None = "BAC-A-SABLE-0001"
    subject: str = "899700366240"
    issuer: str | None = None
    conditions: str = ""
    suite: str = "sha256"


def write_assertion(vihf: Vihf, identity: Identity) -> str:
    """A signed assertion."""
    issuer = vihf.issuer or identity.certificate.subject.rfc4514_string()
    top = f'<saml2:Assertion xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion" ID="{vihf.identifier}"'
    top += f' IssueInstant="{vihf.issued}" Version="2.0">'
    top += f'<saml2:Issuer Format="urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName">{issuer}</saml2:Issuer>'
    rest = _statements(vihf)
    signed_info = (
        f'<ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"></ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{SIGNATURES[vihf.suite]}"></ds:SignatureMethod>'
        f'<ds:Reference URI="#{vihf.identifier}"><ds:Transforms><ds:Transform Algorithm="{DS}enveloped-signature"></ds:Transform>'
        f'<ds:Transform Algorithm="{EXCLUSIVE}"></ds:Transform></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{DIGESTS[vihf.suite]}"></ds:DigestMethod>'
        f"<ds:DigestValue>{digest(vihf.suite, top + rest)}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    )
    value = rsa_value(identity, vihf.suite, apex(signed_info, f'xmlns:ds="{DS}"'))
    signature = (
        f'<ds:Signature xmlns:ds="{DS}">{signed_info}<ds:SignatureValue>{value}</ds:SignatureValue>'
        f"<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{b64(identity.der)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>"
    )
    return top + signature + rest


def _statements(vihf: Vihf) -> str:
    values = {
        "VIHF_Version": vihf.version,
        vihf.mode_name: vihf.mode,
        "Identifiant_Structure": vihf.structure,
        "Secteur_Activite": "SA07^1.2.250.1.71.4.2.4",
        "urn:oasis:names:tc:xacml:2.0:resource:resource-id": vihf.resource,
        "Ressource_URN": "urn:dmp",
        "urn:oasis:names:tc:xspa:1.0:subject:subject-id": "Camille D'ESSAI",
        "LPS_Nom": "Un autre logiciel",
        "LPS_Version": "1",
        "LPS_ID_HOMOLOGATION_DMP": vihf.homologation,
    }
    attributes = "".join(_attribute(name, value) for name, value in values.items() if value)
    roles = "".join(f"<saml2:AttributeValue>{_coded('Role', *role)}</saml2:AttributeValue>" for role in vihf.roles)
    purpose = _coded("PurposeOfUse", "normal", "1.2.250.1.213.1.1.4.248")
    attributes += f'<saml2:Attribute Name="urn:oasis:names:tc:xacml:2.0:subject:role">{roles}</saml2:Attribute>'
    attributes += _attribute("urn:oasis:names:tc:xspa:1.0:subject:purposeofuse", purpose)
    return (
        f"<saml2:Subject><saml2:NameID>{vihf.subject}</saml2:NameID></saml2:Subject>{vihf.conditions}"
        f'<saml2:AuthnStatement AuthnInstant="{vihf.issued}"><saml2:AuthnContext><saml2:AuthnContextClassRef>'
        "urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml2:AuthnContextClassRef></saml2:AuthnContext></saml2:AuthnStatement>"
        f"<saml2:AttributeStatement>{attributes}</saml2:AttributeStatement></saml2:Assertion>"
    )


def _attribute(name: str, value: str | None) -> str:
    return f'<saml2:Attribute Name="{name}"><saml2:AttributeValue>{value}</saml2:AttributeValue></saml2:Attribute>'


def _coded(name: str, code: str, system: str) -> str:
    return (
        f'<{name} xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" code="{code}" codeSystem="{system}"'
        f' xsi:type="CE"></{name}>'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LotSignature:
    """What the signature of a lot says."""

    set_unique_id: str
    documents: Sequence[tuple[str, bytes]]
    """uniqueId and canonical form of each document."""
    signed_at: datetime
    suite: str = "sha256"
    xades: str = "1.1.1"
    placeholder: str = "AA=="
    purpose: str = "1.2.840.10065.1.12.1.14"
    named: Identity | None = None
    """Certificate of the SignedProperties when not the signer's."""
    policy: str = "<xades:SignaturePolicyImplied></xades:SignaturePolicyImplied>"


def write_lot_signature(lot: LotSignature, identity: Identity) -> bytes:
    """A lot signature in the profile of dmp.md section 4, prefixes `ds` and `xades`."""
    space = f"http://uri.etsi.org/01903/v{lot.xades}#"
    manifest, properties = _manifest(lot), _properties(lot, identity)
    xades, xmldsig = f'xmlns:xades="{space}"', f'xmlns:ds="{DS}"'
    kind = f"{space}SignedProperties" if lot.xades == "1.1.1" else "http://uri.etsi.org/01903#SignedProperties"
    signed_info = (
        f'<ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{C14N_COMMENTS}"></ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{SIGNATURES[lot.suite]}"></ds:SignatureMethod>'
        + _reference(lot.suite, digest(lot.suite, apex(manifest, xmldsig)), uri="#IHEManifest", kind=f"{DS}Manifest")
        + _reference(lot.suite, digest(lot.suite, apex(properties, xmldsig, xades)), uri="#S0-SignedProperties", kind=kind)
        + "</ds:SignedInfo>"
    )
    value = rsa_value(identity, lot.suite, apex(signed_info, xmldsig))
    return (
        f'<ds:Signature {xmldsig} Id="S-1">{signed_info}<ds:SignatureValue>{value}</ds:SignatureValue>'
        f"<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{b64(identity.der)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
        f"<ds:Object>{manifest}</ds:Object><ds:Object><ds:SignatureProperties>"
        f'<ds:SignatureProperty Id="purposeOfSignature" Target="#S-1">{lot.purpose}</ds:SignatureProperty></ds:SignatureProperties>'
        f'</ds:Object><ds:Object><xades:QualifyingProperties {xades} Target="#S-1">{properties}</xades:QualifyingProperties>'
        "</ds:Object></ds:Signature>"
    ).encode()


def _reference(suite: str, value: str, *, uri: str, kind: str = "", transform: str = "") -> str:
    attributes = f' Type="{kind}"' if kind else ""
    transforms = f'<ds:Transforms><ds:Transform Algorithm="{transform}"></ds:Transform></ds:Transforms>' if transform else ""
    return (
        f'<ds:Reference{attributes} URI="{uri}">{transforms}<ds:DigestMethod Algorithm="{DIGESTS[suite]}"></ds:DigestMethod>'
        f"<ds:DigestValue>{value}</ds:DigestValue></ds:Reference>"
    )


def _manifest(lot: LotSignature) -> str:
    references = _reference(lot.suite, lot.placeholder, uri=f"urn:oid:{lot.set_unique_id}")
    for unique_id, canonical in lot.documents:
        references += _reference(lot.suite, digest(lot.suite, canonical), uri=f"urn:oid:{unique_id}", transform=C14N_COMMENTS)
    return f'<ds:Manifest Id="IHEManifest">{references}</ds:Manifest>'


def _properties(lot: LotSignature, identity: Identity) -> str:
    named = lot.named or identity
    holder = "xades" if lot.xades == "1.1.1" else "ds"
    return (
        '<xades:SignedProperties Id="S0-SignedProperties"><xades:SignedSignatureProperties>'
        f"<xades:SigningTime>{lot.signed_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.250Z</xades:SigningTime><xades:SigningCertificate><xades:Cert>"
        f'<xades:CertDigest><{holder}:DigestMethod Algorithm="{DIGESTS[lot.suite]}"></{holder}:DigestMethod>'
        f"<{holder}:DigestValue>{digest(lot.suite, named.der)}</{holder}:DigestValue></xades:CertDigest><xades:IssuerSerial>"
        f"<ds:X509IssuerName>{named.certificate.issuer.rfc4514_string()}</ds:X509IssuerName>"
        f"<ds:X509SerialNumber>{named.certificate.serial_number}</ds:X509SerialNumber></xades:IssuerSerial></xades:Cert>"
        f"</xades:SigningCertificate><xades:SignaturePolicyIdentifier>{lot.policy}</xades:SignaturePolicyIdentifier>"
        "</xades:SignedSignatureProperties><xades:SignedDataObjectProperties></xades:SignedDataObjectProperties>"
        "</xades:SignedProperties>"
    )
