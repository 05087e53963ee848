"""The operations on identities and INSi as vendors read them; joined to the table of `operations`."""

from __future__ import annotations

from gateway.api.address import FORMS, LONGEST_LOCAL_ID, LONGEST_STRUCTURE, TASKS
from gateway.api.identities import PLACE_PATTERN
from gateway.api.ins import CSV, KINDS, MOMENTS
from gateway.api.operations import Answer, Operation, Parameter, text

_PATIENTS, _INSI = "Identités", "INSi"


_LOCAL_ID = Parameter(
    name="local_id",
    place="path",
    schema=text(minLength=1, maxLength=LONGEST_LOCAL_ID),
    what="Numéro de dossier du logiciel métier, encodé comme dans toute adresse ; une barre oblique s'y écrit « %252F ».",
)
_STRUCTURE = Parameter(
    name="structure",
    place="query",
    schema=text(maxLength=LONGEST_STRUCTURE),
    what="Identifiant de la structure ; inutile quand le poste n'en a qu'une.",
)
_READ = (400, 401, 404, 409, 422, 429, 503)
"""409: what was kept can no longer be read."""
_ACT = (400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 503)
_SEARCH = (*_ACT, 423, 501)
"""What a card or its PIN refuses too."""
_IDENTITY = Answer(what="L'identité à cet instant", schemas=("IdentityView",))
_BATCH = Answer(what="La liste à cet instant", schemas=("BatchView",))


def _patient_act(path: str, name: str, summary: str, body: str) -> Operation:
    return Operation(
        method="post",
        path=f"/patients/{{local_id}}/{path}",
        name=name,
        tag=_PATIENTS,
        summary=summary,
        parameters=(_LOCAL_ID,),
        body=body,
        answers={200: _IDENTITY},
        refusals=_ACT,
    )


def _listing(path: str, name: str, tag: str, summary: str, schema: str, *parameters: Parameter) -> Operation:
    return Operation(
        method="get",
        path=path,
        name=name,
        tag=tag,
        summary=summary,
        parameters=(*parameters, _STRUCTURE),
        answers={200: Answer(what=summary, schemas=(schema,), listed=True)},
        refusals=_READ,
    )


