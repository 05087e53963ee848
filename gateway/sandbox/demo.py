"""`make demo`: a sandbox and a gateway as two processes, real sample documents through every built door, one line each.

A program, not a library: it only speaks HTTP and starts the commands that a user would type.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "documents"
_PATIENCE = 120.0
_WORDS = {
    "delivered": "remis",
    "held": "en attente",
    "queued": "en file",
    "running": "en cours",
    "unknown": "en vérification",
    "refused": "refusé",
    "cancelled": "annulé",
    "expired": "expiré",
}
_PATIENT = {
    "birth_family_name": "Adrun",
    "birth_given_names": "Zoé",
    "sex": "F",
    "birth_date": "1975-12-31",
    "birth_place": "63220",
}
"""A published test identity (insi.md 7)."""
_STATUSES = {
    "PROV": "provisoire",
    "RECUP": "récupérée (INSi)",
    "VALI": "validée",
    "QUAL": "qualifiée (passeport vu par le secrétariat)",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration; with --once, exit 0 when every delivery reached its expected end, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="make demo")
    parser.add_argument("--once", action="store_true", help="s'arrête quand tout est parti")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="relais-demo-"))
    try:
        with _sandbox(folder / "bac-a-sable") as sandbox, _gateway(folder / "boitier", folder / "bac-a-sable") as gateway:
            return _show(sandbox, gateway, folder / "boitier", once=options.once)
    except KeyboardInterrupt:
        return 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _show(sandbox: dict[str, Any], gateway: dict[str, Any], home: Path, *, once: bool) -> int:
    token = (home / "workstation-token").read_text().strip()
    for patient in json.loads((_EXAMPLES / "patients.json").read_bytes()):
        _call(f"{sandbox['control']}/patients", method="POST", body=json.dumps(patient).encode())
    trust = ssl.create_default_context(cafile=gateway["ca"])
    print("\nIdentité retrouvée et qualifiée par l'API du réseau local :")
    good = _identify(gateway["api"], token, trust)
    print("\nDocuments envoyés par l'API du réseau local :")
    for request in sorted(_EXAMPLES.glob("*.json")):
        if request.with_suffix(".pdf").exists():
            good = _send(gateway["api"], token, trust, request) and good
    print(f"\nPage du cabinet : {gateway['web']}\nJeton du poste  : {token}\nDossier         : {home} (autorité locale : lan-ca.pem)\n")
    if not once:
        print("Ctrl-C pour arrêter.")
        signal.pause()
    return 0 if good else 1


def _identify(api: str, token: str, trust: ssl.SSLContext) -> bool:
    """A patient known by name becomes one with a qualified INS: INSi is asked by the box, the document is seen by a person."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Relais-Actor": "secretariat-1"}
    place = f"{api}/patients/DEMO-1"
    patient = _call(place, method="PUT", body=json.dumps(_PATIENT).encode(), headers=headers, trust=trust)
    statuses = [patient["status"]]
    deadline = time.monotonic() + _PATIENCE
    while patient["status"] == "PROV" and time.monotonic() < deadline:
        time.sleep(0.1)
        patient = _call(place, headers=headers, trust=trust)
    statuses.append(patient["status"])
    if patient["status"] == "RECUP":
        seen = json.dumps({"evidence": "PA"}).encode()
        patient = _call(f"{place}/qualification", method="POST", body=seen, headers=headers, trust=trust)
        statuses.append(patient["status"])
    good = statuses == ["PROV", "RECUP", "QUAL"]
    print(f"  {'✓' if good else '✗'} {'ADRUN Zoé':<20} " + " → ".join(_STATUSES[one] for one in statuses), flush=True)
    return good


