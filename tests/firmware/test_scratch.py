from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from firmware.scratch import Place, _mark, filesystem_of, open_scratch, remove_scratch, scratch_place
from tests.rig.processes import running
from tests.tools import need_tool

SHARED_MEMORY = Path("/dev/shm")


def test_the_type_of_a_file_system_is_what_stat_says() -> None:
    stat = need_tool("stat")
    for folder in (Path("/proc"), Path("/dev/shm"), Path("/")):
        said = subprocess.run([stat, "-f", "-c", "%T", folder], check=True, capture_output=True, text=True).stdout.strip()
        ours = filesystem_of(folder) or ""
        assert (ours in ("tmpfs", "ramfs")) == (said in ("tmpfs", "ramfs")), (folder, ours, said)


def test_the_deepest_mount_holds_the_folder(tmp_path: Path) -> None:
    inner = tmp_path / "a b"
    inner.mkdir()
    escaped = str(inner.resolve()).replace(" ", "\\040")
    table = tmp_path / "mountinfo"
    table.write_text(f"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:5 / {escaped} rw,nosuid shared:2 - tmpfs tmpfs rw\n")
    assert (filesystem_of(inner, table), filesystem_of(tmp_path, table)) == ("tmpfs", "ext4")
    assert filesystem_of(tmp_path / "absent", table) is None


def test_the_folder_of_systemd_is_taken_only_when_it_is_memory(tmp_path: Path) -> None:
    if filesystem_of(SHARED_MEMORY) != "tmpfs" or filesystem_of(tmp_path) == "tmpfs":
        pytest.skip("needs /dev/shm in memory and a temporary folder on a disk")
    given = open_scratch(SHARED_MEMORY, tmp_path)
    try:
        assert scratch_place(tmp_path / "work", {"RUNTIME_DIRECTORY": f"{given}:/other"}) == Place(given, volatile=True)
        assert scratch_place(tmp_path / "work", {"RUNTIME_DIRECTORY": str(tmp_path)}) == Place(SHARED_MEMORY, volatile=True)
    finally:
        remove_scratch(SHARED_MEMORY, tmp_path)


def test_without_memory_the_disk_is_taken_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware.scratch._SHARED_MEMORY", tmp_path / "absent")
    assert scratch_place(tmp_path / "work", {}) == Place(tmp_path / "work", volatile=False)


def test_an_owner_removes_what_it_left_and_nothing_else(tmp_path: Path) -> None:
    place, mine, other = tmp_path / "place", tmp_path / "mine", tmp_path / "other"
    left, kept = open_scratch(place, mine), open_scratch(place, other)
    (left / "in.pdf").write_bytes(b"%PDF-")
    stranger = place / "relais-other-program"
    stranger.mkdir()
    now = open_scratch(place, mine)
    assert set(place.iterdir()) == {now, kept, stranger}
    assert now.stat().st_mode & 0o777 == 0o700
    remove_scratch(place, mine)
    assert set(place.iterdir()) == {kept, stranger}


def test_a_gateway_works_in_memory_and_clears_after_a_power_cut(tmp_path: Path) -> None:
    if filesystem_of(SHARED_MEMORY) != "tmpfs" or "RUNTIME_DIRECTORY" in os.environ:
        pytest.skip("needs /dev/shm in memory")
    mark = f"{_mark(tmp_path / 'home')}*"
    with running(tmp_path) as (_, gateway):
        [first] = SHARED_MEMORY.glob(mark)
        (first / "in.pdf").write_bytes(b"%PDF-")
        gateway.kill()
        gateway.start()
        [second] = SHARED_MEMORY.glob(mark)
        assert (second != first, list(second.iterdir())) == (True, [])
        assert not (gateway.home / "work").exists()
    assert list(SHARED_MEMORY.glob(mark)) == []
