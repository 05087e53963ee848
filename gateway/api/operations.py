"""The operations of the API as vendors read them: parameters, bodies and every answer of each route, in one table.

Written by hand and proven against the routes: the framework cannot see a body that is read from the stream, nor the headers and problems
of an answer, and does not say that unknown fields are refused (stack.md section 13).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from gateway.api.callers import ACTOR_PATTERN
from gateway.api.documents import CURSOR_PATTERN, KEY_PATTERN, LONGEST_LOCAL_ID, LONGEST_PAGE
from gateway.api.events import LAST_PATTERN
from gateway.model.delivery import DocumentState

JSON, XML, ZIP, EVENTS = "application/json", "text/xml", "application/zip", "text/event-stream"


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of the address, or a header."""

    name: str
    place: Literal["path", "query", "header"]
    schema: dict[str, Any]
    what: str
    required: bool = False
    """What is in a path always is."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a form: JSON of a schema, a short text, or a file of one of these media types."""

    name: str
    schema: str | None = None
    text: dict[str, Any] | None = None
    """Schema of a short text."""
    media: tuple[str, ...] = ("application/octet-stream",)
    optional: bool = False
    what: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A good answer: JSON of one of these schemas, or bytes of a media type."""

    what: str
    schemas: tuple[str, ...] = ()
    media: str = JSON
    listed: bool = False
    """True for an array of the schema."""
    more_media: tuple[str, ...] = ()
    """Other media types of the same answer, on demand."""
    location: bool = False


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One verb on one address. `refusals` are the statuses of its problems."""

    method: Literal["get", "post", "put", "patch", "delete"]
    path: str
    base: str = "/api/v1"
    name: str
    tag: str
    summary: str
    parameters: tuple[Parameter, ...] = ()
    form: tuple[Part, ...] = ()
    open_form: bool = False
    """True when parts of other names are ignored."""
    body: str | None = None
    """Schema of a JSON body."""
    body_media: tuple[str, ...] = ()
    """Other media types a body may have."""
    answers: dict[int, Answer]
    refusals: tuple[int, ...]
    anonymous: bool = False
    """True when it also answers without a token."""


def text(**bounds: Any) -> dict[str, Any]:
    """The schema of a string, with the keywords of JSON Schema that bound it."""
    return {"type": "string", **bounds}


_DOCUMENT = Parameter(name="document_id", place="path", schema=text(), what="Identifiant rendu dans le récépissé.")
_DELIVERY = Parameter(name="delivery_id", place="path", schema=text(), what="Identifiant de l'envoi dans le récépissé.")
_KEY = Parameter(
    name="Idempotency-Key",
    place="header",
    schema=text(pattern=KEY_PATTERN),
    what="Une par document ; à défaut, l'empreinte des deux parties.",
)
_LAST = Parameter(name="Last-Event-ID", place="header", schema=text(pattern=LAST_PATTERN), what="Numéro du dernier événement reçu.")
ACTOR = Parameter(
    name="Relais-Actor",
    place="header",
    schema=text(pattern=ACTOR_PATTERN),
    what="Identifiant du professionnel, ou de la secrétaire, à qui l'acte est imputé.",
)
_LISTING = (
    Parameter(name="state", place="query", schema=text(enum=[one.value for one in DocumentState]), what="État du document."),
    Parameter(name="patient", place="query", schema=text(minLength=1, maxLength=LONGEST_LOCAL_ID), what="Numéro de dossier du patient."),
    Parameter(name="since", place="query", schema=text(format="date-time"), what="Acceptés depuis cet instant."),
    Parameter(
        name="cursor",
        place="query",
        schema=text(pattern=CURSOR_PATTERN),
        what="Rendu par la page d'avant.",
    ),
    Parameter(
        name="limit",
        place="query",
        schema={"type": "integer", "minimum": 1, "maximum": LONGEST_PAGE, "default": 50},
        what="Nombre de récépissés par page.",
    ),
)

_RECEIPT = Answer(what="Le récépissé à cet instant", schemas=("DocumentView",))
_READ = (400, 401, 404, 429, 503)
_ACT = (400, 401, 404, 409, 429, 503)
_FILE = Part(name="file", media=("application/pdf", "application/xml", "text/xml"), what="Un PDF, ou un CDA prêt à envoyer (XML).")


def _gesture(verb: str, summary: str) -> Operation:
    return Operation(
        method="post",
        path=f"/deliveries/{{delivery_id}}/{verb}",
        name=f"{verb}Delivery",
        tag="Envois",
        summary=summary,
        parameters=(_DELIVERY,),
        answers={200: _RECEIPT},
        refusals=_ACT,
    )


