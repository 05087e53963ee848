from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from gateway.health.backup_record import BackupRecord, RestorationRecord, keep_backup_record, keep_restoration
from gateway.health.check import Severity, Site
from gateway.health.checks import backups, replacement
from gateway.journal.memory import MemoryStore
from gateway.kernel.clock import FrozenClock
from gateway.kernel.config import Backup
from gateway.trust.keystore import KeyStore
from gateway.trust.stop import Stop, write_stop
from gateway.trust.vault import open_vault
from provisioning.backup.errors import DestinationNotPrepared
from tests.api.rig import configuration_of

NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    keys = KeyStore(tmp_path, open_vault(tmp_path, create=True))
    configuration = msgspec.structs.replace(configuration_of(), backup=Backup(folder="/media/stick", every_hours=24))
    return Site(home=tmp_path, configuration=configuration, store=MemoryStore(), keys=keys, clock=FrozenClock(NOW))


async def test_a_box_without_backups_is_told_in_production_only(site: Site) -> None:
    for environment, severity in (("test", Severity.OK), ("production", Severity.WARNING)):
        configuration = msgspec.structs.replace(site.configuration, backup=Backup(), environment=environment)
        [told] = await backups.check(msgspec.structs.replace(site, configuration=configuration))
        assert told.severity is severity


@pytest.mark.parametrize(
    ("hours", "failed", "severity"),
    [
        (1, False, Severity.OK),
        (47, False, Severity.OK),
        (49, False, Severity.ERROR),
        (1, True, Severity.WARNING),
        (49, True, Severity.ERROR),
        (None, False, Severity.ERROR),
        (None, True, Severity.ERROR),
    ],
)
async def test_how_old_the_last_whole_backup_is(site: Site, hours: int | None, failed: bool, severity: Severity) -> None:
    taken = NOW - timedelta(hours=hours) if hours is not None else None
    failure = DestinationNotPrepared().explanation if failed else None
    keep_backup_record(site.home, BackupRecord(taken_at=taken, size=5_000_000, failed_at=NOW if failed else None, failure=failure))
    [told] = await backups.check(site)
    assert told.severity is severity
    assert (told.gesture != "") is (severity is not Severity.OK)
    if failure is not None:
        assert (failure.what in told.what, told.gesture) == (True, failure.gesture)


async def test_a_stopped_box_is_an_error_and_says_what_to_do(site: Site) -> None:
    [before] = await replacement.check(site)
    write_stop(site.home, Stop(why="replaced", at=1))
    [after] = await replacement.check(site)
    assert (before.severity, after.severity) == (Severity.OK, Severity.ERROR)
    assert "nouveau boîtier" in after.gesture


@pytest.mark.parametrize(("days", "final", "severity"), [(1, False, Severity.WARNING), (1, True, Severity.OK), (31, False, Severity.OK)])
async def test_a_restored_box_says_for_a_month_what_it_lacks(site: Site, days: int, final: bool, severity: Severity) -> None:
    restored = NOW - timedelta(days=days)
    keep_restoration(site.home, RestorationRecord(taken_at=restored - timedelta(hours=3), restored_at=restored, doubtful=2, final=final))
    [told] = await replacement.check(site)
    assert told.severity is severity
