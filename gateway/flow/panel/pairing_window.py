"""The pairing window: a short press of the button, or the operator, opens it for a few minutes; one workstation gets its token; it closes.

It lives in memory alone: after a restart it is closed. What opens, uses and ends it is in the audit trail, before it takes effect.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated, Final

import msgspec
import structlog

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Caller, new_workstation
from gateway.flow.errors import RateLimited
from gateway.flow.intake import resolve_structure
from gateway.flow.panel.errors import PairingClosed, PairingReserved
from gateway.flow.panel.views import PairingView
from gateway.flow.workstations.names import NAMES, Name, check_free
from gateway.flow.workstations.views import PairedView
from gateway.journal.records import AuditRecord
from gateway.journal.store import Store
from gateway.kernel.clock import Clock
from gateway.kernel.config import Configuration
from gateway.kernel.errors import RelaisError

_log = structlog.get_logger("relais.pairing")

OPENED, PAIRED, EXPIRED, CLOSED = "pairing.opened", "pairing.paired", "pairing.expired", "pairing.closed"
"""Acts of the audit trail."""
BUTTON: Final = "button"


class PairingBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A workstation that asks to be paired."""

    name: Name
    """How people call it; no other workstation of the box has it."""
    structure: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    """Needed when the box holds several."""


class PairingWindow:
    """The window of one box; `run` closes it in time."""

    def __init__(self, configuration: Configuration, store: Store, books: Bookkeeper, clock: Clock) -> None:
        self._configuration = configuration
        self._structures = tuple(one.id for one in configuration.structures)
        self._store = store
        self._books = books
        self._clock = clock
        self._until: float | None = None
        self._alone = asyncio.Lock()
        self._opened = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """A workstation may be paired now."""
        return self._until is not None and self._clock.monotonic() < self._until

    def view(self) -> PairingView:
        """For /status and the page."""
        left = max(0.0, self._until - self._clock.monotonic()) if self._until is not None else 0.0
        return PairingView(open=self.is_open, seconds_left=math.ceil(left))

    async def open_by_button(self) -> None:
        """Somebody is in front of the box; a second press gives the whole time again. Raises NotAccepting: then it stays as it is."""
        await self._open("system", BUTTON)

    async def open_by(self, caller: Caller) -> PairingView:
        """The operator's way; raises PairingReserved, NotAccepting."""
        _check_operator(caller)
        await self._open(caller.imputed, "page")
        return self.view()

    async def close_by(self, caller: Caller) -> PairingView:
        """Before its time; raises as `open_by`."""
        _check_operator(caller)
        async with self._alone:
            if self._until is not None:
                await self._store.commit(self._audit(CLOSED, caller.imputed))
                self._shut()
        return self.view()

    async def pair(self, body: PairingBody) -> PairedView:
        """The token of a new workstation, and the window is closed. Of two at once one gets it.

        Raises PairingClosed, StructureUnknown, WorkstationNameTaken, NotAccepting; but for the first the window stays open.
        """
        async with self._books.alone_with(NAMES), self._alone:
            self.check_open()
            structure = resolve_structure(self._configuration, self._structures, body.structure)
            check_free(body.name, await self._store.workstations())
            record, token = new_workstation(body.name, (structure.id,), self._books.now())
            audit = self._audit(PAIRED, f"workstation:{record.id}", structure=structure.id, workstation=record.id)
            await self._store.commit(record, audit)
            self._shut()
        _log.info("workstation paired", workstation=record.id, structure=structure.id)
        return PairedView(workstation=record.id, name=record.name, structures=record.structures, token=token)

    def check_open(self) -> None:
        """Raises PairingClosed."""
        if not self.is_open:
            raise PairingClosed

    async def run(self) -> None:
        """Close the window when its time is over, until cancelled."""
        while True:
            await self._opened.wait()
            while self._until is not None and self.is_open:
                await self._clock.sleep(self._until - self._clock.monotonic())
            await self._expire()

    async def _open(self, actor: str, how: str) -> None:
        minutes = self._configuration.pairing.minutes
        async with self._alone:
            await self._store.commit(self._audit(OPENED, actor, by=how, minutes=minutes))
            self._until = self._clock.monotonic() + minutes * 60
            self._opened.set()
        _log.info("pairing window open", by=how)
        self._books.announce()

    async def _expire(self) -> None:
        async with self._alone:
            if self.is_open:
                return
            over, self._until = self._until is not None, None
            self._opened.clear()
            if over:
                try:
                    await self._store.commit(self._audit(EXPIRED, "system"))
                except RelaisError as problem:
                    _log.warning("end of pairing not written", code=problem.code)
        self._books.announce()

    def _shut(self) -> None:
        self._until = None
        self._opened.clear()
        self._books.announce()

    def _audit(self, act: str, actor: str, *, structure: str | None = None, **detail: str | int) -> AuditRecord:
        return AuditRecord(at=self._books.now(), act=act, actor=actor, structure=structure, answer="done", detail=dict(detail))


def _check_operator(caller: Caller) -> None:
    if not caller.sees_all:
        raise PairingReserved


class StrangerPace:
    """How often an address without a token may ask; only the last few hundred addresses are known."""

    def __init__(self, monotonic: Callable[[], float], *, per_minute: int = 20, known: int = 256) -> None:
        self._monotonic = monotonic
        self._per_minute = per_minute
        self._known = known
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> None:
        """One more request of this address; raises RateLimited."""
        now = self._monotonic()
        level, at = self._levels.pop(address, (float(self._per_minute), now))
        level = min(float(self._per_minute), level + (now - at) * self._per_minute / 60)
        self._levels[address] = (level - 1 if level >= 1 else level, now)
        while len(self._levels) > self._known:
            self._levels.popitem(last=False)
        if level < 1:
            raise RateLimited
