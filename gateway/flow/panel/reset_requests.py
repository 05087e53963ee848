"""A return to factory settings asked for at the button: kept durably in a file of the home, told, and taken back. Nothing is erased here.

`factory-reset.json` is for the program that prepares boxes, which alone erases; it must do nothing while the file says `dismissed`. The
file is written before the audit line and says whether that line is written: a stop in between is caught up with at the next start.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import msgspec
import structlog

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Caller
from gateway.flow.panel.errors import PairingReserved
from gateway.flow.panel.views import ResetView
from gateway.journal.records import AuditRecord, Change, EventRecord
from gateway.journal.store import NotAccepting, Store
from gateway.kernel.errors import RelaisError
from gateway.kernel.home import Home
from gateway.kernel.ids import new_id
from gateway.trust.files import sync_folder, write_durably

_log = structlog.get_logger("relais.reset")

REQUESTED, DISMISSED = "reset.requested", "reset.dismissed"
"""Acts of the audit trail; the first is the kind of the event too."""


class ResetRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The file."""

    id: str
    requested_at: datetime
    told: bool = False
    """Audit line and event are written."""
    dismissed: str | None = None
    """Who took it back, as the audit trail names people; the file is about to go."""


class ResetRequests:
    """The request of one box, if there is one."""

    def __init__(self, home: Path, store: Store, books: Bookkeeper) -> None:
        self._path = Home(home).factory_reset
        self._store = store
        self._books = books
        self._alone = asyncio.Lock()
        self._request = _read(self._path)

    def view(self) -> ResetView | None:
        """For /status and the page."""
        request = self._request
        return ResetView(requested_at=request.requested_at) if request is not None and request.dismissed is None else None

    async def record(self) -> None:
        """The button was held; once asked, holding it again changes nothing. Raises NotAccepting: to be tried again."""
        async with self._alone:
            if self.view() is None:
                await self._write(ResetRequest(id=new_id(), requested_at=self._books.moment()))
                _log.warning("return to factory settings asked for at the button")
            await self._tell()

    async def dismiss(self, caller: Caller) -> None:
        """Take it back; raises PairingReserved, NotAccepting."""
        if not caller.sees_all:
            raise PairingReserved
        async with self._alone:
            if self._request is not None and self._request.dismissed is None:
                await self._write(msgspec.structs.replace(self._request, dismissed=caller.imputed))
            await self._finish()

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
