"""Judges the XAdES properties of a lot's signature: signing time, signing certificate, implied policy.

Two namespaces are read, 1.1.1 and 1.3.2; which one the real service takes is a setting (cda_signing.md 0.3 and 4.1). No policy OID exists.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from lxml import etree

from gateway.sandbox.dmp.certificates import Leaf
from gateway.sandbox.dmp.manifest import Fault
from gateway.sandbox.dmp.safe_xml import text_of
from gateway.sandbox.dmp.signature import DS, decode_base64, digest, ds, hash_name

_NAMESPACES = {"http://uri.etsi.org/01903/v1.1.1#": "1.1.1", "http://uri.etsi.org/01903/v1.3.2#": "1.3.2"}
_REFERENCE_TYPES = {
    "1.1.1": frozenset({"http://uri.etsi.org/01903/v1.1.1#SignedProperties"}),
    "1.3.2": frozenset({"http://uri.etsi.org/01903#SignedProperties", "http://uri.etsi.org/01903/v1.3.2#SignedProperties"}),
}
_AHEAD = timedelta(minutes=5)


def version_of(element: etree._Element) -> str:
    """`1.1.1` or `1.3.2` by the namespace of an element, empty for any other."""
    return _NAMESPACES.get(str(element.tag).removeprefix("{").partition("}")[0], "")


def reference_types(signed_properties: etree._Element) -> frozenset[str]:
    """The Type a reference to these properties may have."""
    return _REFERENCE_TYPES.get(version_of(signed_properties), frozenset())


def signed_properties_of(qualifying: etree._Element) -> etree._Element | None:
    """The SignedProperties of a QualifyingProperties, in the same namespace."""
    return qualifying.find(f"{_space(qualifying)}SignedProperties")


def property_faults(properties: etree._Element, signer: Leaf, entry_time: str, now: datetime) -> Iterator[Fault]:
    """Faults of SignedProperties; `entry_time` is the creationTime of the signature's entry (`yyyyMMddHHmmss`, UTC)."""
    space = _space(properties)
    signed = properties.find(f"{space}SignedSignatureProperties")
    if signed is None or signed.find(f"{space}SignaturePolicyIdentifier/{space}SignaturePolicyImplied") is None:
        yield "policy", "La politique de signature doit être implicite"
        return
    signing_time = _instant(text_of(signed.find(f"{space}SigningTime")))
    if signing_time is None or signing_time > now + _AHEAD:
        yield "signing-time", "La date de signature du lot est absente ou dans le futur"
    elif signing_time.strftime("%Y%m%d%H%M%S") != entry_time:
        yield "entry-signing-time", "La date de la fiche de signature n'est pas celle de la signature"
    certificate = signed.find(f"{space}SigningCertificate/{space}Cert")
    if certificate is None or not _names(certificate, space, signer):
        yield "signing-certificate", "Le certificat des propriétés signées n'est pas celui de la signature"


def _space(element: etree._Element) -> str:
    return str(element.tag).partition("}")[0] + "}"


def _names(certificate: etree._Element, space: str, signer: Leaf) -> bool:
    # In the 1.1.1 namespace the digest elements belong to XAdES itself, in 1.3.2 to XML-DSig (cda_signing.md 4.1).
    holder = space if version_of(certificate) == "1.1.1" else f"{{{DS}}}"
    method = certificate.find(f"{space}CertDigest/{holder}DigestMethod")
    value = decode_base64(text_of(certificate.find(f"{space}CertDigest/{holder}DigestValue")))
    algorithm = "" if method is None else method.get("Algorithm", "")
    issuer = text_of(certificate.find(f"{space}IssuerSerial/{ds('X509IssuerName')}"))
    serial = text_of(certificate.find(f"{space}IssuerSerial/{ds('X509SerialNumber')}"))
    same = hash_name(algorithm) is not None and value == digest(algorithm, signer.der)
    return same and issuer == signer.issuer and serial == str(signer.certificate.serial_number)


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else found.astimezone(UTC)
