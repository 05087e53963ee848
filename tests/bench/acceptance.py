"""How long a workstation waits for its receipt, against a bare POST of the same bytes and a bare fdatasync of the same instants."""

from __future__ import annotations

import time
from pathlib import Path

from tests.bench.documents import document
from tests.bench.figures import Figure, median, percentile
from tests.bench.floor import BareDisk, BarePost, bare_post
from tests.bench.load import Load, loaded
from tests.bench.process import load_average

_SIZE = 100_000
_TIMES = 3.0
_SECONDS = 1000


def measure_acceptance(folder: Path, *, samples: int, rounds: int, every: float = 0.1) -> list[Figure]:
    """The p99 from POST to 202, one document every `every` seconds; between two of them, one bare POST and one bare fdatasync.

    The limit is three times the sum of the two bare p99. In rounds: the one of median ratio is shown, so that a neighbour that takes the
    machine for a second does not decide.
    """
    sent = document(_SIZE)
    disk = BareDisk(folder)
    with loaded(folder / "acceptance", sent) as load, bare_post(folder / "acceptance-sink", sent) as post:
        load.run(10)
        found = sorted((_round(load, post, disk, samples, every) for _ in range(rounds)), key=lambda one: one[1] / one[2])
        busy = load.run(samples // 4)
    disk.close()
    middle, p99, floor = found[len(found) // 2]
    note = f"3 x (bare POST + bare fdatasync); {samples} documents, one every {every:g} s, median of {rounds}"
    average = load_average()
    return [
        Figure(
            name="acceptance p99, 100 kB", value=p99 * _SECONDS, unit="ms", most=_TIMES * floor * _SECONDS, floor=floor * _SECONDS,
            load=average, note=note,
        ),
        Figure(name="acceptance median, 100 kB", value=middle * _SECONDS, unit="ms", load=average),
        Figure(name="acceptance median, back to back", value=median(busy) * _SECONDS, unit="ms", load=average),
    ]  # fmt: skip


def _round(load: Load, post: BarePost, disk: BareDisk, samples: int, every: float) -> tuple[float, float, float]:
    """Median and p99 of the acceptance, and the sum of the two bare p99, in seconds."""
    accepted: list[float] = []
    posted: list[float] = []
    synced: list[float] = []
    for _ in range(samples):
        due = time.perf_counter() + every
        accepted.append(load.send()[1])
        _sleep_until(due - every / 3)
        posted.append(post.send())
        _sleep_until(due - every / 6)
        synced.append(disk.sync())
        _sleep_until(due)
    return median(accepted), percentile(accepted, 99), percentile(posted, 99) + percentile(synced, 99)


def _sleep_until(instant: float) -> None:
    time.sleep(max(0.0, instant - time.perf_counter()))
