"""A workstation: sends documents through the LAN API over real TLS and waits for their end."""

from __future__ import annotations

import copy
import json
import ssl
import time
from typing import Any

import httpx

from tests.rig.processes import STRUCTURE, Gateway

OPEN = ("queued", "running", "unknown")
PATIENT: dict[str, Any] = {
    "local_id": "P-1042",
    "ins": {"matricule": "279035121518989", "oid": "1.2.250.1.213.1.4.10"},
    "identity_status": "QUAL",
    "birth_family_name": "PAT-TROIS",
    "birth_given_names": "DOMINIQUE MARIE",
    "first_birth_given_name": "DOMINIQUE",
    "sex": "F",
    "birth_date": "1979-03-05",
    "birth_place": "51215",
}
REQUEST: dict[str, Any] = {
    "structure": STRUCTURE,
    "author": {"id": "899700366240"},
    "patient": PATIENT,
    "document": {"type": "57833-6", "title": "Ordonnance", "created_at": "2026-11-22T09:30:00+01:00"},
    "deliver": {"dmp": True, "patient_mail": {"send": True}, "professionals": ["dr.martin@medecin.sandbox.mssante.fr"]},
}


def request(**changes: Any) -> dict[str, Any]:
    """The usual request with some of its members replaced."""
    return copy.deepcopy(REQUEST) | changes


class Workstation:
    """One client of the LAN API, reused for the life of a test."""

    def __init__(self, gateway: Gateway, token: str | None = None) -> None:
        self._client = httpx.Client(
            base_url=gateway.facts["api"],
            headers={"Authorization": f"Bearer {token if token is not None else gateway.token}"},
            verify=ssl.create_default_context(cafile=gateway.facts["ca"]),
            timeout=60,
        )

    def send(
        self, document: bytes, described: dict[str, Any] | None = None, *, media: str = "application/pdf", key: str | None = None
    ) -> httpx.Response:
        """POST /documents; the answer whatever it is."""
        parts: dict[str, tuple[str | None, bytes | str, str]] = {
            "request": (None, json.dumps(described if described is not None else REQUEST), "application/json"),
            "file": ("document", document, media),
        }
        return self._client.post("/documents", files=parts, headers={"Idempotency-Key": key} if key else {})

    def get(self, path: str, **options: Any) -> httpx.Response:
        """GET a path of the API."""
        return self._client.get(path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """POST to a path of the API."""
        return self._client.post(path, **options)

    def end_of(self, document_id: str, patience: float = 60.0) -> dict[str, Any]:
        """The receipt once no delivery moves any more; fails when that takes too long."""
        deadline = time.monotonic() + patience
        while True:
            receipt: dict[str, Any] = self._client.get(f"/documents/{document_id}").json()
            if not any(one["state"] in OPEN for one in receipt["deliveries"]):
                # Read while its last delivery ended, a document still says that it works: a second reading is of after that.
                if receipt["state"] == "working":
                    receipt = self._client.get(f"/documents/{document_id}").json()
                return receipt
            assert time.monotonic() < deadline, receipt
            time.sleep(0.05)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def states(receipt: dict[str, Any]) -> list[str]:
    """States of the deliveries, in order."""
    return [one["state"] for one in receipt["deliveries"]]


def codes(receipt: dict[str, Any]) -> list[str | None]:
    """Codes of the explanations, in order."""
    return [one["explanation"]["code"] if one["explanation"] else None for one in receipt["deliveries"]]
