"""Runs Ghostscript where it can do no harm: its own folder, bounded memory, time and output, low priority, no network where possible.

-dSAFER leaves it the files of its folder that are named to it and its own fonts. What it prints is thrown away: it may quote the document.
The whole process group dies on timeout or cancellation. Source: cda_signing.md 1.5; limits are configuration.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.cda.pdf.conversion import ConversionInterrupted, ConversionLimits, GhostscriptMissing, PdfaConversionFailed

_COMMON = ("-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-dPrinted=true")
_NO_NETWORK = (("unshare", "--net"), ("unshare", "--user", "--map-current-user", "--net"))


async def run_ghostscript(folder: Path, arguments: Sequence[str], limits: ConversionLimits, *, seconds: float) -> None:
    """One run in `folder` to success. Raises PdfaConversionFailed (timeout or failure), GhostscriptMissing, ConversionInterrupted."""
    program = await asyncio.to_thread(_program, limits.ghostscript)
    await _run(folder, [program, *_COMMON, *arguments], limits, seconds=seconds)


async def run_module(folder: Path, module: str, arguments: Sequence[str], limits: ConversionLimits, *, seconds: float) -> None:
    """One of our own modules run as a program under the same bounds; raises the same errors."""
    python = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"}
    await _run(folder, [sys.executable, "-m", module, *arguments], limits, seconds=seconds, more=python)


async def _run(
    folder: Path, arguments: Sequence[str], limits: ConversionLimits, *, seconds: float, more: Mapping[str, str] | None = None
) -> None:
    if seconds <= 0:
        raise _too_slow()
    confinement = await asyncio.to_thread(_confinement, limits, seconds)
    try:
        process = await asyncio.create_subprocess_exec(
            *confinement,
            *arguments,
            cwd=folder,
            env={"PATH": os.defpath, "TMPDIR": str(folder), "HOME": str(folder), "LC_ALL": "C.UTF-8", **(more or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise ConversionInterrupted(technical=f"cannot start: errno {error.errno}") from None
    try:
        async with asyncio.timeout(seconds):
            status = await process.wait()
    except TimeoutError:
        raise _too_slow() from None
    finally:
        await _end_group(process)
    if status == -signal.SIGXCPU:
        raise _too_slow()
    if status:
        raise PdfaConversionFailed(technical=f"converter ended with {status}", reason="le convertisseur ne sait pas lire ce PDF")


def _too_slow() -> PdfaConversionFailed:
    return PdfaConversionFailed(technical="timeout", reason="la conversion prend trop de temps")


async def _end_group(process: asyncio.subprocess.Process) -> None:
    """Nothing of the group outlives this call, and no zombie stays, even when the task is being cancelled."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await asyncio.shield(process.wait())


def _confinement(limits: ConversionLimits, seconds: float) -> list[str]:
    """The programs that bound the one to come, with full paths."""
    bounds = [
        _program("prlimit"),
        f"--as={limits.memory_bytes}",
        f"--cpu={math.ceil(seconds)}",
        f"--fsize={limits.output_bytes}",
        "--core=0",
        "--",
    ]
    return [*bounds, *_network_cut(), _program("nice"), "-n", str(limits.niceness)]


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise GhostscriptMissing(technical=f"no program {Path(name).name}", program=Path(name).name)
    return found


@functools.cache
def _network_cut() -> tuple[str, ...]:
    """The prefix that takes the network away, where the kernel and our rights allow it; empty elsewhere, -dSAFER having none anyway."""
    for prefix in _NO_NETWORK:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run([*prefix, "true"], capture_output=True, timeout=5, check=False)  # noqa: S603 - fixed words
            if done.returncode == 0:
                return prefix
    return ()
