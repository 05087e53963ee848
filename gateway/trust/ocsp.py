"""OCSP (RFC 6960): the question about one of our certificates, and what an answer is worth. Optional: lists are fetched every day anyway.

An answer is believed when the issuer signed it, or a responder that the issuer named for that (OCSPSigning), for this very certificate,
and while it is fresh. Never does I/O. Source: cda_signing.md 4.4 (responder of IGC-Santé in the certificate's AIA).
"""

from __future__ import annotations

import enum
from datetime import datetime, timedelta

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from gateway.kernel.errors import TransientFault
from gateway.trust.certificate import UNREADABLE, extension

MEDIA_TYPE = "application/ocsp-request"
_SKEW = timedelta(minutes=5)
_LONGEST = timedelta(days=1)
"""How long an answer without a next update is believed."""


class OcspRefused(TransientFault):
    """An answer that proves nothing: the lists decide."""

    code = "ocsp-answer-refused"
    title = "Réponse OCSP inutilisable"
    what = "L'autorité n'a pas donné de réponse utilisable sur la révocation d'un certificat : {reason}."
    gesture = "Aucune action : Relais se fie aux listes de révocation, relevées chaque jour."


class OcspStatus(enum.StrEnum):
    """What the authority says of a certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


class OcspAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A believed answer. Instants are aware, UTC."""

    status: OcspStatus
    revoked_at: datetime | None
    this_update: datetime
    next_update: datetime | None


def ocsp_address(certificate: x509.Certificate) -> str | None:
    """Where the certificate says to ask, over HTTP; None when it says nothing."""
    access = extension(certificate, x509.AuthorityInformationAccess) or ()
    places = (one.access_location for one in access if one.access_method == AuthorityInformationAccessOID.OCSP)
    named = (one.value for one in places if isinstance(one, x509.UniformResourceIdentifier))
    return next((address for address in named if address.lower().startswith(("http://", "https://"))), None)


def ocsp_request(certificate: x509.Certificate, issuer: x509.Certificate, nonce: bytes) -> bytes:
    """The question (DER). SHA-1 only names the certificate, as every responder expects (RFC 5019)."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, SHA1())  # noqa: S303
    return builder.add_extension(x509.OCSPNonce(nonce), critical=False).build().public_bytes(Encoding.DER)


def read_ocsp(data: bytes, certificate: x509.Certificate, issuer: x509.Certificate, nonce: bytes, now: datetime) -> OcspAnswer:
    """What the answer says of this certificate; raises OcspRefused."""
    try:
        response = ocsp.load_der_ocsp_response(data)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise OcspRefused(response.response_status.name, reason="elle décline la question")
        _check_subject(response, certificate, issuer)
        _check_nonce(response, nonce)
        _check_signature(response, issuer, now)
        _check_freshness(response, now)
        return OcspAnswer(
            status=OcspStatus(response.certificate_status.name.lower()),
            revoked_at=response.revocation_time_utc,
            this_update=response.this_update_utc,
            next_update=response.next_update_utc,
        )
    except (*UNREADABLE, AttributeError) as problem:
        raise OcspRefused(type(problem).__name__, reason="elle est illisible") from None


def _check_subject(response: ocsp.OCSPResponse, certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    asked = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, response.hash_algorithm).build()
    named = (response.serial_number, response.issuer_name_hash, response.issuer_key_hash)
    if named != (asked.serial_number, asked.issuer_name_hash, asked.issuer_key_hash):
        raise OcspRefused("certificate", reason="elle parle d'un autre certificat")


def _check_nonce(response: ocsp.OCSPResponse, nonce: bytes) -> None:
    """Many responders answer with something prepared, without a nonce; another one than ours is a replay."""
    found = [one.value for one in response.extensions if isinstance(one.value, x509.OCSPNonce)]
    if found and found[0].nonce != nonce:
        raise OcspRefused("nonce", reason="elle répond à une autre question")


def _check_signature(response: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> None:
    for signer in (issuer, *(one for one in response.certificates if _is_named(one, issuer, now))):
        if _signed(response, signer):
            return
    raise OcspRefused("signature", reason="sa signature n'est pas celle de l'autorité")


def _is_named(responder: x509.Certificate, issuer: x509.Certificate, now: datetime) -> bool:
    purposes = extension(responder, x509.ExtendedKeyUsage) or ()
    if ExtendedKeyUsageOID.OCSP_SIGNING not in purposes or not responder.not_valid_before_utc <= now <= responder.not_valid_after_utc:
        return False
    try:
        responder.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _signed(response: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    key, digest = signer.public_key(), response.signature_hash_algorithm
    if digest is None or isinstance(digest, SHA1):
        return False
    try:
        match key:
            case rsa.RSAPublicKey():
                key.verify(response.signature, response.tbs_response_bytes, PKCS1v15(), digest)
            case ec.EllipticCurvePublicKey():
                key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(digest))
            case _:
                return False
    except InvalidSignature:
        return False
    return True


def _check_freshness(response: ocsp.OCSPResponse, now: datetime) -> None:
    begins, ends = response.this_update_utc, response.next_update_utc
    if begins > now + _SKEW or now > (ends if ends is not None else begins + _LONGEST) + _SKEW:
        raise OcspRefused("period", reason="elle n'est pas de ce moment")
