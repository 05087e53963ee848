"""The signature service as esignsante's clients know it: numbered configurations, reports in its codes, signed proofs.

Three forms: XAdES and bare XML signatures, enveloping or enveloped as the number says, and signatures in a PDF. A number stands for a
structure of the box and a packaging; only a workstation that has the structure may use it, and to any other the number does not exist. One
key signs documents and proofs, since a structure has one. All rules always apply, but for the date that a bare XML signature cannot have.
Source: cda_signing.md 4.2.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from importlib.metadata import version
from typing import Literal

import msgspec
from cryptography import x509

from gateway.flow.allowance import TooMuchAtOnce
from gateway.flow.caller import Caller
from gateway.flow.signing.pdf import PdfSignatures
from gateway.flow.signing.places import Places
from gateway.flow.signing.refusals import ConfigurationUnknown, NotSignable, SigningCertificateUnusable
from gateway.flow.signing.signatures import Signatures
from gateway.kernel.config import Configuration, EsignsanteSignature
from gateway.kernel.ids import new_id
from gateway.trust.certificate import distinguished_name, load_certificate, to_der
from gateway.trust.certificate_report import RULES, read_certificate, report_on
from gateway.trust.chain import build_path, read_authorities
from gateway.trust.errors import CertificateMalformed, ChainUntrusted
from gateway.trust.esignsante_proof import Judged, OpenidToken, ProofRequest, build_proof, lists_of
from gateway.trust.packaging import EnvelopeRefused, Recipe
from gateway.trust.report import Finding, Report, Rule, SignatureFormat, Verdict
from gateway.trust.signer import DigestName, Signer
from gateway.trust.xades import sign_bearer, sign_enveloped, sign_enveloping
from gateway.trust.xmldsig import sign_bare_enveloped, sign_bare_enveloping
from gateway.xml.errors import XmlMalformed

__all__ = ["Check", "Esignsante", "Numbered", "OpenidToken", "Order", "Outcome", "ProofRequest", "ProofWanted"]

SIGNATURE_CODES = {
    Rule.SIGNATURE_PRESENT: "ERSIGN10",
    Rule.FORMAT: "ERSIGN07",
    Rule.ALGORITHM: "ERSIGN07",
    Rule.CERTIFICATE_PRESENT: "ERSIGN01",
    Rule.SIGNING_TIME: "ERSIGN09",
    Rule.SIGNATURE_INTACT: "ERSIGN08",
    Rule.DOCUMENT_INTACT: "ERDOCN01",
    Rule.CERTIFICATE_VALID: "ERSIGN11",
    Rule.CERTIFICATE_PERIOD: "ERSIGN05",
    Rule.NON_REPUDIATION: "ERSIGN06",
    Rule.TRUSTED: "ERSIGN02",
    Rule.REVOCATION: "ERSIGN04",
}
"""01, 02, 05 and 06 are in the dossier; the others are those of the library under the service, seen in its public source. That of
SignatureCertificatValide, which sums others up, is the nearest one [R]."""
CERTIFICATE_CODES = {
    Rule.CERTIFICATE_PERIOD: "ERCERT01",
    Rule.REVOCATION: "ERCERT02",
    Rule.CERTIFICATE_VALID: "ERCERT03",
    Rule.TRUSTED: "ERCERT04",
}
_PATIENCE = 30.0
"""Seconds a large file waits for the one before it."""
_TYPES: dict[SignatureFormat, str] = {
    "xades": "XAdES-BASELINE-B Signature",
    "xmldsig": "XML-NOT-ETSI Signature",
    "pades": "PAdES-BASELINE-B Signature",
}
"""The first is in the public proof; the others are made alike of the names of the library under the service [R]."""
_UNDATED = tuple(one for one in Rule if one is not Rule.SIGNING_TIME)
"""A bare XML signature has no date: the rule is not applied, as a configuration of the service for such signatures leaves it out [R]."""
_DIGESTS: dict[str, DigestName] = {"SHA256": "sha256", "SHA512": "sha512"}
_CERTIFICATE_TYPE = "X509 Certificate"


class Numbered(msgspec.Struct, frozen=True, kw_only=True):
    """One `idSignConf` and its signer's name."""

    id: int
    structure: str
    packaging: Literal["ENVELOPING", "ENVELOPED"]
    digest: Literal["SHA256", "SHA512"]
    canonicalisation: str
    dn: str


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be signed, and by which configuration."""

    number: int
    data: bytes
    media_type: str
    signers: tuple[str, ...] = ()
    """Claimed roles of an XAdES signature, reason of one in a PDF; a bare XML signature has no place for them."""
    form: SignatureFormat = "xades"


class ProofWanted(msgspec.Struct, frozen=True, kw_only=True):
    """A proof, and the configuration whose certificate signs it."""

    number: int
    request: ProofRequest


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be verified, by which set of rules, and the proof of it if one is wanted."""

    verification: int
    data: bytes
    form: SignatureFormat = "xades"
    proof: ProofWanted | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What every operation may give back; None for what it does not."""

    valid: bool
    errors: tuple[tuple[str, str], ...]
    """esignsante's code, and a French sentence."""
    signed: bytes | None = None
    signing_time: datetime | None = None
    signer: str | None = None
    original: bytes | None = None
    proof: bytes | None = None


