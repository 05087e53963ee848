"""What the box needs to reach the MQTT broker of the practice is there, when one is set; the broker itself is not called."""

from __future__ import annotations

import asyncio

from gateway.health.check import Result, Severity, Site
from gateway.kernel.errors import RelaisError
from gateway.trust.broker_secrets import PASSWORD, broker_context
from gateway.trust.secret_file import read_secret
from gateway.trust.vault import open_vault


async def check(site: Site) -> list[Result]:
    """Reads the authorities and opens the sealed secrets; says nothing when MQTT is off. A fault delays no document: a warning."""
    settings = site.configuration.bus
    if settings.host is None:
        return []
    try:
        missing = await asyncio.to_thread(_password_missing, site)
    except RelaisError as problem:
        told = problem.explanation
        return [Result(check="mqtt", severity=Severity.WARNING, what=f"MQTT : {told.what}", gesture=told.gesture)]
    if missing:
        gesture = "Scellez-le : relais mqtt password --home DOSSIER."
        return [Result(check="mqtt", severity=Severity.WARNING, what="MQTT : le mot de passe de l'utilisateur manque.", gesture=gesture)]
    return [Result(check="mqtt", severity=Severity.OK, what="Le boîtier a de quoi se relier au serveur MQTT.")]


def _password_missing(site: Site) -> bool:
    settings, vault = site.configuration.bus, open_vault(site.home, settings=site.configuration.box_key)
    if settings.tls:
        broker_context(site.home, vault, settings.ca)
    return settings.user is not None and read_secret(site.home, vault, PASSWORD) is None
