"""Runs every check; a check that fails by itself is a finding, not a crash."""

from __future__ import annotations

from gateway.health.check import Check, Result, Severity, Site
from gateway.health.checks import (
    audit_trail,
    backups,
    box_key,
    calendar,
    card_readers,
    card_service,
    certificate_chains,
    certificates,
    conformity_pack,
    converter,
    disk,
    front_panel,
    insi,
    mqtt_broker,
    quarantine,
    queue,
    replacement,
    revocation_lists,
    scratch,
    searches,
    successions,
    text_reader,
    time_source,
    workstations,
)
from gateway.kernel.errors import RelaisError

CHECKS: tuple[Check, ...] = (
    certificates.check,
    certificate_chains.check,
    successions.check,
    calendar.check,
    insi.check,
    searches.check,
    revocation_lists.check,
    time_source.check,
    box_key.check,
    workstations.check,
    disk.check,
    queue.check,
    quarantine.check,
    audit_trail.check,
    replacement.check,
    backups.check,
    converter.check,
    text_reader.check,
    scratch.check,
    conformity_pack.check,
    mqtt_broker.check,
    card_service.check,
    card_readers.check,
    front_panel.check,
)


async def run_checks(site: Site) -> list[Result]:
    """All results, in a fixed order."""
    results: list[Result] = []
    for check in CHECKS:
        try:
            results.extend(await check(site))
        except RelaisError as problem:
            name = check.__module__.rpartition(".")[2] if hasattr(check, "__module__") else "check"
            results.append(Result(check=name, severity=Severity.ERROR, what=problem.explanation.what, gesture=problem.explanation.gesture))
    return results
