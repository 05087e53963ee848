"""How the simulated DMP says no: a SOAP fault, or a RegistryResponse with errors.

The texts are French free text as the real service gives (dmp.md section 6); they never quote a value received. Known texts come from
`tables/error_codes.csv`; those marked [K] there are our own wording.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.kernel.errors import RelaisError

METADATA = "XDSRegistryMetadataError"
REPOSITORY_METADATA = "XDSRepositoryMetadataError"
CONTENT = "InvalidDocumentContent"
PATIENT_MISMATCH = "XDSPatientIdDoesNotMatch"
UNKNOWN_PATIENT = "XDSUnknownPatientId"
MISSING_DOCUMENT = "XDSMissingDocument"
MISSING_METADATA = "XDSMissingDocumentMetadata"
DUPLICATE = "XDSDuplicateUniqueIdInRegistry"
DUPLICATE_IN_MESSAGE = "XDSRegistryDuplicateUniqueIdInMessage"
NON_IDENTICAL_HASH = "XDSNonIdenticalHash"
DEPRECATED = "XDSRegistryDeprecatedDocumentError"
UNRESOLVED = "UnresolvedReferenceException"

INVALID_CERTIFICATE = "DMPInvalidCertificate"
LEGAL_PERSON = "Erreur d'authentification de la personne morale"
NO_SPECIALTY = "Aucune spécialité dans le vihf"
NO_AUTHOR_INSTITUTION = "Aucun AuthorInstitution ne correspond à l'utilisateur du VIHF"
UNKNOWN_STRUCTURE = "Structure introuvable ou Inactive"
RIGHTS = "Accès refusé : la matrice des droits n'autorise pas cette transaction pour ce mode d'accès"
STALE_VIHF = "Jeton VIHF expiré ou déjà utilisé"


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule of a lot: rule id, XDS error code, French text, and where (an id of the message, never a value)."""

    rule: str
    code: str
    text: str
    location: str = ""


class Refusal(RelaisError):
    """Base of what ends a judgement early; caught by the service only."""

    rules: tuple[str, ...] = ()


class SoapRefusal(Refusal):
    """Ends in a SOAP 1.2 fault, Sender unless `receiver`."""

    def __init__(self, rule: str, text: str, *, subcode: str | None = None, receiver: bool = False) -> None:
        super().__init__(rule)
        self.rules = (rule,)
        self.text = text
        self.subcode = subcode
        self.receiver = receiver


class RegistryRefusal(Refusal):
    """Ends in a RegistryResponse of status Failure (or PartialSuccess) with one RegistryError per problem."""

    def __init__(self, problems: Iterable[Problem], *, partial: bool = False) -> None:
        self.problems = tuple(problems)
        super().__init__(", ".join(problem.rule for problem in self.problems))
        self.rules = tuple(dict.fromkeys(problem.rule for problem in self.problems))
        self.partial = partial


def refuse(problems: Iterable[Problem]) -> None:
    """Raise RegistryRefusal when there is at least one problem."""
    found = tuple(problems)
    if found:
        raise RegistryRefusal(found)


def rights_refusal(rule: str) -> SoapRefusal:
    """The refusal of the rights matrix (dmp.md 1.6); its real form is not documented [K]."""
    return SoapRefusal(rule, RIGHTS, subcode="DMPAccessDenied")
