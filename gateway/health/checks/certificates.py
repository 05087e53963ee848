"""Each structure has the certificates that its deliveries need, and they are valid for a while."""

from __future__ import annotations

from datetime import timedelta

from gateway.health.check import Result, Severity, Site

_ROLES = ("auth_cli", "sign")
_WARN_BEFORE = timedelta(days=60)


async def check(site: Site) -> list[Result]:
    """One result per structure and role."""
    held = {(one.structure_id, one.role): one.usable_until for one in site.keys.summaries()}
    results: list[Result] = []
    for structure in site.configuration.structures:
        for role in _ROLES:
            end = held.get((structure.id, role))
            name = f"certificat {role} de {structure.name}"
            if end is None:
                results.append(_result(Severity.ERROR, f"Il manque le {name}.", "Importez ce certificat dans le boîtier."))
            elif end <= site.clock.now():
                results.append(_result(Severity.ERROR, f"Le {name} a expiré le {end:%d/%m/%Y}.", "Demandez son renouvellement à l'ANS."))
            elif end <= site.clock.now() + _WARN_BEFORE:
                results.append(_result(Severity.WARNING, f"Le {name} expire le {end:%d/%m/%Y}.", "Demandez son renouvellement à l'ANS."))
            else:
                results.append(_result(Severity.OK, f"Le {name} est valable jusqu'au {end:%d/%m/%Y}."))
    return results


def _result(severity: Severity, what: str, gesture: str = "") -> Result:
    return Result(check="certificates", severity=severity, what=what, gesture=gesture)
