"""The XAdES properties of a signature, read: one QualifyingProperties aimed at it, versions 1.3.2 and 1.1.1.

Says what is written, judges nothing. Sources: dossiers cda_signing.md 4.1, 4.2; ETSI TS 101 903, EN 319 132-1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from lxml import etree

from gateway.trust.algorithms import DIGESTS, DS
from gateway.trust.properties import NAMESPACES, XadesVersion
from gateway.trust.signature_parts import SignatureParts, Unacceptable, decoded, plain_text
from gateway.trust.signer import DigestName


@dataclass(frozen=True, slots=True)
class CertificateMark:
    """Which certificate signed: digest of its DER."""

    digest: DigestName
    value: bytes


@dataclass(frozen=True, slots=True)
class SignedProperties:
    """What the signer says of the signature."""

    element: etree._Element
    version: XadesVersion
    signing_time: datetime | None
    certificates: tuple[CertificateMark, ...]
    roles: tuple[str, ...] = ()
    media_types: dict[str, str] = field(default_factory=dict)
    """Media type by the Id of the reference it describes."""


def read_properties(parts: SignatureParts) -> SignedProperties | None:
    """The signed properties, None when the signature has none; raises Unacceptable when there are several or they aim elsewhere."""
    versions = {f"{{{namespace}}}QualifyingProperties": version for version, namespace in NAMESPACES.items()}
    found = [child for held in parts.objects for child in held if child.tag in versions]
    if not found:
        return None
    if len(found) > 1 or not parts.identifier or found[0].get("Target") != f"#{parts.identifier}":
        raise Unacceptable("QualifyingProperties", reason="ses propriétés XAdES sont multiples ou visent une autre signature")
    version = versions[str(found[0].tag)]
    xades = f"{{{NAMESPACES[version]}}}"
    signed = found[0].findall(f"{xades}SignedProperties")
    heads = signed[0].findall(f"{xades}SignedSignatureProperties") if len(signed) == 1 else []
    if len(heads) != 1:
        raise Unacceptable("SignedProperties", reason="ses propriétés XAdES signées manquent ou sont multiples")
    head = heads[0]
    return SignedProperties(
        element=signed[0],
        version=version,
        signing_time=_time(_only(head, f"{xades}SigningTime")),
        certificates=_marks(head, version),
        roles=tuple(plain_text(role) for role in head.iter(f"{xades}ClaimedRole") if not len(role)),
        media_types=_media_types(signed[0], xades),
    )


def _only(parent: etree._Element, tag: str) -> etree._Element | None:
    found = parent.findall(tag)
    if len(found) > 1:
        raise Unacceptable("repeated property", reason="une propriété XAdES y est répétée")
    return found[0] if found else None


def _time(element: etree._Element | None) -> datetime | None:
    if element is None:
        return None
    try:
        read = datetime.fromisoformat(plain_text(element).strip())
    except ValueError:
        return None
    return read if read.tzinfo is not None else None


def _marks(head: etree._Element, version: XadesVersion) -> tuple[CertificateMark, ...]:
    xades = f"{{{NAMESPACES[version]}}}"
    digests = xades if version == "1.1.1" else f"{{{DS}}}"
    marks: list[CertificateMark] = []
    for name in ("SigningCertificateV2", "SigningCertificate"):
        listed = _only(head, f"{xades}{name}")
        for digest in () if listed is None else listed.findall(f"{xades}Cert/{xades}CertDigest"):
            method, value = digest.find(f"{digests}DigestMethod"), digest.find(f"{digests}DigestValue")
            algorithm = DIGESTS.get(str(method.get("Algorithm"))) if method is not None else None
            if algorithm is None or value is None:
                raise Unacceptable("CertDigest", reason="l'empreinte du certificat y est d'un type inconnu")
            marks.append(CertificateMark(algorithm, decoded(value)))
        if marks:
            break
    return tuple(marks)


def _media_types(signed: etree._Element, xades: str) -> dict[str, str]:
    described: dict[str, str] = {}
    for one in signed.iterfind(f"{xades}SignedDataObjectProperties/{xades}DataObjectFormat"):
        media = one.find(f"{xades}MimeType")
        if media is not None:
            described[str(one.get("ObjectReference", "")).removeprefix("#")] = plain_text(media).strip()
    return described
