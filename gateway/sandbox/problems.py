"""What the sandbox's control service refuses, and how a refusal is written: RFC 9457 problem+json (contract.md 3).

Never carries what a caller sent. Texts are for the vendor's developer who drives the sandbox.
"""

from __future__ import annotations

import msgspec

from gateway.kernel.errors import ConfigurationFault, Refused, RelaisError
from gateway.sandbox.exchange import Answer

PROBLEM_TYPE = "application/problem+json"


class ControlRefused(Refused):
    """Base of what the control service refuses."""

    who = "le développeur"


class BodyUnreadable(ControlRefused):
    """The body is not the JSON object expected; `field` names what is at fault when known."""

    code = "sandbox-body-invalid"
    status = 400
    title = "Corps de requête illisible"
    what = "Le corps de la requête n'est pas l'objet JSON attendu."
    gesture = "Comparez la requête à la description du bac à sable, puis renvoyez-la."


class FaultUnknown(ControlRefused):
    """No such service, or no such fault for it."""

    code = "sandbox-fault-unknown"
    title = "Panne inconnue"
    what = "Ce service ou cette panne n'existe pas dans le bac à sable."
    gesture = "Consultez la liste des pannes par GET /faults."


class PatientInvalid(ControlRefused):
    """A patient handed in cannot exist: matricule, key, authority, trait or state; `field` names it."""

    code = "sandbox-patient-invalid"
    title = "Patient refusé"
    what = "Ce patient ne peut pas être ajouté : une donnée est absente ou fausse."
    gesture = "Corrigez le champ indiqué."


class CertificateNotFound(ControlRefused):
    """Nothing to revoke under that serial number, structure or role."""

    code = "sandbox-certificate-unknown"
    status = 404
    title = "Certificat inconnu"
    what = "Le bac à sable n'a émis aucun certificat en cours répondant à cette désignation."
    gesture = "Vérifiez le numéro de série ou la structure."


class RouteUnknown(ControlRefused):
    """No such address on the control service."""

    code = "sandbox-route-unknown"
    status = 404
    title = "Adresse inconnue"
    what = "Le service de pilotage du bac à sable n'a rien à cette adresse."
    gesture = "Vérifiez l'adresse et la méthode."


class SandboxHomeDamaged(ConfigurationFault):
    """A file of the sandbox's home cannot be read back."""

    code = "sandbox-home-damaged"
    title = "Dossier du bac à sable abîmé"
    who = "le développeur"
    what = "Un fichier du dossier du bac à sable est illisible."
    gesture = "Effacez ce dossier et relancez le bac à sable : il se recréera."


class PortTaken(ConfigurationFault):
    """A port asked for is not free."""

    code = "sandbox-port-taken"
    title = "Port occupé"
    who = "le développeur"
    what = "Un des ports demandés pour le bac à sable est déjà pris."
    gesture = "Choisissez un autre port, ou 0 pour n'importe lequel."


def problem_answer(error: RelaisError) -> Answer:
    """The problem+json answer of an error: type, title, status, detail, code, field, gesture."""
    explanation = error.explanation
    body = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": explanation.what,
        "code": error.code,
        "gesture": explanation.gesture,
    }
    if error.field:
        body["field"] = error.field
    return Answer(error.status, PROBLEM_TYPE, msgspec.json.encode(body))
