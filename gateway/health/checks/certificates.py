"""Each structure has the certificates that its deliveries need; `calendar` says until when, `certificate_chains` if they are good."""

from __future__ import annotations

from gateway.health.check import Result, Severity, Site
from gateway.trust.roles import Role

_NEEDED = {Role.AUTH_CLI: "de connexion (auth_cli)", Role.SIGN: "de signature (sign)"}


async def check(site: Site) -> list[Result]:
    """One result per structure and role."""
    held = {(one.structure_id, one.role) for one in site.keys.summaries()}
    results: list[Result] = []
    for structure in site.configuration.structures:
        for role, words in _NEEDED.items():
            name = f"certificat {words} de {structure.name}"
            if (structure.id, role) in held:
                results.append(Result(check="certificates", severity=Severity.OK, what=f"Le {name} est là."))
            else:
                gesture = "Importez ce certificat (fichier .p12) dans le boîtier."
                results.append(Result(check="certificates", severity=Severity.ERROR, what=f"Il manque le {name}.", gesture=gesture))
    return results
