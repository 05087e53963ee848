"""The process that reads the text: held to its bounds by the kernel, killed when it hangs, and nothing left of the document anywhere."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from gateway.cda.pdf.text import TextLimits, TextReaderMissing, TextReadingInterrupted, read_text
from gateway.kernel.errors import ErrorClass
from tests.cda import pdf_samples as samples
from tests.cda.pdf.letters import by_reportlab, fake, with_content
from tests.rig.processes import ROOT
from tests.tools import need_tool

MEGA = 1_000_000


@pytest.fixture(autouse=True)
def _reader() -> None:
    need_tool("pdftotext")


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


# Bounds


def report(folder: Path, command: str) -> str:
    """What a program in the place of pdftotext says of the place it runs in."""
    text = read_text(by_reportlab(), fake(folder, f"{command}\necho and twenty letters at the very least"))
    assert text is not None
    return text


def test_the_kernel_holds_the_process_to_its_bounds(tmp_path: Path) -> None:
    text = report(tmp_path, "cat /proc/self/limits")
    found = {line[:25].strip(): line[25:].split()[:2] for line in text.splitlines() if line.startswith("Max")}
    assert found["Max address space"] == [str(TextLimits().memory_bytes)] * 2
    assert found["Max cpu time"] == ["5", "5"]
    assert found["Max file size"] == ["0", "0"]
    assert found["Max core file size"] == ["0", "0"]
    assert found["Max open files"] == ["64", "64"]


def test_the_process_inherits_nothing_but_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAIS_SECRET", "xyzzy")
    with (tmp_path / "open").open("wb") as mine:
        os.set_inheritable(mine.fileno(), True)
        listing = "for one in /proc/$$/fd/*; do readlink $one || true; done; env; pwd"
        text = report(tmp_path, f"{listing}; ps -o pid=,sid= -p $$ 2>/dev/null || true")
    opened = [line for line in text.splitlines() if line.startswith(("/", "pipe:", "anon_inode:", "socket:"))]
    assert str(tmp_path / "open") not in text
    assert sorted(one.split(":")[0] for one in opened if not one.endswith("/reader") and one != "/") == [
        "/dev/null", "/dev/null", "/memfd", "pipe",
    ]  # fmt: skip
    assert "xyzzy" not in text
    assert "\n/\n" in text, "works in no folder of the box"


_ALONE = """
import resource, sys
from gateway.cda.pdf.text import TextLimits, read_text
document = sys.stdin.buffer.read()
def used():
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
"""


def run_alone(work: str, document: bytes) -> list[str]:
    """The words that these lines print, run in a fresh interpreter whose children are counted by the kernel."""
    command = [sys.executable, "-c", _ALONE + textwrap.dedent(work)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, input=document, capture_output=True, env=environment, cwd=ROOT, timeout=50, check=True)
    return done.stdout.decode().split()


def glyphs(count: int) -> bytes:
    """So many letters, each at its own place of one huge page: pdftotext keeps them all, the file does not show it."""
    row = b"(" + b"MWQGOMWQGO" * 10 + b") Tj 0 -8 Td "
    column = b"1 0 0 1 %d 14000 Tm " + row * 500
    return with_content(b"BT /F1 8 Tf " + b"".join(column % (20 + 720 * n) for n in range(count // 50_000)) + b"ET", side=14_400)


def test_a_page_that_takes_too_much_memory_has_no_text_and_one_below_the_bound_has() -> None:
    """The same page on both sides of the bound; the kernel's count of the child says that it was held."""
    page = glyphs(900_000)
    assert len(page) < 10_000
    beyond, held, within, free = run_alone(
        """
        beyond = read_text(document, TextLimits(memory_bytes=64_000_000))
        held = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        within = read_text(document)
        free = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        print(beyond is not None, held, within is not None, free)
        """,
        page,
    )
    assert (beyond, within) == ("False", "True")
    assert int(held) * 1024 <= 64 * MEGA < int(free) * 1024 <= TextLimits().memory_bytes


