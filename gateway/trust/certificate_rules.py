"""The rules of a report that concern the signing certificate: bound to the signature, in its period, fit, trusted, not revoked.

The certificate is judged at the signing time that the signer claims, and what has changed since is said. Without a time-stamp nobody proves
that time, so a revocation known today counts whatever the claimed date. Sources: dossiers cda_signing.md 4.2, 4.4 and 5 (expired signer).
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime

from cryptography import x509

from gateway.trust.algorithms import digest_of
from gateway.trust.certificate import extension, load_certificate, signing_end
from gateway.trust.chain import build_path, read_authorities
from gateway.trust.errors import CertificateMalformed, ChainUntrusted
from gateway.trust.properties_reading import CertificateMark
from gateway.trust.report import Ledger, Rule
from gateway.trust.revocation import read_list, revocation_of


def choose_certificate(certificates: Sequence[bytes], marks: Sequence[CertificateMark] | None, ledger: Ledger) -> x509.Certificate | None:
    """The certificate that came along and that the signed properties designate; None, with the rules failed, when there is none.

    `marks` None: the form of the signature designates none, and the first is the signer's.
    """
    if not certificates:
        ledger.failed(Rule.CERTIFICATE_PRESENT, "La signature ne contient pas le certificat du signataire.")
        return None
    ledger.passed(Rule.CERTIFICATE_PRESENT, "La signature contient le certificat du signataire.")
    if marks is None:
        ledger.passed(Rule.CERTIFICATE_VALID, "Le certificat joint était valable ; cette forme de signature ne le désigne pas.")
        marks = [CertificateMark("sha256", digest_of(certificates[0], "sha256"))]
    # The signer's own mark comes first; the marks after it are those of its authorities.
    designated = [der for der in certificates if marks and _designates(marks[0], der)]
    if not designated:
        ledger.failed(Rule.CERTIFICATE_VALID, "Le certificat joint n'est pas celui que le signataire a désigné : il a pu être remplacé.")
    try:
        return load_certificate(designated[0] if designated else certificates[0])
    except CertificateMalformed:
        ledger.failed(Rule.CERTIFICATE_VALID, "Le certificat joint est illisible.")
        return None


def judge_certificate(
    certificate: x509.Certificate,
    hints: Sequence[bytes],
    ledger: Ledger,
    *,
    anchors: bytes,
    crls: Sequence[bytes],
    claimed: datetime | None,
    at: datetime,
) -> None:
    """Period, purpose, trust, revocation; then SignatureCertificatValide, which sums them up."""
    judged_at = min(claimed, at) if claimed is not None else at
    _judge_period(certificate, ledger, judged_at, at)
    usage = extension(certificate, x509.KeyUsage)
    if usage is not None and usage.content_commitment:
        ledger.passed(Rule.NON_REPUDIATION, "Le certificat est fait pour signer des documents (non-répudiation).")
    else:
        ledger.failed(Rule.NON_REPUDIATION, "Le certificat n'est pas fait pour signer des documents.")
    issuer = _judge_trust(certificate, hints, ledger, anchors, judged_at)
    if issuer is not None:
        _judge_revocation(certificate, issuer, ledger, crls, at)
    sums_up = (Rule.CERTIFICATE_PERIOD, Rule.NON_REPUDIATION, Rule.TRUSTED, Rule.REVOCATION)
    if any(ledger.has_failed(rule) for rule in sums_up):
        ledger.failed(
            Rule.CERTIFICATE_VALID, "Le certificat du signataire n'est pas valable pour cette signature : voir les autres règles."
        )
    else:
        ledger.passed(Rule.CERTIFICATE_VALID, "Le certificat joint est celui que le signataire a désigné, et il était valable.")


def judge_issue(
    certificate: x509.Certificate, hints: Sequence[bytes], ledger: Ledger, *, anchors: bytes, crls: Sequence[bytes], at: datetime
) -> None:
    """Period, trust and revocation of a certificate alone; SignatureCertificatValide says that its authority did sign it."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if at < begin:
        ledger.failed(Rule.CERTIFICATE_PERIOD, f"Le certificat n'est pas encore valable (début : {begin:%d/%m/%Y}).")
    elif at > end:
        ledger.failed(Rule.CERTIFICATE_PERIOD, f"Le certificat est expiré depuis le {end:%d/%m/%Y}.")
    else:
        ledger.passed(Rule.CERTIFICATE_PERIOD, f"Le certificat est en cours de validité (fin : {end:%d/%m/%Y}).")
    issuer = _judge_trust(certificate, hints, ledger, anchors, at)
    if issuer is None and ledger.has_failed(Rule.TRUSTED):
        return
    ledger.passed(Rule.CERTIFICATE_VALID, "Le certificat est bien signé par son autorité.")
    if issuer is not None:
        _judge_revocation(certificate, issuer, ledger, crls, at)


