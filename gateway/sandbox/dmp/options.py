"""What the dossiers leave open about the real DMP, as settings of the simulated one.

Each default is the widest reading of the sources, so that no conforming client is refused for a point nobody could settle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SANDBOX_HOMOLOGATION = "BAC-A-SABLE-0001"
"""The homologation number every sandbox knows; real ones are confidential (EX_GEN-1490) and never logged."""


@dataclass(frozen=True, slots=True)
class DmpOptions:
    """Settings of a simulated DMP; the source of each doubt is named beside it."""

    homologation_numbers: frozenset[str] = frozenset({SANDBOX_HOMOLOGATION})
    vihf_versions: frozenset[str] = frozenset({"3.0", "4.0"})
    """3.0 in kits and traces, 4.0 in one ANS table (dmp.md section 2, unresolved)."""
    mode_attributes: frozenset[str] = frozenset({"Authentification_Mode", "Authentification_mode"})
    """Both casings are seen (dmp.md section 2, unresolved)."""
    vihf_max_age: float = 30.0
    """Seconds; stated for AIR (EX_AIR-040), extended to INDIRECTE [R]."""
    vihf_max_ahead: float = 5.0
    vihf_digests: frozenset[str] = frozenset({"sha1", "sha256"})
    lot_digests: frozenset[str] = frozenset({"sha1", "sha256"})
    """What today's DMP accepts could not be established (cda_signing.md 0.3)."""
    lot_xades: frozenset[str] = frozenset({"1.1.1", "1.3.2"})
    strict_multipart: bool = True
    """CRLF only; False reads bare LF too."""
    known_structures: frozenset[str] | None = None
    """Struct_IdNat of the national directory; None takes any."""
    masked_and_invisible_together: bool = False
    """Server parameter cumul-invisible_patient-masque_ps (EX_2.1-1050)."""
    same_document_new_lot: Literal["accept", "refuse"] = "accept"
    """Same document id and bytes in a new lot: counted once more, or refused as a duplicate (dmp.md 6.1 [K])."""
    message_bytes: int = 64_000_000
    envelope_bytes: int = 4_000_000


DEFAULT_OPTIONS = DmpOptions()
