"""The front panel answers, can do what is asked of it, and has not had to reset the box; a button held for ten seconds is said."""

from __future__ import annotations

from firmware.protocol import Devices
from gateway.health.check import Result, Severity, Site
from gateway.health.checks.card_service import listed
from gateway.kernel.home import Home

_NONE = "Ce boîtier n'a pas de façade : tout marche de la même façon sans elle."
_FIX = {
    "panel-not-opened": "Vérifiez qu'elle est branchée, que « panel » dit comment, et que le service des périphériques peut ouvrir sa "
    "ligne (groupe dialout).",
    "panel-lost": "Vérifiez son câble ; elle est retrouvée toute seule en une quinzaine de secondes.",
}
_PLUG = "Branchez-la, ou mettez « panel » à « none » dans [devices] si ce boîtier n'en a pas."


async def check(site: Site) -> list[Result]:
    """Asks the device process once; says nothing of a box without devices. Nothing here is worse than a warning: all works without it."""
    settings = site.configuration.devices
    results = _reset(site)
    if settings.start == "none":
        return results
    if settings.start == "gateway" and settings.panel == "none":
        return [_ok(_NONE), *results]
    found = await listed(site)
    if found is None:
        return [
            _warning("La façade n'est pas connue : le service des périphériques ne répond pas.", "Voyez le contrôle précédent."),
            *results,
        ]
    return [*_panel(site, found), *results]


def _panel(site: Site, found: Devices) -> list[Result]:
    state, seconds = found.panel_state, site.configuration.devices.panel_watchdog_seconds
    if not state.connected:
        if found.panel is None and site.configuration.devices.start == "service":
            return [_ok(_NONE)]
        return [_warning("La façade du boîtier ne répond pas.", _FIX.get(state.trouble or "", _PLUG))]
    results = [_ok("La façade du boîtier répond.")]
    if seconds is not None and not state.watchdog:
        gesture = "Montez une façade qui le sait, ou retirez « panel_watchdog_seconds » des réglages."
        results.append(_warning("Ces voyants ne savent pas redémarrer un boîtier figé, et le réglage le demande.", gesture))
    if state.resets:
        gesture = (
            "Relevez le journal de Relais et du système avant ces redémarrages, et cherchez ce qui s'est figé (carte SD, alimentation)."
        )
        results.append(_warning(f"La façade a redémarré le boîtier {state.resets} fois depuis qu'elle est sous tension.", gesture))
    return results


def _reset(site: Site) -> list[Result]:
    if not Home(site.home).factory_reset.exists():
        return []
    gesture = "Si ce n'est pas voulu, annulez la demande tout de suite : page « Boîtier », depuis n'importe quel poste associé."
    return [_warning("Un retour aux réglages d'usine a été demandé au bouton : sans annulation, le boîtier s'efface.", gesture)]


def _ok(what: str) -> Result:
    return Result(check="front_panel", severity=Severity.OK, what=what)


def _warning(what: str, gesture: str) -> Result:
    return Result(check="front_panel", severity=Severity.WARNING, what=what, gesture=gesture)
