"""`relais send`: one document through the LAN API, as a cabinet software would. Exit 0 accepted, 2 held or refused, 3 not reachable."""

from __future__ import annotations

import ssl
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import msgspec

ACCEPTED, NOT_DELIVERED, NOT_REACHABLE = 0, 2, 3
_PATIENCE = 300.0
_FINAL = ("done", "attention", "cancelled")


def send(url: str, token: str, ca: Path | None, document: Path, request: Path, *, wait: bool) -> int:
    """Send and tell; with `wait`, until every delivery has an end."""
    headers = {"Authorization": f"Bearer {token}"}
    try:
        trust = ssl.create_default_context(cafile=ca)
        with httpx.Client(base_url=url.rstrip("/"), headers=headers, verify=trust, timeout=60) as client:
            return _send(client, document, request, wait=wait)
    except (httpx.TransportError, httpx.InvalidURL, OSError) as problem:
        print(f"Le boîtier n'est pas joignable, ou le fichier n'est pas lisible ({type(problem).__name__}).", file=sys.stderr)
        return NOT_REACHABLE
    except (msgspec.DecodeError, UnicodeDecodeError):
        print("Ce qui répond à cette adresse n'est pas l'API d'un boîtier Relais.", file=sys.stderr)
        return NOT_REACHABLE


def _send(client: httpx.Client, document: Path, request: Path, *, wait: bool) -> int:
    media = "application/pdf" if document.suffix.lower() == ".pdf" else "application/xml"
    parts = {
        "request": (None, request.read_bytes(), "application/json"),
        "file": ("document", document.read_bytes(), media),
    }
    answer = client.post("/documents", files=parts)
    receipt: dict[str, Any] = msgspec.json.decode(answer.content)
    if answer.status_code not in (httpx.codes.OK, httpx.codes.ACCEPTED):
        print(f"{receipt.get('detail')} → {receipt.get('gesture')} [{receipt.get('code')}]", file=sys.stderr)
        return NOT_DELIVERED
    deadline = time.monotonic() + _PATIENCE
    while wait and receipt["state"] not in _FINAL and time.monotonic() < deadline:
        time.sleep(0.2)
        receipt = msgspec.json.decode(client.get(f"/documents/{receipt['id']}").content)
    print(msgspec.json.format(msgspec.json.encode(receipt)).decode())
    return ACCEPTED if not wait or receipt["state"] == "done" else NOT_DELIVERED
