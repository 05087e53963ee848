"""A spare box that was erased takes a backup in; what an erasure and a first boot leave is in none."""

from __future__ import annotations

from pathlib import Path

from gateway.kernel.home import Home
from gateway.trust.vault import open_vault
from provisioning.backup.contents import is_kept
from provisioning.backup.job import back_up
from provisioning.backup.receipt import SENTENCE
from provisioning.backup.restore import OldBox, restore
from provisioning.reset.disk import RealDisk
from provisioning.reset.erasure import Erasure
from tests.provisioning.backup.homes import Practice
from tests.provisioning.reset.box import NOW, Box


async def test_an_erased_box_takes_a_backup_in(tmp_path: Path) -> None:
    practice, spare = Practice(tmp_path / "old"), Box(tmp_path / "spare").home
    await practice.holds()
    back_up(practice.home, practice.configuration, practice.folder)
    Erasure(spare, RealDisk(), lambda: NOW).run("command")
    await restore(spare, practice.folder.path, practice.phrase, OldBox(sentence=SENTENCE))
    assert spare.configuration.read_bytes() == practice.home.configuration.read_bytes()
    assert open_vault(spare.root).pseudonym("patient", "x") == practice.vault.pseudonym("patient", "x")
    assert not spare.erasure.exists()


def test_nothing_of_an_erasure_or_of_a_first_boot_is_in_a_backup() -> None:
    home = Home(Path("box"))
    names = {home.factory_reset.name, home.erasure.name, "effacement.txt", "first-boot.json"}
    assert {name for name in names if is_kept(Path(name))} == set()
