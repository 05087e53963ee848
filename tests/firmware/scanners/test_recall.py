"""What is remembered of scanners, across restarts and bad files."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.scanners.framing import Rule
from firmware.scanners.line import LineSettings
from firmware.scanners.recall import Recall, Recalled

FOUND = Recalled(name="Voyager", settings=LineSettings(1200, "E"), rule=Rule.CRLF, tested=True)


def kept(path: Path, identifier: str) -> Recall:
    """A memory that has written what it was told."""
    recall = Recall(path)
    assert recall.keep(identifier, FOUND)
    assert not recall.keep(identifier, FOUND)
    recall.write(recall.content())
    return recall


def test_it_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "scanners.json"
    kept(path, "scanner-1")
    recall = Recall(path)
    assert recall.keep_twins(frozenset({"scanner-2"}))
    assert not recall.keep_twins(frozenset({"scanner-2"}))
    recall.write(recall.content())
    again = Recall(path)
    assert again.of("scanner-1") == FOUND
    assert again.twins == {"scanner-2"}
    assert [one.name for one in tmp_path.iterdir()] == ["scanners.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"scanners": {"a": {"name": 1}}}', b"[]"])
def test_an_unreadable_file_counts_for_nothing_and_is_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "scanners.json"
    path.write_bytes(content)
    assert Recall(path).known() == {}
    kept(path, "scanner-1")
    assert Recall(path).of("scanner-1") == FOUND


def test_a_power_cut_while_writing_leaves_the_former_file(tmp_path: Path) -> None:
    path = tmp_path / "scanners.json"
    kept(path, "scanner-1")
    (tmp_path / "scanners.new").write_bytes(b'{"scan')
    assert Recall(path).of("scanner-1") == FOUND


def test_a_disk_that_refuses_costs_nothing_but_the_memory(tmp_path: Path) -> None:
    recall = kept(tmp_path / "absent" / "scanners.json", "scanner-1")
    assert recall.of("scanner-1") == FOUND


def test_the_oldest_are_forgotten(tmp_path: Path) -> None:
    recall = Recall(tmp_path / "scanners.json")
    for n in range(70):
        recall.keep(f"scanner-{n}", FOUND)
    assert len(recall.known()) == 64
    assert recall.of("scanner-69") == FOUND
