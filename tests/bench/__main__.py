"""The benchmark: `python -m tests.bench [--quick] [--smoke] [--only NAME] [--out bench.json]`, or `make bench ARGS=--quick`.

Prints one table, writes bench.json, exits 1 when a limit is broken. Every figure is measured on this machine in this run, beside the floors
it is compared with; the load average of the moment stands next to each. `--quick` takes a minute, `--smoke` some seconds and proves only
that everything runs: no limit holds then.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.bench.acceptance import measure_acceptance
from tests.bench.cards import measure_cards
from tests.bench.cost import Plan, measure_cost
from tests.bench.documents import document
from tests.bench.drain import measure_drain
from tests.bench.figures import Figure, as_json, table
from tests.bench.floor import bare_machine
from tests.bench.guard import measure_guard
from tests.bench.insi import measure_check, measure_search
from tests.bench.process import load_average
from tests.bench.signing import measure_signing
from tests.bench.stages import measure_stages
from tests.bench.startup import measure_startup
from tests.mss.letters import draft

_SMALL, _MIDDLE, _LARGE = 100_000, 500_000, 2_000_000
_CPU_MOST, _CPU_TARGET = 40.0, 22.0
_MEMORY_SMALL, _MEMORY_LARGE = 110.0, 160.0

Part = Callable[[Path], list[Figure]]


def parts(level: str) -> dict[str, Part]:
    """The parts of the benchmark by name; `level` is full, quick or smoke."""
    full, quick = level == "full", level == "quick"
    small = Plan(
        size=_SMALL,
        documents=100 if full else 50 if quick else 3,
        rounds=3 if full else 1,
        cpu_most=_CPU_MOST,
        cpu_target=_CPU_TARGET,
        memory_most=_MEMORY_SMALL,
    )
    large = Plan(size=_LARGE, documents=12 if full else 5 if quick else 1, rounds=2 if full else 1, memory_most=_MEMORY_LARGE)
    middle = Plan(size=_MIDDLE, documents=30, rounds=1)
    chosen: dict[str, Part] = {
        "floor": lambda folder: bare_machine(folder, document(_SMALL), draft(pdf=document(_SMALL)).cda),
        "stages": lambda _folder: measure_stages(document(_SMALL)),
        "startup": lambda folder: measure_startup(folder, starts=7 if full else 3 if quick else 1, idle=5.0 if full else 1.0),
        "insi": lambda folder: [
            *measure_search(folder, searches=300 if full else 100 if quick else 3),
            *measure_check(folder / "check", times=9 if full else 5 if quick else 1),
        ],
        "cards": lambda folder: measure_cards(folder, insertions=30 if full else 10 if quick else 2),
        "signing": lambda folder: measure_signing(folder, size=9_990_000 if full or quick else 500_000),
        "cost-small": lambda folder: measure_cost(folder, small),
        "cost-middle": lambda folder: measure_cost(folder, middle),
        "cost-large": lambda folder: measure_cost(folder, large),
        "guard": lambda folder: measure_guard(
            folder, documents=50 if full else 25 if quick else 2, rounds=3 if full or quick else 1, cpu_most=_CPU_MOST
        ),
        "acceptance": lambda folder: measure_acceptance(
            folder, samples=150 if full else 60 if quick else 5, rounds=3 if full else 1, every=0.1
        ),
        "drain": lambda folder: measure_drain(
            folder, backlog=500 if full else 60 if quick else 3, reference=200 if full else 60 if quick else 3
        ),
    }
    if not full:
        del chosen["cost-middle"]
    return chosen


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write; 1 when a limit is broken."""
    options = _options(arguments)
    level = "smoke" if options.smoke else "quick" if options.quick else "full"
    chosen = parts(level)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="relais-bench-", dir=options.work) as scratch:
        for name in options.only or chosen:
            folder = Path(scratch) / name
            folder.mkdir()
            print(f"{name} ...", file=sys.stderr, flush=True)
            figures += chosen[name](folder)
    if level == "smoke":
        figures = [replace(figure, most=None, least=None) for figure in figures]
    options.out.write_text(as_json(figures, level=level, machine=_machine()))
    print(table(figures))
    print(f"\n{_machine()}\n{options.out}")
    return 0 if all(figure.kept for figure in figures) else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="The figures of Relais on this machine.")
    parser.add_argument("--quick", action="store_true", help="about a minute")
    parser.add_argument("--smoke", action="store_true", help="some seconds; no limit holds")
    parser.add_argument("--only", action="append", choices=sorted(parts("full")), help="one part only (repeatable)")
    parser.add_argument("--out", type=Path, default=Path("bench.json"))
    parser.add_argument("--work", type=Path, default=None, help="folder on the disk to measure (default: the temporary folder)")
    return parser.parse_args(arguments)


def _machine() -> dict[str, object]:
    models = {line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")}
    return {
        "processor": ", ".join(sorted(models)) or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_average": load_average(),
    }


if __name__ == "__main__":
    sys.exit(main())
