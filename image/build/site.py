"""The Python set of the image: from uv.lock, every hash checked, for the board's processor; then Relais itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from image.build.board import PROJECT, PYTHON, SITE, Board
from image.build.commands import run

_UV = PROJECT / ".venv-tools/bin/uv"
PACKAGES = ("firmware", "gateway", "provisioning")


def python_site(board: Board, folder: Path) -> None:
    """Fill this new folder; raises CalledProcessError."""
    folder.mkdir(parents=True)
    wanted = folder.with_suffix(".txt")
    run([_UV, "export", "-q", "--frozen", "--no-emit-project", "--no-header", "--no-dev", "-o", wanted], folder=PROJECT)
    run(
        [
            *(_UV, "pip", "install", "-q", "--require-hashes", "--no-deps", "--only-binary", ":all:"),
            *("--target", folder, "--python-platform", board.wheels, "--python-version", PYTHON, "-r", wanted),
        ],
        folder=PROJECT,
    )
    for name in _tracked():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT / name, target)
    _describe(folder)
    for one in folder.rglob("*"):
        one.chmod(0o755 if one.is_dir() else 0o644)
    shutil.rmtree(folder / "bin", ignore_errors=True)
    _compile(folder)


def _tracked() -> list[str]:
    """The files of Relais that git knows: nothing left lying about goes into an image."""
    told = run(["git", "-c", "safe.directory=*", "ls-files", "-z", *PACKAGES], folder=PROJECT)
    return [name for name in told.split("\0") if name and not name.startswith("firmware/panel/board/")]


def _describe(folder: Path) -> None:
    """Relais as an installed distribution, for `importlib.metadata`."""
    version = run([sys.executable, "-c", "from importlib.metadata import version; print(version('relais'))"]).strip()
    about = folder / f"relais-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: relais\nVersion: {version}\n")


def _compile(folder: Path) -> None:
    """Byte code that depends on the content alone: same image twice. Left out where the interpreter of the image is not at hand."""
    names = (f"python{PYTHON}", *map(str, sorted(Path.home().glob(f".pyenv/versions/{PYTHON}*/bin/python{PYTHON}"))))
    found = next((name for name in names if _runs(name)), None)
    if found is not None:
        run([*(found, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"), *("-s", folder, "-p", f"/{SITE}", folder)])


def _runs(interpreter: str) -> bool:
    """False also for a name that only says which versions there are."""
    return (
        shutil.which(interpreter) is not None
        and subprocess.run([interpreter, "-c", "pass"], capture_output=True, check=False).returncode == 0
    )
