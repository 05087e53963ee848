"""The signature service as esignsante's clients know it: numbered configurations, reports in its codes, signed proofs.

A number stands for a structure of the box and a packaging; only a workstation that has the structure may use it, and to any other the
number does not exist. One key signs documents and proofs, since a structure has one. All rules always apply. Source: cda_signing.md 4.2.
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
from gateway.flow.signing.signatures import Signatures
from gateway.kernel.config import Configuration, EsignsanteSignature
from gateway.kernel.errors import ConfigurationFault, Refused
from gateway.kernel.ids import new_id
from gateway.trust.certificate import distinguished_name, load_certificate, to_der
from gateway.trust.certificate_report import RULES, read_certificate, report_on
from gateway.trust.chain import build_path, read_authorities
from gateway.trust.errors import CertificateMalformed, ChainUntrusted
from gateway.trust.esignsante_proof import Judged, OpenidToken, ProofRequest, build_proof, lists_of
from gateway.trust.packaging import EnvelopeRefused
from gateway.trust.report import Finding, Report, Rule, Verdict
from gateway.trust.signer import Signer
from gateway.trust.xades import sign_enveloped, sign_enveloping
from gateway.xml.errors import XmlMalformed

__all__ = ["Esignsante", "Numbered", "OpenidToken", "Order", "Outcome", "ProofRequest"]

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
_TYPE = "XAdES-BASELINE-B Signature"
_CERTIFICATE_TYPE = "X509 Certificate"


class ConfigurationUnknown(Refused):
    """No such number, or not for this workstation."""

    code = "esignsante-configuration-unknown"
    status = 404
    title = "Configuration inconnue"
    what = "Aucune configuration de signature ou de vérification ne porte ce numéro pour ce poste."
    gesture = "Demandez la liste à « /esignsante/v1/configurations », ou faites ajouter ce numéro par votre installateur."


class NotSignable(Refused):
    """The file is not of the kind that the operation works on."""

    code = "esignsante-not-supported"
    status = 501
    title = "Opération non prise en charge"
    what = "Ce fichier ne se prête pas à l'opération demandée : il n'est pas du type attendu, ou ne peut pas porter sa propre signature."
    gesture = "Vérifiez le fichier et la configuration choisie ; une signature enveloppante accepte tous les fichiers."


class SigningCertificateUnusable(ConfigurationFault):
    """The certificate that would sign is itself not valid: esignsante signs nothing then."""

    code = "signing-certificate-unusable"
    title = "Certificat de signature inutilisable"
    what = "Le certificat de signature de la structure est expiré, révoqué ou non reconnu : rien n'a été signé."
    gesture = "Regardez les certificats dans « relais check », et renouvelez celui de la structure."


class Numbered(msgspec.Struct, frozen=True, kw_only=True):
    """One `idSignConf` and its signer's name."""

    id: int
    structure: str
    packaging: Literal["ENVELOPING", "ENVELOPED"]
    dn: str


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be signed, and by which configuration."""

    number: int
    data: bytes
    media_type: str
    signers: tuple[str, ...] = ()


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
        """The XAdES-B document.

        Raises ConfigurationUnknown, NotSignable, SigningCertificateUnusable, ClockNotTrusted, KeyUnavailable; TooMuchAtOnce as all do here.
        """
        async with self._room_for(order.data):
            return await self._sign(caller, order)

    async def _sign(self, caller: Caller, order: Order) -> bytes:
        chosen = self._chosen(order.number, caller)

        async def make(signer: Signer, now: datetime) -> bytes:
            await self._check_signer(signer.certificate, now)
            if chosen.packaging == "ENVELOPED":
                return await sign_enveloped(order.data, signer, now, order.signers)
            return await sign_enveloping(order.data, order.media_type, signer, now, order.signers)

        try:
            return await self._signatures.seal(caller, chosen.structure, "document.signed", chosen.packaging.lower(), make)
        except (EnvelopeRefused, XmlMalformed) as refusal:
            raise NotSignable(refusal.code, field="file") from None

    async def sign_and_prove(self, caller: Caller, order: Order, verification: int, request: ProofRequest) -> Outcome:
        """Sign, verify what was signed, and prove both; raises as `sign`."""
        self._check_verification(verification)
        async with self._room_for(order.data):
            signed = await self._sign(caller, order)
            report = await self._signatures.verify(signed, None)
            outcome = msgspec.structs.replace(_outcome(report), signed=signed)
            proof = await self._prove(caller, order.number, request, _judged_signature(report, signed, outcome.errors))
        return msgspec.structs.replace(outcome, proof=proof)

    async def verify(
        self, caller: Caller, verification: int, data: bytes, *, number: int | None = None, request: ProofRequest | None = None
    ) -> Outcome:
        """Verify a signed document; with a `request`, prove it by configuration `number`. Raises ConfigurationUnknown, NotSignable."""
        self._check_verification(verification)
        async with self._room_for(data):
            report = await self._signatures.verify(data, None)
            if not report.readable:
                raise NotSignable("not XML", field="file")
            outcome = _outcome(report)
            if request is None or number is None:
                return outcome
            proof = await self._prove(caller, number, request, _judged_signature(report, data, outcome.errors))
        return msgspec.structs.replace(outcome, proof=proof)

    async def verify_certificate(
        self, caller: Caller, verification: int, data: bytes, *, number: int | None = None, request: ProofRequest | None = None
    ) -> Outcome:
        """Verify a certificate (DER or PEM), and prove it as `verify` does."""
        self._check_verification(verification)
        try:
            certificate, *hints = read_certificate(data)
        except CertificateMalformed:
            raise NotSignable("not a certificate", field="file") from None
        now = self._signatures.now()
        report = await asyncio.to_thread(report_on, certificate, hints, anchors=self._anchors, crls=self._crls(), at=now)
        errors = _errors(report.findings, CERTIFICATE_CODES)
        outcome = Outcome(valid=report.valid, errors=errors, signer=report.subject)
        if request is None or number is None:
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
        return msgspec.structs.replace(outcome, proof=await self._prove(caller, number, request, judged))

    @asynccontextmanager
    async def _room_for(self, data: bytes) -> AsyncIterator[None]:
        """One large file at a time: a proof takes thirty times its document for a moment. Raises TooMuchAtOnce after a while."""
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
            proof = await asyncio.to_thread(build_proof, request, judged, proof_id=new_id(), version=version("relais"), now=now)
            return await sign_enveloped(proof, signer, now)

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
        return Numbered(id=one.id, structure=one.structure, packaging=one.packaging, dn=dn) if dn is not None else None

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


def _judged_signature(report: Report, content: bytes, errors: tuple[tuple[str, str], ...]) -> _Known:
    return _Known(
        type=_TYPE,
        content=content,
        valid=report.valid,
        rules=tuple(Rule),
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