def _send(api: str, token: str, trust: ssl.SSLContext, request: Path) -> bool:
    body, content_type = _multipart(request.read_bytes(), request.with_suffix(".pdf").read_bytes())
    headers = {"Content-Type": content_type, "Authorization": f"Bearer {token}"}
    receipt = _call(f"{api}/documents", method="POST", body=body, headers=headers, trust=trust)
    deadline = time.monotonic() + _PATIENCE
    while _moving(receipt) and time.monotonic() < deadline:
        time.sleep(0.1)
        receipt = _call(f"{api}/documents/{receipt['id']}", headers=headers, trust=trust)
    expected = _expected(request)
    good = True
    ends = []
    for one in receipt["deliveries"]:
        why = f" ({one['explanation']['what']})" if one["explanation"] else ""
        ends.append(f"{_destination(one)} : {_WORDS[one['state']]}{why}")
        good = good and one["state"] == expected.get(one["channel"], "delivered")
    print(f"  {'✓' if good else '✗'} {request.stem:<20} " + " ; ".join(ends), flush=True)
    return good


def _expected(request: Path) -> dict[str, str]:
    """A patient without a DMP, or whose DMP is closed, leaves that delivery held: it is the expected end."""
    matricule = json.loads(request.read_bytes())["patient"]["ins"]["matricule"]
    patients = json.loads((_EXAMPLES / "patients.json").read_bytes())
    dmp = next((one["dmp"] for one in patients if one["ins"]["matricule"] == matricule), "active")
    return {"dmp": "delivered" if dmp == "active" else "held"}


def _moving(receipt: dict[str, Any]) -> bool:
    return any(one["state"] in ("queued", "running", "unknown") for one in receipt["deliveries"])


def _destination(delivery: dict[str, Any]) -> str:
    if delivery["channel"] == "dmp":
        return "DMP"
    return "patient" if "@patient." in (delivery["recipient"] or "@patient.") else str(delivery["recipient"])


@contextlib.contextmanager
def _sandbox(home: Path) -> Iterator[dict[str, Any]]:
    with _process(home / "sandbox.json", "sandbox", "--home", str(home)) as facts:
        print("Bac à sable prêt : INSi, DMP et opérateur MSSanté simulés.", flush=True)
        yield facts


@contextlib.contextmanager
def _gateway(home: Path, sandbox: Path) -> Iterator[dict[str, Any]]:
    subprocess.run([*_relais(), "init", "--home", str(home), "--sandbox", str(sandbox)], check=True, stdout=subprocess.DEVNULL)
    with _process(home / "gateway.json", "serve", "--home", str(home)) as facts:
        print("Boîtier prêt.", flush=True)
        yield facts


@contextlib.contextmanager
def _process(ready: Path, *arguments: str) -> Iterator[dict[str, Any]]:
    log = ready.parent.with_suffix(".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output, subprocess.Popen([*_relais(), *arguments], stdout=output, stderr=output) as process:
        try:
            deadline = time.monotonic() + _PATIENCE
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.stderr.write(log.read_text(errors="replace"))
                    raise SystemExit(1)
                time.sleep(0.05)
            yield json.loads(ready.read_bytes())
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


def _relais() -> list[str]:
    return [sys.executable, "-m", "gateway"]


def _multipart(request: bytes, document: bytes) -> tuple[bytes, str]:
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="request"\r\nContent-Type: application/json\r\n\r\n'.encode()
    middle = f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="document.pdf"\r\n'.encode()
    body = b"".join((head, request, middle, b"Content-Type: application/pdf\r\n\r\n", document, f"\r\n--{boundary}--\r\n".encode()))
    return body, f"multipart/form-data; boundary={boundary}"


def _call(
    url: str, *, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None, trust: ssl.SSLContext | None = None
) -> Any:
    request = urllib.request.Request(url, data=body, headers=headers or {"Content-Type": "application/json"}, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60, context=trust) as answer:  # noqa: S310 - loopback addresses of our own processes
            content = answer.read()
    except urllib.error.HTTPError as refusal:
        sys.stderr.write(refusal.read().decode(errors="replace") + "\n")
        raise SystemExit(1) from None
    return json.loads(content) if content else None


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
