"""The simulated national services on the host, and what an installer puts on the first partition of a box that uses them."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
STRUCTURE = "10B0152872"
OPERATOR = "code-de-l-installateur-1"
_ROLES = ("auth_cli", "sign", "insi_manu", "insi_auto")
_HOST = "10.0.2.2"
"""How QEMU's guests reach the loopback of their host."""


class HostSandbox:
    """`relais sandbox` in a process of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> HostSandbox:
        words = [sys.executable, "-m", "gateway", "sandbox", "--home", str(self.home)]
        self._process = subprocess.Popen(words, cwd=PROJECT, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not (self.home / "sandbox.json").exists():
            assert time.monotonic() < deadline, "the sandbox did not start"
            time.sleep(0.1)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    @property
    def addresses(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "sandbox.json").read_text())
        return found

    def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The control service; POST with a body, else GET."""
        data = json.dumps(body).encode() if body is not None else None
        asked = urllib.request.Request(self.addresses["control"] + path, data=data, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return json.loads(answer.read())

    def first_partition(self, folder: Path) -> list[Path]:
        """The sheet, the authorities and the certificates, as an installer leaves them."""
        enrolled = self.control("/enrol", {"structure": STRUCTURE, "organisation": "CABINET MEDICAL DU PORT"})
        folder.mkdir(parents=True)
        (folder / "anchors.pem").write_bytes((self.home / "pki/trust.pem").read_bytes())
        tables = []
        for role in _ROLES:
            (folder / f"{role}.p12").write_bytes(base64.b64decode(enrolled[role]["p12"]))
            secret = enrolled[role]["passphrase"]
            tables.append(f'[[first_boot.certificates]]\nrole = "{role}"\nfile = "{role}.p12"\npassphrase = "{secret}"\n')
        (folder / "relais.toml").write_text(
            f"""environment = "test"
require_synchronised_clock = false

[dmp]
url = "{self.addresses["dmp"].replace("127.0.0.1", _HOST)}"

[first_boot]
anchors = "anchors.pem"
homologation = "{enrolled["homologation"]}"
operator_code = "{OPERATOR}"

{"".join(tables)}
[[structures]]
id = "{STRUCTURE}"
name = "CABINET MEDICAL DU PORT"
patient_root = "1.2.250.1.213.1.1.4.999.1"
source_id = "1.2.250.1.213.1.1.4.998.1"

[[structures.professionals]]
id = "899700366240"
family = "MOREL"
given = "CAMILLE"
"""
        )
        return sorted(folder.iterdir())
