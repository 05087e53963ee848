"""Whether an opened certificate file may serve a role of a structure on this box: every rule, in the order in which a person would mend.

Nothing is kept and nothing is fetched here. The verdict is our own on every Python: OpenSSL's differs between 3.11 and 3.13 (X509_STRICT).
Source: dossier cda_signing.md 4.4 (box rule: chain, usages, OU, private-key period, list fresh); insi.md 2.3; design, rule 12.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import HashAlgorithm

from gateway.trust.certificate import Environment, environment_of, extension, signing_end, structures_of
from gateway.trust.chain import Authorities, Path, build_path, strong_digest
from gateway.trust.errors import (
    CertificateExpired,
    CertificateNotYetValid,
    CertificateRevoked,
    CertificateWrongEnvironment,
    CertificateWrongStructure,
)
from gateway.trust.refusals import (
    AuthorityRevoked,
    CertificateSelfSigned,
    CertificateWeakDigest,
    CertificateWithoutStructure,
    ChainMixed,
    RevocationUncertain,
    SigningPeriodNotBegun,
    SigningPeriodOver,
)
from gateway.trust.revocation import Revocation, revocation_of
from gateway.trust.roles import Role, check_role

_DAY = "%d/%m/%Y"


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """What a certificate is judged against."""

    structure: str
    role: Role
    environment: Environment
    authorities: Authorities
    lists: tuple[x509.CertificateRevocationList, ...]
    now: datetime


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that may serve: its path above it, root last, and whether a list of its authority was there to ask."""

    issuers: Path
    revocation_known: bool


def judge(leaf: x509.Certificate, others: Sequence[x509.Certificate], bench: Bench) -> Verdict:
    """The verdict; raises the first fault, an error of `errors` or `refusals`."""
    check_role(leaf, bench.role)
    _check_structure(leaf, bench.structure)
    if not strong_digest(leaf):
        raise CertificateWeakDigest(digest=_digest_name(leaf), reason="il est signé avec un procédé abandonné")
    if environment_of(leaf) != bench.environment:
        raise CertificateWrongEnvironment(environment=bench.environment)
    check_period(leaf, bench.structure, bench.role, bench.now)
    if leaf.subject == leaf.issuer:
        raise CertificateSelfSigned(reason="il s'est signé lui-même")
    path = build_path(leaf, bench.authorities, bench.now, others)
    if any(environment_of(one) != bench.environment for one in path):
        raise ChainMixed(reason="des autorités de test et de production s'y mélangent")
    return Verdict(issuers=path[1:], revocation_known=_check_revocation(path, bench).known)


def check_period(leaf: x509.Certificate, structure: str, role: Role, now: datetime) -> None:
    """Raises CertificateExpired or CertificateNotYetValid, or their kin when the private key usage period alone is at fault."""
    begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if now > end:
        raise CertificateExpired(role=role, structure=structure, date=f"{end:{_DAY}}")
    if now < begin:
        raise CertificateNotYetValid(role=role, structure=structure, date=f"{begin:{_DAY}}")
    if now > (over := signing_end(leaf)):
        raise SigningPeriodOver(role=role, structure=structure, date=f"{over:{_DAY}}")
    period = extension(leaf, x509.PrivateKeyUsagePeriod)
    opens = period.not_before if period is not None else None
    if opens is not None and now < (opens := opens.replace(tzinfo=UTC)):
        raise SigningPeriodNotBegun(role=role, structure=structure, date=f"{opens:{_DAY}}")


def _check_structure(leaf: x509.Certificate, structure: str) -> None:
    named = structures_of(leaf)
    if not named:
        raise CertificateWithoutStructure(structure=structure)
    if structure not in named:
        raise CertificateWrongStructure(structure=structure)


def _check_revocation(path: Path, bench: Bench) -> Revocation:
    found = [revocation_of(one, issuer, bench.lists, bench.now) for one, issuer in pairwise(path)]
    for one in found[1:]:
        if one.revoked_at is not None:
            raise AuthorityRevoked(date=f"{one.revoked_at:{_DAY}}", reason="une autorité de la chaîne est révoquée")
    leaf = found[0]
    if leaf.revoked_at is not None:
        raise CertificateRevoked(date=f"{leaf.revoked_at:{_DAY}}")
    if leaf.known and leaf.stale:
        raise RevocationUncertain(date=f"{leaf.next_update:{_DAY}}" if leaf.next_update else "une date inconnue")
    return leaf


def _digest_name(leaf: x509.Certificate) -> str:
    try:
        digest: HashAlgorithm | None = leaf.signature_hash_algorithm
    except UnsupportedAlgorithm:
        digest = None
    return digest.name.upper().replace("SHA1", "SHA-1") if digest is not None else "inconnu"
