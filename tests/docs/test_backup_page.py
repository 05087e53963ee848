"""The page on backups, its commands run in order as an installer types them, on a box that is stopped."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from gateway.kernel.home import Home
from gateway.model.delivery import Channel, DeliveryState
from gateway.trust.epoch import own_epoch
from tests.docs.walkthrough import differences, read_blocks, run
from tests.provisioning.backup.homes import Practice
from tests.rig.processes import ROOT, environment

PAGE = ROOT / "docs" / "integrateur" / "sauvegarde.md"


@pytest.mark.slow
def test_the_page_says_what_happens(tmp_path: Path) -> None:
    practice = Practice(tmp_path / "boitier")
    asyncio.run(practice.holds((Channel.DMP, DeliveryState.QUEUED, True)))
    (practice.home.root / "backup.json").unlink()
    settings = practice.home.configuration.read_text()
    practice.home.configuration.write_text(settings.replace("[dmp]", f'[backup]\nfolder = "{practice.folder.path}"\n\n[dmp]', 1))
    commands = tmp_path / "bin"
    commands.mkdir()
    program = commands / "relais-provision"
    program.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m provisioning \"$@\"\n")
    program.chmod(0o755)
    known = environment()
    blocks = read_blocks(PAGE)
    assert len([one for one in blocks if "relais-provision" in one.text]) >= 7
    said = run(
        blocks,
        tmp_path,
        BOITIER=str(practice.home.root),
        SAUVEGARDES=str(practice.folder.path),
        PATH=f"{commands}:{known['PATH']}",
        PYTHONPATH=str(ROOT),
    )
    assert differences(blocks, said) == []
    assert own_epoch(Home(tmp_path / "nouveau").root).generation == 2
    assert own_epoch(Home(tmp_path / "secours").root).generation == 3