OPERATIONS = (
    Operation(
        method="post",
        path="/documents",
        name="sendDocument",
        tag="Documents",
        summary="Confier un document",
        parameters=(_KEY,),
        form=(Part(name="request", schema="DocumentRequest", what="La description du document, en JSON."), _FILE),
        answers={
            202: Answer(what="Accepté : Relais s'en charge", schemas=("DocumentView",), location=True),
            200: Answer(what="Déjà accepté : le premier récépissé", schemas=("DocumentView",), location=True),
        },
        refusals=(400, 401, 408, 409, 413, 415, 422, 429, 503),
    ),
    Operation(
        method="get",
        path="/documents",
        name="listDocuments",
        tag="Documents",
        summary="Lister les récépissés, du plus récent au plus ancien",
        parameters=_LISTING,
        answers={200: Answer(what="Une page de récépissés", schemas=("ReceiptPage",))},
        refusals=(400, 401, 429, 503),
    ),
    Operation(
        method="get",
        path="/documents/{document_id}",
        name="readDocument",
        tag="Documents",
        summary="Lire un récépissé",
        parameters=(_DOCUMENT,),
        answers={200: _RECEIPT},
        refusals=_READ,
    ),
    Operation(
        method="post",
        path="/documents/{document_id}/cancel",
        name="cancelDocument",
        tag="Documents",
        summary="Annuler un document dont rien n'est parti",
        parameters=(_DOCUMENT,),
        answers={200: _RECEIPT},
        refusals=_ACT,
    ),
    Operation(
        method="get",
        path="/documents/{document_id}/cda",
        name="readCda",
        tag="Documents",
        summary="Lire le CDA envoyé",
        parameters=(_DOCUMENT,),
        answers={200: Answer(what="Les octets figés", media=XML)},
        refusals=_ACT,
    ),
    Operation(
        method="get",
        path="/documents/{document_id}/proof",
        name="readProof",
        tag="Documents",
        summary="Télécharger la preuve",
        parameters=(_DOCUMENT,),
        answers={200: Answer(what="Octets figés, réponses et historique", media=ZIP)},
        refusals=_ACT,
    ),
    _gesture("retry", "Réessayer maintenant un envoi en attente ou refusé"),
    _gesture("hold", "Mettre en attente un envoi qui n'est pas parti"),
    _gesture("release", "Libérer un envoi en attente"),
    _gesture("cancel", "Abandonner un envoi qui n'est pas parti, sans toucher aux autres"),
    Operation(
        method="get",
        path="/events",
        name="followEvents",
        tag="Documents",
        summary="Suivre les événements (Server-Sent Events). `data` est un DocumentView pour `document.…`, un IdentityEvent pour "
        "`identity.changed`, un InquiryEvent pour `inquiry.answered`, un BatchEvent pour `batch.done`, un AlarmEvent pour "
        "`certificate.expiring`, un SuccessionEvent pour `certificate.changed`, un ScanEvent pour `scan.read`, "
        "un ResetEvent pour `reset.requested`",
        parameters=(_LAST,),
        answers={200: Answer(what="Les événements, sans fin", media=EVENTS)},
        refusals=(400, 401, 429, 503),
    ),
    Operation(
        method="get",
        path="/status",
        name="readStatus",
        tag="Boîtier",
        summary="État du boîtier ; sans jeton, seulement `ok`",
        answers={200: Answer(what="État, complet avec un jeton", schemas=("StatusView", "BareStatus"))},
        refusals=(400, 401, 429, 503),
        anonymous=True,
    ),
    Operation(
        method="post",
        path="/signatures",
        name="sign",
        tag="Signatures",
        summary="Signer un document avec le certificat de la structure",
        form=(
            Part(name="file", what="Le document à signer."),
            Part(name="request", schema="SignatureOrder", optional=True, what="Comment signer, en JSON."),
        ),
        answers={200: Answer(what="Le document signé (XAdES)", media=XML)},
        refusals=(400, 401, 408, 413, 415, 422, 429, 503),
    ),
    Operation(
        method="post",
        path="/signatures/verify",
        name="verifySignature",
        tag="Signatures",
        summary="Vérifier une signature, règle par règle",
        form=(
            Part(name="file", what="Le document signé."),
            Part(name="original", optional=True, what="Le contenu que couvre une signature détachée."),
        ),
        answers={200: Answer(what="Le rapport", schemas=("ReportView",))},
        refusals=(400, 401, 408, 413, 415, 429, 503),
    ),
)
