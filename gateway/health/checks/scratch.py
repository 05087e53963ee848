"""Documents being converted stay in memory: on a storage card, what is erased can be read again."""

from __future__ import annotations

from firmware.scratch import scratch_place
from gateway.health.check import Result, Severity, Site
from gateway.kernel.home import Home


async def check(site: Site) -> list[Result]:
    """Looks where conversions work; a service started by systemd may have a better place than the command line that asks."""
    if scratch_place(Home(site.home).work).volatile:
        return [Result(check="scratch", severity=Severity.OK, what="Les documents en cours de conversion restent en mémoire.")]
    return [
        Result(
            check="scratch",
            severity=Severity.WARNING,
            what="Les documents en cours de conversion sont écrits en clair sur le stockage du boîtier.",
            gesture="Donnez à Relais un dossier en mémoire (tmpfs) : « RuntimeDirectory= » dans son service, ou /dev/shm.",
        )
    ]
