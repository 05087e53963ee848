"""A whole box and a real broker: its state follows a document, a power cut is told by the last will, a dead broker delays no document."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bus.mosquitto import Mosquitto, mosquitto
from tests.rig.caller import Workstation, request
from tests.rig.processes import QUICK, ROOT, Gateway, Sandbox, environment
from tests.trust.pki import AUTH_CLI, PASSPHRASE, shared_leaf

STATE, ONLINE = "relais/tilleuls/state", "relais/tilleuls/online"
DOCUMENT = ROOT / "examples" / "documents" / "ordonnance.pdf"

pytestmark = pytest.mark.xdist_group("mqtt")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    (tmp_path / "broker").mkdir()
    with mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def box(tmp_path: Path, broker: Mosquitto) -> Iterator[Gateway]:
    sandbox, gateway = Sandbox(tmp_path / "sandbox"), Gateway(tmp_path / "home")
    settings = f'[bus]\nhost = "127.0.0.1"\nport = {broker.port}\ntls = false\nsite = "tilleuls"\nstate_seconds = 0.1\nlongest_wait = 1.0\n'
    try:
        sandbox.start()
        sandbox.fault("insi", "down", 0)  # an identity that must stay unqualified is not found meanwhile
        gateway.enrol(sandbox, settings=QUICK + settings)
        gateway.start()
        yield gateway
    finally:
        gateway.stop()
        sandbox.stop()


def send(gateway: Gateway, **changes: object) -> str:
    workstation = Workstation(gateway)
    try:
        receipt = workstation.send(DOCUMENT.read_bytes(), request(**changes)).json()
        identifier = str(receipt["id"])
        if not changes:
            assert workstation.end_of(identifier)["state"] == "done"
        return identifier
    finally:
        workstation.close()


async def test_the_state_follows_a_document_and_a_power_cut_is_told(broker: Mosquitto, box: Gateway) -> None:
    async with broker.heard() as ear:
        await ear.until(STATE, state="ready")
        unqualified = {**request()["patient"], "local_id": "P-77", "identity_status": "VALI"}
        send(box, patient=unqualified)
        seen = await ear.until(STATE, state="attention")
        assert seen.payload["channels"]["dmp"]["held"] == 1
        box.kill()
        await ear.until(ONLINE, value=False)
        told = repr([one.payload for one in ear.past])
    assert "PAT-TROIS" not in told
    assert "279035121518989" not in told
    assert "P-77" not in told


async def test_documents_leave_while_the_broker_is_dead(broker: Mosquitto, box: Gateway) -> None:
    broker.kill()
    send(box)
    assert box.told().count("mqtt broker away") == 1
    assert box.stop() == 0


def test_secrets_are_sealed_by_the_command_line(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "boitier.p12"
    run(["init", "--home", str(home)])
    file.write_bytes(shared_leaf(AUTH_CLI).pkcs12())
    assert "scellé" in run(["mqtt", "password", "--home", str(home)], "motdepasse-bien-long\n")
    assert "CN=relais.tilleuls.test" in run(["mqtt", "certificate", str(file), "--home", str(home)], f"{PASSPHRASE}\n")
    kept = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert b"motdepasse-bien-long" not in kept
    assert b"PRIVATE KEY" not in kept


@pytest.mark.parametrize(
    ("arguments", "typed", "code"),
    [
        (["password"], "\n", "mqtt-password-empty"),
        (["certificate"], "x\n", "mqtt-file-missing"),
        (["certificate", "nulle-part.p12"], "x\n", "mqtt-file-missing"),
    ],
)
def test_what_cannot_be_sealed_is_told(tmp_path: Path, arguments: list[str], typed: str, code: str) -> None:
    run(["init", "--home", str(tmp_path / "home")])
    assert f"[{code}]" in run(["mqtt", *arguments, "--home", str(tmp_path / "home")], typed, fails=True)


def run(arguments: list[str], typed: str = "", *, fails: bool = False) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        cwd=ROOT,
        env=environment(),
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == int(fails), done.stderr
    return done.stderr if fails else done.stdout
