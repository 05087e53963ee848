"""What the OpenAPI document says of answers, kept true to what is sent: problems, receipts, binary bodies."""

from __future__ import annotations

from litestar.openapi.datastructures import ResponseSpec

from gateway.api.problems import MEDIA_TYPE, Problem
from gateway.flow.views import DocumentView

_WHY = {
    400: "Demande mal formée",
    401: "Poste non reconnu",
    404: "Introuvable, ou à un autre poste",
    405: "Méthode refusée",
    409: "Impossible dans l'état actuel",
    413: "Trop volumineux",
    415: "Type refusé",
    422: "Contenu refusé, avec le champ en cause",
    429: "Trop de demandes",
    503: "Relais n'accepte pas pour le moment",
}

RECEIPT = ResponseSpec(data_container=DocumentView, description="Récépissé", generate_examples=False)
CDA = ResponseSpec(data_container=bytes, media_type="text/xml", description="Document CDA", generate_examples=False)
ZIP = ResponseSpec(data_container=bytes, media_type="application/zip", description="Archive de preuve", generate_examples=False)


def REFUSALS(*statuses: int) -> dict[int, ResponseSpec]:  # noqa: N802 - reads as a table where it is used
    """The problems a route may answer."""
    return {
        status: ResponseSpec(data_container=Problem, media_type=MEDIA_TYPE, description=_WHY[status], generate_examples=False)
        for status in statuses
    }
