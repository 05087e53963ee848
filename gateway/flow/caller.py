"""Who asks: a paired workstation, and the person it says acts. A token is only ever compared by digest."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from gateway.flow.errors import ActorNeeded, ActorUnknown, RateLimited, TokenExpired, Unauthenticated
from gateway.journal.records import CERTIFICATE_DIGEST, OPERATOR_NAME, WorkstationRecord
from gateway.journal.store import Store
from gateway.kernel.clock import Clock
from gateway.kernel.config import Structure
from gateway.kernel.ids import new_id

OPERATOR = OPERATOR_NAME
"""Name of the box's own workstation: the command line and the page of the integrator; it sees every document."""


ACTOR = "Relais-Actor"
"""The header that names a person."""
Role = Literal["professional", "secretary"]

_STRANGER = "stranger"
_MOST_LINES = 4
"""Event streams of one workstation: each reads and encodes every event again."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticated workstation and the actor named in Relais-Actor."""

    workstation: str
    name: str
    structures: tuple[str, ...]
    actor: str | None = None
    roles: dict[str, Role] = {}
    """What the actor is in each structure of this workstation that knows them."""
    software: str | None = None
    """Profile of the cabinet software of this workstation (`insi.software`), None for the box's first one."""

    @property
    def sees_all(self) -> bool:
        """True for the box's own operator."""
        return self.name == OPERATOR

    @property
    def imputed(self) -> str:
        """How the audit trail names this caller for an act on the box itself."""
        if self.actor is None:
            return f"workstation:{self.workstation}"
        return f"{'professional' if 'professional' in self.roles.values() else 'secretary'}:{self.actor}"

    def imputed_in(self, structure: str) -> str:
        """The same for an act on what belongs to a structure; raises ActorUnknown when the actor is not one of its people."""
        if self.actor is None:
            return self.imputed
        if structure not in self.roles:
            raise ActorUnknown(field=ACTOR)
        return f"{self.roles[structure]}:{self.actor}"

    def person_in(self, structure: str) -> str:
        """The same for an act that no workstation answers for alone; raises ActorNeeded too."""
        if self.actor is None:
            raise ActorNeeded(field=ACTOR)
        return self.imputed_in(structure)


def token_digest(token: str) -> str:
    """What the journal keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def certificate_digest(fingerprint: str) -> str:
    """What the journal keeps of a workstation paired by certificate, in the place of a token's digest: no token has this digest."""
    return f"{CERTIFICATE_DIGEST}{fingerprint}"


def new_token() -> tuple[str, str]:
    """A digest and its token, which is shown once and never kept; a command line cannot take it for an option."""
    token = secrets.token_urlsafe(32)
    while token.startswith("-"):
        token = secrets.token_urlsafe(32)
    return token_digest(token), token


def new_workstation(name: str, structures: tuple[str, ...], now: int) -> tuple[WorkstationRecord, str]:
    """A workstation to be paired and its token, which is shown once and never kept."""
    digest, token = new_token()
    record = WorkstationRecord(id=new_id(), name=name, token_digest=digest, structures=structures, created_at=now)
    return record, token


class Gate:
    """Recognises callers and limits their pace. `token_days`: how long a token is good, 0 for ever."""

    def __init__(
        self, store: Store, clock: Clock, requests_per_minute: int, structures: Sequence[Structure] = (), *, token_days: int = 0
    ) -> None:
        self._store = store
        self._clock = clock
        self._allowed = requests_per_minute
        self._people = {one.id: _people(one) for one in structures}
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lines: dict[str, set[object]] = {}
        self._ends: dict[str, asyncio.Event] = {}
        self._structures = tuple(one.id for one in structures)
        self._token_days = token_days

    async def recognise(self, token: str | None, actor: str | None) -> Caller:
        """The caller behind a token; raises Unauthenticated, TokenExpired, RateLimited, and as `named`."""
        return self._admit(await self._store.workstation_by_token(token_digest(token)) if token else None, actor)

    async def recognise_certificate(self, fingerprint: str, actor: str | None) -> Caller:
        """The caller paired by a client certificate (SHA-256 hex of its DER) that TLS verified; raises as `recognise`."""
        return self._admit(await self._store.workstation_by_token(certificate_digest(fingerprint)), actor)

    def named(self, caller: Caller, actor: str) -> Caller:
        """The caller with the person who acts; raises ActorUnknown for nobody of its structures (for the operator: of the box)."""
        within = self._people if caller.sees_all else caller.structures
        roles = {one: role for one in within if (role := self._people.get(one, {}).get(actor)) is not None}
        if not roles:
            raise ActorUnknown(field=ACTOR)
        return msgspec.structs.replace(caller, actor=actor, roles=roles)

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

    def ending(self, workstation: str) -> asyncio.Event:
        """Set when the access of this workstation ends: what it listens to ends with it."""
        return self._ends.setdefault(workstation, asyncio.Event())

    def end(self, workstation: str) -> None:
        """Its access, or its token, is over: whatever it listens to ends now."""
        self._buckets.pop(workstation, None)
        ending = self._ends.pop(workstation, None)
        if ending is not None:
            ending.set()

    def expiry(self, record: WorkstationRecord) -> datetime | None:
        """When its token ends; None: never."""
        ends = record.token_ends(self._token_days)
        return datetime.fromtimestamp(ends / 1000, UTC) if ends is not None else None

    def _admit(self, record: WorkstationRecord | None, actor: str | None) -> Caller:
        if record is None or record.revoked:
            raise Unauthenticated
        end = self.expiry(record)
        if end is not None and self._clock.trusted() and self._clock.now() >= end:
            raise TokenExpired
        self._pace(record.id)
        caller = Caller(workstation=record.id, name=record.name, structures=self._reach(record), software=record.software)
        return caller if actor is None else self.named(caller, actor)

    def _reach(self, record: WorkstationRecord) -> tuple[str, ...]:
        """An operator follows the settings: it was there before the structures were."""
        return self._structures if record.name == OPERATOR and self._structures else record.structures

    def _pace(self, workstation: str) -> None:
        now = self._clock.monotonic()
        level, at = self._buckets.get(workstation, (float(self._allowed), now))
        level = min(float(self._allowed), level + (now - at) * self._allowed / 60)
        if level < 1:
            self._buckets[workstation] = (level, now)
            raise RateLimited
        self._buckets[workstation] = (level - 1, now)


def _people(structure: Structure) -> dict[str, Role]:
    """By identifier; who is both acts as a professional."""
    secretaries: dict[str, Role] = {one.id: "secretary" for one in structure.secretaries}
    return {**secretaries, **{one.id: "professional" for one in structure.professionals}}
