"""The XAdES properties of a signature: when, by which certificate, in which role, in which format.

Two vocabularies: 1.3.2 (Baseline-B, with SigningCertificateV2) and 1.1.1, which the DMP's lots use and where the children of CertDigest
belong to the XAdES namespace itself. Never digests or signs. Sources: dossiers cda_signing.md 4.1, 4.2, dmp.md section 4; ETSI TS 101 903.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from cryptography import x509
from lxml import etree

from gateway.trust.algorithms import DIGEST_URIS, DS, digest_of
from gateway.trust.certificate import distinguished_name, load_certificate
from gateway.trust.dsig import base64_text, ds
from gateway.trust.signer import DigestName
from gateway.xml.build import Vocabulary

XadesVersion = Literal["1.1.1", "1.3.2"]

NAMESPACES: dict[XadesVersion, str] = {"1.1.1": "http://uri.etsi.org/01903/v1.1.1#", "1.3.2": "http://uri.etsi.org/01903/v1.3.2#"}
PROPERTIES_TYPES: dict[XadesVersion, str] = {
    "1.1.1": "http://uri.etsi.org/01903/v1.1.1#SignedProperties",
    "1.3.2": "http://uri.etsi.org/01903#SignedProperties",
}


def vocabulary(version: XadesVersion) -> Vocabulary:
    """The element maker of that version; ds is declared at the same place."""
    return Vocabulary(NAMESPACES[version], "xades", {"ds": DS})


def signing_time(now: datetime) -> str:
    """An aware instant as xsd:dateTime, UTC, to the second."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def lot_properties(
    signature_id: str, properties_id: str, *, version: XadesVersion, now: datetime, certificates: Sequence[bytes], digest: DigestName
) -> etree._Element:
    """QualifyingProperties of a DMP lot: time, the whole chain given, implied policy, no data object (cda_signing.md 4.1, dmp.md 4)."""
    xades = vocabulary(version)
    made_by = xades("SigningCertificate", [_certificate_v1(version, der, digest) for der in certificates])
    policy = xades("SignaturePolicyIdentifier", xades("SignaturePolicyImplied"))
    signed = xades("SignedSignatureProperties", xades("SigningTime", signing_time(now)), made_by, policy)
    return _qualifying(xades, signature_id, properties_id, signed, xades("SignedDataObjectProperties"))


def baseline_properties(
    signature_id: str,
    properties_id: str,
    *,
    now: datetime,
    certificate: bytes,
    digest: DigestName,
    reference_id: str,
    media_type: str,
    roles: Sequence[str] = (),
) -> etree._Element:
    """QualifyingProperties of XAdES 1.3.2 Baseline-B, as esignsante writes them (cda_signing.md 4.2). `digest` is the certificate's."""
    xades = vocabulary("1.3.2")
    claimed = xades("SignerRoleV2", xades("ClaimedRoles", [xades("ClaimedRole", role) for role in roles])) if roles else None
    made_by = xades(
        "SigningCertificateV2",
        xades("Cert", _digest("1.3.2", certificate, digest), xades("IssuerSerialV2", base64_text(issuer_serial(certificate)))),
    )
    signed = xades("SignedSignatureProperties", xades("SigningTime", signing_time(now)), made_by, claimed)
    described = xades("DataObjectFormat", xades("MimeType", media_type), ObjectReference=f"#{reference_id}")
    return _qualifying(xades, signature_id, properties_id, signed, xades("SignedDataObjectProperties", described))


def issuer_serial(der: bytes) -> bytes:
    """DER of the RFC 5035 IssuerSerial of a certificate: its issuer as one directoryName, and its serial number."""
    certificate = load_certificate(der)
    serial = certificate.serial_number
    number = _der(0x02, serial.to_bytes(serial.bit_length() // 8 + 1, "big"))
    directory_name = _der(0xA4, certificate.issuer.public_bytes())
    return _der(0x30, _der(0x30, directory_name) + number)


def _qualifying(
    xades: Vocabulary, signature_id: str, properties_id: str, signature: etree._Element, objects: etree._Element
) -> etree._Element:
    return xades("QualifyingProperties", xades("SignedProperties", signature, objects, Id=properties_id), Target=f"#{signature_id}")


def _certificate_v1(version: XadesVersion, der: bytes, digest: DigestName) -> etree._Element:
    xades = vocabulary(version)
    certificate: x509.Certificate = load_certificate(der)
    issued = xades(
        "IssuerSerial",
        ds("X509IssuerName", distinguished_name(certificate.issuer)),
        ds("X509SerialNumber", str(certificate.serial_number)),
    )
    return xades("Cert", _digest(version, der, digest), issued)


def _digest(version: XadesVersion, der: bytes, digest: DigestName) -> etree._Element:
    children = vocabulary(version) if version == "1.1.1" else ds
    value = children("DigestValue", base64_text(digest_of(der, digest)))
    return vocabulary(version)("CertDigest", children("DigestMethod", Algorithm=DIGEST_URIS[digest]), value)


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content
