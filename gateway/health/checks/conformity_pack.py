"""The official schemas are installed: without them a ready CDA is checked by our own rules only."""

from __future__ import annotations

from gateway.cda.conformity import load_pack
from gateway.health.check import Result, Severity, Site


async def check(site: Site) -> list[Result]:
    """Looks for an installed conformity pack."""
    pack = load_pack(site.home)
    if pack is not None:
        return [Result(check="conformity-pack", severity=Severity.OK, what=f"Schémas officiels installés (version {pack.info.version}).")]
    return [
        Result(
            check="conformity-pack",
            severity=Severity.WARNING,
            what="Les schémas officiels du CDA ne sont pas installés : seuls les contrôles de Relais s'appliquent.",
            gesture="Téléchargez-les auprès de l'ANS, lancez « relais conformity install DOSSIER --home BOITIER », puis redémarrez.",
        )
    ]
