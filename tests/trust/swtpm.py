"""A real TPM 2.0 in software (swtpm) on the loopback, for one test; skipped with its reason where it cannot be had.

The TCTI of swtpm wants the control port right above the command port (cards.md 5.2).
"""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port
from tests.tools import need_tool


@contextmanager
def running_tpm(state: Path) -> Iterator[str]:
    """The TCTI of a TPM whose state is in that folder; started again on the same folder it is the same chip after a power cut."""
    program = need_tool("swtpm")
    need_tool("tpm2_unseal")
    state.mkdir(exist_ok=True)
    port = free_port(in_a_row=2)
    process = subprocess.Popen(
        [
            program,
            "socket",
            "--tpm2",
            "--tpmstate",
            f"dir={state}",
            "--server",
            f"type=tcp,bindaddr=127.0.0.1,port={port}",
            "--ctrl",
            f"type=tcp,bindaddr=127.0.0.1,port={port + 1}",
            "--flags",
            "not-need-init,startup-clear",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port + 1)) == 0:
                    break
            time.sleep(0.02)
        yield f"swtpm:host=127.0.0.1,port={port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def measure(tcti: str, what: bytes, pcr: int = 7) -> None:
    """Extend a PCR, as a firmware that starts something else does."""
    command = [need_tool("tpm2_pcrextend"), f"{pcr}:sha256={hashlib.sha256(what).hexdigest()}"]
    subprocess.run(command, env={"PATH": os.environ["PATH"], "TPM2TOOLS_TCTI": tcti}, check=True, capture_output=True, timeout=30)
