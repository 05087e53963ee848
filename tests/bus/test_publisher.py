"""The publisher against a real broker: what is retained, what a newcomer hears, and every way a broker can be away."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from firmware.protocol import CardKind, Generation
from gateway.bus.broker import Access, broker_at
from gateway.bus.publisher import Publisher
from gateway.flow.cards.reader_notices import ReaderNotices, ReaderNoticeType
from gateway.flow.condition import Backlog, Condition, Standing
from gateway.kernel.clock import SystemClock
from gateway.kernel.config import Bus
from gateway.kernel.errors import RelaisError
from gateway.model.delivery import Channel
from gateway.trust.broker_secrets import broker_context, keep_broker_identity
from gateway.trust.vault import Vault, open_vault
from tests.bus.mosquitto import Mosquitto, mosquitto
from tests.ports import free_port
from tests.rig.processes import ROOT
from tests.tools import need_tool
from tests.trust.pki import AUTH_CLI, PASSPHRASE, SERVER, Pki, shared_leaf, shared_pki

ONE, TWO = "reader-00c0ffee", "reader-00c0ffef"
INSERTION = "0f" * 16
CARD, STATE, ONLINE = f"relais/tilleuls/readers/{ONE}/card", "relais/tilleuls/state", "relais/tilleuls/online"


class Box:
    """What the publisher is told, moved by hand."""

    def __init__(self, access: Access, **settings: Any) -> None:
        self.notices = ReaderNotices(SystemClock())
        self.standing = Standing(condition=Condition.READY, backlogs=(Backlog(channel=Channel.DMP), Backlog(channel=Channel.MSS)))
        self.access = access
        chosen = Bus(host=access.host, port=access.port, site="tilleuls", **{"state_seconds": 0.1, "longest_wait": 1.0, **settings})
        self.publisher = Publisher(chosen, broker_at(self._found), self.notices, self._look, SystemClock())

    async def _found(self) -> Access:
        return self.access

    async def _look(self) -> Standing:
        return self.standing

    def card_in(self, reader: str = ONE) -> int:
        notice = self.notices.publish(
            ReaderNoticeType.CARD_IN, reader, kind=CardKind.CPX, generation=Generation.CPS4, insertion_id=INSERTION
        )
        return notice.seq

    @asynccontextmanager
    async def publishing(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.publisher.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def clear(port: int, **facts: Any) -> Access:
    return Access(host="127.0.0.1", port=port, tls=None, **facts)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as running:
        yield running


async def test_a_newcomer_hears_how_everything_stands(broker: Mosquitto) -> None:
    box = Box(clear(broker.port))
    async with broker.heard() as ear, box.publishing():
        seq = box.card_in()
        seen = await ear.until(CARD, seq=seq)
        assert seen.qos == 1
        await ear.until(STATE, state="ready")
        kept = await broker.retained()
        assert kept[ONLINE] is True
        assert kept[CARD] == {
            "seq": seq,
            "ts": kept[CARD]["ts"],
            "type": "card_in",
            "kind": "cpx",
            "generation": "cps4",
            "insertion_id": INSERTION,
        }
        assert kept[STATE]["channels"]["dmp"] == {"held": 0, "queued": 0, "running": 0, "unknown": 0}
    assert (await broker.retained())[ONLINE] is False


async def test_a_change_of_state_is_told_and_a_state_that_lasts_is_not(broker: Mosquitto) -> None:
    box = Box(clear(broker.port))
    async with broker.heard() as ear, box.publishing():
        await ear.until(STATE, state="ready")
        await asyncio.sleep(0.5)
        box.standing = msgspec.structs.replace(box.standing, condition=Condition.ATTENTION)
        await ear.until(STATE, state="attention")
        assert [one.payload["state"] for one in ear.past if one.topic == STATE] == ["ready", "attention"]


async def test_the_service_that_goes_is_told_on_every_reader(broker: Mosquitto) -> None:
    box = Box(clear(broker.port))
    async with broker.heard() as ear, box.publishing():
        box.notices.publish(ReaderNoticeType.SERVICE_UP)
        for reader in (ONE, TWO):
            box.notices.publish(ReaderNoticeType.READER_IN, reader)
        gone = box.notices.publish(ReaderNoticeType.SERVICE_DOWN)
        await ear.until(f"relais/tilleuls/readers/{ONE}/card", seq=gone.seq, type="service_down")
        await ear.until(f"relais/tilleuls/readers/{TWO}/card", seq=gone.seq, type="service_down")


async def test_a_broker_that_dies_and_comes_back_empty_is_told_everything_again(broker: Mosquitto) -> None:
    box = Box(clear(broker.port))
    async with broker.heard() as ear, box.publishing():
        first = box.card_in()
        await ear.until(CARD, seq=first)
        broker.kill()
        missed = [box.notices.publish(ReaderNoticeType.CARD_OUT, ONE).seq, box.card_in(TWO)]
        broker.start()
        await broker.until_retained(ONLINE, True)
        async with broker.heard() as later:
            await later.until(f"relais/tilleuls/readers/{TWO}/card", seq=missed[1])
            await later.until(STATE, state="ready")
        kept = await broker.retained()
        assert kept[CARD]["seq"] == missed[0]
        assert kept[f"relais/tilleuls/readers/{TWO}/card"]["seq"] == missed[1]
        assert kept[STATE]["state"] == "ready"
        assert box.publisher.dropped == 0


async def test_a_connection_that_breaks_leaves_the_last_will(broker: Mosquitto) -> None:
    script = f"""
