"""What comparing the text of a document with its identity costs: two gateways in one run, one with the guard, one without.

All documents are for the patient whom their text names: another's would be held.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from gateway.cda.pdf.text import read_text
from gateway.ins.collision import contradiction
from gateway.model.patient import Ins, Sex, Traits
from tests.bench.documents import document
from tests.bench.figures import Figure, median
from tests.bench.floor import cpu_of
from tests.bench.load import SETTINGS, Load, loaded
from tests.bench.process import cpu_seconds, load_average
from tests.rig.caller import PATIENT

_SIZE = 100_000
_QUIET = 0.2
_READINGS = 50
_TRAITS = ("birth_family_name", "birth_given_names", "first_birth_given_name", "birth_date", "birth_place")
_WITHOUT = "compare_text = false"


def measure_guard(folder: Path, *, documents: int, rounds: int, cpu_most: float) -> list[Figure]:
    """CPU per document of both, in turns, the reader's process included; reading and comparing alone beside them.

    The limit, in milliseconds, is that of a document: the product is delivered with the guard.
    """
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
            name="CPU per document of 100 kB, text compared", value=compared * 1000, unit="ms", most=cpu_most,
            floor=bare * 1000, load=average,
            note=f"median of {rounds} x {documents} in turns, pdftotext included; floor: the same, text not compared",
        ),
        Figure(name="stage: text read by pdftotext", value=_reading(sent) * 1000, unit="ms", load=average, note="its process included"),
        Figure(name="stage: text compared", value=_comparing(sent) * 1000, unit="ms", load=average),
    ]  # fmt: skip


def _reading(sent: bytes) -> float:
    """CPU seconds of one reading, its process and what this one does for it."""
    before = os.times()
    for _ in range(_READINGS):
        read_text(sent)
    return sum(now - then for now, then in zip(os.times()[:4], before[:4], strict=True)) / _READINGS


def _comparing(sent: bytes) -> float:
    text = read_text(sent) or ""
    named = {one: PATIENT[one] for one in _TRAITS}
    traits = Traits(**{**named, "sex": Sex(PATIENT["sex"])})
    ins = Ins.checked(PATIENT["ins"]["matricule"], PATIENT["ins"]["oid"])
    if not text or contradiction(text, traits, ins) is not None:
        raise AssertionError("the document of the benchmark is not that of its patient")
    return cpu_of(lambda: contradiction(text, traits, ins))


def _cpu_of(load: Load, documents: int) -> float:
    before = cpu_seconds(load.pid)
    load.run(documents)
    time.sleep(_QUIET)
    return (cpu_seconds(load.pid) - before) / documents
