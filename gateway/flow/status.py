"""How the box stands, for /status and the page: destinations, queue, clock, disk, certificates and
what of them ends soon, searches of identities that are suspended. Counts, dates and settings only."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from gateway.flow.certificates.calendar import CalendarDesk
from gateway.flow.certificates.views import CalendarLineView
from gateway.flow.devices.views import DevicesView
from gateway.flow.identities.inquiry_pause import Pause
from gateway.flow.identities.search_limit import WorkstationSuspended
from gateway.flow.panel.views import FrontView
from gateway.flow.scheduler import Scheduler
from gateway.flow.views import instant
from gateway.journal.store import NotAccepting, Store
from gateway.kernel.clock import Clock
from gateway.kernel.config import Configuration
from gateway.kernel.errors import Explanation
from gateway.trust.keystore import KeyStore
from gateway.trust.stop import Stop


class _View(msgspec.Struct, frozen=True, kw_only=True):
    pass


class LaneView(_View, frozen=True, kw_only=True):
    """One destination of one structure."""

    lane: str
    answering: bool
    running: int
    trouble: Explanation | None


class QueueView(_View, frozen=True, kw_only=True):
    """Open deliveries of a lane in one state."""

    lane: str
    state: str
    count: int
    oldest_accepted_at: datetime


class CertificateView(_View, frozen=True, kw_only=True):
    """A certificate of a structure and the date of its end."""

    structure: str
    role: str
    usable_until: datetime


class SearchTroubleView(_View, frozen=True, kw_only=True):
    """Searches of identities that are suspended: of a software, of a structure, or of a workstation that makes too many."""

    structure: str | None = None
    software: str | None = None
    workstation: str | None = None
    """Its name, as paired."""
    explanation: Explanation


class StatusView(_View, frozen=True, kw_only=True):
    """The whole."""

    ok: bool
    environment: str
    clock_trusted: bool
    disk_free_bytes: int
    accepting: bool
    upstreams: tuple[LaneView, ...]
    queue: tuple[QueueView, ...]
    certificates: tuple[CertificateView, ...]
    searches: tuple[SearchTroubleView, ...]
    """Empty when every search of identity may be made."""
    expiring: tuple[CalendarLineView, ...]
    """What of the calendar of certificates people must see now: from the first alarm on."""
    devices: DevicesView | None = None
    """Readers, cards and scanners; null on a box that is not set to have any. Says nothing of `ok`: documents leave without them."""
    front: FrontView | None = None
    """Front panel, pairing window, and a return to factory settings asked for at the button."""
    replaced: Explanation | None = None
    """Why this box accepts and sends nothing any more: another took its place, or it was put out of service."""


class StatusBoard:
    """Reads the state of the box; asks nothing of the network."""

    def __init__(
        self,
        home: Path,
        configuration: Configuration,
        store: Store,
        scheduler: Scheduler,
        keys: KeyStore,
        clock: Clock,
        paused: Callable[[], Sequence[Pause]] = tuple,
        suspended: Callable[[], Sequence[str]] = tuple,
        calendar: CalendarDesk | None = None,
        devices: Callable[[], DevicesView | None] = lambda: None,
        front: Callable[[], FrontView | None] = lambda: None,
        stopped: Callable[[], Stop | None] = lambda: None,
    ) -> None:
        """`paused`: searches of the box that wait for a setting; `suspended`: workstations that made too many; `devices`: how they are."""
        self._devices = devices
        self._front = front
        self._stopped_for_good = stopped
        self._calendar = calendar
        self._home = home
        self._configuration = configuration
        self._store = store
        self._scheduler = scheduler
        self._keys = keys
        self._clock = clock
        self._paused = paused
        self._suspended = suspended

    async def ok(self) -> bool:
        """True when documents can be accepted now."""
        return await self._accepting()

    async def view(self, structures: tuple[str, ...] | None = None) -> StatusView:
        """The state of the box; of these structures only when they are given."""
        shape = await self._store.shape()
        accepting = await self._accepting()
        lanes = tuple(
            LaneView(lane=one.name, answering=not one.dead, running=len(one.running), trouble=one.trouble)
            for one in self._scheduler.lanes()
            if _of(one.name, structures)
        )
        return StatusView(
            ok=accepting and self._clock.trusted() and all(one.answering for one in lanes),
            environment=self._configuration.environment,
            clock_trusted=self._clock.trusted(),
            disk_free_bytes=shutil.disk_usage(self._home).free,
            accepting=accepting,
            upstreams=lanes,
            queue=tuple(
                QueueView(lane=one.lane, state=one.state, count=one.count, oldest_accepted_at=instant(one.oldest_accepted_at))
                for one in shape
                if _of(one.lane, structures)
            ),
            certificates=tuple(
                CertificateView(structure=one.structure_id, role=one.role, usable_until=one.usable_until)
                for one in self._keys.summaries()
                if structures is None or one.structure_id in structures
            ),
            searches=(*self._stopped(structures), *await self._refused(structures)),
            expiring=await self._calendar.near(structures) if self._calendar is not None else (),
            devices=self._devices(),
            front=self._front(),
            replaced=stop.fault.explanation if (stop := self._stopped_for_good()) is not None else None,
        )

    def _stopped(self, structures: tuple[str, ...] | None) -> tuple[SearchTroubleView, ...]:
        return tuple(
            SearchTroubleView(structure=one.structure, software=one.software, explanation=one.explanation)
            for one in self._paused()
            if structures is None or one.structure is None or one.structure in structures
        )

    async def _refused(self, structures: tuple[str, ...] | None) -> tuple[SearchTroubleView, ...]:
        suspended = frozenset(self._suspended())
        if not suspended:
            return ()
        return tuple(
            SearchTroubleView(workstation=one.name, explanation=WorkstationSuspended(name=one.name).explanation)
            for one in await self._store.workstations()
            if one.id in suspended and (structures is None or set(structures) & set(one.structures))
        )

    async def _accepting(self) -> bool:
        if self._stopped_for_good() is not None or shutil.disk_usage(self._home).free <= self._configuration.limits.disk_reserve_bytes:
            return False
        try:
            await self._store.last_event()
        except NotAccepting:
            return False
        return True


def _of(lane: str, structures: tuple[str, ...] | None) -> bool:
    return structures is None or lane.partition("/")[0] in structures
