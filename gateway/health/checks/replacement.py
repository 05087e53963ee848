"""The box is the one in service; one that was restored says, for a month, what it cannot know."""

from __future__ import annotations

from datetime import timedelta

from gateway.health.backup_record import read_restoration
from gateway.health.check import Result, Severity, Site
from gateway.trust.stop import read_stop

_TOLD_FOR = timedelta(days=30)


async def check(site: Site) -> list[Result]:
    """Reads the mark of a replacement, and that of a restoration."""
    stop = read_stop(site.home)
    if stop is not None:
        told = stop.fault.explanation
        return [Result(check="replacement", severity=Severity.ERROR, what=told.what, gesture=told.gesture)]
    restored = read_restoration(site.home)
    if restored is not None and not restored.final and site.clock.now() - restored.restored_at < _TOLD_FOR:
        since = f"{restored.taken_at.astimezone():%d/%m/%Y à %H:%M}"
        what = f"Ce boîtier a été restauré : les documents acceptés par l'ancien après le {since} n'y sont pas."
        gesture = "Vérifiez dans le logiciel métier ceux de cette période : l'ancien boîtier a pu les envoyer avant de s'arrêter."
        return [Result(check="replacement", severity=Severity.WARNING, what=what, gesture=gesture)]
    return [Result(check="replacement", severity=Severity.OK, what="Ce boîtier est celui qui est en service.")]
