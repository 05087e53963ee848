"""The table that turns a registry code or a fault of the DMP into one of `gateway.dmp.errors` (dmp.md section 6, error_codes.csv).

A fault text is French free text: it is matched by pattern on its normal form (no accents, no case, blanks for punctuation), never by
equality. What no row knows goes to a person. Never keeps a text: only the code and the rule numbers enter `technical`.
"""

from __future__ import annotations

import re
import unicodedata

from gateway.dmp import errors
from gateway.kernel.errors import ErrorClass
from gateway.wire.soap import SoapFault
from gateway.xds.registry_answer import RegistryRefusal

REGISTRY: dict[str, type[errors.FromDmp]] = {
    "XDSDuplicateUniqueIdInRegistry": errors.DuplicateRefusal,
    "XDSUnknownPatientId": errors.DmpPatientUnknown,
    "XDSPatientIdDoesNotMatch": errors.DmpPatientMismatch,
    "XDSRepositoryMetadataError": errors.DmpMetadataRefused,
    "XDSRegistryMetadataError": errors.DmpMetadataRefused,
    "XDSMissingDocument": errors.DmpLotMalformed,
    "XDSMissingDocumentMetadata": errors.DmpLotMalformed,
    "XDSRepositoryDuplicateUniqueIdInMessage": errors.DmpLotMalformed,
    "XDSRegistryDuplicateUniqueIdInMessage": errors.DmpLotMalformed,
    "XDSNonIdenticalHash": errors.ContentDiffers,
    "XDSNonIdenticalSize": errors.ContentDiffers,
    "XDSRegistryDeprecatedDocumentError": errors.TargetNotCurrent,
    "XDSReplaceFailed": errors.TargetNotCurrent,
    "UnresolvedReferenceException": errors.DmpTargetUnknown,
    "InvalidDocumentContent": errors.DmpDocumentRefused,
    "XDSMetadataUpdateError": errors.UpdateRefused,
    "XDSRegistryBusy": errors.DmpBusy,
    "XDSRepositoryBusy": errors.DmpBusy,
    "XDSRegistryOutOfResources": errors.DmpBusy,
    "XDSRepositoryOutOfResources": errors.DmpBusy,
    "XDSRegistryNotAvailable": errors.DmpBusy,
    "XDSRegistryError": errors.DmpInternalError,
    "XDSRepositoryError": errors.DmpInternalError,
    "XDSDocumentUniqueIdError": errors.DmpLotMalformed,
    "XDSUnknownRepositoryId": errors.AddressRefused,
    "XDSUnknownStoredQuery": errors.DmpLotMalformed,
    "XDSStoredQueryMissingParam": errors.DmpLotMalformed,
    "XDSStoredQueryParamNumber": errors.DmpLotMalformed,
    "XDSTooManyResults": errors.DmpLotMalformed,
    "XDSResultNotSinglePatient": errors.DmpLotMalformed,
}
"""`errorCode` of an rs:RegistryError."""

FAULTS: tuple[tuple[str, type[errors.FromDmp]], ...] = (
    (r"dmpinvalidcertificate|certificat\b.*\b(invalide|non valide|pas valide|non autorise|revoque|expire)", errors.CertificateRefused),
    (r"dmpclosed|dmp (est )?ferme", errors.DmpClosed),
    (r"homologation", errors.HomologationRefused),
    (r"structure (est )?(introuvable|inconnue|inactive)", errors.StructureUnknown),
    (r"(ps|professionnel)( de sante)? et (la )?structure non lies|non rattache a la structure", errors.AuthorNotLinked),
    (r"aucune specialite", errors.SpecialtyMissing),
    (r"authentification de la personne morale", errors.StructureMismatch),
    (r"authorinstitution", errors.InstitutionMismatch),
    (r"messageexpired", errors.TokenRefused),
    (r"(jeton|vihf|assertion|token)\b.*\b(expire|perime|rejou|replay|deja (ete )?(utilise|recu|presente))", errors.TokenRefused),
    (r"(jeton|vihf|assertion|token)\b.*\b(trop (ancien|vieux)|dans le futur|duree de validite)|issueinstant", errors.TokenRefused),
    (r"(expire|perime|rejeu|rejou|replay|deja (ete )?utilise)\w*\b.*\b(jeton|vihf|assertion|token)", errors.TokenRefused),
    (r"droits? (d acces )?(insuffisant|refuse)|acces (est )?(refuse|interdit|non autorise)", errors.RightsRefused),
    (r"access ?denied|non autorise|habilitation", errors.RightsRefused),
    (r"surcharge|busy|occupe|trop de (requetes|demandes)", errors.DmpBusy),
    (r"indisponible|maintenance|unavailable", errors.DmpUnavailable),
    (r"erreur (interne|technique)|internal (server )?error|timeout|delai (d attente )?depasse", errors.DmpInternalError),
)  # fmt: skip
"""Patterns on the normal form of `subcode reason`; the first that is found decides."""

_COMPILED = tuple((re.compile(rf"\b(?:{pattern})"), error) for pattern, error in FAULTS)
_DECISIVE = (ErrorClass.UNKNOWN, ErrorClass.PERMANENT, ErrorClass.HUMAN, ErrorClass.CONFIGURATION, ErrorClass.TRANSIENT)


def normal_form(text: str) -> str:
    """Lower case, no accents, one blank between words."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[\W_]+", " ", plain.casefold()).split())


def error_of_fault(fault: SoapFault) -> errors.FromDmp:
    """The error a fault stands for; RefusedUnknown when no row knows it."""
    text = normal_form(f"{fault.subcode} {fault.reason}")
    found = next((error for pattern, error in _COMPILED if pattern.search(text)), errors.RefusedUnknown)
    return found(f"fault {fault.fault_code} {_safe(fault.subcode)}".strip())


def error_of_refusal(refusal: RegistryRefusal) -> errors.FromDmp:
    """The error a RegistryResponse stands for: a duplicate first, then what will not pass by itself, and last what may."""
    if refusal.answered_status == "PartialSuccess":
        return errors.PartialAnswer(refusal.technical)
    kinds = [REGISTRY.get(error.code, errors.RefusedUnknown) for error in refusal.errors] or [errors.RefusedUnknown]
    return min(kinds, key=lambda kind: _DECISIVE.index(kind.error_class))(refusal.technical)


def _safe(subcode: str) -> str:
    return subcode if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", subcode) else ""
