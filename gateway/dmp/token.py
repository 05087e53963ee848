"""The facts of a VIHF for the DMP, from the configuration of a structure and of its professional (dmp.md section 2, INDIRECTE).

Never signs: `gateway.wire.saml` does, once per call. The second role of a pharmacist is left out: its OID is not confirmed.
"""

from __future__ import annotations

from gateway.kernel.concept import Concept
from gateway.kernel.config import Dmp, Professional, Structure
from gateway.model.patient import Ins
from gateway.nomenclature import codes
from gateway.wire.saml import VihfFacts
from gateway.wire.secret import Secret

_DOCTOR = "10"


def vihf_facts(author: Professional, structure: Structure, ins: Ins, settings: Dmp, homologation: Secret) -> VihfFacts:
    """Raises UnknownProfession, or UnknownSavoirFaire for a doctor without a known specialty: the DMP would refuse."""
    return VihfFacts(
        structure_id=structure.id,
        sector=structure.sector,
        professional_id=author.id,
        professional_name=f"{author.given} {author.family}",
        roles=_roles(author),
        ins=ins,
        lps_name=settings.lps_name,
        lps_version=settings.lps_version,
        lps_id=settings.lps_id,
        homologation=homologation,
        version=settings.vihf_version,
        mode_attribute=settings.authentication_mode_attribute,
    )


def _roles(author: Professional) -> tuple[Concept, ...]:
    profession = codes.profession(author.profession)
    return (profession, codes.savoir_faire(author.specialty)) if author.profession == _DOCTOR else (profession,)
