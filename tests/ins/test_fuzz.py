"""Whatever comes, the readers of INSi's answers and of the datamatrix read it or refuse it, within bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INPUTS = 6000
MEGABYTES = 64
"""What the tree of the largest answer takes, and the names that the XML library keeps of every document it has seen."""


@pytest.mark.parametrize("seed", [1, 2])
def test_no_input_crashes_a_reader_nor_takes_much_memory(seed: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.ins.fuzz", str(seed), str(INPUTS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    told = json.loads(ended.stdout)
    assert told["answers_read"] + told["answers_refused"] >= INPUTS
    assert told["scans_read"] + told["scans_refused"] >= INPUTS
    assert min(told[name] for name in ("answers_read", "scans_read")) >= 5, "some still come through"
    assert told["grown_mb"] < MEGABYTES
