"""schemathesis against the served API: no answer that the OpenAPI document does not announce, whatever is sent.

Left out: /events and /card-events, which never end (test_events.py, test_readers.py), the routes of esignsante that only answer 501
(test_esignsante.py), and the check that every request of the right form is accepted: a box refuses what it does not know (a structure, an
author, a document), which no schema can say.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import load_all_checks, positive_data_acceptance

from firmware import protocol
from gateway.api.specification import specification
from gateway.flow.scanners.readings import Reading
from gateway.ins.errors import InsiUnavailable
from gateway.kernel.config import Limits
from gateway.kernel.ids import new_id
from tests.api.live import living
from tests.api.rig import AUTHOR, Served, bearer, form, request_part
from tests.api.teleservice import Teleservice
from tests.flow.carding import READERS, CpsInMemory, DevicesInMemory
from tests.trust.pki import STRUCTURE

SEED = 7
EXAMPLES = 10
DRAWN = 4
"""By schemathesis for each operation, beside the thousands of cases that it derives from the schemas."""
JUDGED = {"qualifyIdentity", "signByCard"}
"""No value of the right form is right by chance: a kind of document is one of a list that each structure chooses, data or their digest."""
WITHOUT_PACE = Limits(requests_per_minute=10**9, document_bytes=300_000, disk_reserve_bytes=0)


@pytest.fixture(scope="module")
def insi() -> Teleservice:
    return Teleservice()


@pytest.fixture(scope="module")
def devices() -> DevicesInMemory:
    return DevicesInMemory()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, insi: Teleservice, devices: DevicesInMemory) -> Iterator[Served]:
    with living(tmp_path_factory.mktemp("box"), WITHOUT_PACE, insi.client, devices.call) as running:
        running.box.relay.scanners.call = one_scanner
        yield running


_R = TypeVar("_R", bound=protocol.Response)


async def one_scanner(request: protocol.Request, kind: type[_R]) -> _R:
    """A device process with one scanner."""
    scanner = protocol.Scanner(id="scanner-0123456789", name="Lecteur", connected=True, speed=9600, framing="8N1", ending="cr")
    answer = protocol.Devices(scanners=(scanner,)) if isinstance(request, protocol.ListDevices) else protocol.Done()
    assert isinstance(answer, kind)
    return answer


def scanned(here: Served) -> str:
    """A reading that waits for the workstation, of a scanner that is there; its name."""
    desk = here.box.relay.scanners
    deadline = desk._readings.deadline()
    reading = Reading(id=new_id(), scanner="scanner-0123456789", workstation=here.box.workstation.id, at=0, until=deadline, data=b"A")
    desk._readings.hold(reading)
    return reading.id


@pytest.fixture(scope="module")
def there(here: Served, insi: Teleservice, devices: DevicesInMemory) -> dict[str, str]:
    """What is there, by the name its identifier has in an address: a document with a held delivery, its patient, a search, a list."""
    request = request_part(deliver={"dmp": True})
    with httpx.Client(base_url=f"{here.url}/api/v1", headers=bearer(here.box.token), verify=here.trust) as client:
        found = client.post("/documents", files=form(json.dumps(request).encode())).json()
        delivery = found["deliveries"][0]["id"]
        client.post(f"/deliveries/{delivery}/hold")
        insi.trouble = InsiUnavailable
        search = client.post("/ins/search", json={"local_id": request["patient"]["local_id"], "defer": True}).json()
        insi.trouble = None
        batch = client.post("/ins/batches", json={"kind": "file"}).json()
        devices.insert(0, CpsInMemory())
        operator = bearer(here.box.operator_token)
        station = client.post("/workstations", json={"name": "Poste à retirer"}, headers=operator).json()["workstation"]
    return {
        "document_id": found["id"],
        "delivery_id": delivery,
        "local_id": request["patient"]["local_id"],
        "inquiry_id": search["id"],
        "batch_id": batch["id"],
        "scanner_id": "scanner-0123456789",
        "structure": STRUCTURE,
        "role": "sign",
        "reading_id": scanned(here),
        "reader_id": READERS[0],
        "workstation_id": station,
    }


@pytest.fixture
def paired(here: Served, there: dict[str, str]) -> dict[str, str]:
    """What is there, its reader paired whatever another test drew for it."""
    with httpx.Client(base_url=f"{here.url}/api/v1", headers=bearer(here.box.token), verify=here.trust) as client:
        assert client.post(f"/readers/{there['reader_id']}/pairing", json={"paired": True}).status_code == 200
    return there


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_schemathesis_meets_no_unexpected_answer(here: Served, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{here.url}/api/v1/openapi.json",
        "--tls-verify", str(here.box.home / "lan-ca.pem"), "--header", f"Authorization: Bearer {here.box.token}",
        "--exclude-path", "/api/v1/events", "--exclude-path", "/api/v1/card-events",
        "--exclude-operation-id-regex", "^notOffered", "--exclude-checks", "positive_data_acceptance",
        "--max-examples", str(DRAWN), "--seed", str(SEED), "--generation-deterministic", "--workers", "1", "--no-color",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=380, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "passed" in done.stdout


def _on_something() -> list[tuple[str, str]]:
    return [(path, verb) for path, verbs in specification()["paths"].items() for verb in verbs if "{" in path]


@pytest.mark.parametrize(("path", "verb"), _on_something())
def test_what_exists_answers_as_announced(here: Served, paired: dict[str, str], path: str, verb: str) -> None:
    """The routes on one thing, with the thing there: random identifiers only ever meet 404."""
    load_all_checks()
    operation = schemathesis.openapi.from_dict(specification())[path][verb.upper()]
    seen: set[int] = set()
    token = here.box.operator_token if "workstation_id" in path else here.box.token

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def meets(case: Any) -> None:
        case.path_parameters = {name: paired[name] for name in case.path_parameters}
        answer = case.call_and_validate(
            base_url=here.url,
            headers=bearer(token) | {"Relais-Actor": AUTHOR},
            verify=str(here.box.home / "lan-ca.pem"),
            excluded_checks=[positive_data_acceptance],
        )
        seen.add(answer.status_code)

    if "reader_id" in path:  # the drawn requests to the pairing itself may have left it beside nobody
        with httpx.Client(base_url=f"{here.url}/api/v1", headers=bearer(here.box.token), verify=here.trust) as client:
            assert client.post(f"/readers/{READERS[0]}/pairing", json={"paired": True}).status_code == 200
    meets()
    assert seen & {200, 404, 409} or (seen == {422} and operation.definition.raw["operationId"] in JUDGED)
