"""What a document costs the gateway's process over its whole path, and the memory it takes: fresh gateway for each size."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.documents import document
from tests.bench.figures import Figure, median
from tests.bench.load import Load, loaded
from tests.bench.process import cpu_seconds, load_average, memory

_QUIET = 0.2
_MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many documents of which size, how often (the median counts), and the limits that hold for that size."""

    size: int
    documents: int
    rounds: int
    cpu_most: float | None = None
    cpu_target: float | None = None
    memory_most: float | None = None


def measure_cost(folder: Path, plan: Plan) -> list[Figure]:
    """CPU per document and memory for one size; every document is for another patient, whose DMP is looked up first."""
    with loaded(folder, document(plan.size)) as load:
        load.invent_patients(plan.documents * plan.rounds)
        load.run(max(4, plan.documents // 5))
        cpu = [_cpu_of(load, plan.documents) for _ in range(plan.rounds)]
        taken = memory(load.pid)
    size = f"{plan.size // 1000} kB" if plan.size < _MB else f"{plan.size // _MB} MB"
    note = f"median of {plan.rounds} x {plan.documents} documents: API, PDF check, CDA, existence, DMP feed, patient mail; no text compared"
    average = load_average()
    return [
        Figure(
            name=f"CPU of the gateway per document of {size}",
            value=median(cpu) * 1000,
            unit="ms",
            most=plan.cpu_most,
            target=plan.cpu_target,
            load=average,
            note=note,
        ),
        Figure(name=f"memory with {size}, highest", value=taken.peak, unit="MB", most=plan.memory_most, load=average),
        Figure(name=f"memory with {size}, now", value=taken.now, unit="MB", most=plan.memory_most, load=average),
    ]


def _cpu_of(load: Load, documents: int) -> float:
    before = cpu_seconds(load.pid)
    load.run(documents)
    time.sleep(_QUIET)
    return (cpu_seconds(load.pid) - before) / documents
