"""What the simulated INSi refuses, as the national service would say it: siram class, code, severity, words (insi.md 3.7)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault in the words of the AMO services."""

    siram: str
    code: str
    severity: str
    reason: str
    text: str
    receiver: bool = False


class InsiRefusal(Exception):
    """The request breaks a rule, or the service is told to be unwell."""

    def __init__(self, fault: Fault, *rules: str) -> None:
        super().__init__(fault.code)
        self.fault = fault
        self.rules = rules


_CLOSED = "Le service est temporairement inaccessible. Merci de renouveler votre demande ultérieurement."
_FORBIDDEN = "L'accès par ce progiciel au service n'est pas autorisé. Contactez l'éditeur du progiciel."

FAULTS = {
    "desir_1020": Fault("siram_40", "desir_1020", "fatale", _CLOSED, "Le service appelé est temporairement indisponible"),
    "insi_101": Fault("siram_40", "insi_101", "fatal", _CLOSED, "L appel au service renvoie une erreur technique.", receiver=True),
    "insi_102": Fault("siram_40", "insi_102", "fatal", _CLOSED, "L appel au service renvoie une erreur technique.", receiver=True),
    "desir_550": Fault("siram_100", "desir_550", "erreur", _FORBIDDEN, "Numéro d'autorisation du logiciel inconnu."),
    "desir_560": Fault(
        "siram_100", "desir_560", "erreur", _FORBIDDEN, "Vous ne disposez pas des droits suffisants pour accéder à ce service"
    ),
}


def broken(rule: str, told: str) -> InsiRefusal:
    """A rule of the message that is not kept; the codes of the national service for these are not public, this one is the simulator's."""
    return InsiRefusal(Fault("siram_200", "sandbox_regle", "erreur", "La demande n'est pas recevable.", f"{rule} : {told}"), rule)
