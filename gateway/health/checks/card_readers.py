"""A card reader is plugged in, and each one stands beside a workstation; nothing is said where the card service does not answer."""

from __future__ import annotations

from gateway.health.check import Result, Severity, Site
from gateway.health.checks.card_service import listed

_NAME = "card_readers"


async def check(site: Site) -> list[Result]:
    """One result; `card_service` tells of the rest."""
    found = await listed(site) if site.configuration.devices.start != "none" else None
    if found is None or not found.service:
        return []
    if not found.readers:
        gesture = "Branchez un lecteur PC/SC (CCID) sur une prise USB du boîtier, et attendez quelques secondes."
        return [Result(check=_NAME, severity=Severity.WARNING, what="Aucun lecteur de cartes n'est branché.", gesture=gesture)]
    known = {one.id for one in await site.store.workstations() if not one.revoked}
    paired = {one.device for one in await site.store.pairings() if one.workstation in known}
    alone = sum(one.id not in paired for one in found.readers)
    if alone:
        what = f"{alone} lecteur(s) de cartes sur {len(found.readers)} ne sont associés à aucun poste : personne ne peut s'en servir."
        gesture = "Sur le poste à côté de chaque lecteur, ouvrez « Lecteurs et cartes » et utilisez « C'est le lecteur de ce poste »."
        return [Result(check=_NAME, severity=Severity.WARNING, what=what, gesture=gesture)]
    return [Result(check=_NAME, severity=Severity.OK, what=f"Lecteurs de cartes présents et associés : {len(found.readers)}.")]