def _designates(mark: CertificateMark, der: bytes) -> bool:
    return hmac.compare_digest(digest_of(der, mark.digest), mark.value)


def _judge_period(certificate: x509.Certificate, ledger: Ledger, judged_at: datetime, at: datetime) -> None:
    begin, end, usable = certificate.not_valid_before_utc, certificate.not_valid_after_utc, signing_end(certificate)
    if judged_at < begin:
        ledger.failed(
            Rule.CERTIFICATE_PERIOD, f"Le certificat n'était pas encore valable à la date de signature (début : {begin:%d/%m/%Y})."
        )
    elif judged_at > end:
        ledger.failed(Rule.CERTIFICATE_PERIOD, f"Le certificat était déjà expiré à la date de signature (fin : {end:%d/%m/%Y}).")
    elif judged_at > usable:
        ledger.failed(Rule.CERTIFICATE_PERIOD, f"La clé du certificat ne devait plus signer depuis le {usable:%d/%m/%Y}.")
    elif at > end:
        ledger.passed(
            Rule.CERTIFICATE_PERIOD,
            f"Le certificat était valable à la date de signature déclarée ; il est expiré depuis le {end:%d/%m/%Y}.",
        )
    else:
        ledger.passed(Rule.CERTIFICATE_PERIOD, f"Le certificat est en cours de validité (fin : {end:%d/%m/%Y}).")


def _judge_trust(
    certificate: x509.Certificate, hints: Sequence[bytes], ledger: Ledger, anchors: bytes, judged_at: datetime
) -> x509.Certificate | None:
    links: list[x509.Certificate] = []
    for der in hints:
        try:
            links.append(load_certificate(der))
        except CertificateMalformed:
            continue
    try:
        path = build_path(certificate, read_authorities(anchors), judged_at, links)
    except ChainUntrusted as refusal:
        ledger.failed(Rule.TRUSTED, f"Le certificat ne remonte pas à une autorité reconnue : {refusal.facts['reason']}.")
        return None
    ledger.passed(Rule.TRUSTED, "Le certificat vient d'une autorité reconnue.")
    return path[1] if len(path) > 1 else None


def _judge_revocation(certificate: x509.Certificate, issuer: x509.Certificate, ledger: Ledger, crls: Sequence[bytes], at: datetime) -> None:
    found = revocation_of(certificate, issuer, [read_list(crl) for crl in crls], at)
    if found.revoked_at is not None:
        ledger.failed(Rule.REVOCATION, f"Le certificat a été révoqué par son autorité le {found.revoked_at:%d/%m/%Y}.")
    elif not found.known or found.list_issued is None:
        ledger.unknown(Rule.REVOCATION, "Non vérifié : aucune liste de révocation de cette autorité n'est disponible.")
    elif found.list_issued > certificate.not_valid_after_utc:
        ledger.unknown(
            Rule.REVOCATION, "Non vérifié : la liste de révocation est postérieure à la fin du certificat, et ne le mentionne plus."
        )
    elif found.stale:
        ledger.passed(
            Rule.REVOCATION, f"Le certificat n'est pas révoqué d'après la dernière liste connue, périmée (du {found.list_issued:%d/%m/%Y})."
        )
    else:
        ledger.passed(Rule.REVOCATION, "Le certificat n'est pas révoqué.")