import asyncio
from gateway.bus.broker import Access, broker_at
async def main():
    async def access():
        return Access(host="127.0.0.1", port={broker.port}, tls=None)
    async with broker_at(access)("relais/tilleuls/online") as broker:
        await broker.publish("relais/tilleuls/online", b"true")
        print("said", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
    async with broker.heard() as ear:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        try:
            await ear.until(ONLINE, value=True)
        finally:
            process.kill()
            await process.communicate()
        await ear.until(ONLINE, value=False)
    assert (await broker.retained())[ONLINE] is False


async def test_events_wait_for_a_broker_that_comes_later_and_the_oldest_are_counted(tmp_path: Path) -> None:
    late = Mosquitto(tmp_path)
    box = Box(clear(late.port), buffered=5)
    async with box.publishing():
        sent = []
        for _ in range(20):
            sent.append(box.card_in())
            await asyncio.sleep(0.01)
        assert box.publisher.dropped == 15
        late.start()
        try:
            await late.until_retained(ONLINE, True)
            async with late.heard() as ear:
                await ear.until(CARD, seq=sent[-1])
                await ear.until(STATE, dropped=15)
        finally:
            late.kill()


async def test_a_frozen_broker_slows_nothing(broker: Mosquitto) -> None:
    box = Box(clear(broker.port), buffered=50)
    async with broker.heard() as ear, box.publishing():
        await ear.until(CARD, seq=box.card_in())
        broker.freeze()
        with box.notices.listen() as other:
            await asyncio.wait_for(anext(other), 1)
            sent = [box.card_in() for _ in range(50)]
            assert [(await asyncio.wait_for(anext(other), 1)).seq for _ in sent] == sent
        assert box.notices.dropped == 0
        broker.thaw()
        await ear.until(CARD, seq=sent[-1])


async def test_stopping_waits_for_no_frozen_broker(broker: Mosquitto) -> None:
    box = Box(clear(broker.port))
    async with broker.heard() as ear, box.publishing():
        await ear.until(ONLINE, value=True)
        broker.freeze()
        started = time.monotonic()
    assert time.monotonic() - started < 8


@pytest.mark.parametrize(("user", "password", "admitted"), [("relais", "bon", True), ("relais", "faux", False), (None, None, False)])
async def test_user_and_password(tmp_path: Path, user: str | None, password: str | None, admitted: bool) -> None:
    known = tmp_path / "passwords"
    known.touch(0o600)
    command = (need_tool("mosquitto_passwd"), "-b", str(known), "relais", "bon")
    await asyncio.to_thread(subprocess.run, command, check=True, stderr=subprocess.DEVNULL)
    with mosquitto(tmp_path, "allow_anonymous false", f"password_file {known}", client=("-u", "relais", "-P", "bon")) as running:
        await check_admission(running, clear(running.port, user=user, password=password), admitted)


def tls_lines(folder: Path, *, require: bool) -> tuple[str, ...]:
    server = shared_leaf(SERVER)
    (folder / "server.pem").write_bytes(server.pem + server.chain_pem)
    (folder / "server.key").write_bytes(server.key_pem)
    (folder / "clients.pem").write_bytes(shared_pki().anchors_pem)
    paths = (f"certfile {folder}/server.pem", f"keyfile {folder}/server.key", f"cafile {folder}/clients.pem")
    return ("allow_anonymous true", *paths, f"require_certificate {str(require).lower()}")


@pytest.fixture
def home(tmp_path: Path) -> tuple[Path, Vault]:
    root = tmp_path / "home"
    root.mkdir(0o700)
    return root, open_vault(root, create=True)


@pytest.mark.parametrize(("anchors", "admitted"), [(shared_pki, True), (lambda: Pki.create("ailleurs"), False)], ids=["own", "other"])
async def test_the_broker_must_be_vouched_for(tmp_path: Path, home: tuple[Path, Vault], anchors: Any, admitted: bool) -> None:
    root, vault = home
    (root / "mqtt-ca.pem").write_bytes(anchors().anchors_pem)
    client = ("--cafile", str(tmp_path / "clients.pem"))
    with mosquitto(tmp_path, *tls_lines(tmp_path, require=False), client=client) as running:
        access = Access(host="127.0.0.1", port=running.port, tls=broker_context(root, vault, "mqtt-ca.pem"))
        await check_admission(running, access, admitted)


@pytest.mark.parametrize("shown", [True, False])
async def test_the_sealed_client_certificate_is_shown(tmp_path: Path, home: tuple[Path, Vault], shown: bool) -> None:
    root, vault = home
    (root / "mqtt-ca.pem").write_bytes(shared_pki().anchors_pem)
    leaf = shared_leaf(AUTH_CLI)
    if shown:
        keep_broker_identity(root, vault, leaf.pkcs12(), PASSPHRASE)
    (tmp_path / "sub.pem").write_bytes(leaf.pem + leaf.chain_pem)
    (tmp_path / "sub.key").write_bytes(leaf.key_pem)
    client = ("--cafile", f"{tmp_path}/clients.pem", "--cert", f"{tmp_path}/sub.pem", "--key", f"{tmp_path}/sub.key")
    with mosquitto(tmp_path, *tls_lines(tmp_path, require=True), client=client) as running:
        access = Access(host="127.0.0.1", port=running.port, tls=broker_context(root, vault, "mqtt-ca.pem"))
        await check_admission(running, access, shown)
    sealed = b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())
    assert b"PRIVATE KEY" not in sealed


