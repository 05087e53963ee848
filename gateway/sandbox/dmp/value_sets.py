"""Yes-or-no questions to the national tables: whether a code, in its system, is one the DMP takes.

It never derives a value for anybody: the caller claims, this module checks (dmp.md 3.2 to 3.5).
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.kernel.errors import Refused
from gateway.nomenclature import codes

_VIHF_ACTORS = "1.2.250.1.213.1.1.4.6"
_VIHF_ROLES = frozenset({"AUTOMATE", "SECRETARIAT_MEDICAL", "DISPOSITIF"})
_OUTSIDE_PROFILES = "urn:asipSante:modelesHorsProfils:2011"


def _known(lookup: Callable[[str], codes.Concept], code: str, system: str) -> bool:
    try:
        return lookup(code).system == system
    except Refused:
        return False


def is_document_type(code: str, system: str) -> bool:
    """JDV_J07, the signature's own type left aside."""
    return code != "E1762" and _known(codes.document_type, code, system)


def is_class_of_type(class_code: str, class_system: str, type_code: str) -> bool:
    """ASS_X04: the class that goes with the type; False for the six types without one."""
    try:
        expected = codes.class_of_type(type_code)
    except Refused:
        return False
    return (expected.code, expected.system) == (class_code, class_system)


def is_format_of_media(code: str, system: str, media_type: str) -> bool:
    """The format of an unstructured body of this media type."""
    try:
        expected = codes.format_of_media(media_type)
    except Refused:
        return False
    return (expected.code, expected.system) == (code, system)


def is_format_of_templates(code: str, system: str, roots: tuple[str, ...]) -> bool:
    """The format of one of the templates of a structured document; without any known template, the format kept for that case."""
    if not (_known(codes.document_format, code, system) and codes.format_accepted_by_dmp(code)):
        return False
    possible = {found.code for found in (codes.format_of_templates((root,)) for root in roots) if found is not None}
    return code in possible if possible else code == _OUTSIDE_PROFILES


def is_facility_type(code: str, system: str) -> bool:
    """JDV_J02."""
    return _known(codes.facility_type, code, system)


def is_practice_setting(code: str, system: str) -> bool:
    """JDV_J04."""
    return _known(codes.practice_setting, code, system)


def is_content_type(code: str, system: str) -> bool:
    """Nature of a lot (value set of 2013, dmp.md 3.1)."""
    return _known(codes.content_type, code, system)


def is_level(code: str, system: str) -> bool:
    """N, R or V."""
    return _known(codes.confidentiality, code, system)


def is_visibility(code: str, system: str) -> bool:
    """One of the three masking codes."""
    return _known(codes.visibility, code, system)


def is_author_specialty(code: str, system: str) -> bool:
    """JDV_J01."""
    return _known(codes.author_specialty, code, system)


def is_savoir_faire(code: str) -> bool:
    """A doctor's qualification SMxx."""
    try:
        return codes.savoir_faire(code).code == code
    except Refused:
        return False


def is_vihf_role(code: str, system: str) -> bool:
    """First role of a VIHF: a profession of TRE_G15, or an actor of TRE_A00 (the few that are named in dmp.md section 2)."""
    return (system == _VIHF_ACTORS and code in _VIHF_ROLES) or _known(codes.profession, code, system)
