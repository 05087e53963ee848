from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from gateway.flow.certificates.renewal import Renewal
from gateway.kernel.clock import FrozenClock
from gateway.trust.errors import KeyUnavailable
from gateway.trust.lan import LanAuthority
from gateway.trust.tls import server_context
from gateway.trust.vault import open_vault
from tests.trust.handshakes import shown

NOW = datetime.now(UTC)


async def turns(renewal: Renewal, count: int) -> None:
    """Let the loop of the renewal run for so many sleeps of a clock that does not wait."""
    task = asyncio.create_task(renewal.run())
    for _ in range(count):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_every_hour_each_act_is_run_and_one_that_fails_stops_nothing() -> None:
    clock, ran = FrozenClock(NOW), []

    async def fails() -> None:
        raise KeyUnavailable("x", role="SIGN", structure="S")

    async def works() -> None:
        ran.append(clock.monotonic())

    await turns(Renewal(clock, fails, works), 4)
    assert ran[:3] == [0.0, 3600.0, 7200.0]


async def test_nothing_is_renewed_before_the_clock_is_trusted() -> None:
    clock, ran = FrozenClock(NOW, trusted=False), []

    async def works() -> None:
        ran.append(clock.monotonic())

    renewal = Renewal(clock, works)
    await turns(renewal, 3)
    assert (ran, clock.monotonic() >= 120.0, clock.monotonic() < 3600) == ([], True, True)
    clock.is_trusted = True
    await turns(renewal, 2)
    assert ran


async def test_a_box_that_never_restarts_shows_a_valid_certificate_to_new_connections(tmp_path: Path) -> None:
    authority = LanAuthority(tmp_path, open_vault(tmp_path, create=True))
    clock = FrozenClock(NOW - timedelta(days=89))
    context = server_context(authority.identity(("localhost",), clock.now()))

    async def show() -> None:
        context.show(authority.identity(("localhost",), clock.now()))

    def seen() -> x509.Certificate:
        client = ssl.create_default_context(cafile=authority.certificate_path)
        der, _ = shown(client, context, "localhost")
        assert der is not None
        return x509.load_der_x509_certificate(der)

    first = seen()
    assert first.not_valid_after_utc < NOW + timedelta(days=2)
    clock.advance(89 * 86_400)
    await turns(Renewal(clock, show), 2)
    second = seen()
    assert second.not_valid_after_utc > NOW + timedelta(days=80)
