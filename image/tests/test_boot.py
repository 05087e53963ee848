"""An image that nobody touched, with its sheet on the first partition, becomes a box that sends; `make image-test`."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import pytest

from image.tests.machine import Machine
from image.tests.sandbox import OPERATOR, PROJECT, HostSandbox

pytestmark = pytest.mark.timeout(1800)
_ESP = 1 << 20
_ESP_SIZE = 16 << 20
_ROOT_SLOT = 384e6
_EXAMPLES = PROJECT / "examples/documents"


class Box:
    """The box in the machine, as a workstation of its network sees it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        url = f"https://127.0.0.1:{machine.port}/api/v1"
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._client = httpx.Client(base_url=url, verify=context, timeout=60)

    def __enter__(self) -> Box:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    def ready(self, patience: float = 900) -> float:
        """Seconds from power-on to the first answer of the API."""
        while True:
            try:
                self._client.get("/status").raise_for_status()
            except httpx.HTTPError:
                assert self.machine.running, self.machine.said()[-3000:]
                assert self.machine.uptime < patience, self.machine.said()[-3000:]
                time.sleep(1)
            else:
                return self.machine.uptime

    def paired(self, name: str = "accueil") -> None:
        """From now on a workstation's token."""
        self._client.headers["Authorization"] = f"Bearer {OPERATOR}"
        answer = self._client.post("/workstations", json={"name": name})
        assert answer.status_code == 201, answer.text
        self._client.headers["Authorization"] = f"Bearer {answer.json()['token']}"

    def send(self) -> dict[str, Any]:
        """A letter for the DMP; its receipt."""
        request = json.loads((_EXAMPLES / "lettre-adressage.json").read_text()) | {"deliver": {"dmp": True}}
        file = (_EXAMPLES / "lettre-adressage.pdf").read_bytes()
        parts: dict[str, tuple[str | None, str | bytes, str]] = {
            "request": (None, json.dumps(request), "application/json"),
            "file": ("a.pdf", file, "application/pdf"),
        }
        answer = self._client.post("/documents", files=parts, headers={"Idempotency-Key": str(uuid.uuid4())})
        assert answer.status_code == 202, answer.text
        receipt: dict[str, Any] = answer.json()
        return receipt

    def end_of(self, receipt: dict[str, Any], patience: float = 300) -> dict[str, Any]:
        """The receipt once nothing moves any more."""
        deadline = time.monotonic() + patience
        while True:
            found: dict[str, Any] = self._client.get(f"/documents/{receipt['id']}").json()
            if found["state"] != "working":
                return found
            assert time.monotonic() < deadline, found
            time.sleep(1)


@pytest.fixture(scope="module")
def machine(disk: Path, sandbox: HostSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    own = folder / "disk.img"
    shutil.copyfile(disk, own)
    for path in sandbox.first_partition(folder / "partition"):
        subprocess.run(["mcopy", "-i", f"{own}@@{_ESP}", path, f"::{path.name}"], check=True)
    with Machine(own, folder) as running:
        yield running


def test_a_flashed_box_installs_itself_and_a_document_reaches_the_dmp(machine: Machine, sandbox: HostSandbox, disk: Path) -> None:
    with Box(machine) as box:
        first = box.ready()
        box.paired()
        end = box.end_of(box.send())
    assert [one["state"] for one in end["deliveries"]] == ["delivered"]
    [line] = [one for one in sandbox.control("/ledger/dmp") if one["unique_id"] == end["document_unique_id"]]
    assert (line["status"], line["times_committed"]) == ("Approved", 1)
    size = (disk.parent / "root.squashfs").stat().st_size
    assert size <= _ROOT_SLOT
    print(f"first boot to API: {first:.0f} s; root: {size / 1e6:.0f} MB")


def test_the_plug_is_pulled_and_nothing_is_lost_nor_doubled(machine: Machine, sandbox: HostSandbox) -> None:
    with Box(machine) as box:
        box.ready()
        box.paired("cabinet")
        receipts = [box.send() for _ in range(5)]
        machine.cut()
        machine.start()
        print(f"boot to API: {box.ready():.0f} s")
        for receipt in receipts:
            assert [one["state"] for one in box.end_of(receipt)["deliveries"]] == ["delivered"]
    held = {one["unique_id"]: one["times_committed"] for one in sandbox.control("/ledger/dmp")}
    assert [held.get(one["document_unique_id"]) for one in receipts] == [1] * len(receipts)


def test_the_first_partition_outlives_the_cuts_and_holds_no_secret(machine: Machine, tmp_path: Path) -> None:
    machine.cut()
    first = tmp_path / "first.img"
    with machine.disk.open("rb") as whole:
        whole.seek(_ESP)
        first.write_bytes(whole.read(_ESP_SIZE))
    checked = subprocess.run(["fsck.vfat", "-n", first], stdout=subprocess.PIPE, text=True, check=False).stdout
    assert "free cluster" not in checked, checked
    assert "chain length" not in checked, checked
    listed = subprocess.run(["mdir", "-b", "-i", first, "::"], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert ".p12" not in listed
    assert "relais.toml.resultat.txt" in listed
    sheet = subprocess.run(["mtype", "-i", first, "::relais.toml"], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert "first_boot" in sheet
    assert OPERATOR not in sheet
