"""A workstation that speaks to Relais, in one file of the standard library: to be read, copied and adapted by cabinet software.

    python examples/client/python_client.py --api URL --ca lan-ca.pem --token-file FILE document.pdf request.json [--proof preuve.zip]

Ends with 0 when everything was delivered, 2 when something is refused or waits for a person, 3 when the box cannot be reached.
Never sends anything twice: every try of one document bears the same Idempotency-Key. Source: docs/editeur/guide.md.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DELIVERED, NOT_DELIVERED, NOT_REACHABLE = 0, 2, 3
MEDIA_TYPES = {".pdf": "application/pdf", ".xml": "application/xml"}
MOVING = ("queued", "running", "unknown")
_COME_BACK = (408, 429, 503)
_SILENCE = 60.0

Receipt = dict[str, Any]


class Refusal(Exception):
    """Relais said no; `problem` is its application/problem+json, `retry_after` the seconds it asks to wait, if any."""

    def __init__(self, problem: dict[str, Any], retry_after: float | None) -> None:
        super().__init__(problem.get("code"))
        self.problem = problem
        self.retry_after = retry_after


class Unreachable(Exception):
    """No answer: the box is off, or the line was cut. What was sent may have been taken: send it again with the same key."""


@dataclass(frozen=True)
class Part:
    """One part of a multipart/form-data body."""

    name: str
    content: bytes
    media_type: str


class Relais:
    """One paired workstation. `api` ends in /api/v1, `ca` is the box's lan-ca.pem, `actor` the person to whom acts are imputed."""

    def __init__(self, api: str, token: str, ca: Path, actor: str | None = None) -> None:
        self._api = api.rstrip("/")
        self._trust = ssl.create_default_context(cafile=str(ca))
        self._headers = {"Authorization": f"Bearer {token}"} | ({"Relais-Actor": actor} if actor else {})

    def send(self, document: bytes, media_type: str, request: bytes, key: str) -> Receipt:
        """Hand a document over; the first receipt again when this key was already used for the same content."""
        parts = [Part("request", request, "application/json"), Part("file", document, media_type)]
        return self._json("POST", "/documents", *_multipart(parts), {"Idempotency-Key": key})

    def receipt(self, document_id: str) -> Receipt:
        """The receipt as it stands."""
        return self._json("GET", f"/documents/{document_id}")

    def documents(self, **wanted: str) -> Iterator[Receipt]:
        """Every receipt of this workstation, newest first; `wanted`: state, patient, since."""
        cursor: str | None = None
        while True:
            query = urllib.parse.urlencode(wanted | ({"cursor": cursor} if cursor else {}))
            page = self._json("GET", f"/documents?{query}")
            yield from page["items"]
            cursor = page["cursor"]
            if cursor is None:
                return

    def events(self, after: int | None = None) -> Iterator[tuple[int, str, Receipt]]:
        """Number, kind and receipt of each event; keep the number, to come back after it."""
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        with self._open("GET", "/events", None, None, headers) as stream:
            event: dict[str, str] = {}
            for line in stream:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name in ("id", "event", "data"):
                    event[name] = value
                elif not name and "data" in event:
                    yield int(event["id"]), event["event"], json.loads(event["data"])
                    event = {}

    def cancel(self, document_id: str) -> Receipt:
        """Before anything left."""
        return self._json("POST", f"/documents/{document_id}/cancel")

    def act(self, delivery_id: str, gesture: str) -> Receipt:
        """`retry`, `hold`, `release` or `cancel`."""
        return self._json("POST", f"/deliveries/{delivery_id}/{gesture}")

    def cda(self, document_id: str) -> bytes:
        """The CDA that was sent."""
        return self._bytes("GET", f"/documents/{document_id}/cda")

    def proof(self, document_id: str) -> bytes:
        """The zip of everything that proves what was done."""
        return self._bytes("GET", f"/documents/{document_id}/proof")

    def sign(self, content: bytes, media_type: str, order: dict[str, Any] | None = None) -> bytes:
        """The XAdES signature by the structure; `order`: structure, packaging, uri, roles."""
        parts = [Part("file", content, media_type)]
        if order is not None:
            parts.append(Part("request", json.dumps(order).encode(), "application/json"))
        return self._bytes("POST", "/signatures", *_multipart(parts))

    def verify(self, signed: bytes, original: bytes | None = None) -> dict[str, Any]:
        """The report on a signature, rule by rule; `original` for a detached one."""
        parts = [Part("file", signed, "text/xml")]
        if original is not None:
            parts.append(Part("original", original, "application/octet-stream"))
        return self._json("POST", "/signatures/verify", *_multipart(parts))

    def _json(self, *call: Any) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._bytes(*call))
        return answer

    def _bytes(
        self, method: str, path: str, body: bytes | None = None, content_type: str | None = None, more: dict[str, str] | None = None
    ) -> bytes:
        with self._open(method, path, body, content_type, more or {}) as answer:
            content: bytes = answer.read()
        return content

    def _open(self, method: str, path: str, body: bytes | None, content_type: str | None, more: dict[str, str]) -> http.client.HTTPResponse:
        headers = self._headers | more | ({"Content-Type": content_type} if content_type else {})
        request = urllib.request.Request(self._api + path, data=body, headers=headers, method=method)  # noqa: S310 - the box's own address
        try:
            answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=_SILENCE, context=self._trust)  # noqa: S310
        except urllib.error.HTTPError as refusal:
            raise _refusal(refusal) from None
        except (OSError, http.client.HTTPException) as problem:
            raise Unreachable(type(problem).__name__) from problem
        return answer


