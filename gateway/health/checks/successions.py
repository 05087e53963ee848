"""No certificate that waits to take over was refused, or came back: somebody must look at it before the one in use ends."""

from __future__ import annotations

from gateway.health.check import Result, Severity, Site
from gateway.trust.calendar_words import ROLE_NAMES
from gateway.trust.slots import Slot

_REFUSED = "Regardez son essai sur la page « Certificats », corrigez la cause ou importez un autre certificat, puis relancez l'essai."
_TROUBLE = {
    "refused": "le certificat suivant a été refusé à l'essai",
    "returned": "le certificat suivant a été mis en service, puis retiré",
}


async def check(site: Site) -> list[Result]:
    """One result per role whose next certificate is in trouble; a single one when all is well."""
    waiting = {(one.structure_id, one.role): one.fingerprint for one in site.keys.summaries(Slot.NEXT)}
    results: list[Result] = []
    for row in await site.store.successions():
        trouble = _TROUBLE.get(row.state)
        if trouble is None or waiting.get((row.structure, row.role)) != row.following:
            continue
        why = f" {row.explanation.what}" if row.explanation is not None else ""
        what = f"{ROLE_NAMES.get(row.role, row.role)} de la structure {row.structure} : {trouble}.{why}"
        results.append(Result(check="successions", severity=Severity.WARNING, what=what, gesture=_REFUSED))
    return results or [Result(check="successions", severity=Severity.OK, what="Aucun certificat suivant n'est en difficulté.")]
