"""Documents sent through the LAN API, and their end watched in the journal's file so that watching costs the gateway nothing."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from gateway.kernel.home import Home
from gateway.model.patient import matricule_key
from tests.rig.caller import PATIENT, Workstation, request
from tests.rig.processes import QUICK, Gateway, Sandbox, running

SETTINGS = f"[limits]\nrequests_per_minute = 1000000\n{QUICK}"
"""No limit on the pace, and a probe of a dead destination every half second: the policy's waits are not what is measured."""
_WATCH = 0.01
_COUNT = "SELECT count(*) FROM deliveries WHERE state = 'delivered'"
_OF = "SELECT state FROM deliveries WHERE document_id = ?"
_TRAITS = ("birth_family_name", "birth_given_names", "first_birth_given_name", "sex", "birth_date", "birth_place")


class NotDelivered(Exception):
    """A document was refused, or what was sent did not arrive in time: there is nothing to measure."""


class Load:
    """One workstation sending documents to the DMP and to the patient's mailbox, one after the other."""

    def __init__(self, sandbox: Sandbox, gateway: Gateway, document: bytes) -> None:
        self.sandbox = sandbox
        self.gateway = gateway
        self.pid = int(gateway.facts["pid"])
        self._workstation = Workstation(gateway)
        self._journal = sqlite3.connect(f"file:{Home(gateway.home).journal}?mode=ro", uri=True, timeout=30)
        self._document = document
        self._patients: list[dict[str, Any]] = []

    def invent_patients(self, count: int) -> None:
        """Patients with a DMP that no document has been sent for yet; `send` takes them in turn."""
        begin = len(self._patients)
        for rank in range(begin + 1, begin + count + 1):
            number = f"2790351215{rank:03d}"
            ins = {"matricule": number + matricule_key(number), "oid": PATIENT["ins"]["oid"]}
            self.sandbox.control("/patients", {**{name: PATIENT[name] for name in _TRAITS}, "ins": ins, "dmp": "active"})
            self._patients.append({**PATIENT, "local_id": f"P-{rank}", "ins": ins})

    def send(self) -> tuple[str, float]:
        """POST one document, for the next invented patient if any is left; its identifier and the seconds until the 202."""
        patient = self._patients.pop() if self._patients else {**PATIENT, "local_id": str(uuid.uuid4())}
        described = request(patient=patient, deliver={"dmp": True, "patient_mail": {"send": True}})
        described["document"]["created_at"] = datetime.now(UTC).isoformat(timespec="seconds")
        start = time.perf_counter()
        answer = self._workstation.send(self._document, described, key=str(uuid.uuid4()))
        taken = time.perf_counter() - start
        if answer.status_code != httpx.codes.ACCEPTED:
            raise NotDelivered(answer.text)
        return str(json.loads(answer.content)["id"]), taken

    def delivered(self) -> int:
        """Deliveries that ended well since the journal exists."""
        return int(self._journal.execute(_COUNT).fetchone()[0])

    def wait_delivered(self, count: int, patience: float = 120.0) -> float:
        """Wait until that many deliveries ended well; the instant (perf_counter)."""
        deadline = time.perf_counter() + patience
        while self.delivered() < count:
            _not_past(deadline, f"{self.delivered()} deliveries of {count}")
        return time.perf_counter()

    def wait_for(self, document_id: str, patience: float = 60.0) -> float:
        """Wait until both deliveries of a document ended well; the instant (perf_counter)."""
        deadline = time.perf_counter() + patience
        while {state for (state,) in self._journal.execute(_OF, (document_id,))} != {"delivered"}:
            _not_past(deadline, document_id)
        return time.perf_counter()

    def run(self, count: int) -> list[float]:
        """Send that many, back to back, and wait for the last; seconds of each acceptance."""
        before = self.delivered()
        taken = [self.send()[1] for _ in range(count)]
        self.wait_delivered(before + 2 * count)
        return taken

    def close(self) -> None:
        """End the connection."""
        self._workstation.close()
        self._journal.close()


@contextlib.contextmanager
def loaded(folder: Path, document: bytes, *, settings: str = SETTINGS) -> Iterator[Load]:
    """A sandbox, a gateway of its own and a load for it; all ended behind."""
    with running(folder, settings=settings) as (sandbox, gateway):
        load = Load(sandbox, gateway, document)
        try:
            yield load
        finally:
            load.close()


def _not_past(deadline: float, what: str) -> None:
    if time.perf_counter() > deadline:
        raise NotDelivered(what)
    time.sleep(_WATCH)
