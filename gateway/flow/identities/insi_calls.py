"""Every call to INSi as the journal keeps it: before it leaves, and after it ends (insi.md 2.3, 4.7; design, rule 10).

The first line says who asks, why, and for which patient (pseudonym); the second how it ended. Request and answer are kept whole, encrypted.
A power cut between the two leaves the first alone: INSi only reads, so the question is asked again under a new MessageID (case A33).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.people import Author
from gateway.ins.answer import Exchange
from gateway.ins.client import Announce
from gateway.ins.errors import FromInsi
from gateway.journal.records import AuditRecord, InsiCallRecord
from gateway.journal.store import Store
from gateway.kernel.errors import RelaisError
from gateway.trust.vault import DataKey, Vault

_log = structlog.get_logger("relais.insi")

INTERRUPTED = "interrupted"
"""Outcome of a call whose answer nobody waited for: the power went, the budget was over, or the caller hung up."""


class Matter(msgspec.Struct, frozen=True, kw_only=True):
    """On whose behalf and why a call is made."""

    structure: str
    author: Author
    purpose: str
    local_ref: str | None = None
    inquiry_id: str | None = None


class _Raw(msgspec.Struct, frozen=True, kw_only=True):
    sent: bytes
    received: bytes


class CallBook:
    """Writes the two lines around each call."""

    def __init__(self, store: Store, vault: Vault, books: Bookkeeper) -> None:
        self._store = store
        self._vault = vault
        self._books = books

    async def made(self, matter: Matter, call: Callable[[Announce], Awaitable[Exchange]]) -> Exchange:
        """Make the call; raises what it raises, and NotAccepting when the journal cannot take a line. One given up is told as such."""
        line = _Line(self._store, self._books, matter, self._vault.new_key())
        try:
            exchange = await call(line.begin)
        except FromInsi as problem:
            await line.end(problem.code, problem.answer)
            raise
        except RelaisError as problem:
            await line.end(problem.code, b"")
            raise
        except asyncio.CancelledError:
            with contextlib.suppress(RelaisError):
                await line.end(INTERRUPTED, b"")
            raise
        await line.end(exchange.answer.verdict.value, exchange.received)
        return exchange

    async def close_interrupted(self) -> int:
        """At start: tell of each call that a stop cut short; how many there were."""
        found = await self._store.unanswered_calls()
        for one in found:
            ended = msgspec.structs.replace(one, answered_at=self._books.now(), outcome=INTERRUPTED, version=one.version + 1)
            await self._store.commit(ended, _audit(ended, "insi.answered", INTERRUPTED))
        return len(found)


class _Line:
    """The row of one call."""

    def __init__(self, store: Store, books: Bookkeeper, matter: Matter, key: DataKey) -> None:
        self._store = store
        self._books = books
        self._matter = matter
        self._key = key
        self._row: InsiCallRecord | None = None
        self._sent = b""

    async def begin(self, operation: str, message_id: str, sent: bytes) -> None:
        """Before the request leaves."""
        matter = self._matter
        row = InsiCallRecord(
            id=message_id,
            structure=matter.structure,
            local_ref=matter.local_ref,
            inquiry_id=matter.inquiry_id,
            workstation=matter.author.workstation,
            actor=matter.author.imputed,
            purpose=matter.purpose,
            operation=operation,
            at=self._books.now(),
            wrapped_key=self._key.wrapped,
        )
        await self._store.commit(row, _audit(row, "insi.asked", None))
        self._row, self._sent = row, sent

    async def end(self, outcome: str, received: bytes) -> None:
        """After the answer, or what came in its place; nothing for a call that never left."""
        row = self._row
        if row is None:
            return
        raw = msgspec.msgpack.encode(_Raw(sent=self._sent, received=received))
        ended = msgspec.structs.replace(
            row,
            answered_at=self._books.now(),
            outcome=outcome,
            sealed=self._key.seal(raw, call_context(row.id)),
            version=row.version + 1,
        )
        _log.info("insi answered", message=row.id, operation=row.operation, outcome=outcome)
        await self._store.commit(ended, _audit(ended, "insi.answered", outcome))


def call_context(message_id: str) -> bytes:
    """What the sealed bytes of a call are bound to."""
    return f"{message_id}/insi".encode()


def _audit(row: InsiCallRecord, act: str, answer: str | None) -> AuditRecord:
    told: dict[str, str | int | bool | None] = {"purpose": row.purpose, "operation": row.operation, "message_id": row.id}
    if row.workstation is not None:
        told["workstation"] = row.workstation
    return AuditRecord(
        at=row.answered_at or row.at,
        act=act,
        actor=row.actor,
        structure=row.structure,
        patient_ref=row.local_ref,
        answer=answer,
        detail=told,
    )
