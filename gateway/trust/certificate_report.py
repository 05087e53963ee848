"""The report on a certificate alone: its period, its authority, its revocation, by the rules that esignsante names for one.

What it may be used for is not judged. Source: dossier cda_signing.md 4.2 (validation/certificats).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from cryptography import x509

from gateway.trust.certificate import distinguished_name, load_certificate, load_certificates, to_der
from gateway.trust.certificate_rules import judge_issue
from gateway.trust.report import Finding, Ledger, Rule

RULES = (Rule.CERTIFICATE_VALID, Rule.CERTIFICATE_PERIOD, Rule.REVOCATION, Rule.TRUSTED)
_PEM = b"-----BEGIN CERTIFICATE-----"


class CertificateReport(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict of each of `RULES`; valid when none failed."""

    valid: bool
    findings: tuple[Finding, ...]
    subject: str
    """RFC 2253."""
    certificate: bytes
    """DER."""


def read_certificate(data: bytes) -> tuple[x509.Certificate, ...]:
    """The certificate of a DER or PEM file, and those that follow it in a PEM; raises CertificateMalformed."""
    return load_certificates(data) if _PEM in data else (load_certificate(data),)


def report_on(
    certificate: x509.Certificate, hints: Sequence[x509.Certificate], *, anchors: bytes, crls: Sequence[bytes], at: datetime
) -> CertificateReport:
    """The report at `at` (aware); `hints` may lead from the certificate to `anchors` (PEM). Raises RevocationListRefused."""
    ledger = Ledger()
    judge_issue(certificate, [to_der(one) for one in hints], ledger, anchors=anchors, crls=crls, at=at)
    findings = tuple(one for one in ledger.findings() if one.rule in RULES)
    return CertificateReport(
        valid=not any(ledger.has_failed(rule) for rule in RULES),
        findings=findings,
        subject=distinguished_name(certificate.subject),
        certificate=to_der(certificate),
    )
