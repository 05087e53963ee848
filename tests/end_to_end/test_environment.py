"""A box of test certificates set to production does not start: nothing of it ever leaves (design, rule 12)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.rig.processes import ROOT, running

pytestmark = pytest.mark.xdist_group("e2e-environment")


def test_a_box_of_another_environment_refuses_to_start_and_says_why(tmp_path: Path) -> None:
    with running(tmp_path) as (_sandbox, gateway):
        gateway.stop()
        settings = gateway.home / "relais.toml"
        settings.write_text(settings.read_text().replace('environment = "test"', 'environment = "production"'))
        assert 'environment = "production"' in settings.read_text()
        command = [sys.executable, "-m", "gateway", "serve", "--home", str(gateway.home)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert "[environment-mismatch]" in done.stderr
        assert "production" in done.stderr
        assert "ready" not in done.stdout
