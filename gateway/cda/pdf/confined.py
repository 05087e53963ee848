"""Inspection in a process of its own: bounded memory, processor time and waiting; no file written, nothing inherited but the document.

Run as `python -m gateway.cda.pdf.confined LIMITS` it is that process: the document on standard input, the verdict in JSON on standard
output. Whatever kills it, the parent turns into a refusal. Source: cda_signing.md 1.5.
"""

from __future__ import annotations

import mmap
import os
import resource
import signal
import subprocess
import sys
from typing import BinaryIO

import msgspec
import pikepdf.settings

from gateway.cda.pdf.open import examine
from gateway.cda.pdf.report import NotAPdf, PdfBomb, PdfDamaged, PdfEncrypted, PdfLimits, PdfRefused, PdfReport

_REFUSALS: dict[str, type[PdfRefused]] = {refusal.code: refusal for refusal in (NotAPdf, PdfEncrypted, PdfBomb, PdfDamaged)}
_STOPPED_BY_A_BOUND = {-signal.SIGKILL, -signal.SIGXCPU}
_QPDF_MEMORY_SHARE = 3


class _Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the confined process says: a report, or the code and facts of a refusal."""

    report: PdfReport | None = None
    refusal: str | None = None
    facts: dict[str, str] = {}


def inspect_confined(source: bytes | BinaryIO, limits: PdfLimits) -> PdfReport:
    """The report of a document given as bytes or as an open file at its beginning. Raises what `inspect_pdf` raises."""
    if isinstance(source, bytes):
        with os.fdopen(os.memfd_create("document"), "w+b") as file:
            file.write(source)
            file.seek(0)
            return _judge(_run(file, limits))
    return _judge(_run(source, limits))


def _run(file: BinaryIO, limits: PdfLimits) -> subprocess.CompletedProcess[bytes] | None:
    """The finished process, or None when it ran out of time."""
    command = [sys.executable, "-m", "gateway.cda.pdf.confined", msgspec.json.encode(limits).decode()]
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}
    try:
        return subprocess.run(  # noqa: S603 - our own interpreter, our own module, limits as the only argument
            command,
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
            timeout=limits.seconds,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None


def _judge(done: subprocess.CompletedProcess[bytes] | None) -> PdfReport:
    if done is None or done.returncode in _STOPPED_BY_A_BOUND:
        raise PdfBomb(limit="temps de lecture")
    try:
        verdict = msgspec.json.decode(done.stdout, type=_Verdict)
    except msgspec.DecodeError:
        raise PdfDamaged(technical=f"inspection ended with {done.returncode}") from None
    if verdict.report is not None:
        return verdict.report
    refusal = _REFUSALS.get(verdict.refusal or "", PdfDamaged)
    raise refusal(**verdict.facts)


def _confine(limits: PdfLimits) -> None:
    for bound, value in (
        (resource.RLIMIT_CPU, limits.seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, limits.memory_bytes),
    ):
        resource.setrlimit(bound, (value, value))
    share = limits.memory_bytes // _QPDF_MEMORY_SHARE
    pikepdf.settings.set_qpdf_limits(
        doc_max_warnings=1000,
        flate_max_memory=limits.structure_bytes,
        run_length_max_memory=share,
        png_max_memory=share,
        tiff_max_memory=share,
        dct_max_memory=share,
    )


def main() -> None:
    """The confined process: reads the document from descriptor 0, prints one verdict."""
    limits = msgspec.json.decode(sys.argv[1], type=PdfLimits)
    _confine(limits)
    try:
        with os.fdopen(0, "rb") as file, mmap.mmap(0, 0, access=mmap.ACCESS_READ) as data:
            verdict = _Verdict(report=examine(data, file, limits, confined=True))
    except PdfRefused as refusal:
        verdict = _Verdict(refusal=refusal.code, facts={name: str(value) for name, value in refusal.facts.items()})
    except MemoryError:
        verdict = _Verdict(refusal=PdfBomb.code, facts={"limit": "mémoire"})
    sys.stdout.buffer.write(msgspec.json.encode(verdict))


if __name__ == "__main__":
    main()
