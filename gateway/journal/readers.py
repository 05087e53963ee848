"""Reading: one statement, one thread hop, records that hold. A row that makes no record is put into quarantine and skipped."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiosqlite
import msgspec

from gateway.journal.connection import using
from gateway.journal.rows import BadRow, Shape
from gateway.journal.statements import statement
from gateway.journal.store import NotAccepting

R = TypeVar("R", bound=msgspec.Struct)

_ROUNDS = 8
"""Times a read is tried again because a bad row took the place of a good one."""


class Reader:
    """A reading connection; `put_aside` writes bad rows to the quarantine."""

    def __init__(self, connection: aiosqlite.Connection, put_aside: Callable[[list[BadRow]], Awaitable[None]]) -> None:
        self._connection = connection
        self._put_aside = put_aside
        self._known: set[tuple[str, int]] = set()
        self._closed = False

    async def fetch(self, name: str, **parameters: Any) -> list[sqlite3.Row]:
        """The rows of a named statement; raises NotAccepting."""
        if self._closed:
            raise NotAccepting("closed")
        with using():
            return list(await self._connection.execute_fetchall(statement(name), parameters))

    async def records(self, shape: Shape[R], name: str, **parameters: Any) -> list[R]:
        """The records of a named statement, in its order."""
        good: list[R] = []
        for _ in range(_ROUNDS):
            good, bad = shape.decode(await self.fetch(name, **parameters))
            if not await self._aside([row for row in bad if (row.source, row.number) not in self._known]):
                break
        return good

    async def first(self, shape: Shape[R], name: str, **parameters: Any) -> R | None:
        """The first record of a named statement, None when there is none."""
        return next(iter(await self.records(shape, name, **parameters)), None)

    async def value(self, name: str, **parameters: Any) -> int | None:
        """The single number that a named statement gives."""
        rows = await self.fetch(name, **parameters)
        return rows[0][0] if rows else None

    async def names(self, name: str, **parameters: Any) -> list[str]:
        """The single column of texts that a named statement gives; a damaged text is left out."""
        return [row[0] for row in await self.fetch(name, **parameters) if isinstance(row[0], str)]

    async def close(self) -> None:
        """Close the connection and end its thread."""
        self._closed = True
        with using():
            await self._connection.close()

    async def _aside(self, rows: list[BadRow]) -> bool:
        """Put rows aside; False when there is none, or when the journal cannot be written (they are met again later)."""
        if not rows:
            return False
        try:
            await self._put_aside(rows)
        except NotAccepting:
            return False
        self._known.update((row.source, row.number) for row in rows)
        return True
