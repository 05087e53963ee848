"""What is kept of INSi for a time only: its calls, the results of the searches of the box, its lists (design, step 11; insi.md 4.6, 11.1).

Erased from the oldest on, a hundred rows and their audit line in one commit, so that nothing waits behind it and a stop at any instant
leaves less to erase, never half of something. What INSi said of a patient stays in the registry, who asked what in the audit trail, whose
lines and hashes are not touched. An age is not measured with a clock that may be wrong. A result is never erased before its list is over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Literal

import structlog

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.people import THE_BOX
from gateway.journal.records import AuditRecord, Forget
from gateway.journal.store import Store
from gateway.kernel.clock import Clock
from gateway.kernel.config import Insi
from gateway.kernel.errors import RelaisError

_log = structlog.get_logger("relais.retention")

ERASED: Final = "insi.erased"
"""Act of the audit trail; its detail says what, how many, and older than which instant."""
_DAY: Final = 86_400_000
_TOGETHER: Final = 100
_BETWEEN: Final = 1.0
_AGAIN: Final = 3600.0

What = Literal["call", "inquiry", "batch"]
Past = Callable[[int, int], Awaitable[list[str]]]


class Retention:
    """Erases by age; `run` for as long as the box works."""

    def __init__(self, settings: Insi, store: Store, books: Bookkeeper, clock: Clock) -> None:
        self._store = store
        self._books = books
        self._clock = clock
        self._kept: tuple[tuple[What, int, Past], ...] = (
            ("call", settings.keep_calls_days, store.calls_past),
            ("inquiry", settings.keep_searches_days, store.inquiries_past),
            ("batch", settings.keep_searches_days, store.batches_past),
        )

    async def run(self) -> None:
        """Erase what is past its time, a little at a time, until cancelled."""
        while True:
            try:
                more = await self.erase()
            except RelaisError as problem:
                _log.warning("nothing erased", code=problem.code)
                more = False
            await self._clock.sleep(_BETWEEN if more else _AGAIN)

    async def erase(self) -> bool:
        """One commit at most; True when it erased something, and more may follow. Raises NotAccepting."""
        if not self._books.dated():
            return False
        now = self._books.now()
        for what, days, past in self._kept:
            before = now - days * _DAY
            ids = await past(before, _TOGETHER) if days else []
            if ids:
                told: dict[str, str | int | bool | None] = {"what": what, "count": len(ids), "before": before}
                audit = AuditRecord(at=now, act=ERASED, actor=THE_BOX.imputed, answer="done", detail=told)
                await self._store.commit(Forget(what=what, ids=tuple(ids)), audit)
                return True
        return False
