"""Nothing had to be put aside: a row of the journal that can no longer be read is kept for a person to look at."""

from __future__ import annotations

from collections import Counter

from gateway.health.check import Result, Severity, Site

_NAMES = {"documents": "document(s)", "deliveries": "envoi(s)"}


async def check(site: Site) -> list[Result]:
    """Counts what the journal has put aside."""
    found = Counter(_NAMES.get(one.source, "enregistrement(s)") for one in await site.store.quarantined())
    if not found:
        return [Result(check="quarantine", severity=Severity.OK, what="Aucun enregistrement n'a dû être mis de côté.")]
    return [
        Result(
            check="quarantine",
            severity=Severity.ERROR,
            what=f"{count} {name} illisible(s) ont été mis de côté : le stockage du boîtier est abîmé.",
            gesture="Renvoyez les documents signalés depuis le logiciel métier et faites vérifier le stockage par votre installateur.",
        )
        for name, count in sorted(found.items())
    ]