async def until_told(told: Sequence[object]) -> None:
    """Wait for the first line of the technical log, which rings no bell."""
    for _ in range(1000):
        if told:
            return
        await asyncio.sleep(0.02)
    pytest.fail("nothing was told")


async def check_admission(broker: Mosquitto, access: Access, admitted: bool) -> None:
    box = Box(access)
    async with broker.heard() as ear, box.publishing():
        with capture_logs() as told:
            if admitted:
                await ear.until(ONLINE, value=True)
                return
            await until_told(told)
        assert [one["code"] for one in told] == ["broker-unavailable"]
        assert "bon" not in str(told)
    assert await broker.retained() == {}


async def test_what_cannot_be_read_is_told_once_and_tried_again(broker: Mosquitto) -> None:
    box = Box(clear(broker.port))
    refusals = 2

    async def found() -> Access:
        nonlocal refusals
        refusals -= 1
        if refusals >= 0:
            raise RelaisError("sealed")
        return box.access

    box.publisher = Publisher(
        Bus(host="127.0.0.1", port=broker.port, site="tilleuls", longest_wait=1.0), broker_at(found), box.notices, box._look, SystemClock()
    )
    with capture_logs() as told:
        async with broker.heard() as ear, box.publishing():
            await ear.until(ONLINE, value=True)
            await ear.until(STATE, state="ready")
    assert [one["event"] for one in told] == ["mqtt broker away", "mqtt broker back"]


async def test_nobody_there(tmp_path: Path) -> None:
    box = Box(clear(free_port()))
    with capture_logs() as told:
        async with box.publishing():
            await until_told(told)
    assert [one["code"] for one in told] == ["broker-unavailable"]


def test_a_box_without_mqtt_loads_nothing_of_it() -> None:
    script = "import gateway.app, sys; sys.exit(any(name.split('.')[0] in ('aiomqtt', 'paho') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
