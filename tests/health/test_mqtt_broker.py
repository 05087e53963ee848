from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from gateway.health.check import Severity, Site
from gateway.health.checks import mqtt_broker
from gateway.journal.memory import MemoryStore
from gateway.kernel.clock import FrozenClock
from gateway.kernel.config import Bus
from gateway.trust.broker_secrets import PASSWORD
from gateway.trust.keystore import KeyStore
from gateway.trust.secret_file import keep_secret
from gateway.trust.vault import open_vault
from tests.api.rig import configuration_of
from tests.trust.pki import shared_pki


@pytest.fixture
def site(tmp_path: Path) -> Site:
    keys = KeyStore(tmp_path, open_vault(tmp_path, create=True))
    return Site(
        home=tmp_path,
        configuration=configuration_of(),
        store=MemoryStore(),
        keys=keys,
        clock=FrozenClock(datetime(2026, 11, 30, tzinfo=UTC)),
    )


def with_bus(site: Site, **settings: str) -> Site:
    configuration = msgspec.structs.replace(site.configuration, bus=Bus(host="mqtt.cabinet.test", **settings))  # type: ignore[arg-type]
    return msgspec.structs.replace(site, configuration=configuration)


async def test_nothing_is_said_of_mqtt_when_it_is_off(site: Site) -> None:
    assert await mqtt_broker.check(site) == []


async def test_missing_authorities_are_told(site: Site) -> None:
    [result] = await mqtt_broker.check(with_bus(site))
    assert result.severity is Severity.WARNING
    assert "serveur MQTT manque" in result.what
    assert result.gesture


async def test_a_missing_password_is_told_with_the_command(site: Site) -> None:
    (site.home / "mqtt-ca.pem").write_bytes(shared_pki().anchors_pem)
    [result] = await mqtt_broker.check(with_bus(site, user="relais"))
    assert result.severity is Severity.WARNING
    assert "relais mqtt password" in result.gesture


async def test_all_is_there(site: Site) -> None:
    (site.home / "mqtt-ca.pem").write_bytes(shared_pki().anchors_pem)
    keep_secret(site.home, open_vault(site.home), PASSWORD, "bon")
    [result] = await mqtt_broker.check(with_bus(site, user="relais"))
    assert result.severity is Severity.OK
