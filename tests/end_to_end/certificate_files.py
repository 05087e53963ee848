"""Certificate files of the sandbox's authority, and `relais certificate` as an integrator types it: the passphrase by a descriptor."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.end_to_end.command import Ended
from tests.end_to_end.scene import STRUCTURE, Scene
from tests.rig.processes import ROOT, environment


def issued(scene: Scene, role: str, **order: Any) -> tuple[bytes, str]:
    """A .p12 and its passphrase; `variant` for a faulty one."""
    asked = {"action": "issue", "structure": STRUCTURE, "role": role, "organisation": "CABINET MEDICAL DU PORT"} | order
    answer = scene.sandbox.control("/certificates", asked)
    return base64.b64decode(answer["p12"]), str(answer["passphrase"])


def certificate(home: Path, *arguments: str, secret: str | None = None) -> Ended:
    """`relais certificate …`; what it left. The secret is in no argument and in no variable."""
    command = [sys.executable, "-m", "gateway", "certificate", *arguments, "--home", str(home)]
    if secret is None:
        done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=120, check=False)
        return Ended(done.returncode, done.stdout, done.stderr)
    reading, writing = os.pipe()
    os.write(writing, f"{secret}\n".encode())
    os.close(writing)
    try:
        done = subprocess.run(
            [*command, "--passphrase-fd", str(reading)],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            pass_fds=(reading,),
        )
    finally:
        os.close(reading)
    return Ended(done.returncode, done.stdout, done.stderr)


def take(scene: Scene, folder: Path, role: str, *more: str, **order: Any) -> Ended:
    """Have the sandbox issue a certificate, and import it by the command line."""
    data, passphrase = issued(scene, role, **order)
    path = folder / f"{role}.p12"
    path.write_bytes(data)
    return certificate(scene.gateway.home, "import", "--structure", STRUCTURE, "--role", role, str(path), *more, secret=passphrase)