def test_a_content_that_inflates_without_end_takes_no_more_than_its_processor_time() -> None:
    """Held by the kernel: the reader is killed at its second of processor time, long before the wait gives up."""
    bomb = samples.bomb(2)
    assert len(bomb) < 10_000
    read, spent = run_alone(
        """
        text = read_text(document, TextLimits(seconds=1.0))
        print(text is not None, used())
        """,
        bomb,
    )
    assert read == "False"
    assert float(spent) < 2.0


def test_content_just_under_the_bound_of_time_is_read() -> None:
    """Ten million spaces after a letter: some tens of milliseconds of processor time."""
    document = with_content(b"BT /F1 12 Tf 60 700 Td (Madame Sophie MARTIN, le 12/03/1975) Tj ET\n" + b" " * 10 * MEGA)
    assert len(document) < 20_000
    read, spent = run_alone("print(read_text(document, TextLimits(seconds=1.0)) is not None, used())", document)
    assert read == "True"
    assert float(spent) < 1.0


def test_a_structure_that_inflates_without_end_has_no_text_within_the_memory_bound() -> None:
    read, peak = run_alone(
        "print(read_text(document) is not None, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)", samples.structure_bomb()
    )
    assert read == "False"
    assert int(peak) * 1024 <= TextLimits().memory_bytes


def test_text_is_cut_at_its_bound_even_inside_a_character() -> None:
    document = by_reportlab()
    whole = read_text(document)
    assert whole is not None
    encoded = whole.encode()
    for size in range(40, len(encoded)):
        assert read_text(document, TextLimits(output_bytes=size)) == encoded[:size].decode("utf-8", errors="replace")


def test_text_without_end_is_cut_and_its_writer_stopped(tmp_path: Path) -> None:
    text = read_text(by_reportlab(), fake(tmp_path, "exec yes abcdefghijklmnopqrstuvwxyz", output_bytes=100_000))
    assert text is not None
    assert len(text) == 100_000
    assert children() == []


# A reader that misbehaves


@pytest.mark.parametrize(
    "script",
    [
        "sleep 1000",
        "echo twenty letters and then some more; exec sleep 1000",
        "echo twenty letters and then some more; exec >&-; sleep 1000",
        "trap '' TERM INT; sleep 1000 & sleep 1000",
    ],
    ids=["silent", "after-text", "closed-its-output", "with-a-child"],
)
def test_a_reader_that_hangs_is_killed_with_all_it_started_and_gives_no_text(tmp_path: Path, script: str) -> None:
    assert read_text(by_reportlab(), fake(tmp_path, script, seconds=0.3)) is None
    assert children() == []
    assert not _left_alive(), "killed with its group, and gone as soon as the kernel has ended it"


def _left_alive(seconds: float = 10) -> set[int]:
    """What still runs of the group; a killed process that is no longer our child may take an instant to be ended by the kernel."""
    deadline = time.monotonic() + seconds
    while mine := {process.pid for process in psutil.process_iter() if _started_here(process)}:
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return mine


def _started_here(process: psutil.Process) -> bool:
    try:
        return process.cmdline() == ["sleep", "1000"] and process.cwd() == "/" and process.environ().get("HOME") == "/"
    except psutil.Error:
        return False


@pytest.mark.parametrize("script", ["echo twenty letters and then some more; exit 1", "echo twenty letters, then dead; kill -SEGV $$"])
def test_the_text_of_a_reader_that_ends_badly_is_not_used(tmp_path: Path, script: str) -> None:
    assert read_text(by_reportlab(), fake(tmp_path, script)) is None


def test_bytes_that_are_no_characters_are_no_error(tmp_path: Path) -> None:
    text = read_text(by_reportlab(), fake(tmp_path, r"printf '\377\376 Madame Sophie MARTIN, le 12 mars\n'"))
    assert text == "\ufffd\ufffd Madame Sophie MARTIN, le 12 mars\n"


