"""Documents sent through the LAN API, and their end watched in the journal's file so that watching costs the gateway nothing."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime

import httpx

from gateway.kernel.home import Home
from tests.rig.caller import Workstation, request
from tests.rig.processes import Gateway

_WATCH = 0.01
_COUNT = "SELECT count(*) FROM deliveries WHERE state = 'delivered'"
_OF = "SELECT state FROM deliveries WHERE document_id = ?"


class NotDelivered(Exception):
    """A document was refused, or what was sent did not arrive in time: there is nothing to measure."""


class Load:
    """One workstation sending documents to the DMP and to the patient's mailbox, each of a patient of the practice."""

    def __init__(self, gateway: Gateway, document: bytes) -> None:
        self._workstation = Workstation(gateway)
        self._journal = Home(gateway.home).journal
        self._document = document
        self._patients = 0

    def send(self, *, local_id: str | None = None) -> tuple[str, float]:
        """POST one document; its identifier and the seconds until the 202. A patient never seen unless named."""
        self._patients += 1
        described = request(deliver={"dmp": True, "patient_mail": {"send": True}})
        described["patient"]["local_id"] = local_id or f"{uuid.uuid4()}"
        described["document"]["created_at"] = datetime.now(UTC).isoformat(timespec="seconds")
        start = time.perf_counter()
        answer = self._workstation.send(self._document, described, key=str(uuid.uuid4()))
        taken = time.perf_counter() - start
        if answer.status_code != httpx.codes.ACCEPTED:
            raise NotDelivered(answer.text)
        return str(json.loads(answer.content)["id"]), taken

    def delivered(self) -> int:
        """Deliveries that ended well since the journal exists."""
        with closing(self._opened()) as journal:
            return int(journal.execute(_COUNT).fetchone()[0])

    def wait_delivered(self, count: int, patience: float) -> float:
        """Wait until that many deliveries ended well; the instant (perf_counter)."""
        deadline = time.perf_counter() + patience
        with closing(self._opened()) as journal:
            while journal.execute(_COUNT).fetchone()[0] < count:
                if time.perf_counter() > deadline:
                    raise NotDelivered(f"{journal.execute(_COUNT).fetchone()[0]} of {count}")
                time.sleep(_WATCH)
        return time.perf_counter()

    def wait_for(self, document_id: str, patience: float) -> float:
        """Wait until both deliveries of a document ended well; the instant (perf_counter)."""
        deadline = time.perf_counter() + patience
        with closing(self._opened()) as journal:
            while {state for (state,) in journal.execute(_OF, (document_id,))} != {"delivered"}:
                if time.perf_counter() > deadline:
                    raise NotDelivered(document_id)
                time.sleep(_WATCH)
        return time.perf_counter()

    def close(self) -> None:
        """End the connection."""
        self._workstation.close()

    def _opened(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self._journal}?mode=ro", uri=True, timeout=30)


def percentile(values: Sequence[float], rank: float) -> float:
    """The value below which `rank` percent of them lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * rank / 100))]
