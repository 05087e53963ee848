"""The clock is kept right: without it nothing is signed nor sent."""

from __future__ import annotations

from gateway.health.check import Result, Severity, Site


async def check(site: Site) -> list[Result]:
    """Asks whether the machine's clock is synchronised, when the configuration requires it."""
    if site.clock.trusted():
        return [Result(check="clock", severity=Severity.OK, what="L'heure du boîtier est fiable.")]
    return [
        Result(
            check="clock",
            severity=Severity.ERROR,
            what="L'heure du boîtier n'est pas synchronisée : rien n'est signé ni envoyé.",
            gesture="Vérifiez que le boîtier est relié à Internet ; si cela dure, appelez votre installateur.",
        )
    ]
