"""The path from a certificate to a configured authority, at a given instant.

Only what the installer configured is trusted: roots to end at, issuing authorities to pass through; certificates that come with a message
are mere hints. Revocation is judged apart (`revocation`). Never fetches anything (no AIA, no OCSP) and never asks the system's own
store. Sources: dossier cda_signing.md 4.4; RFC 5280 section 6, without policies and name constraints, which are refused when present.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.x509.oid import ExtensionOID

from gateway.trust.certificate import extension, load_certificates
from gateway.trust.errors import CertificateMalformed, ChainUntrusted
from gateway.trust.refusals import (
    AuthorityNotEntitled,
    AuthorityOutOfDate,
    AuthorityRestricted,
    AuthoritySignatureFalse,
    AuthorityTooFar,
    AuthorityWeakDigest,
    CertificateMentionUnknown,
)

_LONGEST = 6
_MOST_HINTS = 6
"""Cross-signed certificates of one name make as many paths as they have orders: a stranger's file does not choose how many are tried."""
_UNDERSTOOD = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)
Path = tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True)
class Authorities:
    """The configured authorities: self-signed roots, and issuing authorities below them."""

    roots: Path
    issuing: Path

    @property
    def all(self) -> Path:
        """Issuing authorities, then roots."""
        return self.issuing + self.roots


@lru_cache(maxsize=16)
def read_authorities(pem: bytes) -> Authorities:
    """The authorities of a PEM text; raises ChainUntrusted when no root is among them or the text is broken."""
    try:
        certificates = load_certificates(pem)
    except CertificateMalformed as problem:
        raise ChainUntrusted(problem.technical, reason="le fichier des autorités est illisible") from None
    roots = tuple(one for one in certificates if one.subject == one.issuer and _signed_by(one, one))
    if not roots:
        raise ChainUntrusted("no root", reason="le fichier des autorités ne contient aucune autorité racine")
    return Authorities(roots, tuple(one for one in certificates if one not in roots))


def build_path(leaf: x509.Certificate, authorities: Authorities, at: datetime, hints: Sequence[x509.Certificate] = ()) -> Path:
    """The path leaf, issuers, root, every issuer valid at `at`; raises ChainUntrusted or one of its kin. The leaf's period is not judged.

    `hints` are certificates that came along, of which the first six count: they may link, never anchor.
    """
    if not _understood(leaf):
        raise CertificateMentionUnknown("critical extension", reason="il contient une mention obligatoire inconnue de Relais")
    refusals: list[ChainUntrusted] = []
    path = next(_paths((leaf,), authorities, (*authorities.issuing, *hints[:_MOST_HINTS]), at, refusals), None)
    if path is None:
        raise refusals[-1] if refusals else ChainUntrusted("no issuer", reason="l'autorité qui l'a signé n'est pas configurée")
    return path


def _paths(path: Path, authorities: Authorities, links: Path, at: datetime, refusals: list[ChainUntrusted]) -> Iterator[Path]:
    last = path[-1]
    for issuer in (*authorities.roots, *links):
        if issuer.subject != last.issuer or issuer in path:
            continue
        refusal = _refusal(last, issuer, len(path) - 1, at)
        if refusal is not None:
            refusals.append(refusal)
        elif issuer in authorities.roots:
            yield (*path, issuer)
        elif len(path) < _LONGEST:
            yield from _paths((*path, issuer), authorities, links, at, refusals)


def _refusal(subject: x509.Certificate, issuer: x509.Certificate, below: int, at: datetime) -> ChainUntrusted | None:
    constraints, usage = extension(issuer, x509.BasicConstraints), extension(issuer, x509.KeyUsage)
    if constraints is None or not constraints.ca or (usage is not None and not usage.key_cert_sign):
        return AuthorityNotEntitled(reason="il a été signé par un certificat qui n'est pas celui d'une autorité")
    if constraints.path_length is not None and below > constraints.path_length:
        return AuthorityTooFar(reason="une autorité de la chaîne n'a pas le droit d'en désigner une autre")
    if not issuer.not_valid_before_utc <= at <= issuer.not_valid_after_utc:
        return AuthorityOutOfDate(reason="une autorité de la chaîne n'est pas en cours de validité")
    if not _understood(issuer) or extension(issuer, x509.NameConstraints) is not None:
        return AuthorityRestricted(reason="une autorité de la chaîne porte une restriction inconnue de Relais")
    if not strong_digest(subject):
        return AuthorityWeakDigest(reason="un certificat de la chaîne est signé avec un procédé abandonné (SHA-1 ou MD5)")
    if not _signed_by(subject, issuer):
        return AuthoritySignatureFalse(reason="la signature de son autorité ne se vérifie pas")
    return None


def strong_digest(certificate: x509.Certificate) -> bool:
    """True when its authority signed it with SHA-256 or better."""
    try:
        return isinstance(certificate.signature_hash_algorithm, SHA256 | SHA384 | SHA512)
    except UnsupportedAlgorithm:
        return False


def _signed_by(subject: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        subject.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return strong_digest(subject)


def _understood(certificate: x509.Certificate) -> bool:
    return all(one.oid in _UNDERSTOOD for one in certificate.extensions if one.critical)
