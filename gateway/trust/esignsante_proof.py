"""The proof of esignsante: one XML document that holds what was signed or checked, the verdict, and what the verdict rests on.

Written as the one public proof shows it, element by element; signed apart (`xades.sign_bearer`). No public proof holds OpenID tokens,
nor is about a certificate: those places are reconstructed [R]. Holds whole documents and claims about people: never logged, never kept.
Source: cda_signing.md 4.2 (Preuve, PSC binding).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
from cryptography import x509
from lxml import etree
from typing_extensions import override

from gateway.trust.algorithms import DIGEST_URIS, digest_of
from gateway.trust.certificate import distinguished_name, to_der
from gateway.trust.dsig import base64_text
from gateway.trust.packaging import Filling
from gateway.trust.properties import signing_time
from gateway.trust.revocation import read_list
from gateway.xml.build import Vocabulary

NAMESPACE = "http://esante.gouv.fr/ASIP/Proof"
_XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
_LARGEST_LIST = 2_000_000
"""Bytes of a revocation list that is put whole into the proof; a larger one is named by its digest."""

xns = Vocabulary(NAMESPACE, "xns")


class OpenidToken(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says of the person who asked: a token, and what its issuer answered about it. Recorded, never believed."""

    access_token: str
    introspection: str
    user_info: str

    @override
    def __repr__(self) -> str:
        return "OpenidToken(…)"


class ProofRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked for what, as the caller names it."""

    kind: Literal["Sign", "VerifSign", "VerifCert"]
    operation: str
    """Path of the route."""
    request_id: str
    tag: str
    applicant: str
    tokens: tuple[OpenidToken, ...] = ()


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What was judged and how it ended."""

    content: bytes
    """The signed document, or the certificate."""
    type: str
    valid: bool
    rules: tuple[str, ...]
    subject: str | None
    certificate: bytes | None
    """DER."""
    errors: tuple[tuple[str, str], ...]
    """Code and sentence."""
    authorities: tuple[x509.Certificate, ...]
    """From the issuer of the certificate to its root; empty when it leads to none."""
    crls: tuple[bytes, ...]
    """Lists of those authorities."""


def build_proof(request: ProofRequest, judged: Judged, *, proof_id: str, version: str, now: datetime) -> tuple[etree._Element, Filling]:
    """The proof, not signed yet, and the signed document or the certificate that fills it. Raises XmlTextInvalid for a text that XML cannot
    carry."""
    filling = Filling(judged.content)
    proof = xns(
        "ASIPProof",
        {_XML_ID: "ASIP_Proof"},
        xns("ASIPProofInfo", _version(version), xns("ProofId", proof_id), xns("CreationTime", signing_time(now))),
        xns("Configuration", f"rules={','.join(judged.rules)}"),
        _request(request, filling),
        xns(
            "Processing",
            xns("OpName", request.operation),
            xns("OpStatus", f"valide:{str(judged.valid).lower()}"),
            _detail(judged),
            _grounds(judged),
        ),
    )
    return proof, filling


def _version(full: str) -> etree._Element:
    major, _, minor = full.partition(".")
    return xns("Version", xns("Name", "Relais"), xns("Major", major), xns("Minor", minor or "0"), xns("Full", full))


def _request(request: ProofRequest, filling: Filling) -> etree._Element:
    return xns(
        "RequestInfo",
        xns("RequestType", request.kind),
        xns("RequestId", request.request_id),
        xns("Tag", request.tag),
        xns("ApplicantId", request.applicant),
        xns("OpenidTokens", [_token(one) for one in request.tokens]) if request.tokens else None,
        xns("Certificate" if request.kind == "VerifCert" else "Signature", filling.text),
    )


def _token(token: OpenidToken) -> etree._Element:
    """The two answers in base64, as the service hands them to its proof; the token as it is."""
    return xns(
        "OpenidToken",
        xns("AccessToken", token.access_token),
        xns("IntrospectionResponse", base64_text(token.introspection.encode())),
        xns("UserInfo", base64_text(token.user_info.encode())),
    )


def _detail(judged: Judged) -> etree._Element:
    told = msgspec.json.encode([{"codeErreur": code, "message": sentence} for code, sentence in judged.errors])
    return xns(
        "ASIPDetailedStatus",
        xns("Type", judged.type),
        xns("X509SubjectName", judged.subject) if judged.subject is not None else None,
        xns("X509Certificate", base64_text(judged.certificate)) if judged.certificate is not None else None,
        xns("OpErrorResponse", base64.b64encode(told).decode() if judged.errors else None),
    )


def _grounds(judged: Judged) -> etree._Element:
    """References and values of the authorities and of their lists: what is needed to judge again later."""
    whole = [one for one in judged.crls if len(one) <= _LARGEST_LIST]
    return xns(
        "ValidationData",
        xns("CompleteCertificateRefs", xns("CertRefs", [_certificate_ref(one) for one in judged.authorities])),
        xns("CompleteRevocationRefs", xns("CRLRefs", [_list_ref(one) for one in judged.crls])),
        xns("CertificateValues", [xns("EncapsulatedX509Certificate", base64_text(to_der(one))) for one in judged.authorities]),
        xns("RevocationValues", xns("CRLValues", [xns("EncapsulatedCRLValue", base64_text(one)) for one in whole])),
    )


def _certificate_ref(certificate: x509.Certificate) -> etree._Element:
    digest = xns("CertDigest", xns("DigestMethod", Algorithm="SHA256"), _sha256(to_der(certificate)))
    issued = xns(
        "IssuerSerial",
        xns("X509IssuerName", distinguished_name(certificate.issuer)),
        xns("X509SerialNumber", str(certificate.serial_number)),
    )
    return xns("Cert", digest, issued)


def _list_ref(crl: bytes) -> etree._Element:
    held = read_list(crl)
    digest = xns("DigestAlgAndValue", xns("DigestMethod", Algorithm=DIGEST_URIS["sha256"]), _sha256(crl))
    issued = xns("Issuer", distinguished_name(held.issuer)), xns("IssueTime", signing_time(held.last_update_utc))
    return xns("CRLRef", digest, xns("CRLIdentifier", issued))


def _sha256(data: bytes) -> etree._Element:
    return xns("DigestValue", base64_text(digest_of(data, "sha256")))


def lists_of(authorities: Sequence[x509.Certificate], crls: Sequence[bytes]) -> tuple[bytes, ...]:
    """Those of the lists that these authorities issued; raises RevocationListRefused."""
    names = {one.subject for one in authorities}
    return tuple(one for one in crls if read_list(one).issuer in names)
