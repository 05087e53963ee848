"""`relais workstation`, on a box that is stopped and on one that runs; the first operator of a box made for production."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.app import opened
from gateway.commands.init import init
from gateway.commands.workstation import NameUnfit, OperatorTokenRefused, WorkstationCall, workstation
from gateway.flow.caller import OPERATOR
from gateway.flow.errors import Unauthenticated
from gateway.flow.workstations.errors import LastOperator, WorkstationNotFound
from gateway.journal.home_lock import alone_in
from gateway.journal.sqlite import SqliteStore
from gateway.kernel.errors import RelaisError
from gateway.kernel.home import Home
from tests.api.rig import open_box, served
from tests.trust.pki import STRUCTURE, shared_pki

SETTINGS = f"""\
environment = "test"
require_synchronised_clock = false

[dmp]
url = "https://dmp.relais.test/services"

[[structures]]
id = "{STRUCTURE}"
name = "CABINET"
patient_root = "1.2.250.1.213.1.1.4.999.1"
source_id = "1.2.250.1.213.1.1.4.998.1"
sector = "SA08"
professionals = []
"""

Typed = Callable[..., Awaitable[Any]]


def fill(home: Home) -> Home:
    """What the installer writes after `relais init`."""
    home.configuration.write_text(SETTINGS)
    home.anchors.write_bytes(shared_pki().anchors_pem)
    return home


@pytest.fixture
async def home(tmp_path: Path) -> Home:
    """A box made for production, filled in, and stopped."""
    return fill(await init(tmp_path / "box", None, []))


@pytest.fixture(params=["stopped", "running"])
async def typed(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Typed]:
    """The command typed beside a box; what it prints as JSON."""

    async def run(home: Home, **call: Any) -> Any:
        capsys.readouterr()
        with capture_logs():
            await asyncio.to_thread(lambda: asyncio.run(workstation(home, WorkstationCall(as_json=True, **call))))
        return json.loads(capsys.readouterr().out)

    if request.param == "stopped":
        home = fill(await init(tmp_path / "box", None, []))
        yield lambda **call: run(home, **call)
        return
    box = await open_box(tmp_path)
    home = fill(Home(box.home))
    home.operator_token.write_text(box.operator_token)
    async with served(box) as here:
        facts = {"api": f"{here.url}/api/v1", "ca": str(box.home / "lan-ca.pem")}
        home.ready_file.write_text(json.dumps(facts))
        with alone_in(home):
            yield lambda **call: run(home, **call)


async def test_a_workstation_is_added_listed_renamed_renewed_and_revoked(typed: Typed) -> None:
    added = await typed(action="add", station="Cabinet 7")
    assert (added["name"], added["structures"], len(added["token"]) > 40) == ("Cabinet 7", [STRUCTURE], True)
    assert "Cabinet 7" in {one["name"] for one in await typed(action="list")}
    renewed = await typed(action="renew", station="cabinet 7")
    assert renewed["workstation"] == added["workstation"]
    assert renewed["token"] != added["token"]
    assert (await typed(action="rename", station=added["workstation"], name="Bureau 7"))["name"] == "Bureau 7"
    assert (await typed(action="revoke", station="Bureau 7"))["id"] == added["workstation"]
    with pytest.raises(WorkstationNotFound):
        await typed(action="revoke", station="Bureau 7")


async def test_the_last_operator_is_not_revoked(typed: Typed) -> None:
    with pytest.raises(RelaisError) as refused:
        await typed(action="revoke", station=OPERATOR)
    told = refused.value.explanation
    assert LastOperator.code in (told.code, told.gesture.rpartition("(")[2].rstrip(")"))


@pytest.mark.parametrize(
    "call", [{"action": "add"}, {"action": "renew"}, {"action": "rename", "station": OPERATOR}, {"action": "add", "station": "a\nb"}]
)
async def test_what_is_missing_is_told_before_anything_is_done(typed: Typed, call: dict[str, Any]) -> None:
    with pytest.raises(NameUnfit):
        await typed(**call)


async def test_a_box_made_for_production_has_an_operator_from_the_start(home: Home) -> None:
    assert home.operator_token.stat().st_mode & 0o777 == 0o600
    async with opened(home) as gateway:
        caller = await gateway.relay.gate.recognise(home.operator_token.read_text().strip(), None)
        assert (caller.sees_all, caller.structures) == (True, (STRUCTURE,))
        assert (await gateway.relay.front.window.open_by(caller)).open
    assert not home.workstation_token.exists()


async def test_an_init_cut_short_and_typed_again_leaves_one_operator(home: Home) -> None:
    home.configuration.unlink()
    await init(home.root, None, [])
    store = await SqliteStore.open(home.journal)
    known = await store.workstations()
    await store.close()
    assert [one.name for one in known if not one.revoked] == [OPERATOR]


@pytest.mark.parametrize("lost", ["missing", "wrong"])
async def test_a_lost_operator_token_is_made_anew_with_the_box_stopped(home: Home, lost: str, capsys: pytest.CaptureFixture[str]) -> None:
    if lost == "missing":
        home.operator_token.unlink()
    else:
        home.operator_token.write_text("x")
    with capture_logs():
        await workstation(home, WorkstationCall(action="add", operator=True, as_json=True))
    token = json.loads(capsys.readouterr().out)["token"]
    assert home.operator_token.read_text().strip() == token
    await workstation(home, WorkstationCall(action="add", operator=True))
    assert home.operator_token.read_text().strip() == token, "a good one is kept"
    async with opened(home) as gateway:
        assert (await gateway.relay.gate.recognise(token, None)).sees_all


async def test_a_running_box_that_does_not_know_the_token_says_what_to_do(tmp_path: Path) -> None:
    box = await open_box(tmp_path)
    home = fill(Home(box.home))
    async with served(box) as here:
        home.ready_file.write_text(json.dumps({"api": f"{here.url}/api/v1", "ca": str(box.home / "lan-ca.pem")}))
        with alone_in(home):
            for kept in (None, "not-the-token"):
                if kept is not None:
                    home.operator_token.write_text(kept)
                with pytest.raises(OperatorTokenRefused) as refused:
                    await asyncio.to_thread(lambda: asyncio.run(workstation(home, WorkstationCall(action="list"))))
                assert "add --operator" in refused.value.explanation.gesture


async def test_the_operator_that_renews_itself_keeps_the_way_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = await open_box(tmp_path)
    home = fill(Home(box.home))
    home.operator_token.write_text(box.operator_token)
    async with served(box) as here:
        home.ready_file.write_text(json.dumps({"api": f"{here.url}/api/v1", "ca": str(box.home / "lan-ca.pem")}))
        with alone_in(home):
            for _time in range(2):
                await asyncio.to_thread(lambda: asyncio.run(workstation(home, WorkstationCall(action="renew", station=OPERATOR))))
    assert home.operator_token.read_text().strip() in capsys.readouterr().out
    with pytest.raises(Unauthenticated):
        await box.relay.gate.recognise(box.operator_token, None)
