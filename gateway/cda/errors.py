"""What can be wrong with a CDA as such. Fields are paths in the header, never values of it.

CdaInvalid (Refused)     a header fact is missing, contradictory or not usable      cda-invalid
└── TwoPatients          the document speaks of more than one patient               two-patients
"""

from __future__ import annotations

from gateway.kernel.errors import Refused


class CdaInvalid(Refused):
    """The header or body cannot be used; `field` is the path, `facts["rule"]` the stable name of the rule, `reason` French."""

    code = "cda-invalid"
    title = "Document CDA inutilisable"
    what = "Le document CDA ne peut pas être utilisé : {reason}."
    gesture = "Faites corriger le document CDA par l'éditeur du logiciel métier (élément {path}), puis renvoyez-le."

    def __init__(self, path: str, rule: str, reason: str) -> None:
        super().__init__(f"{rule} at {path}", field=path, path=path, rule=rule, reason=reason)


class TwoPatients(CdaInvalid):
    """More than one recordTarget, or two different INS: a document belongs to one patient."""

    code = "two-patients"
    title = "Deux patients dans un document"
    gesture = "Envoyez un document par patient."

    def __init__(self, path: str = "recordTarget") -> None:
        super().__init__(path, "one-patient", "il désigne plus d'un patient")
