"""The routes of esignsante over the signature service, for software already written against it. Source: cda_signing.md 4.2.

Statuses are that service's (400, 401, 404, 501, 503); the body of a refusal, which it leaves empty, is our usual problem. The three forms
are at paths that differ by their last word alone. A secret is the workstation's token, so none is made here: 501, as the service answers
what it cannot do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency as Given
from litestar.response import Stream

from gateway.api.esignsante_form import FORMS, EsignsanteForm, received
from gateway.api.esignsante_views import (
    Conf,
    conf_of,
    signature_report,
    signature_report_with_proof,
    validation_report,
    validation_report_with_proof,
)
from gateway.flow.caller import Caller
from gateway.flow.relay import Relay
from gateway.flow.signing.places import Place
from gateway.kernel.config import Limits
from gateway.kernel.errors import Refused

BASE = "/esignsante/v1"
_SIGN = [f"/signatures/{form}" for form in FORMS]
_VALIDATE = [f"/validation/signatures/{form}" for form in FORMS]
_SIGN_PROOF, _VALIDATE_PROOF = [f"{path}withproof" for path in _SIGN], [f"{path}withproof" for path in _VALIDATE]
OFFERED = (
    *("/", "/configurations", "/ca"),
    *(*_SIGN, *_SIGN_PROOF, *_VALIDATE, *_VALIDATE_PROOF),
    *("/validation/certificats", "/validation/certificatswithproof"),
)
NOT_OFFERED = ("/secrets",)

_CERTIFICATE_BYTES = 100_000


class SecretsNotMade(Refused):
    """A route of esignsante that Relais does not have."""

    code = "esignsante-secrets-not-made"
    status = 501
    title = "Création de secrets non proposée"
    what = "Relais ne fabrique pas de secrets : un poste est reconnu par son jeton."
    gesture = "Associez le poste au boîtier, puis mettez son jeton dans « Authorization » ou dans le champ « secret »."


@asynccontextmanager
async def answering(
    request: Request[Any, Any, Any], relay: Relay, limits: Limits, most: int
) -> AsyncIterator[tuple[EsignsanteForm, Place]]:
    """The form, and the place of its answer; raises as `received`, and TooMuchAtOnce."""
    async with received(request, relay, limits, most) as form, relay.esignsante.places.place(len(form.file)) as place:
        yield form, place


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


@post(_SIGN, status_code=200)
async def sign(request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits]) -> Stream:
    """Sign, by the certificate of the structure that `idSignConf` stands for."""
    async with answering(request, relay, limits, limits.document_bytes) as (form, place):
        return signature_report(await relay.esignsante.sign(form.caller, form.order()), place)


@post(_SIGN_PROOF, status_code=200)
async def sign_with_proof(request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits]) -> Stream:
    """Sign, verify, and prove both."""
    async with answering(request, relay, limits, limits.document_bytes) as (form, place):
        order, verification, asked = form.order(), form.number("idVerifSignConf"), form.proof("Sign")
        return signature_report_with_proof(await relay.esignsante.sign_and_prove(form.caller, order, verification, asked), place)


@post(_VALIDATE, status_code=200)
async def validate(request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits]) -> Stream:
    """Verify a signed document."""
    async with answering(request, relay, limits, 2 * limits.document_bytes) as (form, place):
        return validation_report(await relay.esignsante.verify(form.caller, form.check()), place)


@post(_VALIDATE_PROOF, status_code=200)
async def validate_with_proof(request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits]) -> Stream:
    """Verify a signed document, and prove it."""
    async with answering(request, relay, limits, 2 * limits.document_bytes) as (form, place):
        return validation_report_with_proof(await relay.esignsante.verify(form.caller, form.check(kind="VerifSign")), place)


@post("/validation/certificats", status_code=200)
async def validate_certificate(request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits]) -> Stream:
    """Verify a certificate, DER or PEM."""
    async with answering(request, relay, limits, _CERTIFICATE_BYTES) as (form, place):
        return validation_report(await relay.esignsante.verify_certificate(form.caller, form.check("idVerifCertConf")), place)


@post("/validation/certificatswithproof", status_code=200)
async def prove_certificate(request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits]) -> Stream:
    """Verify a certificate, and prove it."""
    async with answering(request, relay, limits, _CERTIFICATE_BYTES) as (form, place):
        check = form.check("idVerifCertConf", kind="VerifCert")
        return validation_report_with_proof(await relay.esignsante.verify_certificate(form.caller, check), place)


@post(list(NOT_OFFERED), status_code=200)
async def make_secret() -> None:
    """Raises SecretsNotMade."""
    raise SecretsNotMade


ROUTES = (
    list_operations,
    list_configurations,
    list_authorities,
    sign,
    sign_with_proof,
    validate,
    validate_with_proof,
    validate_certificate,
    prove_certificate,
    make_secret,
)
