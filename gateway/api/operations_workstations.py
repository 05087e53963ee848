"""The operations on workstations, as vendors read them; joined to the table of `operations`."""

from __future__ import annotations

from gateway.api.operations import Answer, Operation, Parameter

_TAG = "Boîtier"
_ONE = Parameter(name="workstation_id", place="path", schema={"type": "string"}, what="Identifiant rendu par `GET /workstations`.")
_PATH = "/workstations/{workstation_id}"
_STANDS = Answer(what="Le poste", schemas=("WorkstationView",))
_TOKEN = Answer(what="Le poste et son jeton, donné cette seule fois", schemas=("PairedView",))
_ACT = (400, 401, 403, 404, 409, 429, 503)
_BODY = (400, 401, 403, 404, 408, 409, 413, 422, 429, 503)

WORKSTATION_OPERATIONS = (
    Operation(
        method="get",
        path="/workstations",
        name="listWorkstations",
        tag=_TAG,
        summary="Lister les postes associés, le dernier en premier ; ceux de ses structures, et tous pour l'accès installateur",
        answers={200: Answer(what="Les postes, sans leur jeton", schemas=("WorkstationView",), listed=True)},
        refusals=(400, 401, 429, 503),
    ),
    Operation(
        method="post",
        path="/workstations",
        name="addWorkstation",
        tag=_TAG,
        summary="Ajouter un poste sans ouvrir l'association, ou un autre accès installateur : réservé à l'accès installateur",
        body="WorkstationBody",
        answers={201: _TOKEN},
        refusals=(400, 401, 403, 408, 409, 413, 422, 429, 503),
    ),
    Operation(
        method="patch",
        path=_PATH,
        name="renameWorkstation",
        tag=_TAG,
        summary="Renommer un poste ; son jeton et ses lecteurs restent : réservé à l'accès installateur",
        parameters=(_ONE,),
        body="NameBody",
        answers={200: _STANDS},
        refusals=_BODY,
    ),
    Operation(
        method="post",
        path=f"{_PATH}/token",
        name="renewWorkstation",
        tag=_TAG,
        summary="Donner un autre jeton à un poste ; l'ancien est refusé aussitôt, ses documents et ses lecteurs restent : réservé à "
        "l'accès installateur",
        parameters=(_ONE,),
        answers={200: _TOKEN},
        refusals=_ACT,
    ),
    Operation(
        method="delete",
        path=_PATH,
        name="revokeWorkstation",
        tag=_TAG,
        summary="Retirer un poste : jeton refusé aussitôt, flux d'événements fermés, lecteurs libérés, documents confiés envoyés quand "
        "même ; jamais le dernier accès installateur, et réservé à lui",
        parameters=(_ONE,),
        answers={200: Answer(what="Le poste tel qu'il était", schemas=("WorkstationView",))},
        refusals=_ACT,
    ),
)
