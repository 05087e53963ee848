"""Power cuts: the gateway is killed again and again at random instants, under load, against services that lose answers.

Every receipt given ends delivered; the DMP holds each document once; each recipient got one logical message (same Message-ID, same bytes).
`RELAIS_TEST_KILLS` sets the number of kills (60).
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx
import pytest
from typing_extensions import override

from tests.ports import free_port
from tests.rig.caller import Workstation, request, states
from tests.rig.processes import ROOT, Gateway, Sandbox

KILLS = int(os.environ.get("RELAIS_TEST_KILLS", "60"))
SEED = 20261124
PACE = 0.12
DRAIN = 90.0
DOCUMENT = ROOT / "examples" / "documents" / "ordonnance.pdf"
FAULTS = (
    ("dmp", "lost_answer"),
    ("dmp", "cut_before_commit"),
    ("dmp", "busy"),
    ("dmp", "reset_mid_body"),
    ("mss", "lost_answer"),
    ("mss", "cut_before_commit"),
    ("mss", "busy"),
)


class Load(threading.Thread):
    """A workstation that never gives up: a document whose receipt did not come is sent again with the same key."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(daemon=True)
        self._gateway = gateway
        self._document = DOCUMENT.read_bytes()
        self._over = threading.Event()
        self.receipts: dict[str, dict[str, Any]] = {}
        self.refusals: list[str] = []

    @override
    def run(self) -> None:
        number = 0
        workstation: Workstation | None = None
        while not self._over.is_set():
            described = request()
            described["patient"]["local_id"] = f"P-{number % 20}"
            try:
                workstation = workstation or Workstation(self._gateway)
                answer = workstation.send(self._document, described, key=f"cut-{number}")
            except (httpx.TransportError, OSError, KeyError):
                if workstation is not None:
                    workstation.close()
                workstation = None
                self._over.wait(0.05)
                continue
            if answer.status_code in (200, 202):
                self.receipts[f"cut-{number}"] = answer.json()
                number += 1
            elif answer.status_code != 503:
                self.refusals.append(answer.text)
            self._over.wait(PACE)
        if workstation is not None:
            workstation.close()

    def finish(self) -> None:
        self._over.set()
        self.join(30)


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(420)
def test_mss17_dmp30_kill_at_any_instant_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    sandbox, gateway = Sandbox(tmp_path / "sandbox"), Gateway(tmp_path / "home")
    try:
        sandbox.start()
        gateway.enrol(sandbox)
        settings = gateway.home / "relais.toml"
        settings.write_text(settings.read_text().replace("port = 0", f"port = {free_port()}", 1))
        gateway.start()
        load = Load(gateway)
        load.start()
        for _kill in range(KILLS):
            service, fault = chance.choice(FAULTS)
            sandbox.fault(service, fault, 1)
            time.sleep(chance.uniform(0.05, 0.6))
            gateway.kill()
            gateway.start_again(within=chance.choice((None, None, chance.uniform(0.2, 0.9))))
        load.finish()
        sandbox.control("/reset", {})
        gateway.kill()
        gateway.start()
        assert load.refusals == []
        assert len(load.receipts) >= KILLS // 4
        judge_the_end(sandbox, gateway, load)
    finally:
        gateway.stop()
        sandbox.stop()


def judge_the_end(sandbox: Sandbox, gateway: Gateway, load: Load) -> None:
    workstation = Workstation(gateway)
    deadline = time.monotonic() + DRAIN
    ends = {key: workstation.end_of(one["id"], max(1.0, deadline - time.monotonic())) for key, one in load.receipts.items()}
    assert {key: states(one) for key, one in ends.items() if set(states(one)) != {"delivered"}} == {}

    held = {one["unique_id"]: one for one in sandbox.control("/ledger/dmp")}
    for key, one in ends.items():
        assert held[one["document_unique_id"]]["times_committed"] == 1, key
    assert len(held) == len({one["document_unique_id"] for one in ends.values()}), "the DMP holds documents nobody has a receipt for"

    mails: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for one in sandbox.control("/ledger/mss"):
        mails[one["recipient"]][one["message_id"]].add(one["sha256"])
    for recipient in ("dr.martin@medecin.sandbox.mssante.fr", "279035121518989@patient.sandbox.mssante.fr"):
        assert len(mails[recipient]) == len(ends), recipient
        assert all(len(bytes_seen) == 1 for bytes_seen in mails[recipient].values()), "a retry changed the bytes of a mail"
    workstation.close()
