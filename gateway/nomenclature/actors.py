"""Codes of people and places: profession, specialty, savoir-faire, function, facility type, practice setting, nature of a lot.

Never guesses a code from a label. Sources: mssante.md 5.3, dmp.md 2 (roles of the VIHF), 3.1 and 3.2, cda_signing.md 1.2 to 1.4.
"""

from __future__ import annotations

from gateway.kernel.concept import Concept
from gateway.nomenclature.refusals import (
    UnknownAuthorSpecialty,
    UnknownCode,
    UnknownContentType,
    UnknownFacilityType,
    UnknownFunction,
    UnknownPracticeSetting,
    UnknownProfession,
    UnknownSavoirFaire,
)
from gateway.nomenclature.tables import table


def author_specialty(code: str) -> Concept:
    """Profession and specialty of an author, such as `G15_10/SM54` or `SECRETARIAT_MEDICAL` (JDV_J01); raises UnknownAuthorSpecialty."""
    return _concept("author_specialties", code, UnknownAuthorSpecialty)


def profession(code: str) -> Concept:
    """Profession of TRE_G15, two digits (`10` médecin): first role of a VIHF; raises UnknownProfession."""
    return _concept("professions", code, UnknownProfession)


def savoir_faire(code: str) -> Concept:
    """Qualification SMxx of a doctor: second role of a VIHF, mandatory for doctors; raises UnknownSavoirFaire."""
    return _concept("savoir_faire", code, UnknownSavoirFaire)


def function(code: str) -> Concept:
    """Function of a participant, such as `PCP` médecin traitant (JDV_J47); raises UnknownFunction."""
    return _concept("functions", code, UnknownFunction)


def facility_type(code: str) -> Concept:
    """Type of structure, such as `SA07` cabinet individuel (JDV_J02); raises UnknownFacilityType."""
    return _concept("facility_types", code, UnknownFacilityType)


def practice_setting(code: str) -> Concept:
    """Practice setting, such as `AMBULATOIRE` (JDV_J04); raises UnknownPracticeSetting."""
    return _concept("practice_settings", code, UnknownPracticeSetting)


def content_type(code: str) -> Concept:
    """Nature of a lot (contentTypeCode); for liberal practice the structure's own SA05, SA07, SA08, SA09 or SA52.

    Raises UnknownContentType. The table is that of 2013: its successor JDV_J59 could not be found, so which code a structure sends must
    stay configurable (dmp.md 3.1).
    """
    return _concept("content_types", code, UnknownContentType)


def _concept(name: str, code: str, unknown: type[UnknownCode]) -> Concept:
    found = table(name).concepts.get(code)
    if found is None:
        raise unknown
    return found
