"""The audit trail has not been altered."""

from __future__ import annotations

from gateway.health.check import Result, Severity, Site


async def check(site: Site) -> list[Result]:
    """Recomputes the hash chain of the trail."""
    broken = await site.store.verify_audit()
    if broken is None:
        return [Result(check="audit-trail", severity=Severity.OK, what="Le journal des actes est intact.")]
    return [
        Result(
            check="audit-trail",
            severity=Severity.ERROR,
            what=f"Le journal des actes a été altéré à partir de la ligne {broken}.",
            gesture="Conservez le boîtier en l'état et appelez votre installateur.",
        )
    ]
