"""`python -m image.build BOARD`: makes build/image/BOARD/disk.img; `--compression lz4` for a quick one."""

from __future__ import annotations

import argparse
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from image.build.board import BOARDS, PROJECT, board_named
from image.build.commands import run
from image.build.disk import assemble, squash
from image.build.root import debian_root
from image.build.site import python_site
from image.build.tree import OVERLAY, Parts, rewrite


def main(arguments: list[str]) -> int:
    """0 when the disk is there; a tool that fails says why and ends it."""
    parser = argparse.ArgumentParser(prog="image.build")
    parser.add_argument("board", choices=sorted(BOARDS))
    parser.add_argument("--compression", choices=("zstd", "lz4"), default="zstd")
    parser.add_argument("--version", default=version("relais"))
    parser.add_argument("--cache", type=Path, default=PROJECT / "build/image/cache")
    options = parser.parse_args(arguments)
    board = board_named(options.board)
    work = PROJECT / "build/image" / board.name
    work.mkdir(parents=True, exist_ok=True)
    base = debian_root(board, options.cache)
    for name in ("site", "units", "boot"):
        shutil.rmtree(work / name, ignore_errors=True)
    python_site(board, work / "site")
    run(["make", "-s", "-C", PROJECT / "systemd", "install", f"DESTDIR={work / 'units'}"])
    rewrite(base, work / "root.tar", Parts((work / "units", OVERLAY), work / "site", options.version), work / "boot")
    squash(work / "root.tar", work / "root.squashfs", options.compression)
    (work / "root.tar").unlink()
    disk = assemble(board, work, work / "boot")
    print(disk)  # noqa: T201 - a program of its own
    print(f"root: {(work / 'root.squashfs').stat().st_size / 1e6:.0f} MB", file=sys.stderr)  # noqa: T201 - a program of its own
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
