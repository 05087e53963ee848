"""From `relais serve` to ready, what an idle gateway does, and how often it syncs for one document."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.bench.documents import document
from tests.bench.figures import Figure, median
from tests.bench.load import Load, loaded
from tests.bench.process import cpu_seconds, load_average

_SYNCS = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(?:fsync|fdatasync)$", re.MULTILINE)
_ATTACHING = 0.5


def measure_startup(folder: Path, *, starts: int, idle: float) -> list[Figure]:
    """Seconds until ready, wall and CPU, of a home that holds some documents; idle CPU; syncs per document when strace is there."""
    with loaded(folder, document(100_000)) as load:
        load.run(5)
        syncs = _syncs(load, 10)
        gateway = load.gateway
        wall: list[float] = []
        cpu: list[float] = []
        for _ in range(starts):
            gateway.kill()
            start = time.perf_counter()
            facts = gateway.start()
            wall.append(time.perf_counter() - start)
            cpu.append(cpu_seconds(int(facts["pid"])))
        pid = int(gateway.facts["pid"])
        time.sleep(0.5)
        before = cpu_seconds(pid)
        time.sleep(idle)
        rest = (cpu_seconds(pid) - before) / idle * 100
    average = load_average()
    figures = [
        Figure(name="start-up until ready", value=median(wall), unit="s", load=average, note=f"median of {starts}, after kill -9"),
        Figure(name="start-up, CPU", value=median(cpu), unit="s", load=average),
        Figure(name="idle CPU", value=rest, unit="%", load=average, note=f"over {idle:g} s"),
    ]
    if syncs is not None:
        figures.append(Figure(name="fsync and fdatasync per document", value=syncs, unit="", load=average, note="one at a time; strace -c"))
    return figures


def _syncs(load: Load, documents: int) -> float | None:
    """Syncs per document sent alone; None when strace is missing or may not attach."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    counted = load.gateway.home.parent / "syncs.txt"
    watch = subprocess.Popen(
        [strace, "-f", "-c", "-e", "trace=fsync,fdatasync", "-o", str(counted), "-p", str(load.pid)], stderr=subprocess.DEVNULL
    )
    time.sleep(_ATTACHING)
    for _ in range(documents):
        load.run(1)
    watch.send_signal(signal.SIGINT)
    watch.wait()
    calls = _SYNCS.findall(counted.read_text()) if counted.exists() else []
    return sum(map(int, calls)) / documents if calls else None
