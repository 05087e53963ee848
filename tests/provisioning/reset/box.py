"""A home full of what a box holds, with marks that nothing of it may survive; and a disk that is cut at the instant one likes."""

from __future__ import annotations

import atexit
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from typing_extensions import override

from gateway.kernel.home import Home
from gateway.trust.keystore import KeyStore
from gateway.trust.lan import LanAuthority
from gateway.trust.secret_file import HOMOLOGATION, keep_secret
from gateway.trust.vault import open_vault
from provisioning.reset.disk import RealDisk

NOW = datetime(2026, 11, 30, 11, 5, tzinfo=UTC)
NAME, TOKEN, SECRET = b"INVENTEE-KERVELLA", b"rls_mark-of-a-token-7f3a", b"homologation-4711"
PAPERS = {"lock", "effacement.txt"}


class Box:
    """The home, and what must not be found again."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        shutil.copytree(_model(), folder)
        self.key = (folder / "box.key").read_bytes()
        self.sealed = open_vault(folder).seal_small(NAME, b"kept elsewhere")
        self.marks = (NAME, TOKEN, SECRET, self.key)

    def left(self) -> set[str]:
        """Names in the home."""
        return {path.name for path in self.home.root.rglob("*")}

    def raw(self) -> bytes:
        """Every byte of every file of the home, names included."""
        files = sorted(path for path in self.home.root.rglob("*") if path.is_file())
        return b"\n".join(os.fsencode(path) + path.read_bytes() for path in files)


class PowerCut(BaseException):
    """Nothing catches it, as nothing catches the real one."""


class CutDisk(RealDisk):
    """Cut before, in the middle of, or after the gesture of a given number."""

    def __init__(self, number: int, when: str) -> None:
        self.done: list[str] = []
        self._number, self._when = number, when

    @override
    def overwrite(self, path: Path) -> None:
        self._around("overwrite", path, lambda: super(CutDisk, self).overwrite(path), lambda: _half(path))

    @override
    def remove(self, path: Path) -> None:
        self._around("remove", path, lambda: super(CutDisk, self).remove(path), lambda: None)

    @override
    def write(self, path: Path, data: bytes) -> None:
        draft = path.with_name(f".{path.name}.{'0' * 16}")
        self._around("write", path, lambda: super(CutDisk, self).write(path, data), lambda: draft.write_bytes(data[:10]))

    def _around(self, kind: str, path: Path, whole: object, half: object) -> None:
        here = len(self.done) == self._number
        if here and self._when == "before":
            raise PowerCut
        if here and self._when == "middle":
            half()  # type: ignore[operator]
            raise PowerCut
        whole()  # type: ignore[operator]
        self.done.append(f"{kind} {path.name}")
        if here:
            raise PowerCut


def _half(path: Path) -> None:
    if path.is_file() and path.stat().st_size:
        with path.open("r+b") as file:
            file.write(os.urandom(path.stat().st_size // 2))


@cache
def _model() -> Path:
    """Made once: keys and certificates take longer than the test of a cut."""
    folder = Path(tempfile.mkdtemp(prefix="relais-model-")) / "box"
    atexit.register(shutil.rmtree, folder.parent)
    folder.mkdir(mode=0o700)
    vault = open_vault(folder, create=True)
    key = (folder / "box.key").read_bytes()
    keep_secret(folder, vault, HOMOLOGATION, SECRET.decode())
    LanAuthority(folder, vault).identity(("localhost",), NOW)
    KeyStore(folder, vault)
    (folder / "workstation-token").write_bytes(TOKEN + b"\n")
    (folder / "relais.toml").write_bytes(b'name = "' + NAME + b'"\n')
    (folder / "lock").touch(0o600)
    for name in ("blobs/ab", "conformity/1", "keys/10B0152872", "work/x"):
        (folder / name).mkdir(parents=True)
    (folder / "blobs" / "ab" / "piece").write_bytes(os.urandom(3000))
    (folder / "keys" / "10B0152872" / "sign.sealed").write_bytes(key + b"never in clear, a mark all the same")
    (folder / "work" / "x" / "page.pdf").write_bytes(NAME)
    (folder / "read-only").write_bytes(NAME)
    (folder / "read-only").chmod(0o400)
    with closing(sqlite3.connect(folder / "journal.sqlite")) as journal, journal:
        journal.execute("CREATE TABLE deliveries (state TEXT)")
        journal.executemany("INSERT INTO deliveries VALUES (?)", [("delivered",), ("queued",), ("held",)])
    return folder
