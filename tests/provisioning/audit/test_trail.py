"""The exported trail, judged by a program that knows nothing of Relais: whatever is changed in it is seen."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.journal.sqlite import SqliteStore
from gateway.kernel.home import Home
from provisioning.audit.trail import Exported, ExportFailed, export_trail
from tests.journal.samples import audit, document
from tests.rig.processes import ROOT

VERIFIER = ROOT / "examples" / "audit" / "verify_audit.py"
LINES = 1203
WORDS = ("é à « » ’ …", 'a "quoted" \\ word', "tab\tline\nend", "\x7f\x01", "漢字 🩺", "</script>", "")


def verdict(path: Path, *expected: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-I", str(VERIFIER), str(path), *expected], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    asyncio.run(written(home))
    return home


async def written(home: Home) -> None:
    store, one = await SqliteStore.open(home.journal), document()
    try:
        lines = [audit(one, detail={"word": WORDS[number % len(WORDS)], "number": number, "ok": None}) for number in range(LINES)]
        await store.commit(*lines)
    finally:
        await store.close()


@pytest.fixture
async def exported(home: Home, tmp_path: Path) -> tuple[Path, Exported]:
    path = tmp_path / "piste.jsonl"
    return path, await export_trail(home, path)


async def test_a_stranger_finds_it_whole(exported: tuple[Path, Exported]) -> None:
    path, done = exported
    assert (done.lines, done.last, done.broken) == (LINES, LINES, None)
    assert verdict(path) == (0, "Piste d'audit intacte.\n")
    assert verdict(path, done.hash)[0] == 0
    assert verdict(path, "0" * 64)[0] == 1
    assert (path.stat().st_mode & 0o777) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["piste.jsonl"]


async def test_whatever_is_changed_is_seen(exported: tuple[Path, Exported]) -> None:
    path, _ = exported
    lines = path.read_text().splitlines(keepends=True)
    chance = random.Random(20261130)
    for field, value in (
        ("at", 1),
        ("act", "x"),
        ("actor", "x"),
        ("answer", None),
        ("detail", {}),
        ("document_id", None),
        ("hash", "0" * 64),
    ):
        place = chance.randrange(1, LINES - 1)
        act = json.loads(lines[place]) | {field: value}
        path.write_text("".join([*lines[:place], json.dumps(act) + "\n", *lines[place + 1 :]]))
        assert verdict(path)[0] == 1, field
    path.write_text("".join(lines[:100] + lines[101:]))
    assert verdict(path)[0] == 1
    path.write_text("".join([*lines[:100], lines[101], lines[100], *lines[102:]]))
    assert verdict(path)[0] == 1
    path.write_text("not json\n")
    assert verdict(path)[0] == 2


async def test_a_part_of_it_follows_what_was_given_before(home: Home, tmp_path: Path, exported: tuple[Path, Exported]) -> None:
    path, whole = exported
    part = tmp_path / "suite.jsonl"
    done = await export_trail(home, part, after=1000)
    assert (done.lines, done.last, done.hash, done.broken) == (LINES - 1000, LINES, whole.hash, None)
    assert part.read_text() == "".join(path.read_text().splitlines(keepends=True)[1000:])
    assert verdict(part, whole.hash)[0] == 0


async def test_a_place_that_cannot_be_written_is_a_clear_refusal(home: Home, tmp_path: Path) -> None:
    with pytest.raises(ExportFailed):
        await export_trail(home, tmp_path / "nowhere" / "piste.jsonl")
