"""« Mon bureau »: which workstation a card reader stands beside. At most one each, by an act from the workstation itself (cards.md 6).

Without a pairing nobody uses a card in a reader, not even when the box has one reader and one workstation: who is beside it is said once by
a person, never guessed. A secretary's computer does not reach the doctor's card in the next room.
"""

from __future__ import annotations

from typing import Literal

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Caller
from gateway.flow.cards.errors import ReaderNotPaired, ReaderOfAnother
from gateway.journal.records import AuditRecord, PairingRecord
from gateway.journal.store import Store

PAIRED, UNPAIRED = "reader.paired", "reader.unpaired"
"""Acts of the audit trail."""

Desk = Literal["here", "elsewhere"]


class ReaderPairings:
    """The pairings in force, kept in the journal."""

    def __init__(self, store: Store, books: Bookkeeper) -> None:
        self._store = store
        self._books = books

    async def all(self) -> dict[str, str]:
        """Workstation by reader; one that was revoked has none."""
        known = {one.id for one in await self._store.workstations() if not one.revoked}
        return {one.device: one.workstation for one in await self._store.pairings() if one.workstation in known}

    async def desk(self, caller: Caller, reader: str) -> Desk | None:
        """Where the reader is, seen from the caller; None: paired with nobody."""
        return desk_of(caller, (await self.all()).get(reader))

    async def check_usable(self, caller: Caller, reader: str) -> None:
        """Raises ReaderNotPaired, ReaderOfAnother unless the reader is the caller's; the operator sees all, and signs with none of others.

        The operator may look at any card: what needs a PIN is typed beside the reader.
        """
        desk = await self.desk(caller, reader)
        if desk == "here" or caller.sees_all:
            return
        if desk is None:
            raise ReaderNotPaired
        raise ReaderOfAnother

    async def check_beside(self, caller: Caller, reader: str) -> None:
        """As `check_usable`, for what needs a PIN: the operator too must be paired."""
        desk = await self.desk(caller, reader)
        if desk is None:
            raise ReaderNotPaired
        if desk != "here":
            raise ReaderOfAnother

    async def pair(self, caller: Caller, reader: str) -> None:
        """It stands beside the caller's workstation from now on; raises ReaderOfAnother: the other desk lets it go first."""
        await self._change(caller, reader, caller.workstation, PAIRED)

    async def unpair(self, caller: Caller, reader: str) -> None:
        """It stands beside nobody; raises ReaderOfAnother, never for the operator."""
        await self._change(caller, reader, None, UNPAIRED)

    async def _change(self, caller: Caller, reader: str, workstation: str | None, act: str) -> None:
        async with self._books.alone_with(f"pairing {reader}"):
            before = (await self.all()).get(reader)
            if before is not None and before != caller.workstation and not caller.sees_all:
                raise ReaderOfAnother
            if before == workstation:
                return
            now = self._books.now()
            detail: dict[str, str | int | bool | None] = {"reader": reader, "workstation": before if workstation is None else workstation}
            audit = AuditRecord(at=now, act=act, actor=caller.imputed, answer="done", detail=detail)
            await self._store.commit(PairingRecord(device=reader, workstation=workstation, at=now), audit)


def desk_of(caller: Caller, workstation: str | None) -> Desk | None:
    """Where a reader of that workstation is, seen from the caller."""
    if workstation is None:
        return None
    return "here" if workstation == caller.workstation else "elsewhere"
