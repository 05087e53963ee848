"""The text of the first pages of a PDF, read by poppler's pdftotext in a process of its own: bounded memory, time, pages and output.

The document goes through a file in memory; nothing is written, and what the program complains about is thrown away: it may quote the
document. Whatever ends it badly means "no usable text", never a refusal: this text is only compared, nothing is built from it. Source:
cda_signing.md 1.5 for the confinement; why this program and not a library: ADR 0012.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import signal
import subprocess
import time
from select import POLLIN, poll

import msgspec

from gateway.kernel.errors import ConfigurationFault, TransientFault

_FEW_LETTERS = 20
_CHUNK = 1 << 16
_COSTLY, _HARMLESS = b"/OutputIntents", b"/OutputIntentz"
"""Preparing the colours that a PDF/A promises takes pdftotext 9 ms of 14, for a text that has none. Same length: no offset moves."""


class TextReaderMissing(ConfigurationFault):
    """The program that reads the text of a PDF, or the one that confines it, is not installed."""

    code = "text-reader-missing"
    title = "Lecteur de texte absent"
    what = "Le programme qui compare le texte des PDF avec l'identité du patient ({program}) n'est pas installé sur le boîtier."
    gesture = "Installez le paquet poppler-utils ou remettez le boîtier à jour, puis utilisez « Réessayer »."


class TextReadingInterrupted(TransientFault):
    """The reader could not be started for a reason that is the box's, not the document's."""

    code = "text-reading-interrupted"
    title = "Comparaison du texte interrompue"
    what = "Le boîtier n'a pas pu comparer le texte du PDF avec l'identité du patient, sans doute par manque de mémoire."
    gesture = "Aucune action : Relais recommencera. Si cela dure, contactez votre installateur."


class TextLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one reading."""

    pages: int = 3
    """From the first: an identity stands at the head of a document."""
    seconds: float = 5.0
    """Of waiting, and of processor time."""
    memory_bytes: int = 256_000_000
    """Address space of the process."""
    output_bytes: int = 200_000
    program: str = "pdftotext"
    """Name on PATH, or full path."""


def read_text(document: bytes, limits: TextLimits | None = None) -> str | None:
    """Text of the first pages with its columns kept apart by spaces and pages by form feeds; None without usable text (a scan).

    Blocks for `limits.seconds` at worst: call it from a thread in async code. Raises TextReaderMissing, TextReadingInterrupted.
    """
    bounds = limits or TextLimits()
    try:
        source = os.memfd_create("document")
        try:
            with os.fdopen(os.dup(source), "wb") as file:
                file.write(document.replace(_COSTLY, _HARMLESS))
            output = _output(_command(bounds, source), source, bounds)
        finally:
            os.close(source)
    except OSError as error:
        raise TextReadingInterrupted(technical=f"errno {error.errno}") from None
    text = output.decode("utf-8", errors="replace") if output is not None else ""
    return text if sum(map(str.isalpha, text)) >= _FEW_LETTERS else None


def _command(limits: TextLimits, source: int) -> list[str]:
    bounds = [f"--as={limits.memory_bytes}", f"--cpu={math.ceil(limits.seconds)}", "--fsize=0", "--core=0", "--nofile=64"]
    reading = ["-q", "-layout", "-enc", "UTF-8", "-l", str(limits.pages), f"/proc/self/fd/{source}", "-"]
    return [_program("prlimit"), *bounds, "--", _program(limits.program), *reading]


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise TextReaderMissing(technical=f"no program {name.rpartition('/')[2]}", program=name.rpartition("/")[2])
    return found


def _output(command: list[str], source: int, limits: TextLimits) -> bytes | None:
    """What the process prints, cut at the bound; None when it ran out of time or did not end well."""
    process = subprocess.Popen(  # noqa: S603 - fixed words, the document behind a descriptor
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "HOME": "/"},
        cwd="/",
        pass_fds=(source,),
        start_new_session=True,
    )
    with process:
        try:
            output = _until(process, limits)
            enough = output is not None and len(output) >= limits.output_bytes
        finally:
            _end_group(process)
    return output if enough or process.returncode == 0 else None


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Stop what still runs, with whatever it started; what has ended by itself stays so."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _until(process: subprocess.Popen[bytes], limits: TextLimits) -> bytes | None:
    """Everything up to the end of the output or its bound; None at the end of the time."""
    if process.stdout is None:
        return None
    deadline = time.monotonic() + limits.seconds
    watch = poll()
    watch.register(process.stdout, POLLIN)
    parts: list[bytes] = []
    room = limits.output_bytes
    while room > 0:
        if not watch.poll(max(0, (deadline - time.monotonic()) * 1000)):
            return None
        part = os.read(process.stdout.fileno(), min(_CHUNK, room))
        if not part:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(0, deadline - time.monotonic()))
            break
        parts.append(part)
        room -= len(part)
    return b"".join(parts)