def patiently(call: Callable[[], Receipt], patience: float = 300.0, pause: float = 2.0) -> Receipt:
    """The answer of a call, made again while the box is away or asks to come back; `call` must bear its Idempotency-Key."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return call()
        except Unreachable:
            wait = pause
            if time.monotonic() + wait > deadline:
                raise
        except Refusal as refusal:
            wait = refusal.retry_after or pause
            if refusal.problem.get("status") not in _COME_BACK or time.monotonic() + wait > deadline:
                raise
        time.sleep(wait)


def end_of(relais: Relais, receipt: Receipt, patience: float = 300.0) -> Receipt:
    """The receipt once no delivery moves by itself any more, or when the time is over."""
    deadline = time.monotonic() + patience
    while any(one["state"] in MOVING for one in receipt["deliveries"]) and time.monotonic() < deadline:
        time.sleep(0.2)
        receipt = relais.receipt(receipt["id"])
    return receipt


def key_of(document: bytes, request: bytes) -> str:
    """A key for software without a better one; the number and version of the document in your own database are better."""
    return hashlib.sha256(document + request).hexdigest()


def told(receipt: Receipt) -> str:
    """The receipt for a person: one line for each destination."""
    lines = [f"Document {receipt['id']} : {receipt['state']}"]
    for one in receipt["deliveries"]:
        why = one["explanation"]
        reason = f" ({why['what']} → {why['gesture']})" if why else ""
        lines.append(f"  {one['channel']} : {one['state']}{reason}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Send one document and wait for its end."""
    parser = argparse.ArgumentParser(description="Confie un document à Relais et attend la fin de ses envois.")
    parser.add_argument("--api", required=True, help="adresse de l'API, terminée par /api/v1")
    parser.add_argument("--ca", type=Path, required=True, help="autorité du boîtier (lan-ca.pem)")
    parser.add_argument("--token-file", type=Path, required=True, help="fichier du jeton du poste")
    parser.add_argument("--proof", type=Path, help="où enregistrer la preuve (zip)")
    parser.add_argument("document", type=Path)
    parser.add_argument("request", type=Path)
    options = parser.parse_args(arguments)
    document, request = options.document.read_bytes(), options.request.read_bytes()
    relais = Relais(options.api, options.token_file.read_text().strip(), options.ca)
    media_type = MEDIA_TYPES.get(options.document.suffix.lower(), "application/octet-stream")
    key = key_of(document, request)
    try:
        receipt = end_of(relais, patiently(lambda: relais.send(document, media_type, request, key)))
        if options.proof:
            options.proof.write_bytes(relais.proof(receipt["id"]))
    except Refusal as refusal:
        problem = refusal.problem
        print(f"{problem.get('detail')} → {problem.get('gesture')} [{problem.get('code')}]", file=sys.stderr)
        return NOT_DELIVERED
    except Unreachable:
        print("Relais ne répond pas. Le document sera renvoyé plus tard, avec la même clé.", file=sys.stderr)
        return NOT_REACHABLE
    print(told(receipt))
    return DELIVERED if receipt["state"] == "done" else NOT_DELIVERED


def _multipart(parts: list[Part]) -> tuple[bytes, str]:
    boundary = uuid.uuid4().hex
    pieces = []
    for part in parts:
        disposition = f'form-data; name="{part.name}"' + ('; filename="document"' if part.name != "request" else "")
        pieces.append(f"--{boundary}\r\nContent-Disposition: {disposition}\r\nContent-Type: {part.media_type}\r\n\r\n".encode())
        pieces.append(part.content + b"\r\n")
    return b"".join(pieces) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _refusal(answer: urllib.error.HTTPError) -> Refusal:
    try:
        problem: dict[str, Any] = json.loads(answer.read())
    except ValueError:
        problem = {"status": answer.code, "code": "answer-unreadable", "detail": "Réponse illisible."}
    wait = answer.headers.get("Retry-After")
    return Refusal(problem, float(wait) if wait and wait.isdigit() else None)


if __name__ == "__main__":
    sys.exit(main())