def test_a_missing_reader_is_told_by_its_name_alone(tmp_path: Path) -> None:
    with pytest.raises(TextReaderMissing) as missing:
        read_text(by_reportlab(), TextLimits(program=str(tmp_path / "pdftotext")))
    assert missing.value.error_class is ErrorClass.CONFIGURATION
    assert "(pdftotext)" in missing.value.explanation.what
    assert str(tmp_path) not in f"{missing.value!r} {missing.value.explanation} {missing.value.technical}"


def test_a_missing_confinement_reads_nothing_unconfined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tmp_path / "ran"
    limits = fake(tmp_path, f"touch {seen}; echo twenty letters and then some more")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TextReaderMissing) as missing:
        read_text(by_reportlab(), limits)
    assert "(prlimit)" in missing.value.explanation.what
    assert not seen.exists()


def test_a_box_without_room_for_a_process_tries_again_later() -> None:
    """The bound on open files stands for any want: memfd, pipe and process are refused alike."""
    found = run_alone(
        """
        import os
        from gateway.cda.pdf.text import TextReadingInterrupted
        resource.setrlimit(resource.RLIMIT_NOFILE, (os.dup(0) + 2, 4096))
        try:
            read_text(document)
        except TextReadingInterrupted as wanting:
            print(wanting.code, wanting.error_class.value, wanting.technical.replace(" ", "-"), len(os.listdir("/proc/self/fd")) < 8)
        """,
        by_reportlab(),
    )
    assert found == [TextReadingInterrupted.code, ErrorClass.TRANSIENT.value, f"errno-{errno.EMFILE}", "True"]


# Nothing left of it


def test_nothing_of_the_text_is_in_an_error_an_output_or_a_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(TextReaderMissing) as missing:
        read_text(by_reportlab(), TextLimits(program="no-such-reader"))
    chained = f"{missing.value!r} {missing.value.explanation} {missing.value.__cause__} {missing.value.__context__}"
    noisy = fake(tmp_path, "cat /proc/self/fd/* >&2 2>/dev/null; echo Madame Sophie MARTIN >&2; exit 3")
    assert read_text(by_reportlab(), noisy) is None
    told = chained + caplog.text + "".join(capfd.readouterr())
    assert "NOËL" not in told
    assert "MARTIN" not in told


def opened(process: int | str = "self") -> list[str]:
    """What a process has open."""
    return sorted(str(one.readlink()) for one in Path(f"/proc/{process}/fd").iterdir() if one.is_symlink())


def test_no_file_and_no_descriptor_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMPDIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    before = opened()
    for document in (by_reportlab(), b"", samples.plain(2)[:900], samples.structure_bomb()):
        read_text(document)
    read_text(by_reportlab(), TextLimits(output_bytes=30))
    assert opened() == before
    assert list(tmp_path.iterdir()) == []
    assert children() == []


def test_a_kill_of_the_gateway_leaves_no_file_of_the_document(tmp_path: Path) -> None:
    """Killed while the reader holds the document: there never was a file, and the memory goes with the last process."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    limits = fake(tmp_path, "exec sleep 20")
    program = (
        "import sys\nfrom gateway.cda.pdf.text import TextLimits, read_text\n"
        f"read_text(sys.stdin.buffer.read(), TextLimits(program={limits.program!r}, seconds=20))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary), "HOME": str(temporary)}
    gateway = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, env=environment, cwd=temporary)
    assert gateway.stdin is not None
    gateway.stdin.write(by_reportlab())
    gateway.stdin.close()
    reader = None
    try:
        reader = _child_named(gateway.pid, "sleep")
        assert [link.split(":")[0] for link in opened(reader.pid) if link.endswith("(deleted)")] == ["/memfd"]
        gateway.kill()
        gateway.wait()
        assert list(temporary.iterdir()) == []
    finally:
        gateway.kill()
        gateway.wait()
        if reader is not None:
            reader.kill()


def _child_named(parent: int, name: str) -> psutil.Process:
    """The process of this name once it runs below the other."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for process in psutil.Process(parent).children(recursive=True):
            if process.name() == name:
                return process
        time.sleep(0.01)
    pytest.fail("the reader never ran")
