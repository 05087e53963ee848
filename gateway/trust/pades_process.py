"""PAdES Baseline-B from the side of the gateway: the PDF is handled in a process of its own, the key signs here.

The process gets the document in a memory file and never the key: it sends the attributes to be signed, and gets the value. It takes some
55 MB beside the document for a second [M]; callers keep it to one at a time. Source: dossier cda_signing.md 4.2.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import msgspec

from gateway.trust.packaging import Recipe
from gateway.trust.pades_messages import LARGEST_FRAME, LENGTH_BYTES, Asked, Ended, FoundSignature, PdfUnfit, Said, ToSign, Unfit, frame
from gateway.trust.signer import Signer


class PdfBounds(msgspec.Struct, frozen=True, kw_only=True):
    """What a document may cost: address space, seconds of processor, seconds in all but those of the key."""

    memory_bytes: int = 500_000_000
    cpu_seconds: int = 40
    wall_seconds: float = 60.0


_USUAL = PdfBounds()


async def sign_pdf(
    data: bytes, signer: Signer, now: datetime, reasons: Sequence[str] = (), recipe: Recipe | None = None, bounds: PdfBounds = _USUAL
) -> bytes:
    """The document with one more signature; its bytes begin with those of `data`. Raises PdfUnfit, KeyUnavailable."""
    recipe = recipe or Recipe()
    reason = ", ".join(reasons) or None
    asked = Asked(kind="sign", at=now, digest=recipe.digest, certificate=signer.certificate, chain=signer.chain, reason=reason)
    async with _Worker.started(data, bounds) as worker:
        said = await worker.ask(asked)
        if isinstance(said, ToSign):
            said = await worker.ask(await signer.sign(said.attributes, recipe.digest))
        _check(said)
        return worker.output()


async def read_pdf(data: bytes, bounds: PdfBounds = _USUAL) -> tuple[FoundSignature, ...]:
    """The signatures of a document, oldest first. Raises PdfUnfit."""
    async with _Worker.started(data, bounds) as worker:
        said = await worker.ask(Asked(kind="read"))
        _check(said)
        return said.signatures if isinstance(said, Ended) else ()


def _check(said: Said) -> None:
    if not isinstance(said, Ended) or said.unfit is not None:
        raise PdfUnfit(field="file", reason=said.unfit if isinstance(said, Ended) and said.unfit else Unfit.DAMAGED)


class _Worker:
    def __init__(self, process: asyncio.subprocess.Process, output: int, bounds: PdfBounds) -> None:
        self._process = process
        self._output = output
        self._bounds = bounds

    @classmethod
    @asynccontextmanager
    async def started(cls, data: bytes, bounds: PdfBounds) -> AsyncIterator[_Worker]:
        """A process with this document; ended with the block, whatever it does."""
        document, output = os.memfd_create("document"), os.memfd_create("signed")
        try:
            with os.fdopen(os.dup(document), "wb") as file:
                file.write(data)
            process = await _start(document, output, bounds)
            try:
                yield cls(process, output, bounds)
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()
        finally:
            os.close(document)
            os.close(output)

    async def ask(self, message: Asked | bytes) -> Said:
        """Its answer; raises PdfUnfit when it was stopped by a bound, or said nothing sensible."""
        source, target = self._process.stdout, self._process.stdin
        if source is None or target is None:
            raise PdfUnfit("pipes", field="file", reason=Unfit.DAMAGED)
        try:
            async with asyncio.timeout(self._bounds.wall_seconds):
                target.write(frame(message))
                await target.drain()
                length = int.from_bytes(await source.readexactly(LENGTH_BYTES), "big")
                if length > LARGEST_FRAME:
                    raise PdfUnfit("frame", field="file", reason=Unfit.OVERSIZED)
                said: Said = msgspec.msgpack.decode(await source.readexactly(length), type=ToSign | Ended)
                return said
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            raise PdfUnfit("stopped", field="file", reason=Unfit.OVERSIZED) from None
        except msgspec.MsgspecError:
            raise PdfUnfit("answer", field="file", reason=Unfit.DAMAGED) from None

    def output(self) -> bytes:
        """What it wrote."""
        with os.fdopen(os.dup(self._output), "rb") as file:
            file.seek(0)
            return file.read()


async def _start(document: int, output: int, bounds: PdfBounds) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "gateway.trust.pades_worker", str(document), str(output), str(bounds.memory_bytes), str(bounds.cpu_seconds)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        pass_fds=(document, output),
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        cwd="/",
        start_new_session=True,
    )
