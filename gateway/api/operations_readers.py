"""The operations on readers and cards as vendors read them; joined to the table of `operations`."""

from __future__ import annotations

from gateway.api.events import LAST_PATTERN
from gateway.api.operations import EVENTS, Answer, Operation, Parameter, text
from gateway.api.readers import INSERTION_PATTERN, USES

_TAG = "Lecteurs et cartes"


_READER = Parameter(
    name="reader_id", place="path", schema=text(), what="Identifiant rendu par `GET /readers`, le même après rebranchement."
)
_INSERTION = Parameter(
    name="insertion_id",
    place="query",
    schema=text(pattern=INSERTION_PATTERN),
    what="Rendu par `GET …/card` ou par l'événement `card_in` : une autre carte que celle-là est refusée (`card-replaced`).",
    required=True,
)
_USE = Parameter(name="use", place="query", schema=text(enum=list(USES)), what="À défaut, les deux certificats.")
_LAST = Parameter(name="Last-Event-ID", place="header", schema=text(pattern=LAST_PATTERN), what="Numéro du dernier événement reçu.")
_READ = (400, 401, 403, 404, 409, 422, 429, 501, 503)
_ACT = (400, 401, 403, 404, 408, 409, 413, 415, 422, 423, 429, 501, 503)
_CARD = "/readers/{reader_id}/card"


def _look(path: str, name: str, summary: str, answer: Answer, *parameters: Parameter) -> Operation:
    return Operation(
        method="get",
        path=path,
        name=name,
        tag=_TAG,
        summary=summary,
        parameters=(_READER, *parameters),
        answers={200: answer},
        refusals=_READ,
    )


def _act(path: str, name: str, summary: str, body: str, answer: Answer) -> Operation:
    return Operation(
        method="post",
        path=path,
        name=name,
        tag=_TAG,
        summary=summary,
        parameters=(_READER,),
        body=body,
        answers={200: answer},
        refusals=_ACT,
    )


READER_OPERATIONS = (
    Operation(
        method="get",
        path="/readers",
        name="listReaders",
        tag=_TAG,
        summary="Lister les lecteurs de cartes du boîtier ; la carte n'est montrée qu'au poste associé",
        answers={200: Answer(what="Branchés en ce moment", schemas=("ReaderView",), listed=True)},
        refusals=(400, 401, 429, 501, 503),
    ),
    _act(
        "/readers/{reader_id}/pairing",
        "pairReader",
        "Dire que ce lecteur est celui de ce poste, ou ne l'est plus",
        "ReaderPairingBody",
        Answer(what="Le lecteur à cet instant", schemas=("ReaderView",)),
    ),
    _look(
        _CARD, "readCard", "Voir la carte du lecteur, et les essais de code qui lui restent", Answer(what="La carte", schemas=("CardView",))
    ),
    _look(
        _CARD + "/certificates",
        "listCardCertificates",
        "Lire les certificats d'une carte CPS",
        Answer(what="Les certificats", schemas=("CardCertificateView",), listed=True),
        _INSERTION,
        _USE,
    ),
    _look(
        _CARD + "/holder",
        "readHolder",
        "Lire le titulaire d'une carte CPS, sans code",
        Answer(what="Le titulaire", schemas=("HolderView",)),
        _INSERTION,
    ),
    _act(
        _CARD + "/situations",
        "readSituations",
        "Lire les situations d'exercice d'une carte CPS, avec son code",
        "SituationsBody",
        Answer(what="Les situations", schemas=("SituationsView",)),
    ),
    _act(
        _CARD + "/sign",
        "signByCard",
        "Faire signer par une carte CPS, avec son code : une signature RSA (PKCS#1 v1.5) par élément",
        "SignBody",
        Answer(what="Les signatures", schemas=("SignedView",)),
    ),
    _look(
        _CARD + "/vitale",
        "readVitale",
        "Lire les données libres d'une carte Vitale",
        Answer(what="Ce que la carte dit librement", schemas=("VitaleView",)),
        _INSERTION,
    ),
    _act(
        _CARD + "/vitale/read",
        "readVitaleLicensed",
        "Lire une carte Vitale par le composant sous licence, s'il est installé",
        "VitaleReadBody",
        Answer(what="Le document de ce composant", schemas=("PlugInView",)),
    ),
    Operation(
        method="get",
        path="/card-events",
        name="followCardEvents",
        tag=_TAG,
        summary="Suivre les lecteurs et cartes du poste (Server-Sent Events). `data` est un CardEvent, nommé par son `type`",
        parameters=(_LAST,),
        answers={200: Answer(what="Les événements, sans fin", media=EVENTS)},
        refusals=(400, 401, 429, 503),
    ),
)
