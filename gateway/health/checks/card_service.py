"""The device process answers, PC/SC answers it, and the library for CPx cards loads; nothing is said of a box without devices."""

from __future__ import annotations

import asyncio

from firmware.client import DeviceClient
from firmware.protocol import Devices
from gateway.health.check import Result, Severity, Site

_PATIENCE = 5.0
_NAME = "card_service"


async def check(site: Site) -> list[Result]:
    """Asks the process once. Documents leave without it: nothing here is worse than a warning."""
    if site.configuration.devices.start == "none":
        return []
    found = await listed(site)
    if found is None:
        return [_warning("Le service des lecteurs ne répond pas.", _start(site))]
    if not found.service:
        gesture = "Démarrez-le : systemctl start pcscd. Son journal dit pourquoi il s'arrête."
        return [_warning("Le service des cartes (pcscd) ne répond pas.", gesture)]
    results = [Result(check=_NAME, severity=Severity.OK, what="Le service des cartes est vivant.")]
    if not found.token_library:
        gesture = "Installez la Cryptolib CPS ou OpenSC, et donnez son chemin dans « devices.token_library »."
        results.append(_warning("Les cartes sont vues, mais leur bibliothèque (PKCS#11) manque ou ne se charge pas.", gesture))
    return results


async def listed(site: Site) -> Devices | None:
    """What the device process lists; None when it does not answer in five seconds."""
    socket = site.configuration.devices.socket_in(site.home)
    if socket is None:
        return None
    client = DeviceClient(socket)
    await client.start()
    try:
        async with asyncio.timeout(_PATIENCE), client.happenings() as happenings:
            async for one in happenings:
                if isinstance(one, Devices):
                    return one
    except TimeoutError:
        return None
    finally:
        await client.stop()
    return None


def _start(site: Site) -> str:
    if site.configuration.devices.start == "gateway":
        return "Relais le démarre avec lui : vérifiez que Relais est en marche, puis son journal."
    return "Démarrez-le : systemctl start relais-devices. Vérifiez que l'utilisateur de Relais peut ouvrir son socket."


def _warning(what: str, gesture: str) -> Result:
    return Result(check=_NAME, severity=Severity.WARNING, what=what, gesture=gesture)
