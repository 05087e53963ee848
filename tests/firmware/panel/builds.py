"""The program of the panel built for this machine and for its chip, by its own Makefile, and an emulated chip to run it on."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

from tests.shared import missing
from tests.tools import need_tool

ROOT = Path(__file__).resolve().parents[3]
BOARD = ROOT / "firmware/panel/board"
HOST = Path(__file__).parent / "host"
EMULATOR = Path(__file__).parent / "emulator"
LOGIC = ("frame", "button", "lamps", "watchdog", "panel")


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """What it printed; fails the test with what it said on its error output."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def compiled(target: Path, *sources: Path, options: tuple[str, ...] = ()) -> Path:
    """The logic of the panel and these sources, compiled for this machine with warnings as errors."""
    strict = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-g", f"-I{BOARD / 'include'}")
    run(need_tool("gcc"), *strict, *options, *(BOARD / f"src/{name}.c" for name in LOGIC), *sources, "-o", target)
    return target


def image(folder: Path, serial: str | None = None) -> Path:
    """The UF2 file, as an integrator builds it."""
    need_tool("arm-none-eabi-gcc")
    run(need_tool("make"), "-C", BOARD, f"BUILD={folder}", *([f"SERIAL={serial}"] if serial else []))
    return folder / "panel.uf2"


@functools.cache
def node() -> str:
    """Node.js, with the packages of the emulator beside it (`make emulator`)."""
    program = need_tool("node")
    for package in ("rp2040js", "uf2", "cobs"):
        if not (EMULATOR / "node_modules" / package / "package.json").exists():
            missing(f"the npm package {package} is not installed: make emulator")
    return program


def symbols(elf: Path) -> dict[str, int]:
    """Addresses of the symbols of a linked program, as nm tells them."""
    nm = shutil.which("arm-none-eabi-nm") or "nm"
    lines = (line.split() for line in run(nm, elf).splitlines())
    return {name: int(address, 16) for address, _, name in (line for line in lines if len(line) == 3)}


def environment() -> dict[str, str]:
    """For programs that need nothing of ours."""
    return {"PATH": os.environ["PATH"]}
