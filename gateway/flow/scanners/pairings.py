"""Whose scanner is it: at most one workstation each, by a setting of relais.toml or by an act from the workstation itself (cards.md 6)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Caller
from gateway.flow.scanners.errors import ScannerOfAnother, ScannerPairedBySetting
from gateway.journal.records import AuditRecord, PairingRecord, WorkstationRecord
from gateway.journal.store import Store

PAIRED, UNPAIRED = "scanner.paired", "scanner.unpaired"
"""Acts of the audit trail."""


class Pairing(msgspec.Struct, frozen=True, kw_only=True):
    """The workstation of a scanner."""

    workstation: WorkstationRecord
    by_setting: bool = False


class ScannerPairings:
    """The pairings in force. `desks`: scanner identifiers and names of workstations, as relais.toml says them."""

    def __init__(self, store: Store, books: Bookkeeper, desks: Mapping[str, str]) -> None:
        self._store = store
        self._books = books
        self._desks = desks

    async def all(self) -> dict[str, Pairing]:
        """By scanner. A setting comes before an act; a workstation that was revoked has none."""
        stations = [one for one in await self._store.workstations() if not one.revoked]
        by_id, by_name = {one.id: one for one in stations}, {one.name: one for one in stations}
        found = {
            one.device: Pairing(workstation=by_id[one.workstation]) for one in await self._store.pairings() if one.workstation in by_id
        }
        for scanner, name in self._desks.items():
            found.pop(scanner, None)
            if name in by_name:
                found[scanner] = Pairing(workstation=by_name[name], by_setting=True)
        return found

    async def of(self, scanner: str) -> Pairing | None:
        """Of one scanner."""
        return (await self.all()).get(scanner)

    async def check_usable(self, caller: Caller, scanner: str) -> None:
        """Raises ScannerOfAnother when another workstation listens to it; the operator may use any."""
        pairing = await self.of(scanner)
        if pairing is not None and pairing.workstation.id != caller.workstation and not caller.sees_all:
            raise ScannerOfAnother

    async def pair(self, caller: Caller, scanner: str) -> None:
        """From now on it speaks to the caller's workstation; raises ScannerOfAnother, ScannerPairedBySetting."""
        await self._change(caller, scanner, caller.workstation, PAIRED)

    async def unpair(self, caller: Caller, scanner: str) -> None:
        """It speaks to nobody; raises as `pair`."""
        await self._change(caller, scanner, None, UNPAIRED)

    async def _change(self, caller: Caller, scanner: str, workstation: str | None, act: str) -> None:
        if scanner in self._desks:
            raise ScannerPairedBySetting
        async with self._books.alone_with(f"pairing {scanner}"):
            await self.check_usable(caller, scanner)
            before = await self.of(scanner)
            if (before.workstation.id if before is not None else None) == workstation:
                return
            now = self._books.now()
            detail = {"scanner": scanner, "workstation": caller.workstation}
            audit = AuditRecord(at=now, act=act, actor=caller.imputed, answer="done", detail=dict(detail))
            await self._store.commit(PairingRecord(device=scanner, workstation=workstation, at=now), audit)
