"""A 20 MB document is never held twice: the memory of the process, measured from outside while it takes one."""

from __future__ import annotations

import io
import json
import random
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pikepdf
import pytest

from tests.api.rig import bearer, form, request_part, small_pdf

SIDE = 2600
"""Of a picture of three bytes a point: 20 MB that do not compress."""
ROOT = Path(__file__).resolve().parents[2]


def picture(pdf: pikepdf.Pdf, bytes_of_it: bytes, side: int, **more: object) -> pikepdf.Stream:
    return pikepdf.Stream(
        pdf,
        bytes_of_it,
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Image,
        Width=side,
        Height=side,
        ColorSpace=pikepdf.Name.DeviceRGB,
        BitsPerComponent=8,
        **more,
    )


def pages(pictures: Callable[[pikepdf.Pdf], list[pikepdf.Stream]]) -> bytes:
    pdf = pikepdf.new()
    for one in pictures(pdf):
        page = pdf.add_blank_page(page_size=(595, 842))
        page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=one))
        page.Contents = pikepdf.Stream(pdf, b"q 595 0 0 842 0 0 cm /Im0 Do Q")
    target = io.BytesIO()
    pdf.save(target)
    return target.getvalue()


def scan() -> bytes:
    """Ten pages of two megabytes, as a copier sends them (what is in the pictures does not matter here)."""
    noise = random.Random(20)
    return pages(lambda pdf: [picture(pdf, noise.randbytes(2_050_000), 2000, Filter=pikepdf.Name.DCTDecode) for _ in range(10)])


def one_picture() -> bytes:
    """One picture of 20 MB that does not compress, in a single Flate stream."""
    return pages(lambda pdf: [picture(pdf, random.Random(20).randbytes(SIDE * SIDE * 3), SIDE)])


class Process:
    """A box in a process of its own, and its memory in bytes."""

    def __init__(self, pid: int, port: int, token: str, folder: Path) -> None:
        self._proc = Path(f"/proc/{pid}")
        self.url = f"https://127.0.0.1:{port}"
        self.headers = bearer(token)
        self.trust = ssl.create_default_context(cafile=str(folder / "lan-ca.pem"))

    def memory(self) -> int:
        """What the process costs the machine: a page mapped twice counts once."""
        lines = (self._proc / "smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) * 1024

    def send(self, document: bytes, title: str) -> int:
        described = {**request_part()["document"], "title": title}
        request = json.dumps(request_part(document=described, deliver={"dmp": True})).encode()
        with httpx.Client(base_url=self.url, headers=self.headers, verify=self.trust, timeout=60) as client:
            return client.post("/api/v1/documents", files=form(request, document)).status_code


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    command = [sys.executable, "-m", "tests.api.weighed", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True) as running:
        assert running.stdout is not None
        port, token = running.stdout.readline().split()
        yield Process(running.pid, int(port), token, tmp_path)


@contextmanager
def highest(process: Process) -> Iterator[list[int]]:
    """The highest memory seen while the block runs, looked at every millisecond."""
    found, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(0.001):
            found[0] = max(found[0], process.memory())

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()


@pytest.mark.parametrize("make", [scan, one_picture])
def test_twenty_megabytes_are_held_once(process: Process, make: Callable[[], bytes]) -> None:
    heavy = make()
    assert len(heavy) > 20_000_000
    assert process.send(small_pdf(), "Échauffement") == 202
    before = process.memory()
    with highest(process) as most:
        assert process.send(heavy, "Seule") == 202
    times = (most[0] - before) / len(heavy)
    assert 0.9 < times < 1.5, f"{times:.2f} times the document"


def test_a_refused_document_gives_its_memory_back(process: Process) -> None:
    broken = b"x" * 20_000_000
    assert process.send(broken, "Première") == 415
    before = process.memory()
    for _ in range(3):
        assert process.send(broken, "Suivante") == 415
    assert process.memory() - before < 0.2 * len(broken)
