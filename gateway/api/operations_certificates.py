"""The operations on certificates, as vendors read them (same table as `operations`)."""

from __future__ import annotations

from gateway.api.operations import ACTOR, Answer, Operation, Parameter, Part
from gateway.trust.roles import Role
from gateway.trust.slots import Slot

_TAG = "Certificats"
_STRUCTURE = Parameter(name="structure", place="path", schema={"type": "string"}, what="Identifiant national de la structure.")
_ROLE = Parameter(name="role", place="path", schema={"type": "string", "enum": [one.value for one in Role]}, what="Usage du certificat.")


def _act(verb: str, name: str, summary: str, what: str) -> Operation:
    return Operation(
        method="post",
        path=f"/certificates/{{structure}}/{{role}}/{verb}",
        name=name,
        tag=_TAG,
        summary=summary,
        parameters=(_STRUCTURE, _ROLE, ACTOR),
        answers={200: Answer(what=what, schemas=("SuccessionView",))},
        refusals=(400, 401, 404, 409, 422, 429, 503),
    )


def _listing(path: str, name: str, summary: str, what: str, schema: str, *more: int) -> Operation:
    return Operation(
        method="get",
        path=path,
        name=name,
        tag=_TAG,
        summary=summary,
        answers={200: Answer(what=what, schemas=(schema,))},
        refusals=(400, 401, 429, *more, 503),
    )


CERTIFICATE_OPERATIONS = (
    _listing(
        "/certificates",
        "listCertificates",
        "Lire les certificats que le boîtier détient : en service, suivants, anciens ; jamais leurs clés",
        "Les certificats détenus",
        "HeldPage",
    ),
    Operation(
        method="post",
        path="/certificates",
        name="importCertificate",
        tag=_TAG,
        summary="Importer un fichier .p12 : contrôles, enregistrement de la clé, puis un appel réel aux services de son usage",
        parameters=(ACTOR,),
        form=(
            Part(name="request", schema="ImportOrder", what="Structure, usage, place et mot de passe du fichier."),
            Part(name="file", media=("application/x-pkcs12", "application/octet-stream"), what="Le fichier .p12 ou .pfx remis par l'ANS."),
        ),
        answers={201: Answer(what="Le certificat est enregistré ; ce qu'en disent les services", schemas=("ImportView",))},
        refusals=(400, 401, 408, 409, 413, 415, 422, 429, 503),
    ),
    Operation(
        method="post",
        path="/certificates/{structure}/{role}/erase",
        name="eraseCertificate",
        tag=_TAG,
        summary="Effacer le certificat suivant, ou l'ancien",
        parameters=(
            _STRUCTURE,
            _ROLE,
            ACTOR,
            Parameter(
                name="slot",
                place="query",
                schema={"type": "string", "enum": [one.value for one in Slot]},
                what="Place à vider, obligatoire. Celui qui est en service ne s'efface pas d'ici.",
            ),
        ),
        answers={200: Answer(what="Les certificats qui restent", schemas=("HeldPage",))},
        refusals=(400, 401, 404, 409, 422, 429, 503),
    ),
    _listing(
        "/certificates/calendar",
        "readCertificateCalendar",
        "Lire ce qui s'arrête à quelle date : certificats, autorités, listes de révocation, du plus proche au plus lointain",
        "Le calendrier",
        "CalendarView",
        500,
    ),
    _listing(
        "/certificates/successions",
        "listCertificateSuccessions",
        "Lire où en est chaque usage entre son certificat et le suivant",
        "Les usages qui changent ou ont changé de certificat",
        "SuccessionPage",
    ),
    _act(
        "rehearse",
        "rehearseCertificate",
        "Essayer le certificat suivant auprès de chaque service, sans le mettre en service",
        "Le résultat de l'essai",
    ),
    _act("switch", "switchCertificate", "Mettre en service le certificat suivant, dont l'essai est bon", "Le certificat est en service"),
    _act("return", "callCertificateBack", "Revenir à l'ancien certificat", "L'ancien certificat est en service"),
)
