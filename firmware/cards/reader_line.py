"""Work with the card of one reader, on a thread of its own: whatever a card or another program does, the loop and other readers go on.

Each work is a connection that leaves the card as it is, a transaction that keeps other programs out, and the end of both. A call that hangs
in PC/SC cannot be interrupted: past its time the caller is told, and the reader is busy until the thread comes back. Source: cards.md 4.2.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from firmware.cards.pcsc import Context, Link, open_context
from firmware.errors import CardTimeout, DeviceDefect, DeviceError, ReaderBusy

T = TypeVar("T")

_MOST_WAITING = 4


class _Job(Generic[T]):
    def __init__(self, work: Callable[[Link], T], future: asyncio.Future[T], *, reset: bool) -> None:
        self.work, self.future, self.reset = work, future, reset
        self.dropped = threading.Event()
        """The caller is gone: not begun, it never is."""


class ReaderLine:
    """The line to one reader, by its PC/SC name. `open_context` is another for tests."""

    def __init__(self, name: str, open_context: Callable[[], Context] = open_context) -> None:
        self._name, self._open = name, open_context
        self._jobs: queue.SimpleQueue[_Job[object] | None] = queue.SimpleQueue()
        self._pending = 0
        self._overdue = 0
        self._thread: threading.Thread | None = None

    async def run(self, work: Callable[[Link], T], *, seconds: float, reset: bool = False) -> T:
        """What `work` makes of the card, within so many seconds, others' turns included; `reset` makes the card forget its rights after it.

        Raises DeviceError: what PC/SC says or `work` raises, ReaderBusy, CardTimeout.
        """
        if self._overdue or self._pending >= _MOST_WAITING:
            raise ReaderBusy("a former call has not come back" if self._overdue else "", retry_after=seconds)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        job = _Job(work, future, reset=reset)
        self._start(seconds)
        self._pending += 1
        self._jobs.put(job)  # type: ignore[arg-type]  # the queue mixes results; each future gets its own
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(future)
        except TimeoutError as error:
            raise CardTimeout from error
        finally:
            job.dropped.set()
            if future.done():
                self._pending -= 1
            else:
                self._overdue += 1
                future.add_done_callback(self._came_back)

    def close(self) -> None:
        """No more work; the thread ends when it comes back."""
        self._jobs.put(None)

    def _came_back(self, future: asyncio.Future[T]) -> None:
        self._overdue -= 1
        self._pending -= 1
        future.exception()  # told to nobody: its caller is gone

    def _start(self, seconds: float) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._serve, name="card-reader", daemon=True)
            try:
                self._thread.start()
            except RuntimeError as error:
                raise ReaderBusy("no thread", retry_after=seconds) from error

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job.dropped.is_set():
                _tell(job.future, CardTimeout())
                continue
            try:
                result: object = self._work(job)
            except DeviceError as error:
                _tell(job.future, error)
            except Exception as error:  # noqa: BLE001 - a defect in one work must not end the line
                _tell(job.future, DeviceDefect(type(error).__name__))
            else:
                _tell(job.future, result)

    def _work(self, job: _Job[object]) -> object:
        context = self._open()
        try:
            link = context.connect(self._name)
            try:
                link.begin()
                return job.work(link)
            finally:
                link.end(reset=job.reset)
        finally:
            context.release()


def _tell(future: asyncio.Future[object], outcome: object) -> None:
    def settle() -> None:
        if future.done():
            return
        if isinstance(outcome, DeviceError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    try:
        future.get_loop().call_soon_threadsafe(settle)
    except RuntimeError:  # the loop is closed: nobody waits
        return