class Esignsante:
    """Signs, verifies and proves for workstations."""

    def __init__(
        self, configuration: Configuration, signatures: Signatures, anchors: bytes, crls: Callable[[], Sequence[bytes]] = tuple
    ) -> None:
        self._configuration = configuration
        self._signatures = signatures
        self._anchors = anchors
        self._crls = crls
        self._large = configuration.limits.large_document_bytes
        self._turn = asyncio.Lock()
        self._pdf = PdfSignatures(anchors, crls)
        self.places = Places(self._large)

    def configurations(self, caller: Caller) -> tuple[Numbered, ...]:
        """Those of the structures of this workstation whose certificate is there."""
        return tuple(found for one in self._numbers() if (found := self._numbered(one, caller)) is not None)

    def authorities(self) -> tuple[str, ...]:
        """The names of the authorities that signatures are judged by."""
        return tuple(distinguished_name(one.subject) for one in read_authorities(self._anchors).all)

    @property
    def verifications(self) -> tuple[int, ...]:
        """The numbers of the full set of rules."""
        return self._configuration.esignsante.verifications

    async def sign(self, caller: Caller, order: Order) -> bytes:
        """The signed document.

        Raises ConfigurationUnknown, NotSignable, PdfUnfit, SigningCertificateUnusable, ClockNotTrusted, KeyUnavailable; TooMuchAtOnce as
        all do here.
        """
        async with self._room_for(order.data):
            return await self._sign(caller, order)

    async def _sign(self, caller: Caller, order: Order) -> bytes:
        chosen = self._chosen(order.number, caller)

        async def make(signer: Signer, now: datetime) -> bytes:
            await self._check_signer(signer.certificate, now)
            return await self._make(order, chosen, signer, now)

        try:
            return await self._signatures.seal(caller, chosen.structure, "document.signed", _told(order.form, chosen), make)
        except (EnvelopeRefused, XmlMalformed) as refusal:
            raise NotSignable(refusal.code, field="file") from None

    async def _make(self, order: Order, chosen: EsignsanteSignature, signer: Signer, now: datetime) -> bytes:
        recipe = Recipe(digest=_DIGESTS[chosen.digest], form=chosen.canonicalisation)
        enveloped = chosen.packaging == "ENVELOPED"
        if order.form == "pades":
            return await self._pdf.sign(order.data, signer, now, order.signers, recipe)
        if order.form == "xmldsig":
            return await (sign_bare_enveloped if enveloped else sign_bare_enveloping)(order.data, signer, recipe)
        if enveloped:
            return await sign_enveloped(order.data, signer, now, order.signers, recipe)
        return await sign_enveloping(order.data, order.media_type, signer, now, order.signers, recipe)

    async def _judge(self, form: SignatureFormat, data: bytes) -> Report:
        if form == "pades":
            return await self._pdf.verify(data, self._signatures.now())
        report = await self._signatures.verify(data, None, bare=form == "xmldsig")
        if not report.readable:
            raise NotSignable("not XML", field="file")
        return report

    async def sign_and_prove(self, caller: Caller, order: Order, verification: int, request: ProofRequest) -> Outcome:
        """Sign, verify what was signed, and prove both; raises as `sign`."""
        self._check_verification(verification)
        async with self._room_for(order.data):
            signed = await self._sign(caller, order)
            report = await self._judge(order.form, signed)
            # The same bytes twice would be ten megabytes more.
            original = order.data if report.original == order.data else report.original
            report = msgspec.structs.replace(report, original=original)
            outcome = msgspec.structs.replace(_outcome(report), signed=signed)
            proof = await self._prove(caller, order.number, request, _judged_signature(order.form, report, signed, outcome.errors))
        return msgspec.structs.replace(outcome, proof=proof)

    async def verify(self, caller: Caller, check: Check) -> Outcome:
        """Verify a signed document, and prove it when asked. Raises ConfigurationUnknown, NotSignable, PdfUnfit."""
        self._check_verification(check.verification)
        async with self._room_for(check.data):
            report = await self._judge(check.form, check.data)
            outcome = _outcome(report)
            if check.proof is None:
                return outcome
            known = _judged_signature(check.form, report, check.data, outcome.errors)
            proof = await self._prove(caller, check.proof.number, check.proof.request, known)
        return msgspec.structs.replace(outcome, proof=proof)

    async def verify_certificate(self, caller: Caller, check: Check) -> Outcome:
        """Verify a certificate (DER or PEM), and prove it as `verify` does."""
        self._check_verification(check.verification)
        try:
            certificate, *hints = read_certificate(check.data)
        except CertificateMalformed:
            raise NotSignable("not a certificate", field="file") from None
        now = self._signatures.now()
        report = await asyncio.to_thread(report_on, certificate, hints, anchors=self._anchors, crls=self._crls(), at=now)
        errors = _errors(report.findings, CERTIFICATE_CODES)
        outcome = Outcome(valid=report.valid, errors=errors, signer=report.subject)
        if check.proof is None:
            return outcome
        judged = _Known(
            type=_CERTIFICATE_TYPE,
            content=to_der(certificate),
            valid=report.valid,
            rules=RULES,
            subject=report.subject,
            certificate=report.certificate,
            errors=errors,
        )
        return msgspec.structs.replace(outcome, proof=await self._prove(caller, check.proof.number, check.proof.request, judged))

    @asynccontextmanager
    async def _room_for(self, data: bytes) -> AsyncIterator[None]:
        """One large file at a time: a proof takes some ten times its document for a moment. Raises TooMuchAtOnce after a while."""
        if len(data) <= self._large:
            yield
            return
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._turn.acquire()
        except TimeoutError:
            raise TooMuchAtOnce("esignsante") from None
        try:
            yield
        finally:
            self._turn.release()

    async def _prove(self, caller: Caller, number: int, request: ProofRequest, known: _Known) -> bytes:
        chosen = self._chosen(number, caller)

        async def make(signer: Signer, now: datetime) -> bytes:
            await self._check_signer(signer.certificate, now)
            judged = self._judged(known, now)
            proof, filling = build_proof(request, judged, proof_id=new_id(), version=version("relais"), now=now)
            return await sign_bearer(proof, signer, now, filling=filling)

        return await self._signatures.seal(caller, chosen.structure, "proof.signed", request.kind, make)

    def _judged(self, known: _Known, now: datetime) -> Judged:
        authorities: tuple[x509.Certificate, ...] = ()
        if known.certificate is not None:
            try:
                authorities = build_path(load_certificate(known.certificate), read_authorities(self._anchors), now)[1:]
            except ChainUntrusted:
                authorities = ()
        return Judged(
            content=known.content,
            type=known.type,
            valid=known.valid,
            rules=tuple(str(one) for one in known.rules),
            subject=known.subject,
            certificate=known.certificate,
            errors=known.errors,
            authorities=authorities,
            crls=lists_of(authorities, self._crls()),
        )

    async def _check_signer(self, certificate: bytes, now: datetime) -> None:
        """Raises SigningCertificateUnusable, as esignsante answers 503, for a certificate of ours that would not verify."""
        ours = load_certificate(certificate)
        report = await asyncio.to_thread(report_on, ours, (), anchors=self._anchors, crls=self._crls(), at=now)
        if not report.valid:
            raise SigningCertificateUnusable(", ".join(one.rule for one in report.findings if one.verdict is Verdict.FAILED))

    def _numbers(self) -> tuple[EsignsanteSignature, ...]:
        given = self._configuration.esignsante.signatures
        if given:
            return given
        numbered: list[EsignsanteSignature] = []
        for rank, one in enumerate(self._configuration.structures):
            numbered.append(EsignsanteSignature(id=2 * rank + 1, structure=one.id, packaging="ENVELOPING"))
            numbered.append(EsignsanteSignature(id=2 * rank + 2, structure=one.id, packaging="ENVELOPED"))
        return tuple(numbered)

    def _chosen(self, number: int, caller: Caller) -> EsignsanteSignature:
        found = next((one for one in self._numbers() if one.id == number and one.structure in caller.structures), None)
        if found is None:
            raise ConfigurationUnknown
        return found

    def _numbered(self, one: EsignsanteSignature, caller: Caller) -> Numbered | None:
        dn = self._signatures.signer_name(one.structure) if one.structure in caller.structures else None
        if dn is None:
            return None
        return Numbered(
            id=one.id,
            structure=one.structure,
            packaging=one.packaging,
            digest=one.digest,
            canonicalisation=one.canonicalisation,
            dn=dn,
        )

    def _check_verification(self, number: int) -> None:
        if number not in self.verifications:
            raise ConfigurationUnknown


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is judged, before the chain that the proof adds."""

    type: str
    content: bytes
    valid: bool
    rules: tuple[Rule, ...]
    subject: str | None
    certificate: bytes | None
    errors: tuple[tuple[str, str], ...]


def _told(form: SignatureFormat, chosen: EsignsanteSignature) -> str:
    """What the audit trail says of the form."""
    if form == "pades":
        return form
    packaging = chosen.packaging.lower()
    return packaging if form == "xades" else f"{form}-{packaging}"


def _judged_signature(form: SignatureFormat, report: Report, content: bytes, errors: tuple[tuple[str, str], ...]) -> _Known:
    return _Known(
        type=_TYPES[form],
        content=content,
        valid=report.valid,
        rules=_UNDATED if form == "xmldsig" else tuple(Rule),
        subject=report.signer,
        certificate=report.certificate,
        errors=errors,
    )


def _outcome(report: Report) -> Outcome:
    return Outcome(
        valid=report.valid,
        errors=_errors(report.findings, SIGNATURE_CODES),
        signing_time=report.signing_time,
        signer=report.signer,
        original=report.original,
    )


def _errors(findings: Sequence[Finding], codes: dict[Rule, str]) -> tuple[tuple[str, str], ...]:
    """The rules that failed, in order; one that was not judged because another failed is not told."""
    return tuple((codes[one.rule], one.sentence) for one in findings if one.verdict is Verdict.FAILED and one.rule in codes)
