"""The benchmark runs and writes what it says, whatever the figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.figures import Figure, as_json, percentile, table
from tests.rig.processes import ROOT


@pytest.mark.slow
def test_a_short_run_writes_every_figure_with_its_floor(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    run = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--smoke", "--only", "stages", "--only", "acceptance", "--only", "insi", "--out", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    written = json.loads(out.read_bytes())
    assert (written["level"], written["kept"]) == ("smoke", True)
    figures = {one["name"]: one for one in written["figures"]}
    assert all(one["value"] > 0 and one["load"] >= 0 for one in figures.values())
    accepted = figures["acceptance p99, 100 kB"]
    assert accepted["times"] == pytest.approx(accepted["value"] / accepted["floor"])
    assert figures["CPU of one INSi search beside the network"]["value"] > figures["stage: INSi request"]["value"]
    assert "start-up check of INSi" in figures
    assert {name for name in figures if name.startswith("stage: ")} >= {"stage: PDF inspection", "stage: CDA"}
    assert all(name in run.stdout for name in figures)


def test_a_broken_limit_shows_and_decides() -> None:
    kept, broken = Figure(name="a", value=1.0, unit="ms", most=2.0), Figure(name="b", value=1.0, unit="/s", least=2.0, floor=4.0)
    assert (kept.kept, broken.kept, broken.times) == (True, False, 0.25)
    assert "BROKEN" in table([kept, broken]).splitlines()[2]
    assert json.loads(as_json([kept], level="full"))["kept"] is True
    assert json.loads(as_json([kept, broken], level="full"))["kept"] is False


def test_percentiles_are_of_the_values_themselves() -> None:
    values = [float(one) for one in range(200, 0, -1)]
    assert (percentile(values, 50), percentile(values, 99), percentile(values, 100)) == (101.0, 199.0, 200.0)
