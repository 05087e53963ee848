"""GET /openapi.json: the API described, true to its answers. Made once from the table of operations and the types that are sent."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from litestar import MediaType, Response, get

from gateway.api.epoch import EPOCH_OPERATIONS
from gateway.api.esignsante_views import (
    Conf,
    ESignSanteSignatureReport,
    ESignSanteSignatureReportWithProof,
    ESignSanteValidationReport,
    ESignSanteValidationReportWithProof,
)
from gateway.api.operations import ACTOR, JSON, OPERATIONS, Answer, Operation, Parameter, Part
from gateway.api.operations_certificates import CERTIFICATE_OPERATIONS
from gateway.api.operations_esignsante import ESIGNSANTE_OPERATIONS
from gateway.api.operations_ins import INS_OPERATIONS
from gateway.api.operations_pairing import PAIRING_OPERATIONS
from gateway.api.operations_readers import READER_OPERATIONS
from gateway.api.operations_scanners import SCANNER_OPERATIONS
from gateway.api.operations_workstations import WORKSTATION_OPERATIONS
from gateway.api.problems import MEDIA_TYPE, Problem
from gateway.api.signatures import ReportView
from gateway.api.status import BareStatus
from gateway.flow.cards.request import ReaderPairingBody, SignBody, SituationsBody, VitaleReadBody
from gateway.flow.cards.views import (
    CardCertificateView,
    CardEvent,
    CardView,
    HolderView,
    PlugInView,
    ReaderView,
    SignedView,
    SituationsView,
    VitaleView,
)
from gateway.flow.certificates.custody import ImportOrder
from gateway.flow.certificates.views import AlarmEvent, CalendarView, HeldPage, ImportView, SuccessionEvent, SuccessionPage, SuccessionView
from gateway.flow.identities.datamatrix import DatamatrixView
from gateway.flow.identities.request import (
    AttributesBody,
    BatchBody,
    DecisionBody,
    PatientBody,
    QualificationBody,
    ScanBody,
    SearchBody,
    VerifyBody,
    VitaleBody,
)
from gateway.flow.identities.views import (
    BatchView,
    ChangeView,
    DeferredView,
    EvidenceView,
    IdentityPage,
    IdentityView,
    InquiryView,
    PersonView,
    ScanView,
    SearchView,
    VerificationView,
)
from gateway.flow.panel.pairing_window import PairingBody
from gateway.flow.panel.views import FrontView, PairingView, ResetEvent
from gateway.flow.request import DocumentRequest
from gateway.flow.scanners.views import ReadingView, ScanEvent, ScannerTestView, ScannerView
from gateway.flow.signing.signatures import SignatureOrder
from gateway.flow.status import StatusView
from gateway.flow.views import BatchEvent, DocumentView, IdentityEvent, InquiryEvent, ReceiptPage
from gateway.flow.workstations.desk import NameBody, WorkstationBody
from gateway.flow.workstations.views import PairedView, WorkstationView
from gateway.trust.epoch import SignedEpoch

BASE = "/api/v1"

_TYPES = (
    DocumentRequest,
    DocumentView,
    ReceiptPage,
    StatusView,
    BareStatus,
    SignatureOrder,
    ReportView,
    Problem,
    PatientBody,
    SearchBody,
    VitaleBody,
    VerifyBody,
    DecisionBody,
    QualificationBody,
    AttributesBody,
    ScanBody,
    BatchBody,
    IdentityView,
    IdentityPage,
    ChangeView,
    EvidenceView,
    PersonView,
    SearchView,
    DeferredView,
    InquiryView,
    VerificationView,
    BatchView,
    ScanView,
    DatamatrixView,
    ScannerView,
    ScannerTestView,
    ReadingView,
    ScanEvent,
    ReaderView,
    ReaderPairingBody,
    CardView,
    CardCertificateView,
    HolderView,
    SituationsBody,
    SituationsView,
    SignBody,
    SignedView,
    VitaleView,
    VitaleReadBody,
    PlugInView,
    CardEvent,
    IdentityEvent,
    InquiryEvent,
    BatchEvent,
    HeldPage,
    ImportOrder,
    ImportView,
    CalendarView,
    SuccessionPage,
    SuccessionView,
    AlarmEvent,
    SuccessionEvent,
    PairingBody,
    PairedView,
    WorkstationView,
    WorkstationBody,
    NameBody,
    PairingView,
    FrontView,
    ResetEvent,
    SignedEpoch,
    Conf,
    ESignSanteSignatureReport,
    ESignSanteSignatureReportWithProof,
    ESignSanteValidationReport,
    ESignSanteValidationReportWithProof,
)
EVERY_OPERATION = (
    *OPERATIONS,
    *INS_OPERATIONS,
    *SCANNER_OPERATIONS,
    *READER_OPERATIONS,
    *ESIGNSANTE_OPERATIONS,
    *CERTIFICATE_OPERATIONS,
    *PAIRING_OPERATIONS,
    *WORKSTATION_OPERATIONS,
    *EPOCH_OPERATIONS,
)
"""What the API offers, in the order of the document."""
_REF = "#/components/schemas/{name}"
_SCHEME = "poste"
_WHY = {
    400: "Demande mal formée",
    401: "Poste non reconnu",
    403: "Réservé à une autre personne, ou à un autre moment",
    404: "Introuvable, ou à un autre poste",
    408: "Envoi interrompu en chemin",
    409: "Impossible dans l'état actuel",
    413: "Trop volumineux",
    415: "Type refusé",
    422: "Contenu refusé, avec le champ en cause",
    423: "Carte bloquée, ou dernier essai de son code",
    429: "Trop de demandes : attendre",
    500: "Erreur interne",
    501: "Opération ou fichier non pris en charge",
    503: "Relais n'accepte pas pour le moment",
}
_HEADERS = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}


@get("/openapi.json")
async def read_specification() -> Response[bytes]:
    """OpenAPI 3.1; needs no token."""
    return Response(_encoded(), media_type=MediaType.JSON)


def specification() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    _, schemas = msgspec.json.schema_components(_TYPES, ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for one in EVERY_OPERATION:
        paths.setdefault(f"{one.base}{one.path}", {})[one.method] = _operation(one)
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": "Relais",
            "version": "1",
            "description": "API locale de Relais : confier un document, suivre ses envois, qualifier une INS, signer et vérifier. "
            "Les refus sont des "
            "problèmes RFC 9457 : `code` est stable, `detail` et `gesture` s'adressent à une personne.",
        },
        "security": [{_SCHEME: []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {_SCHEME: {"type": "http", "scheme": "bearer", "description": "Jeton d'un poste associé au boîtier."}},
        },
    }
    return msgspec.json.decode(msgspec.json.encode(whole), type=dict[str, Any])


@cache
def _encoded() -> bytes:
    return msgspec.json.encode(specification())


def _operation(one: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": one.name,
        "tags": [one.tag],
        "summary": one.summary,
        "parameters": [_parameter(parameter) for parameter in (*one.parameters, ACTOR)],
        "responses": {
            **{str(status): _answer(answer) for status, answer in one.answers.items()},
            **{str(status): _refusal(status) for status in sorted({*one.refusals, 422, 500})},
        },
    }
    if one.form:
        told["requestBody"] = _form(one.form, closed=not one.open_form)
    if one.body is not None:
        content: dict[str, Any] = {JSON: {"schema": {"$ref": _REF.format(name=one.body)}}}
        told["requestBody"] = {"required": True, "content": content | {media: {"schema": _any_of([])} for media in one.body_media}}
    if one.anonymous:
        told["security"] = [{}, {_SCHEME: []}]
    return told


def _parameter(one: Parameter) -> dict[str, Any]:
    return {
        "name": one.name,
        "in": one.place,
        "required": one.required or one.place == "path",
        "schema": one.schema,
        "description": one.what,
    }


def _form(parts: tuple[Part, ...], *, closed: bool) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {one.name: _part(one) for one in parts},
        "required": [one.name for one in parts if not one.optional],
        "additionalProperties": not closed,
    }
    encoding = {one.name: {"contentType": JSON if one.schema else ", ".join(one.media)} for one in parts if one.text is None}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema, "encoding": encoding}}}


def _part(one: Part) -> dict[str, Any]:
    if one.schema is not None:
        return {"$ref": _REF.format(name=one.schema)}
    if one.text is not None:
        return {**one.text, "description": one.what}
    return {"type": "string", "contentMediaType": one.media[0], "description": one.what}


def _answer(one: Answer) -> dict[str, Any]:
    schemas: list[dict[str, Any]] = [{"$ref": _REF.format(name=name)} for name in one.schemas]
    schema = {"type": "array", "items": _any_of(schemas)} if one.listed else _any_of(schemas)
    content = {one.media: {"schema": schema}} | {media: {"schema": _any_of([])} for media in one.more_media}
    told: dict[str, Any] = {"description": one.what, "content": content}
    if one.location:
        told["headers"] = {"Location": _header("Adresse où relire ce qui a été pris.")}
    return told


def _any_of(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    match schemas:
        case []:
            return {"type": "string"}
        case [only]:
            return only
    return {"anyOf": schemas}


def _refusal(status: int) -> dict[str, Any]:
    told: dict[str, Any] = {"description": _WHY[status], "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}}}
    if status in _HEADERS:
        told["headers"] = {_HEADERS[status]: _header("Secondes à attendre." if status != 401 else "Comment se faire reconnaître.")}
    return told


def _header(what: str) -> dict[str, Any]:
    return {"description": what, "schema": {"type": "string"}}
