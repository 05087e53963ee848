"""Nothing is acknowledged before it is on the disk: strace tells in which order the kernel was asked; a cut log tells what survives."""

from __future__ import annotations

import itertools
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.journal.sqlite import SqliteStore
from gateway.journal.store import DocumentQuery
from tests.journal.samples import audit, delivery, document, event
from tests.shared import missing
from tests.tools import need_tool

ROOT = Path(__file__).resolve().parents[2]
WATCHED = "write,pwrite64,fsync,fdatasync,rename,renameat,renameat2"


def traced(home: Path, mode: str, count: int) -> list[tuple[str, str]]:
    """What the child asked of the kernel between `ready` and `over`: (call, its arguments with the files' names), in order of return."""
    strace, log = need_tool("strace"), home / "strace.log"
    command = [strace, "-f", "-y", "-qq", "-s", "32", "-e", f"trace={WATCHED}", "-o", str(log)]
    child = [sys.executable, "-m", "tests.journal.traced", mode, str(home), str(count)]
    ended = subprocess.run([*command, *child], capture_output=True, text=True, check=False, cwd=ROOT)
    if "ptrace" in ended.stderr or "Operation not permitted" in ended.stderr:
        missing("strace may not trace here")
    assert ended.returncode == 0, ended.stderr
    calls = list(returned(log.read_text(encoding="utf-8", errors="replace").splitlines()))
    first = next(index for index, (_, rest) in enumerate(calls) if '"ready' in rest)
    last = next(index for index, (_, rest) in enumerate(calls) if '"over' in rest)
    return calls[first + 1 : last]


def returned(lines: list[str]) -> Iterator[tuple[str, str]]:
    """A call split in two by another thread counts where it returned, with the arguments it began with."""
    begun: dict[str, str] = {}
    for line in lines:
        thread, _, text = line.partition(" ")
        text = text.strip()
        if text.endswith("<unfinished ...>"):
            begun[thread] = text.removesuffix("<unfinished ...>")
            continue
        if text.startswith("<... "):
            text = begun.pop(thread)
        name, _, rest = text.partition("(")
        yield name, rest


def positions(calls: list[tuple[str, str]], names: str, part: str) -> list[int]:
    return [index for index, (name, rest) in enumerate(calls) if name in names.split() and part in rest]


@pytest.mark.slow
def test_an_acknowledgement_comes_after_every_sync(tmp_path: Path) -> None:
    calls = traced(tmp_path, "alone", 12)
    acknowledged = positions(calls, "write", '"ack ')
    assert len(acknowledged) == 12
    start = 0
    for end in acknowledged:
        step = calls[start:end]
        [file_synced] = positions(step, "fsync", ".part>")
        [renamed] = positions(step, "rename renameat renameat2", ".part")
        folder_synced = positions(step, "fsync", "/blobs/")[-1]
        logged = positions(step, "pwrite64", "journal.sqlite-wal>")
        log_synced = positions(step, "fsync fdatasync", "journal.sqlite-wal>")
        assert file_synced < renamed < folder_synced < logged[0] <= logged[-1] < log_synced[-1]
        assert len(positions(step, "fsync fdatasync", "")) <= 6, step
        start = end + 1


@pytest.mark.slow
def test_commits_that_wait_together_share_their_syncs(tmp_path: Path) -> None:
    calls = traced(tmp_path, "together", 100)
    acknowledged = positions(calls, "write", '"ack ')
    synced = positions(calls, "fsync fdatasync", "journal.sqlite")
    assert len(acknowledged) == 100
    assert 1 <= len(synced) <= 5
    assert synced[-1] < acknowledged[0] or len(synced) > 1
    logged = positions(calls, "pwrite64", "journal.sqlite-wal>")
    assert logged[-1] < max(synced) < acknowledged[-1]


async def test_a_power_cut_keeps_what_was_acknowledged_and_nothing_half(tmp_path: Path) -> None:
    """After an acknowledgement the log is on the disk up to its size of then; of what follows, a power cut may leave anything."""
    dice = random.Random(7)
    home = tmp_path / "home"
    store = await SqliteStore.open(home / "journal.sqlite")
    log, sizes, ones = home / "journal.sqlite-wal", [], [document() for _ in range(25)]
    for one in ones:
        await store.commit(one, delivery(one), delivery(one), audit(one), event(one))
        sizes.append(log.stat().st_size)
    shutil.copytree(home, tmp_path / "copy")
    await store.close()
    whole = (tmp_path / "copy" / "journal.sqlite-wal").read_bytes()
    for number, (size, following) in enumerate(itertools.pairwise(sizes), start=1):
        cut = dice.randrange(size, following)
        for rest in (b"", b"\0" * (following - cut), dice.randbytes(following - cut)):
            again = tmp_path / "again"
            shutil.copytree(tmp_path / "copy", again, ignore=shutil.ignore_patterns("*-shm", "*-wal"))
            (again / "journal.sqlite-wal").write_bytes(whole[:cut] + rest)
            await survivors(again / "journal.sqlite", [one.id for one in ones[:number]])
            shutil.rmtree(again)


async def survivors(path: Path, expected: list[str]) -> None:
    store = await SqliteStore.open(path)
    try:
        found = [one.id for one in reversed(await store.documents(DocumentQuery(limit=100)))]
        assert found == expected
        for document_id in found:
            assert len(await store.deliveries_of(document_id)) == 2
            assert len(await store.audit_of(document_id)) == 1
        assert await store.last_event() == len(expected)
        assert await store.verify_audit() is None
        await store.commit(document())
    finally:
        await store.close()
