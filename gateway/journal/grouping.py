"""Group commit without SQL: what waits while a group is being written goes together in the next one.

One group runs at a time; each member learns its own outcome. Source: stack.md 2 (one fsync serves all that piled up).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

Outcomes = Sequence[BaseException | None]
_LARGEST = 256


class Grouping(Generic[T]):
    """Members join and wait; `run` takes a group and says, member by member, what went wrong (None: nothing)."""

    def __init__(self, run: Callable[[list[T]], Awaitable[Outcomes]]) -> None:
        self._run = run
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def join(self, member: T) -> None:
        """Return when the member's group is done; raises the member's own outcome.

        A wait cancelled before its group starts withdraws the member; later than that the member goes through with its group.
        """
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((member, future))
        if self._task is None:
            self._task = asyncio.create_task(self._drain(), name="group")
        await future

    async def idle(self) -> None:
        """Return when no member waits."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _drain(self) -> None:
        group: list[tuple[T, asyncio.Future[None]]] = []
        try:
            while self._waiting:
                waiting = [one for one in self._waiting if not one[1].cancelled()]
                group, self._waiting = waiting[:_LARGEST], waiting[_LARGEST:]
                if group:
                    self._tell(group, await self._outcomes([member for member, _ in group]))
                group = []
        finally:
            self._task = None
            for _, future in (*group, *self._waiting):
                future.cancel()
            self._waiting = []

    async def _outcomes(self, members: list[T]) -> Outcomes:
        try:
            return await self._run(members)
        except Exception as problem:  # noqa: BLE001 - whatever it is belongs to those who wait, not to this task
            return [problem] * len(members)

    def _tell(self, group: list[tuple[T, asyncio.Future[None]]], outcomes: Outcomes) -> None:
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if future.done():
                continue
            if outcome is None:
                future.set_result(None)
            else:
                future.set_exception(outcome)
