"""What the bare machine does, measured in the same run and on the same disk: the floors that the figures are compared with."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import ssl
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.bench.figures import Figure, median, percentile
from tests.bench.process import load_average
from tests.rig.caller import REQUEST
from tests.rig.processes import ROOT

_PAGE = b"\0" * 4096
_ROUNDS = 200


class BareDisk:
    """A file on the gateway's file system: a page appended and fdatasync, nothing else."""

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder / "floor", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)

    def sync(self) -> float:
        """Seconds of one append and fdatasync."""
        start = time.perf_counter()
        os.write(self._descriptor, _PAGE)
        os.fdatasync(self._descriptor)
        return time.perf_counter() - start

    def close(self) -> None:
        """Give the file back."""
        os.close(self._descriptor)


class BarePost:
    """The same multipart over TLS to a server that only reads it."""

    def __init__(self, facts: dict[str, int], authority: Path, document: bytes) -> None:
        self._client = httpx.Client(
            base_url=f"https://127.0.0.1:{facts['port']}", verify=ssl.create_default_context(cafile=authority), timeout=30
        )
        self._parts: dict[str, tuple[str | None, bytes | str, str]] = {
            "request": (None, json.dumps(REQUEST), "application/json"),
            "file": ("document", document, "application/pdf"),
        }

    def send(self) -> float:
        """Seconds of one POST, from the first byte to the answer."""
        start = time.perf_counter()
        self._client.post("/documents", files=self._parts).raise_for_status()
        return time.perf_counter() - start

    def close(self) -> None:
        """End the connection."""
        self._client.close()


@contextlib.contextmanager
def bare_post(folder: Path, document: bytes) -> Iterator[BarePost]:
    """The bare server in a process of its own, and a client connected to it."""
    folder.mkdir(parents=True, exist_ok=True)
    server = subprocess.Popen([sys.executable, "-m", "tests.bench.sink", str(folder)], cwd=ROOT, start_new_session=True)
    try:
        deadline = time.monotonic() + 30
        while not (folder / "sink.json").exists():
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the bare server did not start")
            time.sleep(0.02)
        client = BarePost(json.loads((folder / "sink.json").read_bytes()), folder / "ca.pem", document)
        client.send()
        try:
            yield client
        finally:
            client.close()
    finally:
        server.kill()
        server.wait()


def bare_machine(folder: Path, document: bytes, cda: bytes) -> list[Figure]:
    """fdatasync, RSA-2048 signature, SHA-256 and plain zip of a CDA, TLS POST: one figure each."""
    disk = BareDisk(folder)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    syncs = [disk.sync() for _ in range(_ROUNDS)]
    disk.close()
    with bare_post(folder / "sink", document) as post:
        posts = [post.send() for _ in range(_ROUNDS)]
    load = load_average()
    size = f"{len(document) // 1000} kB"
    return [
        _timed("bare fdatasync, median", median(syncs), load),
        _timed("bare fdatasync, p99", percentile(syncs, 99), load),
        _timed(f"bare TLS POST of {size}, median", median(posts), load),
        _timed(f"bare TLS POST of {size}, p99", percentile(posts, 99), load),
        _timed("bare RSA-2048 signature (CPU)", cpu_of(lambda: key.sign(b"x", padding.PKCS1v15(), SHA256())), load),
        _timed("bare SHA-256 of the CDA (CPU)", cpu_of(lambda: hashlib.sha256(cda).digest()), load),
        _timed("plain zip of the CDA (CPU)", cpu_of(lambda: _zip(cda)), load),
    ]


def cpu_of(work: Callable[[], object], rounds: int = 25) -> float:
    """Median CPU seconds of one call, the first one left out."""
    work()
    taken = []
    for _ in range(rounds):
        start = time.process_time_ns()
        work()
        taken.append((time.process_time_ns() - start) / 1e9)
    return median(taken)


def _zip(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("DOC0001.XML", content)


def _timed(name: str, seconds: float, load: float) -> Figure:
    return Figure(name=name, value=seconds * 1000, unit="ms", load=load)
