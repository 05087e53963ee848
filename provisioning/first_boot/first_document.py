"""The first document of a box: an invented text for the national test identity, through the gateway just installed, to its end.

Test environment only. The identity is the public test one of INSi (insi.md 8, and contract section 3).
"""

from __future__ import annotations

import contextlib
import io
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from reportlab.pdfgen.canvas import Canvas

from gateway.commands.send import ACCEPTED, send
from gateway.kernel.config import Configuration
from gateway.kernel.home import Home
from provisioning.first_boot.errors import FirstDocumentLost

_THROUGH = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.execve(sys.argv[2], sys.argv[2:], os.environ | {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
"""
"""As systemd passes a socket (sd_listen_fds(3)): the port of the settings is held by systemd already, for the service to come."""
_START = 60.0
_STOP = 30.0


def send_first_document(home: Home, configuration: Configuration, moment: datetime) -> None:
    """Serve, send, wait for every delivery, stop. Asked again with the same `moment` it is the same document. Raises FirstDocumentLost."""
    with tempfile.TemporaryDirectory(prefix="relais-first-") as folder, _serving(home) as facts:
        document, request = Path(folder, "document.pdf"), Path(folder, "request.json")
        document.write_bytes(_pdf())
        request.write_text(json.dumps(_request(configuration, moment)), encoding="utf-8")
        token = home.operator_token.read_text("utf-8").strip()
        with contextlib.redirect_stdout(io.StringIO()):
            ended = send(facts["api"], token, Path(facts["ca"]), document, request, wait=True)
    if ended != ACCEPTED:
        raise FirstDocumentLost(str(ended))


@contextlib.contextmanager
def _serving(home: Home) -> Any:
    home.ready_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "gateway", "serve", "--supervised", "--home", str(home.root)]
    with socket.create_server(("127.0.0.1", 0)) as door:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-c", _THROUGH, str(door.fileno()), *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(door.fileno(),),
        )
    try:
        deadline = time.monotonic() + _START
        while not home.ready_file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise FirstDocumentLost("serve")
            time.sleep(0.1)
        yield msgspec.json.decode(home.ready_file.read_bytes(), type=dict[str, Any])
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _pdf() -> bytes:
    page = io.BytesIO()
    canvas = Canvas(page, invariant=1)
    canvas.drawString(72, 760, "Premier document de ce boîtier Relais.")
    canvas.drawString(72, 740, "Identité de test : PAT-TROIS DOMINIQUE MARIE, née le 05/03/1979.")
    canvas.save()
    return page.getvalue()


def _request(configuration: Configuration, moment: datetime) -> dict[str, Any]:
    structure, now = configuration.structures[0], moment.isoformat(timespec="seconds")
    return {
        "structure": structure.id,
        "author": {"id": structure.professionals[0].id},
        "patient": {
            "local_id": "RELAIS-ESSAI",
            "ins": {"matricule": "279035121518989", "oid": "1.2.250.1.213.1.4.10"},
            "identity_status": "QUAL",
            "birth_family_name": "PAT-TROIS",
            "birth_given_names": "DOMINIQUE MARIE",
            "first_birth_given_name": "DOMINIQUE",
            "sex": "F",
            "birth_date": "1979-03-05",
            "birth_place": "51215",
        },
        "document": {"type": "57833-6", "title": "Document d'essai", "created_at": now, "service_start": now},
        "deliver": {"dmp": True},
    }
