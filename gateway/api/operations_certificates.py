"""The operations on the life of certificates, as vendors read them (same table as `operations`)."""

from __future__ import annotations

from gateway.api.operations import Answer, Operation, Parameter
from gateway.trust.roles import Role

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
        parameters=(_STRUCTURE, _ROLE),
        answers={200: Answer(what=what, schemas=("SuccessionView",))},
        refusals=(400, 401, 404, 409, 429, 503),
    )


CERTIFICATE_OPERATIONS = (
    Operation(
        method="get",
        path="/certificates/calendar",
        name="readCertificateCalendar",
        tag=_TAG,
        summary="Lire ce qui s'arrête à quelle date : certificats, autorités, listes de révocation, du plus proche au plus lointain",
        answers={200: Answer(what="Le calendrier", schemas=("CalendarView",))},
        refusals=(400, 401, 429, 500, 503),
    ),
    Operation(
        method="get",
        path="/certificates/successions",
        name="listCertificateSuccessions",
        tag=_TAG,
        summary="Lire où en est chaque usage entre son certificat et le suivant",
        answers={200: Answer(what="Les usages qui changent ou ont changé de certificat", schemas=("SuccessionPage",))},
        refusals=(400, 401, 429, 503),
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
