"""What the kernel says of a running process: processor time, memory, load of the machine (/proc)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident megabytes (10^6): now, and at the highest."""

    now: float
    peak: float


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of its children already waited for, to a hundredth of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS


def memory(pid: int) -> Memory:
    """VmRSS and VmHWM."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    now, peak = (int(lines[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))
    return Memory(now=now, peak=peak)


def load_average() -> float:
    """Of the last minute."""
    return os.getloadavg()[0]