INS_OPERATIONS = (
    Operation(
        method="put",
        path="/patients/{local_id}",
        name="putPatient",
        tag=_PATIENTS,
        summary="Enregistrer ou modifier un patient",
        parameters=(_LOCAL_ID,),
        body="PatientBody",
        answers={200: _IDENTITY, 201: Answer(what="Patient enregistré", schemas=("IdentityView",))},
        refusals=_ACT,
    ),
    Operation(
        method="get",
        path="/patients/{local_id}",
        name="readPatient",
        tag=_PATIENTS,
        summary="Lire l'identité d'un patient",
        parameters=(_LOCAL_ID, _STRUCTURE),
        answers={200: _IDENTITY},
        refusals=_READ,
    ),
    _listing(
        "/patients/{local_id}/history",
        "readHistory",
        _PATIENTS,
        "Lire l'histoire d'une identité, du plus récent au plus ancien",
        "ChangeView",
        _LOCAL_ID,
    ),
    _patient_act("identity", "decideIdentity", "Accepter ou refuser la réponse du téléservice INSi", "DecisionBody"),
    _patient_act("qualification", "qualifyIdentity", "Valider une identité d'après une pièce contrôlée", "QualificationBody"),
    _patient_act("attributes", "markIdentity", "Marquer une identité : homonyme, douteuse, fictive", "AttributesBody"),
    Operation(
        method="get",
        path="/patients/{local_id}/datamatrix",
        name="readDatamatrix",
        tag=_PATIENTS,
        summary="Lire le datamatrix INS d'un patient qualifié",
        parameters=(
            _LOCAL_ID,
            _STRUCTURE,
            Parameter(
                name="format",
                place="query",
                schema=text(enum=list(FORMS)),
                what="Forme voulue ; à défaut, celle de l'en-tête Accept.",
            ),
        ),
        answers={200: Answer(what="Le datamatrix", schemas=("DatamatrixView",), more_media=("text/plain", "image/svg+xml", "image/png"))},
        refusals=(400, 401, 404, 409, 422, 429, 503),
    ),
    Operation(
        method="get",
        path="/worklist",
        name="readWorklist",
        tag=_PATIENTS,
        summary="Lister les identités qui attendent quelqu'un, les plus anciennes d'abord",
        parameters=(
            _STRUCTURE,
            Parameter(name="task", place="query", schema=text(enum=list(TASKS)), what="Ce qui est attendu."),
            Parameter(name="cursor", place="query", schema=text(pattern=PLACE_PATTERN), what="Rendu par la page d'avant."),
            Parameter(
                name="limit", place="query", schema={"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, what="Par page."
            ),
        ),
        answers={200: Answer(what="Une page de la liste", schemas=("IdentityPage",))},
        refusals=_READ,
    ),
    _listing("/evidence", "listEvidence", _PATIENTS, "Lister les pièces admises par la structure", "EvidenceView"),
    _listing("/people", "listPeople", _PATIENTS, "Lister les personnes à qui un acte peut être imputé", "PersonView"),
    Operation(
        method="post",
        path="/ins/search",
        name="searchIns",
        tag=_INSI,
        summary="Rechercher une INS par les traits d'identité",
        body="SearchBody",
        answers={
            200: Answer(what="La réponse du téléservice", schemas=("SearchView",)),
            202: Answer(what="Relais continue seul ; un événement dira la suite", schemas=("DeferredView",), location=True),
        },
        refusals=_SEARCH,
    ),
    Operation(
        method="get",
        path="/ins/inquiries/{inquiry_id}",
        name="readInquiry",
        tag=_INSI,
        summary="Suivre une recherche confiée à Relais",
        parameters=(Parameter(name="inquiry_id", place="path", schema=text(), what="Rendu avec la réponse 202."),),
        answers={200: Answer(what="La recherche à cet instant", schemas=("InquiryView",))},
        refusals=_READ,
    ),
    Operation(
        method="post",
        path="/ins/vitale",
        name="searchByCard",
        tag=_INSI,
        summary="Rechercher une INS avec les données d'une carte Vitale",
        body="VitaleBody",
        answers={200: Answer(what="La réponse du téléservice", schemas=("SearchView",))},
        refusals=_SEARCH,
    ),
    Operation(
        method="post",
        path="/ins/verify",
        name="verifyIns",
        tag=_INSI,
        summary="Vérifier une INS",
        body="VerifyBody",
        answers={200: Answer(what="Confirmée ou non", schemas=("VerificationView",))},
        refusals=_SEARCH,
    ),
    Operation(
        method="post",
        path="/ins/datamatrix",
        name="readScan",
        tag=_INSI,
        summary="Lire ce qu'un lecteur de codes a envoyé",
        body="ScanBody",
        answers={200: Answer(what="Ce que dit le code", schemas=("ScanView",))},
        refusals=_ACT,
    ),
    Operation(
        method="post",
        path="/ins/batches",
        name="startBatch",
        tag=_INSI,
        summary="Faire vérifier une liste de patients, ou tout le fichier",
        parameters=(
            _STRUCTURE,
            Parameter(name="kind", place="query", schema=text(enum=list(KINDS)), what="Pour un CSV seulement."),
            Parameter(name="when", place="query", schema=text(enum=list(MOMENTS)), what="Pour un CSV seulement."),
        ),
        body="BatchBody",
        body_media=(CSV,),
        answers={201: Answer(what="Liste prise", schemas=("BatchView",), location=True)},
        refusals=_ACT,
    ),
    _listing("/ins/batches", "listBatches", _INSI, "Lister les listes, les plus récentes d'abord", "BatchView"),
    Operation(
        method="get",
        path="/ins/batches/{batch_id}",
        name="readBatch",
        tag=_INSI,
        summary="Suivre une liste",
        parameters=(Parameter(name="batch_id", place="path", schema=text(), what="Identifiant de la liste."),),
        answers={200: _BATCH},
        refusals=_READ,
    ),
    Operation(
        method="post",
        path="/ins/batches/{batch_id}/cancel",
        name="cancelBatch",
        tag=_INSI,
        summary="Arrêter une liste",
        parameters=(Parameter(name="batch_id", place="path", schema=text(), what="Identifiant de la liste."),),
        answers={200: _BATCH},
        refusals=_READ,
    ),
)
