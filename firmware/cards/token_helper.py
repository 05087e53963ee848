"""The device process's end of one PKCS#11 helper: started, asked one thing at a time, killed when late. Source: cards.md 1.6, 4.2."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process

import msgspec

from firmware.cards.children import Output, dead, drop
from firmware.cards.pin import wipe
from firmware.cards.token import LARGEST_FRAME, LENGTH_BYTES, Begin, Login, Reply, Request, TokenModule

_POLITE = 1.0
_DECODER: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


class HelperLost(Exception):
    """The helper died, or was killed because it did not answer in time (`late`): what was asked last may have been done."""

    def __init__(self, *, late: bool) -> None:
        super().__init__("late" if late else "died")
        self.late = late


class TokenHelper:
    """One helper process."""

    def __init__(self, process: Process, module: TokenModule, to: asyncio.StreamWriter, output: Output) -> None:
        self._process = process
        self._module = module
        self._to, self._output = to, output
        self._turn = asyncio.Lock()

    @classmethod
    async def start(cls, module: TokenModule) -> TokenHelper:
        """A helper that has loaded nothing yet. Raises HelperLost."""
        try:
            output = await Output.open()
        except OSError as error:
            raise HelperLost(late=False) from error
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-m", "firmware.cards.token_process",
                stdin=PIPE, stdout=output.descriptor, stderr=DEVNULL, env=module.variables(), cwd="/", start_new_session=True,
            )  # fmt: skip
        except BaseException as error:
            output.close()
            if isinstance(error, OSError):
                raise HelperLost(late=False) from error
            raise
        output.given()
        if process.stdin is None:
            raise HelperLost(late=False)
        return cls(process, module, process.stdin, output)

    async def ask(self, request: Request) -> Reply:
        """The answer; a frame that held a PIN is wiped. Raises HelperLost, after which nothing more is to be had."""
        async with self._turn:
            try:
                async with asyncio.timeout(self._patience(request)):
                    return await self._exchange(request)
            except TimeoutError as error:
                self.kill()
                raise HelperLost(late=True) from error
            except (OSError, EOFError, msgspec.MsgspecError) as error:
                self.kill()
                raise HelperLost(late=False) from error
            except asyncio.CancelledError:
                self.kill()
                raise

    async def end(self) -> None:
        """No process is left: asked to go, then killed after a second."""
        self._to.close()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLITE):
                    await self._process.wait()
        finally:
            self.kill()
            drop(self._to)
            self._output.close()
        await dead(self._process)

    def kill(self) -> None:
        """At once; whoever waits for an answer gets HelperLost."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _exchange(self, request: Request) -> Reply:
        frame = bytearray(LENGTH_BYTES)
        try:
            msgspec.msgpack.Encoder().encode_into(request, frame, LENGTH_BYTES)
            frame[:LENGTH_BYTES] = (len(frame) - LENGTH_BYTES).to_bytes(LENGTH_BYTES)
            self._to.write(frame)
            await self._to.drain()
            length = int.from_bytes(await self._output.reader.readexactly(LENGTH_BYTES))
            if length > LARGEST_FRAME:
                raise EOFError
            return _DECODER.decode(await self._output.reader.readexactly(length))
        finally:
            wipe(frame)  # only now: a loop may send a frame later than drain() returns

    def _patience(self, request: Request) -> float:
        if isinstance(request, Begin):
            return self._module.start_seconds
        if isinstance(request, Login) and request.pin is None:
            return self._module.pad_seconds
        return self._module.answer_seconds
