"""What breaks on which date: every end that a certificate, an authority or a revocation list of this box will meet, the nearest first."""

from __future__ import annotations

import asyncio

from gateway.health.check import Result, Severity, Site
from gateway.kernel.home import Home
from gateway.trust.alarm import is_near
from gateway.trust.calendar import Fact, Happening, Line, Origin, calendar
from gateway.trust.calendar_facts import calendar_facts
from gateway.trust.vault import open_vault

_ONLY_WARNED = (Origin.NEXT, Origin.LAN_FORMER_AUTHORITY)
_FIX = "Demandez le fichier des autorités (anchors.pem) à votre installateur."


async def check(site: Site) -> list[Result]:
    """One result per line. Raises ChainUntrusted, BoxKeyUnavailable."""
    try:
        anchors = Home(site.home).anchors.read_bytes()
    except OSError:
        return [_result(Severity.ERROR, "Sans le fichier des autorités (anchors.pem), les dates de fin ne sont pas connues.", _FIX)]
    now = site.clock.now()
    return [_of(line, site) for line in calendar(await asyncio.to_thread(_facts, site, anchors), now)]


def _facts(site: Site, anchors: bytes) -> tuple[Fact, ...]:
    vault = site.vault or open_vault(site.home, settings=site.configuration.box_key)
    return calendar_facts(site.home, site.configuration, site.keys, vault, anchors).read()


def _of(line: Line, site: Site) -> Result:
    now = site.clock.now()
    name = f"{line.what} ({line.whose})"
    if line.happening is Happening.BEGINS:
        return _result(Severity.WARNING, f"{name} : pas valable avant le {line.date:%d/%m/%Y}. {line.stops}", line.gesture)
    if line.happening is Happening.ENDS and not line.warned_at:
        return _result(Severity.OK, f"{line.date:%d/%m/%Y} : fin de {name}. {line.stops}")
    if now >= line.date and line.origin not in _ONLY_WARNED:
        return _result(Severity.ERROR, f"{name} : terminé depuis le {line.date:%d/%m/%Y}. {line.stops}", line.gesture)
    if is_near(line, now):
        return _result(Severity.WARNING, f"{name} : se termine le {line.date:%d/%m/%Y}. Ensuite : {line.stops}", line.gesture)
    return _result(Severity.OK, f"{line.date:%d/%m/%Y} : fin de {name}. Ensuite : {line.stops}")


def _result(severity: Severity, what: str, gesture: str = "") -> Result:
    return Result(check="calendar", severity=severity, what=what, gesture=gesture)
