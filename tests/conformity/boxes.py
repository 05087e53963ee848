"""The whole product at work: a sandbox, three gateways (one per suite of the lot), everything sent and awaited."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.conformity.cases import Case
from tests.conformity.people import ADDED_AUTHORS, SAMPLE_AUTHORS, SAMPLE_STRUCTURES, STRUCTURES, Structure
from tests.conformity.received import Call, Feed, Mail, calls, mails
from tests.rig.caller import OPEN, Workstation
from tests.rig.processes import QUICK, Gateway, Sandbox
from tests.shared import need

_PATIENCE = 120.0
_LIMITS = "\n[limits]\nrequests_per_minute = 100000\n"


@dataclass(frozen=True, slots=True)
class Suite:
    """How a gateway signs its lots."""

    digest: str
    xades: str


SUITES = (Suite("sha256", "1.1.1"), Suite("sha1", "1.1.1"), Suite("sha256", "1.3.2"))


@dataclass(repr=False)
class Sent:
    """One case, its receipt in the end, and the CDA that the API gives back."""

    case: Case
    suite: Suite
    receipt: dict[str, Any]
    cda: bytes

    @property
    def unique_id(self) -> str:
        """The uniqueId of the document."""
        return str(self.receipt["document_unique_id"])


@dataclass(repr=False)
class Outing:
    """Everything that left, and what the sandbox noted of it."""

    sandbox: Sandbox
    gateways: dict[Suite, Gateway]
    folder: Path
    sent: dict[str, Sent] = field(default_factory=dict)

    @cached_property
    def calls(self) -> list[Call]:
        """Every request the DMP received."""
        return calls(self.sandbox.folder / "received" / "dmp")

    @cached_property
    def feeds(self) -> dict[str, Feed]:
        """Every ITI-41 message by uniqueId of its document."""
        found = [Feed(call) for call in self.calls if call.service == "repository"]
        by_document = {feed.unique_id: feed for feed in found}
        assert len(by_document) == len(found), "a document was fed twice"
        return by_document

    @cached_property
    def mails(self) -> list[Mail]:
        """Every mail the operator received."""
        return mails(self.sandbox.folder / "received" / "mss")

    @property
    def pki(self) -> Path:
        """Where the sandbox keeps its authorities."""
        return self.sandbox.folder / "pki"

    def feeds_of(self, suite: Suite) -> dict[str, Feed]:
        """Name of the case to its feed, for one suite."""
        return {name: self.feeds[one.unique_id] for name, one in self.sent.items() if one.suite == suite and one.unique_id in self.feeds}

    def send(self, suite: Suite, cases: Sequence[Case]) -> None:
        """Send the cases, each replacement after the end of what it replaces, and wait for all of them."""
        workstation = Workstation(self.gateways[suite])
        try:
            first = [case for case in cases if case.after is None]
            self._send_some(workstation, suite, first)
            for case in cases:
                if case.after is not None:
                    case.request["document"]["replaces"] = self.sent[_key(suite, case.after)].unique_id
                    self._send_some(workstation, suite, [case])
        finally:
            workstation.close()

    def _send_some(self, workstation: Workstation, suite: Suite, cases: Iterable[Case]) -> None:
        accepted = []
        for case in cases:
            answer = workstation.send(case.document, case.request, media=case.media, key=re.sub("[^!-~]", "-", _key(suite, case.name)))
            assert answer.status_code == 202, (case.name, answer.text)
            accepted.append((case, answer.json()["id"]))
        deadline = time.monotonic() + _PATIENCE
        for case, identifier in accepted:
            receipt = workstation.end_of(identifier, max(1.0, deadline - time.monotonic()))
            cda = workstation.get(f"/documents/{identifier}/cda")
            content = cda.content if cda.status_code == 200 else b""
            self.sent[_key(suite, case.name)] = Sent(case, suite, receipt, content)
            assert not any(one["state"] in OPEN for one in receipt["deliveries"])


def _key(suite: Suite, name: str) -> str:
    return name if suite == SUITES[0] else f"{name} ({suite.digest}, {suite.xades})"


@contextmanager
def outing(folder: Path) -> Iterator[Outing]:
    """A sandbox and a gateway for each suite, running; the first one holds every structure and trusts the official test authority too."""
    sandbox = Sandbox(folder / "sandbox")
    gateways = {suite: Gateway(folder / f"home-{rank}") for rank, suite in enumerate(SUITES)}
    try:
        sandbox.start()
        for rank, (suite, gateway) in enumerate(gateways.items()):
            _enrol(gateway, sandbox, suite, (*STRUCTURES, *SAMPLE_STRUCTURES) if rank == 0 else STRUCTURES[:1])
        _trust_official_authority(gateways[SUITES[0]])
        for gateway in gateways.values():
            gateway.start()
        yield Outing(sandbox, gateways, folder)
    finally:
        for gateway in gateways.values():
            gateway.stop()
        sandbox.stop()


def _enrol(gateway: Gateway, sandbox: Sandbox, suite: Suite, structures: Sequence[Structure]) -> None:
    gateway.enrol(sandbox, *(f"{one.id}:{one.name}" for one in structures), settings=QUICK + _LIMITS)
    path = gateway.home / "relais.toml"
    head, *blocks = path.read_text().split("[[structures]]\n")
    head = head.replace("[dmp]\n", f'[dmp]\nlot_digest = "{suite.digest}"\nlot_xades = "{suite.xades}"\n', 1)
    described = []
    for structure, block in zip(structures, blocks, strict=True):
        placed = block.rstrip().replace('sector = "SA08"', f'sector = "{structure.sector}"', 1)
        authors = SAMPLE_AUTHORS if structure in SAMPLE_STRUCTURES else ADDED_AUTHORS
        described.append("\n".join((placed, "", *(one.toml() for one in authors))))
    path.write_text("[[structures]]\n".join((head, *described)))


def _trust_official_authority(gateway: Gateway) -> None:
    """The public test authority of the official signed samples, beside that of the sandbox."""
    anchors = gateway.home / "anchors.pem"
    official = (need("data", "cda", "pki", name).read_bytes() for name in ("ACR-EL-TEST.pem", "ACI-EL-ORG-TEST.pem"))
    anchors.write_bytes(b"\n".join((anchors.read_bytes(), *official)))
