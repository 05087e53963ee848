"""The workstations of the box: who has access, under which name, and the end of an access, which is at once and everywhere.

What a revoked workstation sent goes on its way: the box answers for what it accepted. Its devices are free, its streams end, its token is
refused from the next request on. Nothing here ever takes the last operator away.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import structlog

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import OPERATOR, Caller, Gate, new_token, new_workstation
from gateway.flow.decoding import RequestInvalid
from gateway.flow.intake import resolve_structure
from gateway.flow.views import instant
from gateway.flow.workstations.errors import LastOperator, OperatorNameFixed, WorkstationNotFound, WorkstationsReserved
from gateway.flow.workstations.names import NAMES, Name, check_free
from gateway.flow.workstations.views import PairedView, WorkstationView
from gateway.journal.records import AuditRecord, Change, PairingRecord, WorkstationRecord
from gateway.journal.store import Store
from gateway.kernel.config import Configuration

_log = structlog.get_logger("relais.workstations")

ADDED, RENAMED, RENEWED, REVOKED = "workstation.added", "workstation.renamed", "workstation.renewed", "workstation.revoked"
"""Acts of the audit trail."""


class WorkstationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A workstation to be added without the pairing window, by the operator."""

    name: Name | None = None
    """Needed, but for an operator, who has none of its own."""
    structure: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    """Needed when the box holds several."""
    operator: bool = False
    """Another installer's access."""


class NameBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another name for a workstation."""

    name: Name


class WorkstationDesk:
    """What is seen and done of them."""

    def __init__(self, configuration: Configuration, store: Store, books: Bookkeeper, gate: Gate) -> None:
        self._configuration = configuration
        self._structures = tuple(one.id for one in configuration.structures)
        self._store = store
        self._books = books
        self._gate = gate

    async def all(self, caller: Caller) -> tuple[WorkstationView, ...]:
        """Workstations in force of the caller's structures, the last paired first; all of them, operators too, for the operator."""
        found = sorted(await self._in_force(), key=lambda one: one.created_at, reverse=True)
        return tuple(self._view(caller, one) for one in found if _shown(caller, one))

    async def add(self, caller: Caller, body: WorkstationBody) -> PairedView:
        """A workstation, or another operator, and its token. Raises WorkstationsReserved, RequestInvalid, StructureUnknown,
        WorkstationNameTaken, NotAccepting."""
        _check_operator(caller)
        name, structures = self._asked(body)
        async with self._books.alone_with(NAMES):
            if not body.operator:
                check_free(name, await self._store.workstations())
            record, token = new_workstation(name, structures, self._books.now())
            await self._write(ADDED, caller, record, record, operator=body.operator)
        return _paired(record, token)

    async def rename(self, caller: Caller, identifier: str, body: NameBody) -> WorkstationView:
        """Under another name from now on; its token and its devices stay. Raises WorkstationsReserved, WorkstationNotFound,
        OperatorNameFixed, WorkstationNameTaken, NotAccepting."""
        _check_operator(caller)
        async with self._books.alone_with(NAMES):
            record = await self._find(identifier)
            if record.name == OPERATOR:
                raise OperatorNameFixed(field="name")
            check_free(body.name, [one for one in await self._store.workstations() if one.id != identifier])
            after = msgspec.structs.replace(record, name=body.name)
            if after != record:
                await self._write(RENAMED, caller, after, after)
        return self._view(caller, after)

    async def renew(self, caller: Caller, identifier: str) -> PairedView:
        """Another token for the same workstation: the former is refused at once, its documents and devices stay. Raises as `revoke`."""
        _check_operator(caller)
        async with self._books.alone_with(NAMES):
            record = await self._find(identifier)
            digest, token = new_token()
            after = msgspec.structs.replace(record, token_digest=digest, token_at=self._books.now())
            await self._write(RENEWED, caller, after, after)
        self._gate.end(identifier)
        return _paired(after, token)

    async def revoke(self, caller: Caller, identifier: str) -> WorkstationView:
        """The end of its access; told as it was. Raises WorkstationsReserved, WorkstationNotFound, LastOperator, NotAccepting."""
        _check_operator(caller)
        async with self._books.alone_with(NAMES):
            record = await self._find(identifier)
            if record.name == OPERATOR and sum(one.name == OPERATOR for one in await self._in_force()) == 1:
                raise LastOperator
            devices = [one.device for one in await self._store.pairings() if one.workstation == identifier]
            freed = [PairingRecord(device=one, workstation=None, at=self._books.now()) for one in devices]
            after = msgspec.structs.replace(record, revoked=True)
            await self._write(REVOKED, caller, record, after, *freed, devices=len(freed))
        self._gate.end(identifier)
        self._books.announce()
        return self._view(caller, record)

    def _asked(self, body: WorkstationBody) -> tuple[str, tuple[str, ...]]:
        if body.operator:
            return OPERATOR, self._structures
        if body.name is None:
            raise RequestInvalid(field="name", fault="ce champ manque")
        return body.name, (resolve_structure(self._configuration, self._structures, body.structure).id,)

    async def _in_force(self) -> list[WorkstationRecord]:
        return [one for one in await self._store.workstations() if not one.revoked]

    async def _find(self, identifier: str) -> WorkstationRecord:
        found = next((one for one in await self._in_force() if one.id == identifier), None)
        if found is None:
            raise WorkstationNotFound(field="workstation_id")
        return found

    async def _write(self, act: str, caller: Caller, record: WorkstationRecord, *changes: Change, **detail: str | int | bool) -> None:
        said = {"workstation": record.id, **detail}
        structure = record.structures[0] if len(record.structures) == 1 else None
        audit = AuditRecord(at=self._books.now(), act=act, actor=caller.imputed, structure=structure, answer="done", detail=dict(said))
        await self._store.commit(*changes, audit)
        _log.info(act.replace(".", " "), workstation=record.id)

    def _view(self, caller: Caller, record: WorkstationRecord) -> WorkstationView:
        return WorkstationView(
            id=record.id,
            name=record.name,
            structures=record.structures,
            operator=record.name == OPERATOR,
            here=record.id == caller.workstation,
            paired_at=instant(record.created_at),
            token_given_at=instant(record.token_since),
            token_expires_at=self._gate.expiry(record),
        )


def _shown(caller: Caller, record: WorkstationRecord) -> bool:
    return caller.sees_all or (record.name != OPERATOR and bool(set(record.structures) & set(caller.structures)))


def _paired(record: WorkstationRecord, token: str) -> PairedView:
    return PairedView(workstation=record.id, name=record.name, structures=record.structures, token=token)


def _check_operator(caller: Caller) -> None:
    if not caller.sees_all:
        raise WorkstationsReserved
