"""Who asks: a paired workstation, and the person it says acts. A token is only ever compared by digest."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence

import msgspec

from gateway.flow.errors import RateLimited, Unauthenticated
from gateway.journal.records import WorkstationRecord
from gateway.journal.store import Store
from gateway.kernel.clock import Clock
from gateway.kernel.config import Structure
from gateway.kernel.ids import new_id

OPERATOR = "operator"
"""Name of the box's own workstation: the command line and the page of the integrator; it sees every document."""


_STRANGER = "stranger"
_MOST_LINES = 4
"""Event streams of one workstation: each reads and encodes every event again."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticated workstation and the actor named in Relais-Actor."""

    workstation: str
    name: str
    structures: tuple[str, ...]
    actor: str | None = None
    secretary: bool = False
    """True when the actor is a secretary of the box, and no professional."""
    software: str | None = None
    """Profile of the cabinet software of this workstation (`insi.software`), None for the box's first one."""

    @property
    def sees_all(self) -> bool:
        """True for the box's own operator."""
        return self.name == OPERATOR

    @property
    def imputed(self) -> str:
        """How the audit trail names this caller."""
        if self.actor is None:
            return f"workstation:{self.workstation}"
        return f"{'secretary' if self.secretary else 'professional'}:{self.actor}"


def token_digest(token: str) -> str:
    """What the journal keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def certificate_digest(fingerprint: str) -> str:
    """What the journal keeps of a workstation paired by certificate, in the place of a token's digest: no token has this digest."""
    return f"certificate:{fingerprint}"


def new_workstation(name: str, structures: tuple[str, ...], now: int) -> tuple[WorkstationRecord, str]:
    """A workstation to be paired and its token, which is shown once and never kept."""
    token = secrets.token_urlsafe(32)
    record = WorkstationRecord(id=new_id(), name=name, token_digest=token_digest(token), structures=structures, created_at=now)
    return record, token


class Gate:
    """Recognises callers and limits their pace."""

    def __init__(self, store: Store, clock: Clock, requests_per_minute: int, structures: Sequence[Structure] = ()) -> None:
        self._store = store
        self._clock = clock
        self._allowed = requests_per_minute
        self._secretaries = frozenset(one.id for structure in structures for one in structure.secretaries)
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lines: dict[str, set[object]] = {}

    async def recognise(self, token: str | None, actor: str | None) -> Caller:
        """The caller behind a token; raises Unauthenticated or RateLimited."""
        return self._admit(await self._store.workstation_by_token(token_digest(token)) if token else None, actor)

    async def recognise_certificate(self, fingerprint: str, actor: str | None) -> Caller:
        """The caller paired by a client certificate (SHA-256 hex of its DER) that TLS verified; raises as `recognise`."""
        return self._admit(await self._store.workstation_by_token(certificate_digest(fingerprint)), actor)

    def take_line(self, workstation: str, most: int = _MOST_LINES) -> Callable[[], None]:
        """One more event stream for this workstation; what is returned gives it back, once however often. Raises RateLimited."""
        held, line = self._lines.setdefault(workstation, set()), object()
        if len(held) >= most:
            raise RateLimited
        held.add(line)
        return lambda: held.discard(line)

    def take_stranger(self) -> Callable[[], None]:
        """The only place for a body whose sender is named at its end; what is returned gives it back. Raises RateLimited."""
        return self.take_line(_STRANGER, 1)

    def _admit(self, record: WorkstationRecord | None, actor: str | None) -> Caller:
        if record is None or record.revoked:
            raise Unauthenticated
        self._pace(record.id)
        return Caller(
            workstation=record.id,
            name=record.name,
            structures=record.structures,
            actor=actor,
            secretary=actor in self._secretaries,
            software=record.software,
        )

    def _pace(self, workstation: str) -> None:
        now = self._clock.monotonic()
        level, at = self._buckets.get(workstation, (float(self._allowed), now))
        level = min(float(self._allowed), level + (now - at) * self._allowed / 60)
        if level < 1:
            self._buckets[workstation] = (level, now)
            raise RateLimited
        self._buckets[workstation] = (level - 1, now)
