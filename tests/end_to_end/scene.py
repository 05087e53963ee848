"""The stage of the end-to-end tests: real processes, patients invented one by one, and what the simulated services received."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.rig.caller import Workstation, request
from tests.rig.processes import QUICK, ROOT, STRUCTURE, Gateway, Sandbox, running

EXAMPLES = ROOT / "examples" / "documents"
ORDONNANCE = (EXAMPLES / "ordonnance.pdf").read_bytes()
DOCTOR = "dr.martin@medecin.sandbox.mssante.fr"
OTHER_DOCTOR = "dr.durand@medecin.sandbox.mssante.fr"
INS_TEST = "1.2.250.1.213.1.4.10"
ONLY_DMP = {"dmp": True}
TO_DOCTOR = {"professionals": [DOCTOR]}
UNHURRIED = f"{QUICK}\n[limits]\nrequests_per_minute = 100000\n"
"""A test asks faster than a workstation does."""
TO_PATIENT = {"patient_mail": {"send": True}}

_numbers = itertools.count(1)


class Scene:
    """A sandbox, a gateway enrolled against it, and its paired workstation."""

    def __init__(self, sandbox: Sandbox, gateway: Gateway) -> None:
        self.sandbox = sandbox
        self.gateway = gateway
        self.station = Workstation(gateway)

    def patient(self, dmp: str | None = "active", **changes: Any) -> dict[str, Any]:
        """An invented patient with a qualified INS; the sandbox knows it unless `dmp` is None."""
        invented = person(**changes)
        if dmp is not None:
            self.tell(invented, dmp)
        return invented

    def tell(self, patient: dict[str, Any], dmp: str) -> None:
        """Tell the national services how the DMP of this patient stands."""
        told = ("ins", "birth_family_name", "birth_given_names", "first_birth_given_name", "sex", "birth_date", "birth_place")
        self.sandbox.control("/patients", {"dmp": dmp} | {name: patient[name] for name in told})

    def send(self, patient: dict[str, Any] | None = None, file: bytes = ORDONNANCE, **changes: Any) -> dict[str, Any]:
        """Have a file accepted with the usual request, some of its members replaced; its receipt."""
        answer = self.station.send(file, request(patient=patient or self.patient(), **changes), key=f"scene-{next(_numbers)}")
        assert answer.status_code == 202, answer.text
        receipt: dict[str, Any] = answer.json()
        return receipt

    def end(self, receipt: dict[str, Any]) -> dict[str, Any]:
        """The receipt once nothing moves any more."""
        return self.station.end_of(receipt["id"])

    def sent(self, patient: dict[str, Any] | None = None, file: bytes = ORDONNANCE, **changes: Any) -> dict[str, Any]:
        """`send`, then `end`."""
        return self.end(self.send(patient, file, **changes))

    def read(self, receipt: dict[str, Any]) -> dict[str, Any]:
        """The receipt as it stands."""
        found: dict[str, Any] = self.station.get(f"/documents/{receipt['id']}").json()
        return found

    def held_in_dmp(self, receipt: dict[str, Any]) -> list[dict[str, Any]]:
        """Ledger lines of this document."""
        return [one for one in self.sandbox.control("/ledger/dmp") if one["unique_id"] == receipt["document_unique_id"]]

    def restart(self) -> None:
        """Stop the gateway politely and start it again."""
        self.station.close()
        self.gateway.stop()
        self.gateway.start()
        self.station = Workstation(self.gateway)


def person(**changes: Any) -> dict[str, Any]:
    """A patient nobody was or will be: test authority, well-formed matricule, a name of its own."""
    number = next(_numbers)
    body = f"2790351{215000 + number:06d}"
    name = "".join(chr(ord("A") + int(digit)) for digit in f"{number:05d}")
    return {
        "local_id": f"P-{number}",
        "ins": {"matricule": f"{body}{97 - int(body) % 97:02d}", "oid": INS_TEST},
        "identity_status": "QUAL",
        "birth_family_name": f"INVENTEE-{name}",
        "birth_given_names": "ESSAI",
        "first_birth_given_name": "ESSAI",
        "sex": "F",
        "birth_date": "1979-03-05",
        "birth_place": "51215",
    } | changes


@contextlib.contextmanager
def played(folder: Path, *structures: str, settings: str = UNHURRIED, services: Path | None = None) -> Iterator[Scene]:
    """A scene in this folder, taken down at the end; the sandbox may have another folder than the box."""
    with running(folder, *structures, settings=settings, services=services) as (sandbox, gateway):
        scene = Scene(sandbox, gateway)
        try:
            yield scene
        finally:
            scene.station.close()


def eventually(fact: Callable[[], object], patience: float = 30.0) -> None:
    """Wait until it is true; fails when that takes too long."""
    deadline = time.monotonic() + patience
    while not fact():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.05)


__all__ = ["DOCTOR", "EXAMPLES", "ONLY_DMP", "ORDONNANCE", "OTHER_DOCTOR", "STRUCTURE", "TO_DOCTOR", "TO_PATIENT", "Scene", "eventually",
           "person", "played"]  # fmt: skip
