"""There is room to accept documents."""

from __future__ import annotations

import shutil

from gateway.health.check import Result, Severity, Site


async def check(site: Site) -> list[Result]:
    """Compares the free space with the reserve under which nothing is accepted any more."""
    free = shutil.disk_usage(site.home).free
    reserve = site.configuration.limits.disk_reserve_bytes
    room = f"{free // 1_000_000} Mo libres"
    if free <= reserve:
        gesture = "Faites libérer de la place par votre installateur : Relais n'accepte plus de documents."
        return [Result(check="disk", severity=Severity.ERROR, what=f"Le stockage est plein ({room}).", gesture=gesture)]
    if free <= 5 * reserve:
        gesture = "Prévenez votre installateur avant que Relais cesse d'accepter des documents."
        return [Result(check="disk", severity=Severity.WARNING, what=f"Le stockage se remplit ({room}).", gesture=gesture)]
    return [Result(check="disk", severity=Severity.OK, what=f"Le stockage a de la place ({room}).")]
