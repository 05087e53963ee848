"""A board, and what its image is made of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

IMAGE = Path(__file__).resolve().parents[1]
PROJECT = IMAGE.parent
SUITE = "trixie"
SITE = "usr/lib/relais/site"
"""Where the Python set lies in the root."""
PYTHON = "3.13"
"""The interpreter of that suite: what is installed beside it is built for it."""
EPOCH = 1_796_000_000
"""The date of every file, so that two builds give the same root."""


class UnknownBoard(ValueError):
    """No such board."""


@dataclass(frozen=True)
class Board:
    """One kind of machine; `packages` are the lists that make its root."""

    name: str
    architecture: str
    wheels: str
    """Platform of the wheels, as uv names it."""
    packages: tuple[str, ...]
    folder: str

    @property
    def names(self) -> tuple[str, ...]:
        """Every Debian package asked for, sorted."""
        lines = (line for one in self.packages for line in (IMAGE / "packages" / f"{one}.txt").read_text().splitlines())
        return tuple(sorted({name for line in lines if (name := line.split("#")[0].strip())}))

    @property
    def digest(self) -> str:
        """Changes whenever the Debian root must be made anew."""
        told = "\n".join([SUITE, self.architecture, *self.names, modules().read_text(), users().read_text()])
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def modules() -> Path:
    """Kernel modules of the initial memory disk: read before the kernel is installed."""
    return IMAGE / "overlay/usr/share/initramfs-tools/modules.d/relais"


def users() -> Path:
    """The users of Relais: made when the root is, since /etc cannot be written to on a box."""
    return PROJECT / "systemd/sysusers.d/relais.conf"


BOARDS = {
    "pc": Board("pc", "amd64", "x86_64-manylinux_2_28", ("common", "pc"), "pc"),
    "pc-test": Board("pc-test", "amd64", "x86_64-manylinux_2_28", ("common", "pc-test"), "pc"),
}


def board_named(name: str) -> Board:
    """Raises UnknownBoard."""
    if name not in BOARDS:
        raise UnknownBoard(name)
    return BOARDS[name]
