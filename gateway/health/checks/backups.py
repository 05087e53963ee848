"""A backup of this box was made lately, and would be made again."""

from __future__ import annotations

from datetime import timedelta

from gateway.health.backup_record import read_backup_record
from gateway.health.check import Result, Severity, Site

_LATE = 2
"""Periods without a whole backup before it is an error."""


async def check(site: Site) -> list[Result]:
    """Compares the last whole backup with the period that is set; tells what the last attempt met."""
    settings = site.configuration.backup
    if settings.folder is None:
        severity = Severity.WARNING if site.configuration.environment == "production" else Severity.OK
        gesture = "Réglez « backup.folder » dans relais.toml, puis lancez « relais-provision backup prepare »."
        what = "Aucune sauvegarde n'est réglée : un boîtier en panne perdrait ce qu'il n'a pas encore envoyé."
        return [Result(check="backups", severity=severity, what=what, gesture=gesture if severity is Severity.WARNING else "")]
    record, period = read_backup_record(site.home), timedelta(hours=settings.every_hours)
    gesture = record.failure.gesture if record.failure is not None else "Branchez le support, puis lancez « relais-provision backup run »."
    why = f" {record.failure.what}" if record.failure is not None else ""
    if record.taken_at is None:
        return [Result(check="backups", severity=Severity.ERROR, what=f"Aucune sauvegarde n'a encore été faite.{why}", gesture=gesture)]
    told = f"La dernière sauvegarde date du {record.taken_at.astimezone():%d/%m/%Y à %H:%M}"
    if site.clock.now() - record.taken_at > _LATE * period:
        return [Result(check="backups", severity=Severity.ERROR, what=f"{told}.{why}", gesture=gesture)]
    if record.failure is not None:
        return [Result(check="backups", severity=Severity.WARNING, what=f"{told} ; la suivante a échoué.{why}", gesture=gesture)]
    return [Result(check="backups", severity=Severity.OK, what=f"{told} ({record.size // 1_000_000 + 1} Mo).")]
