"""The routes of esignsante over the signature service, for software already written against it. Source: cda_signing.md 4.2.

Statuses are that service's (400, 401, 404, 501, 503); the body of a refusal, which it leaves empty, is our usual problem. XMLDSig and PAdES
are not made here: 501, as the service answers what it cannot do.
"""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency as Given

from gateway.api.esignsante_form import received
from gateway.api.esignsante_views import (
    Conf,
    ESignSanteSignatureReport,
    ESignSanteSignatureReportWithProof,
    ESignSanteValidationReport,
    ESignSanteValidationReportWithProof,
    conf_of,
    signature_report,
    signature_report_with_proof,
    validation_report,
    validation_report_with_proof,
)
from gateway.flow.caller import Caller
from gateway.flow.relay import Relay
from gateway.kernel.config import Limits
from gateway.kernel.errors import Refused

BASE = "/esignsante/v1"
OFFERED = (
    "/",
    "/configurations",
    "/ca",
    "/signatures/xadesbaselineb",
    "/signatures/xadesbaselinebwithproof",
    "/validation/signatures/xadesbaselineb",
    "/validation/signatures/xadesbaselinebwithproof",
    "/validation/certificats",
    "/validation/certificatswithproof",
)
NOT_OFFERED = (
    "/secrets",
    *(
        f"{family}/{format_}{proof}"
        for family in ("/signatures", "/validation/signatures")
        for format_ in ("xmldsig", "padesbaselineb")
        for proof in ("", "withproof")
    ),
)

_CERTIFICATE_BYTES = 100_000


class FormatNotOffered(Refused):
    """A route of esignsante that Relais does not have."""

    code = "esignsante-format-not-offered"
    status = 501
    title = "Format non proposé"
    what = "Relais signe et vérifie en XAdES Baseline-B seulement ; XMLDSig seul, PAdES et la création de secrets n'existent pas ici."
    gesture = "Utilisez les routes « xadesbaselineb », ou le service esignsante de l'ANS pour les autres formats."


@get("/")
async def list_operations(caller: Given[Caller]) -> tuple[str, ...]:
    """The operations offered."""
    del caller
    return OFFERED


@get("/configurations")
async def list_configurations(relay: Given[Relay], caller: Given[Caller]) -> Conf:
    """The numbers this workstation may use."""
    return conf_of(relay.esignsante.configurations(caller), relay.esignsante.verifications)


@get("/ca")
async def list_authorities(relay: Given[Relay], caller: Given[Caller]) -> tuple[str, ...]:
    """The authorities that signatures are judged by."""
    del caller
    return relay.esignsante.authorities()


@post("/signatures/xadesbaselineb", status_code=200)
async def sign_xades(request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits]) -> ESignSanteSignatureReport:
    """Sign, by the certificate of the structure that `idSignConf` stands for."""
    async with received(request, relay, limits, limits.document_bytes) as form:
        return signature_report(await relay.esignsante.sign(form.caller, form.order()))


@post("/signatures/xadesbaselinebwithproof", status_code=200)
async def prove_xades(request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits]) -> ESignSanteSignatureReportWithProof:
    """Sign, verify, and prove both."""
    async with received(request, relay, limits, limits.document_bytes) as form:
        order, verification, asked = form.order(), form.number("idVerifSignConf"), form.proof("Sign")
        return signature_report_with_proof(await relay.esignsante.sign_and_prove(form.caller, order, verification, asked))


@post("/validation/signatures/xadesbaselineb", status_code=200)
async def validate_xades(request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits]) -> ESignSanteValidationReport:
    """Verify a signed document."""
    async with received(request, relay, limits, 2 * limits.document_bytes) as form:
        return validation_report(await relay.esignsante.verify(form.caller, form.number("idVerifSignConf"), form.file))


@post("/validation/signatures/xadesbaselinebwithproof", status_code=200)
async def prove_validation(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits]
) -> ESignSanteValidationReportWithProof:
    """Verify a signed document, and prove it."""
    async with received(request, relay, limits, 2 * limits.document_bytes) as form:
        number, verification, asked = form.number("idProofConf"), form.number("idVerifSignConf"), form.proof("VerifSign")
        outcome = await relay.esignsante.verify(form.caller, verification, form.file, number=number, request=asked)
        return validation_report_with_proof(outcome)


@post("/validation/certificats", status_code=200)
async def validate_certificate(request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits]) -> ESignSanteValidationReport:
    """Verify a certificate, DER or PEM."""
    async with received(request, relay, limits, _CERTIFICATE_BYTES) as form:
        return validation_report(await relay.esignsante.verify_certificate(form.caller, form.number("idVerifCertConf"), form.file))


@post("/validation/certificatswithproof", status_code=200)
async def prove_certificate(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits]
) -> ESignSanteValidationReportWithProof:
    """Verify a certificate, and prove it."""
    async with received(request, relay, limits, _CERTIFICATE_BYTES) as form:
        number, verification, asked = form.number("idProofConf"), form.number("idVerifCertConf"), form.proof("VerifCert")
        outcome = await relay.esignsante.verify_certificate(form.caller, verification, form.file, number=number, request=asked)
        return validation_report_with_proof(outcome)


@post(list(NOT_OFFERED), status_code=200)
async def refuse_format() -> None:
    """Raises FormatNotOffered."""
    raise FormatNotOffered


ROUTES = (
    list_operations,
    list_configurations,
    list_authorities,
    sign_xades,
    prove_xades,
    validate_xades,
    prove_validation,
    validate_certificate,
    prove_certificate,
    refuse_format,
)
