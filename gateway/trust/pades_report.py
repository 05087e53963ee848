"""The report on the signatures of a PDF, by the rules and the words of XML signatures; certificates are judged by our own chains and lists.

Every signature must hold; the facts told are those of the last one, after which nothing may change but what serves to judge it later. What
esignsante tells of a document signed several times is not known [R].
Nothing is fetched; a bad signature is a report, never an error. Source: dossier cda_signing.md 4.2; EN 319 142-1 (PAdES).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509

from gateway.trust.algorithms import digest_of
from gateway.trust.certificate import distinguished_name, to_der
from gateway.trust.certificate_rules import choose_certificate, judge_certificate
from gateway.trust.pades_messages import FoundSignature
from gateway.trust.properties_reading import CertificateMark
from gateway.trust.report import Ledger, Report, Rule
from gateway.trust.verify import judge_time

_DIGESTS = frozenset({"sha256", "sha384", "sha512"})
_RSA = "rsassa_pkcs1v15"
_GROUNDS = 1
"""Changes that only help to judge the signature later."""


def report_on_pdf(document: bytes, found: Sequence[FoundSignature], *, anchors: bytes, crls: Sequence[bytes] = (), at: datetime) -> Report:
    """The report at `at` (aware) on what was `found` in `document`; `anchors` PEM, `crls` PEM or DER. Raises RevocationListRefused."""
    ledger, certificate = Ledger(), None
    if not found:
        ledger.failed(Rule.SIGNATURE_PRESENT, "Le document ne contient aucune signature.")
        return Report(valid=False, findings=ledger.findings())
    ledger.passed(Rule.SIGNATURE_PRESENT, "Le document contient une signature.")
    for rank, one in enumerate(found, 1):
        certificate = _judge(one, ledger, anchors=anchors, crls=crls, at=at, last=rank == len(found))
    return _report(document, found[-1], certificate, ledger)


def _judge(
    one: FoundSignature, ledger: Ledger, *, anchors: bytes, crls: Sequence[bytes], at: datetime, last: bool
) -> x509.Certificate | None:
    if one.malformed:
        ledger.failed(Rule.FORMAT, "La signature n'est pas d'une forme acceptée (PAdES).")
        return None
    ledger.passed(Rule.FORMAT, "La signature est d'une forme acceptée (PAdES).")
    _judge_algorithms(one, ledger)
    _judge_cover(one, ledger, last=last)
    claimed = judge_time(one.signing_time, at, ledger)
    marks = [CertificateMark("sha256", digest_of(one.certificate, "sha256"))] if one.designated else []
    certificate = choose_certificate([one.certificate], marks, ledger)
    if certificate is None:
        return None
    if one.genuine:
        ledger.passed(Rule.SIGNATURE_INTACT, "La signature est intacte.")
    else:
        ledger.failed(Rule.SIGNATURE_INTACT, "La signature ne correspond pas au certificat joint : elle a été altérée.")
    judge_certificate(certificate, one.others, ledger, anchors=anchors, crls=crls, claimed=claimed, at=at)
    return certificate


def _judge_algorithms(one: FoundSignature, ledger: Ledger) -> None:
    if one.digest_algorithm == "sha1":
        ledger.failed(Rule.ALGORITHM, "La signature emploie SHA-1, qui n'est plus sûr.")
    elif one.digest_algorithm not in _DIGESTS or one.signature_algorithm != _RSA:
        ledger.failed(Rule.ALGORITHM, "La signature emploie un algorithme que Relais n'accepte pas.")
    else:
        ledger.passed(Rule.ALGORITHM, "Les algorithmes employés sont acceptés.")


def _judge_cover(one: FoundSignature, ledger: Ledger, *, last: bool) -> None:
    if not one.whole:
        ledger.failed(Rule.DOCUMENT_INTACT, "La signature ne couvre pas tout le document qui la porte.")
    elif not one.intact:
        ledger.failed(Rule.DOCUMENT_INTACT, "Le contenu signé a été modifié après la signature.")
    elif one.changes > (_GROUNDS if last else one.allowed):
        ledger.failed(Rule.DOCUMENT_INTACT, "Le document a été complété après la signature, d'une façon qui change ce qui a été signé.")
    else:
        ledger.passed(Rule.DOCUMENT_INTACT, "Le contenu signé est intact.")


def _report(document: bytes, last: FoundSignature, certificate: x509.Certificate | None, ledger: Ledger) -> Report:
    intact_both = ledger.has_passed(Rule.SIGNATURE_INTACT) and ledger.has_passed(Rule.DOCUMENT_INTACT)
    before = last.original_size
    return Report(
        findings=ledger.findings(),
        valid=ledger.valid(),
        packaging="ENVELOPED",
        signing_time=last.signing_time,
        signer=distinguished_name(certificate.subject) if certificate is not None else None,
        issuer=distinguished_name(certificate.issuer) if certificate is not None else None,
        serial=f"{certificate.serial_number:x}" if certificate is not None else None,
        certificate=to_der(certificate) if certificate is not None else None,
        certificate_not_after=certificate.not_valid_after_utc if certificate is not None else None,
        signature_algorithm=last.signature_algorithm or None,
        digest_algorithm=last.digest_algorithm or None,
        media_type="application/pdf",
        original=document[:before] if before is not None and intact_both else None,
    )
