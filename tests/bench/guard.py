"""What comparing the text of a document with its identity costs: two gateways in one run, one with the guard, one without.

All documents are for the patient whom their text names: another's would be held.
"""

from __future__ import annotations

import time
from pathlib import Path

from tests.bench.documents import document
from tests.bench.figures import Figure, median
from tests.bench.load import SETTINGS, Load, loaded
from tests.bench.process import cpu_seconds, load_average

_SIZE = 100_000
_QUIET = 0.2
_WITHOUT = "compare_text = false"
_TIMES = 3.0


def measure_guard(folder: Path, *, documents: int, rounds: int) -> list[Figure]:
    """CPU per document of both, in turns, the reader's process included; the reading and the comparing alone beside them."""
    sent = document(_SIZE)
    if SETTINGS.count(_WITHOUT) != 1:
        raise AssertionError("the settings of the benchmark do not say that nothing is compared")
    guarded = SETTINGS.replace(_WITHOUT, "compare_text = true")
    for one in ("with", "without"):
        (folder / one).mkdir()
    with loaded(folder / "with", sent, settings=guarded) as with_guard, loaded(folder / "without", sent) as without:
        both = (with_guard, without)
        for load in both:
            load.run(max(4, documents // 5))
        taken = [[_cpu_of(load, documents) for load in both] for _ in range(rounds)]
    compared, bare = (median([one[side] for one in taken]) for side in (0, 1))
    average = load_average()
    return [
        Figure(
            name="CPU per document of 100 kB, text compared", value=compared * 1000, unit="ms", most=bare * _TIMES * 1000,
            floor=bare * 1000, load=average,
            note=f"median of {rounds} x {documents} in turns, pdftotext included; floor: the same, text not compared",
        ),
    ]  # fmt: skip


def _cpu_of(load: Load, documents: int) -> float:
    before = cpu_seconds(load.pid)
    load.run(documents)
    time.sleep(_QUIET)
    return (cpu_seconds(load.pid) - before) / documents
