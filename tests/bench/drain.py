"""A backlog after an outage: how fast it leaves, and how long a new document waits behind it."""

from __future__ import annotations

import time
from pathlib import Path

from tests.bench.documents import document
from tests.bench.figures import Figure, median
from tests.bench.load import Load, loaded
from tests.bench.process import load_average

_SIZE = 100_000
_LEAST_SHARE = 80.0
_PATIENCE = 2.0


def measure_drain(folder: Path, *, backlog: int, reference: int) -> list[Figure]:
    """Both services refuse while `backlog` documents are accepted, then answer again; the rate counts from the first one delivered.

    Compared with the rate of `reference` documents sent back to back without outage. One more document is sent when a quarter is gone.
    """
    with loaded(folder, document(_SIZE)) as load:
        load.run(10)
        alone = median([_service(load) for _ in range(5)])
        start = time.perf_counter()
        load.run(reference)
        usual = reference / (time.perf_counter() - start)
        drained, waited = _outage(load, backlog)
    average = load_average()
    return [
        Figure(name="rate without outage", value=usual, unit="documents/s", load=average, note=f"{reference} documents back to back"),
        Figure(
            name="rate of the drain", value=drained, unit="documents/s", least=usual * _LEAST_SHARE / 100, floor=usual, load=average,
            note=f"{backlog} documents accepted during the outage",
        ),
        Figure(
            name="new document during the drain", value=waited, unit="s", most=_PATIENCE + alone, load=average,
            note=f"until delivered; its own service time is {alone:.2f} s",
        ),
    ]  # fmt: skip


def _service(load: Load) -> float:
    start = time.perf_counter()
    return load.wait_for(load.send()[0]) - start


def _outage(load: Load, backlog: int) -> tuple[float, float]:
    """Documents per second of the drain, and seconds that a new document took meanwhile."""
    before = load.delivered()
    load.sandbox.fault("dmp", "unavailable", 0)
    for fault in ("421_mail", "refuse_connection"):  # sessions that are open, and new ones
        load.sandbox.fault("mss", fault, 0)
    for _ in range(backlog):
        load.send()
    if load.delivered() != before:
        raise AssertionError("something was delivered during the outage")
    load.sandbox.control("/reset", {})
    start = load.wait_delivered(before + 1)
    load.wait_delivered(before + backlog // 2)
    sent = time.perf_counter()
    waited = load.wait_for(load.send()[0]) - sent
    end = load.wait_delivered(before + 2 * (backlog + 1))
    return (backlog + 1) / (end - start), waited
