"""Nothing has waited too long: a delivery older than a day deserves a look."""

from __future__ import annotations

from gateway.health.check import Result, Severity, Site
from gateway.model.delivery import DeliveryState

_OLD = 86_400_000


async def check(site: Site) -> list[Result]:
    """Looks at the age of the open deliveries of each lane."""
    now = int(site.clock.now().timestamp() * 1000)
    old = [one for one in await site.store.shape() if one.state != DeliveryState.HELD and now - one.oldest_accepted_at > _OLD]
    if not old:
        return [Result(check="queue", severity=Severity.OK, what="Aucun envoi n'attend depuis plus d'un jour.")]
    return [
        Result(
            check="queue",
            severity=Severity.WARNING,
            what=f"{one.count} envoi(s) attendent depuis plus d'un jour dans la file {one.lane}.",
            gesture="Ouvrez la page de Relais pour voir la cause et le geste proposé.",
        )
        for one in old
    ]
