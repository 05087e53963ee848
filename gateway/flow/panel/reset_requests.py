"""A return to factory settings asked for at the button: kept durably in a file of the home, told, and for a while to be taken back.

Once that time is over the request is handed over: written as such, never to be taken back, and the gateway stops. It erases nothing:
`relais-provision reset` does, when `erasure_due` says so; it must do nothing while the file says `dismissed`. The file is written before
the audit line and says whether that line is written: a stop in between is caught up with at the next start. The time begins anew at each
start: nobody could take anything back meanwhile.
"""

from __future__ import annotations

import asyncio
import math
from datetime import datetime
from pathlib import Path

import msgspec
import structlog

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Caller
from gateway.flow.panel.reset_errors import ResetBegun
from gateway.flow.panel.views import ResetView
from gateway.journal.records import AuditRecord, Change, EventRecord
from gateway.journal.store import NotAccepting, Store
from gateway.kernel.clock import Clock
from gateway.kernel.errors import RelaisError
from gateway.kernel.home import Home
from gateway.kernel.ids import new_id
from gateway.trust.files import sync_folder, write_durably

_log = structlog.get_logger("relais.reset")

REQUESTED, DISMISSED = "reset.requested", "reset.dismissed"
"""Acts of the audit trail; the first is the kind of the event too."""
RECEIPT = "effacement.txt"
_LOOK = 1.0
_AGAIN = 5.0
"""Seconds before what the disk refused is written again."""


class ResetRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The file."""

    id: str
    requested_at: datetime
    told: bool = False
    """Audit line and event are written."""
    dismissed: str | None = None
    """Who took it back, as the audit trail names people; the file is about to go."""
    erases: bool = False
    """False in a file of the time when nothing was erased: shown, taken back, and erasing nothing until the button is held again."""
    handed_over: bool = False
    """The time to take it back is over."""


class _Countdown:
    """Time that runs out, whatever becomes of the date."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._end = clock.monotonic() + seconds

    def left(self) -> int:
        """Whole seconds, rounded up."""
        return math.ceil(max(0.0, self._end - self._clock.monotonic()))


class ResetRequests:
    """The request of one box, if there is one."""

    def __init__(self, home: Path, store: Store, books: Bookkeeper) -> None:
        self._path = Home(home).factory_reset
        self._store = store
        self._books = books
        self._alone = asyncio.Lock()
        self._request = _read(self._path)
        self._asked = asyncio.Event()
        self._countdown: _Countdown | None = None

    @property
    def handed_over(self) -> bool:
        """True once the box is to be erased: nothing more is accepted or begun."""
        return self._request is not None and self._request.handed_over

    def receipt(self) -> str | None:
        """The paper that the last erasure left in this home; None without one."""
        try:
            return (self._path.parent / RECEIPT).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def view(self) -> ResetView | None:
        """For /status and the page."""
        request = self._request
        if request is None or request.dismissed is not None:
            return None
        left = self._countdown.left() if self._countdown is not None else None
        return ResetView(requested_at=request.requested_at, seconds_left=0 if request.handed_over else left)

    async def record(self) -> None:
        """The button was held; once asked, holding it again changes nothing. Raises NotAccepting: to be tried again."""
        async with self._alone:
            if self.view() is None:
                await self._write(ResetRequest(id=new_id(), requested_at=self._books.moment(), erases=True))
                _log.warning("return to factory settings asked for at the button")
            elif self._request is not None and not self._request.erases:
                await self._write(msgspec.structs.replace(self._request, requested_at=self._books.moment(), erases=True))
            self._note()
            await self._tell()

    async def dismiss(self, caller: Caller) -> None:
        """Take it back, by anybody who is paired: it destroys nothing. Raises ResetBegun, NotAccepting."""
        async with self._alone:
            if self.handed_over:
                raise ResetBegun
            if self._request is not None and self._request.dismissed is None:
                await self._write(msgspec.structs.replace(self._request, dismissed=caller.imputed))
            self._note()
            await self._finish()

    async def run(self, clock: Clock, grace: float) -> None:
        """Give each request `grace` seconds to be taken back. Ends once one is handed over, and only then: the box is to stop."""
        self._note()
        while not self.handed_over:
            await self._asked.wait()
            countdown = self._countdown = _Countdown(clock, grace)
            self._books.announce()
            while self._countdown is countdown and (left := countdown.left()) > 0:
                await clock.sleep(min(left, _LOOK))
            await self._hand_over(clock, countdown)

    async def _hand_over(self, clock: Clock, countdown: _Countdown) -> None:
        while True:
            async with self._alone:
                request = self._request
                if request is None or self._countdown is not countdown:
                    return  # taken back; asked anew, perhaps, with a time of its own
                try:
                    await self._write(msgspec.structs.replace(request, handed_over=True))
                    break
                except RelaisError as problem:
                    _log.error("request of a reset not handed over", code=problem.code)
            await clock.sleep(_AGAIN)
        _log.warning("return to factory settings handed over")
        self._books.announce()

    def _note(self) -> None:
        """Whether a request waits that erases."""
        request = self._request
        if request is not None and request.dismissed is None and request.erases:
            self._asked.set()
        else:
            self._asked.clear()
            self._countdown = None

    async def catch_up(self) -> None:
        """At start: finish what a stop cut short; raises nothing."""
        async with self._alone:
            try:
                await self._tell()
                await self._finish()
            except RelaisError as problem:
                _log.warning("request of a reset not caught up with", code=problem.code)

    async def _tell(self) -> None:
        request = self._request
        if request is None or request.told:
            return
        at = self._books.now()
        await self._commit(
            AuditRecord(at=at, act=REQUESTED, actor="system", answer="done", detail={"request": request.id, "by": "button"}),
            EventRecord(kind=REQUESTED, subject=request.id, structure="", workstation="", at=at),
        )
        await self._write(msgspec.structs.replace(request, told=True))

    async def _finish(self) -> None:
        request = self._request
        if request is None or request.dismissed is None:
            return
        actor = request.dismissed
        await self._commit(AuditRecord(at=self._books.now(), act=DISMISSED, actor=actor, answer="done", detail={"request": request.id}))
        await asyncio.to_thread(_remove, self._path)
        self._request = None

    async def _commit(self, *changes: Change) -> None:
        await self._store.commit(*changes)
        self._books.announce()

    async def _write(self, request: ResetRequest) -> None:
        try:
            await asyncio.to_thread(write_durably, self._path, msgspec.json.format(msgspec.json.encode(request)))
        except OSError as problem:
            raise NotAccepting(type(problem).__name__) from problem
        self._request = request


def erasure_due(home: Home) -> bool:
    """True for a home that is to be erased, or whose erasure was cut short; such a home is never served."""
    request = _read(home.factory_reset)
    return home.erasure.exists() or (request is not None and request.handed_over and request.dismissed is None)


def _read(path: Path) -> ResetRequest | None:
    """None without a file. One that cannot be read is said in the log and left: it is no request."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ResetRequest)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as problem:
        _log.error("request of a reset not readable", kind=type(problem).__name__)
        return None


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as problem:
        raise NotAccepting(type(problem).__name__) from problem
