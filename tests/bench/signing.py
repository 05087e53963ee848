"""What a signature with its proof costs in memory for a moment, as a multiple of the document: one large file, each form."""

from __future__ import annotations

import io
import random
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pikepdf

from tests.bench.documents import document
from tests.bench.figures import Figure
from tests.bench.process import load_average
from tests.rig.processes import ROOT, environment

_MOST = {"xadesbaselineb": 12.0, "xmldsig": 12.0, "padesbaselineb": 16.0}
_FORM = {"idSignConf": "1", "idVerifSignConf": "1", "requestId": "1", "proofTag": "1", "applicantId": "1"}
_LOOKS = 0.002


def measure_signing(folder: Path, *, size: int) -> list[Figure]:
    """The highest memory over that of rest, while a document of `size` bytes is signed, verified and proven; a fresh process each."""
    return [_measured(folder / form, form, most, size) for form, most in _MOST.items()]


def _measured(folder: Path, form: str, most: float, size: int) -> Figure:
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.api.weighed", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True, env=environment()) as running:
        try:
            assert running.stdout is not None
            port, token = running.stdout.readline().split()
            trust = ssl.create_default_context(cafile=str(folder / "lan-ca.pem"))
            url, headers = f"https://127.0.0.1:{port}/esignsante/v1", {"Authorization": f"Bearer {token}"}
            with httpx.Client(base_url=url, headers=headers, verify=trust, timeout=120) as client:
                return _figure(client, running.pid, form, most, size)
        finally:
            running.terminate()


def _figure(client: httpx.Client, pid: int, form: str, most: float, size: int) -> Figure:
    _sign(client, form, document(100_000))
    before = _memory(pid)
    highest, over = [before], threading.Event()

    def look() -> None:
        while not over.is_set():
            highest[0] = max(highest[0], _memory(pid))
            time.sleep(_LOOKS)

    watcher = threading.Thread(target=look)
    watcher.start()
    begun = time.perf_counter()
    try:
        _sign(client, form, _heavy(size))
    finally:
        took = time.perf_counter() - begun
        over.set()
        watcher.join()
    times = (highest[0] - before) / size
    note = f"{(highest[0] - before) / 1e6:.0f} MB for {size / 1e6:.0f} MB, {took:.1f} s"
    return Figure(name=f"memory of a proof: {form}", value=times, unit="x document", most=most, load=load_average(), note=note)


def _sign(client: httpx.Client, form: str, content: bytes) -> None:
    path = f"/signatures/{form}withproof"
    with client.stream("POST", path, data=_FORM, files={"file": ("f.pdf", content, "application/pdf")}) as answer:
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code}")
        for _ in answer.iter_raw():
            pass


def _heavy(size: int) -> bytes:
    """A PDF that does not compress: the small one with a large picture of noise."""
    with pikepdf.open(io.BytesIO(document(100_000))) as pdf:
        noise = random.Random(10).randbytes(size - 110_000)
        pdf.Root.Bruit = pikepdf.Stream(pdf, noise)
        target = io.BytesIO()
        pdf.save(target)
    return target.getvalue()


def _memory(pid: int) -> int:
    """What the process and those it started cost the machine."""
    return sum(_share(one) for one in (pid, *_children(pid)))


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(one) for one in task.read_text().split()]
        except OSError:
            continue
    return found


def _share(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return int(next((line for line in lines if line.startswith("Pss:")), "Pss: 0").split()[1]) * 1024
