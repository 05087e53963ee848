"""Searches of identities that the box suspended: too many from one workstation, or a setting that INSi refuses (insi.md 3.7, 6).

Reads the end of the audit trail, so that it works beside a running gateway. Names no patient and no workstation: the page does.
"""

from __future__ import annotations

from gateway.health.check import Result, Severity, Site
from gateway.journal.records import AuditRecord
from gateway.journal.store import Store

_LIMIT, _PAUSED, _RESUMED = "insi.search-limit", "inquiries.paused", "inquiries.resumed"
_LINES = 20_000
"""Lines of the trail looked at, from its end."""
_PAGE = 1_000
_LIMIT_TOLD = 3_600_000
_PAUSE_TOLD = 2 * 3_600_000
"""A pause that lasts is written again each hour."""


async def check(site: Site) -> list[Result]:
    """One warning for each cause, one OK without any."""
    now = int(site.clock.now().timestamp() * 1000)
    limited: set[str] = set()
    paused: dict[tuple[str | None, str | None], str] = {}
    for one in await _tail(site.store):
        software = one.detail.get("software")
        key = (one.structure, str(software) if software is not None else None)
        if one.act == _LIMIT and now - one.at < _LIMIT_TOLD:
            limited.add(one.actor)
        elif one.act == _PAUSED and now - one.at < _PAUSE_TOLD:
            paused[key] = one.answer or ""
        elif one.act == _RESUMED:
            paused = {held: code for held, code in paused.items() if held != key and (key[1] is None or held[1] != key[1])}
    results = [_paused(site, structure, software, code) for (structure, software), code in paused.items()]
    if limited:
        results.append(
            _result(
                Severity.WARNING,
                f"Les recherches d'identité de {len(limited)} poste(s) ou personne(s) ont été suspendues : trop nombreuses en une heure.",
                "Regardez sur la page de Relais quel poste est concerné ; si personne n'a fait ces recherches, débranchez-le.",
            )
        )
    return results or [_result(Severity.OK, "Aucune recherche d'identité n'est suspendue.")]


def _paused(site: Site, structure: str | None, software: str | None, code: str) -> Result:
    if software is not None:
        what = f"Les recherches faites par le boîtier pour le logiciel « {software} » sont suspendues ({code})."
        return _result(Severity.WARNING, what, "Vérifiez avec l'éditeur le numéro d'autorisation (IDAM) de ce logiciel.")
    known = site.configuration.structure(structure or "")
    name = known.name if known is not None else structure
    what = f"Les recherches faites par le boîtier pour la structure {name} sont suspendues ({code})."
    return _result(Severity.WARNING, what, "Vérifiez les certificats INSi de la structure, l'adresse du téléservice et l'heure du boîtier.")


async def _tail(store: Store) -> list[AuditRecord]:
    """The last lines, oldest first."""
    known, beyond = 0, 1
    while await store.audit_after(beyond, 1):
        known, beyond = beyond, beyond * 2
    while beyond - known > 1:
        middle = (known + beyond) // 2
        known, beyond = (middle, beyond) if await store.audit_after(middle, 1) else (known, middle)
    found: list[AuditRecord] = []
    after = max(0, beyond - _LINES)
    while page := await store.audit_after(after, _PAGE):
        found += [one for one in page if one.act in (_LIMIT, _PAUSED, _RESUMED)]
        after = page[-1].sequence
    return found


def _result(severity: Severity, what: str, gesture: str = "") -> Result:
    return Result(check="searches", severity=severity, what=what, gesture=gesture)
