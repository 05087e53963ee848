"""The report on a signature: rule by rule, as esignsante names them, each with its verdict and a sentence for a person.

A report is valid when the mandatory rules passed and no rule failed. Rules that could not be judged say so instead of passing.
Source: dossier cda_signing.md 4.2 (rule names; the last two and SignatureCertificatValide are mandatory there).
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Literal

import msgspec


class Rule(enum.StrEnum):
    """The rules, by esignsante's names; `AlgorithmeAccepte` is ours."""

    SIGNATURE_PRESENT = "SignatureNonVide"
    FORMAT = "FormatSignature"
    ALGORITHM = "AlgorithmeAccepte"
    CERTIFICATE_PRESENT = "ExistenceDuCertificatDeSignature"
    SIGNING_TIME = "ExistenceBaliseSigningTime"
    SIGNATURE_INTACT = "SignatureIntacte"
    DOCUMENT_INTACT = "DocumentIntact"
    CERTIFICATE_VALID = "SignatureCertificatValide"
    CERTIFICATE_PERIOD = "ExpirationCertificat"
    NON_REPUDIATION = "NonRepudiation"
    TRUSTED = "TrustedCertificat"
    REVOCATION = "RevocationCertificat"


class Verdict(enum.StrEnum):
    """What became of a rule."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not-checked"


MANDATORY = frozenset(Rule) - {Rule.REVOCATION}
"""Revocation may remain unknown, when no list of the authority is held; everything else must have passed."""

Packaging = Literal["ENVELOPING", "ENVELOPED", "DETACHED"]
SignatureFormat = Literal["xades", "xmldsig", "pades"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One rule, its verdict and the French sentence that explains it."""

    rule: Rule
    verdict: Verdict
    sentence: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole report. Facts about the signer are what the signature claims, believed only as far as `findings` go."""

    valid: bool
    findings: tuple[Finding, ...]
    readable: bool = True
    """False when the file is not of the kind that carries such signatures: no XML at all, no PDF at all."""
    packaging: Packaging | None = None
    signing_time: datetime | None = None
    """As claimed by the signer: no time-stamp proves it."""
    signer: str | None = None
    """Subject DN of the signing certificate, RFC 2253."""
    issuer: str | None = None
    serial: str | None = None
    """Hexadecimal."""
    certificate_not_after: datetime | None = None
    signature_algorithm: str | None = None
    digest_algorithm: str | None = None
    media_type: str | None = None
    roles: tuple[str, ...] = ()
    certificate: bytes | None = None
    """DER of the signing certificate."""
    original: bytes | None = None
    """The signed content, taken from the very octets that were digested; None unless signature and document are intact."""

    def verdict(self, rule: Rule) -> Verdict:
        """The verdict of one rule."""
        return next(finding.verdict for finding in self.findings if finding.rule is rule)

    def sentence(self, rule: Rule) -> str:
        """The sentence of one rule."""
        return next(finding.sentence for finding in self.findings if finding.rule is rule)


class Ledger:
    """Verdicts as they are reached, at most one per rule: a failure replaces a success, nothing replaces a failure."""

    def __init__(self) -> None:
        self._findings: dict[Rule, Finding] = {}
        self.readable = True
        """False once the file was found to be no XML at all."""

    def passed(self, rule: Rule, sentence: str) -> None:
        """Record a success, unless the rule already failed."""
        self._findings.setdefault(rule, Finding(rule=rule, verdict=Verdict.PASSED, sentence=sentence))

    def failed(self, rule: Rule, sentence: str) -> None:
        """Record a failure; the first one of a rule stays."""
        if not self.has_failed(rule):
            self._findings[rule] = Finding(rule=rule, verdict=Verdict.FAILED, sentence=sentence)

    def unknown(self, rule: Rule, sentence: str) -> None:
        """Record that a rule could not be judged, unless it was."""
        self._findings.setdefault(rule, Finding(rule=rule, verdict=Verdict.NOT_CHECKED, sentence=sentence))

    def has_failed(self, rule: Rule) -> bool:
        """True once a failure was recorded."""
        held = self._findings.get(rule)
        return held is not None and held.verdict is Verdict.FAILED

    def has_passed(self, rule: Rule) -> bool:
        """True while the rule stands as a success."""
        held = self._findings.get(rule)
        return held is not None and held.verdict is Verdict.PASSED

    def findings(self) -> tuple[Finding, ...]:
        """Every rule in order, those never reached included."""
        for rule in Rule:
            self.unknown(rule, "Non vérifié : une vérification précédente a échoué.")
        return tuple(self._findings[rule] for rule in Rule)

    def valid(self, *, dated: bool = True) -> bool:
        """True when every mandatory rule passed and none failed; not `dated`: the form of the signature has no place for a date."""
        mandatory = MANDATORY if dated else MANDATORY - {Rule.SIGNING_TIME}
        return all(self.has_passed(rule) for rule in mandatory) and not any(self.has_failed(rule) for rule in Rule)
