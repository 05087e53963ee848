"""`relais-provision reset`: asked for in so many words, refused where it must be; what a start of the gateway makes of a cut erasure."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.__main__ import ERASE
from gateway.__main__ import main as relais
from gateway.journal.home_lock import alone_in
from provisioning.__main__ import main
from provisioning.reset.command import SENTENCE
from provisioning.reset.disk import RealDisk
from provisioning.reset.erasure import Erasure
from tests.provisioning.first_boot.test_sheet import SHEET
from tests.provisioning.reset.box import NOW, PAPERS, Box, CutDisk, PowerCut
from tests.rig.processes import ROOT, environment
from tests.shared import missing


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path / "box")


def reset(box: Box, *options: str) -> int:
    return main(["reset", "--home", str(box.home.root), *options])


def told(box: Box, **facts: object) -> None:
    """As the button, or whoever took it back, left the request."""
    asked = {"id": "x", "requested_at": "2026-11-30T11:00:00Z", "told": True, "erases": True, **facts}
    box.home.factory_reset.write_text(json.dumps(asked))


def test_the_sentence_erases(box: Box, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("effacer ce boîtier\n"))
    assert reset(box) == 0
    assert box.left() == PAPERS
    said = capsys.readouterr().out
    assert "fichiers) sera effacé, sans retour possible" in said
    assert (box.home.root / "effacement.txt").read_text("utf-8") in said


@pytest.mark.parametrize("sentence", ["", "oui\n", "effacer ce boitier\n"])
def test_anything_else_erases_nothing(box: Box, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    before = box.raw()
    monkeypatch.setattr(sys, "stdin", io.StringIO(sentence))
    assert reset(box) == 1
    assert "reset-not-confirmed" in capsys.readouterr().err
    assert box.raw() == before


def test_a_running_box_is_not_erased_under_its_feet(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    before = box.raw()
    with alone_in(box.home):
        assert reset(box, "--yes") == 1
    assert "home-busy" in capsys.readouterr().err
    assert box.raw() == before


@pytest.mark.parametrize("name", ["empty", "somebody", "missing"])
def test_a_folder_that_is_no_box_is_not_touched(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / name
    if name != "missing":
        folder.mkdir()
    if name == "somebody":
        (folder / "thesis.tex").write_text("ten years")
    assert main(["reset", "--yes", "--home", str(folder)]) == (0 if name == "empty" else 1)
    streams = capsys.readouterr()
    assert ("déjà vide" in streams.out) if name == "empty" else ("not-a-home" in streams.err)
    assert not folder.exists() or [one.name for one in folder.iterdir()] == (["thesis.tex"] if name == "somebody" else [])


@pytest.mark.parametrize("facts", [None, {}, {"dismissed": "workstation:w"}, {"dismissed": "workstation:w", "handed_over": True}])
def test_what_nobody_asked_or_somebody_took_back_is_ignored(box: Box, facts: dict[str, object] | None) -> None:
    if facts is not None:
        told(box, **facts)
    before = box.raw()
    assert reset(box, "--asked") == 0
    assert box.raw() == before


def test_what_the_button_asked_is_done_and_told_so(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    told(box, handed_over=True)
    assert reset(box, "--asked") == 0
    assert box.left() == PAPERS
    assert "au bouton du boîtier" in capsys.readouterr().out
    assert reset(box, "--asked") == 0, "and nothing once it is done"
    assert box.left() == PAPERS


def test_a_key_that_systemd_hands_over_must_be_named(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "relais-box-key").write_bytes(box.key)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(given))
    before = box.raw()
    assert reset(box, "--yes") == 1
    assert "reset-credential-not-named" in capsys.readouterr().err
    assert box.raw() == before
    (tmp_path / "sealed").write_bytes(box.key)
    assert reset(box, "--yes", "--credential", str(tmp_path / "sealed")) == 0
    assert not (tmp_path / "sealed").exists()


def test_a_cut_erasure_is_ended_without_a_question(box: Box) -> None:
    with pytest.raises(PowerCut):
        Erasure(box.home, CutDisk(8, "after"), lambda: NOW).run("button")
    assert reset(box) == 0
    assert box.left() == PAPERS


def _served(box: Box, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway", "serve", "--home", str(box.home.root), *options]
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60, check=False)


def test_a_start_never_serves_a_half_erased_home_but_ends_its_erasure(box: Box) -> None:
    with pytest.raises(PowerCut):
        Erasure(box.home, CutDisk(8, "after"), lambda: NOW).run("button")
    half = box.raw()
    assert main(["first-boot", "--unattended", "--home", str(box.home.root), "--settings", str(_sheet(box))]) == 1, "nor installed over"
    assert relais(["init", "--home", str(box.home.root)]) == 1
    assert _served(box, "--supervised").returncode == ERASE
    assert box.raw() == half, "whoever supervises it erases"
    done = _served(box)
    assert (done.returncode, box.left()) == (0, PAPERS)
    assert "ATTESTATION" in done.stdout
    blank = _served(box)
    assert (blank.returncode, "not-provisioned" in blank.stderr) == (1, True)


DYING = """
import os, signal, sys
from provisioning import __main__
from provisioning.reset import command, disk

class Dying(disk.RealDisk):
    left = int(sys.argv[1])

    def remove(self, path):
        if Dying.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        Dying.left -= 1
        super().remove(path)

command.RealDisk = Dying
sys.exit(__main__.main(sys.argv[2:]))
"""
"""The command, killed for good before it takes the file of a given number away."""


def test_a_start_after_the_request_was_handed_over_erases(box: Box) -> None:
    told(box, handed_over=True)
    assert _served(box).returncode == 0
    assert box.left() == PAPERS


def _sheet(box: Box) -> Path:
    path = box.home.root.parent / "relais.toml"
    path.write_text(SHEET.split("[[first_boot.certificates]]")[0] + SHEET[SHEET.index("[[structures]]") :], encoding="utf-8")
    (path.parent / "anchors.pem").write_bytes(b"any")
    return path


def test_the_command_of_the_page_is_this_one(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs/integrateur/panneau.md").read_text("utf-8")
    [line] = [one.strip() for one in page.splitlines() if one.startswith("    relais-provision ")]
    assert f"`{SENTENCE}`" in page
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{SENTENCE}\n"))
    assert main([word.replace("boitier", str(box.home.root)) for word in line.split()[1:]]) == 0
    assert box.left() == PAPERS


def test_killed_in_the_middle_it_goes_on(box: Box) -> None:
    arguments = ["reset", "--yes", "--home", str(box.home.root)]
    for number in (0, 5):
        killed = subprocess.run(
            [sys.executable, "-c", DYING, str(number), *arguments], cwd=ROOT, env=environment(), check=False, timeout=60
        )
        assert killed.returncode == -signal.SIGKILL
        assert box.home.erasure.exists()
    assert not (box.home.root / "box.key").exists()
    assert main(arguments) == 0
    assert box.left() == PAPERS
    assert not any(mark in box.raw() for mark in box.marks)


def test_what_root_writes_belongs_to_the_owner_of_the_home(box: Box) -> None:
    if os.geteuid() != 0:
        missing("only root may give files away")
    os.chown(box.home.root, 12345, 12345)
    Erasure(box.home, RealDisk(), lambda: NOW).run("button")
    assert (box.home.root / "effacement.txt").stat().st_uid == 12345
