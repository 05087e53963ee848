"""Puts the next certificate of a role into use without a restart, and comes back to the former one when a service refuses it.

Each step is in the journal before the keys move; a cut at any instant is finished at the next look. Attempts under way end with the
certificate they began with, frozen bytes are never made again, and an error counts against the new certificate only when its attempt began
after the switch. One succession at a time. Sources: anchors.md section 7 (goal 5); design, rules 5, 9, 10 and 11.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import msgspec
import structlog

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.certificates import succession
from gateway.flow.certificates.rehearsal import Rehearsals
from gateway.flow.views import milliseconds
from gateway.journal.records import AuditRecord, EventRecord, SuccessionRecord
from gateway.journal.store import Store
from gateway.kernel.config import Configuration, Structure
from gateway.kernel.errors import Explanation, RelaisError
from gateway.trust.keystore import KeyStore
from gateway.trust.roles import Role
from gateway.trust.slots import Slot

_log = structlog.get_logger("relais.certificates")

CHANGED = "certificate.changed"
"""Kind of the event of every step."""
SYSTEM = "system"
_WATCHING = 60_000
"""Milliseconds between two trials of a certificate in its first hour."""

Place = tuple[str, Role]
Renew = Callable[[str], Awaitable[None]]


class Successions:
    """Every role of every structure. `renew` makes the clients of a structure anew and wakes what waits for them."""

    def __init__(
        self, configuration: Configuration, store: Store, books: Bookkeeper, keys: KeyStore, rehearsals: Rehearsals, renew: Renew
    ) -> None:
        self._settings = configuration.certificates
        self._structures = {one.id: one for one in configuration.structures}
        self._store = store
        self._books = books
        self._keys = keys
        self._rehearsals = rehearsals
        self._renew = renew
        self._alone = asyncio.Lock()
        self._watched: dict[Place, int] = {}
        """Instant of the switch, for those in their first hour."""
        self._tried: dict[Place, int] = {}

    async def look(self) -> None:
        """Finish what a cut left, notice what was imported, rehearse, switch by itself, watch. One role that fails stops no other."""
        async with self._alone:
            await self._refresh()
            for place in await self._places():
                try:
                    await self._look_at(place)
                except RelaisError as problem:
                    _log.warning("succession not moved", structure=place[0], role=place[1], code=problem.code, why=problem.technical)

    async def rehearse(self, place: Place, actor: str) -> SuccessionRecord | None:
        """Try the next certificate now, and put it into use when it was waited for; None when there is none."""
        async with self._alone:
            await self._refresh()
            record = await self._noticed(place)
            if record is None or succession.under_way(record) or self._next_of(place) is None:
                return record
            return await self._switch_by_itself(await self._rehearse(record, actor))

    async def switch(self, place: Place, actor: str) -> SuccessionRecord | None:
        """Put the next certificate into use; unchanged when its rehearsal does not allow it, None when there is none."""
        async with self._alone:
            await self._refresh()
            record = await self._noticed(place)
            if record is None or not succession.may_be_switched(record) or self._next_of(place) is None:
                return record
            return await self._switch(record, actor)

    async def call_back(self, place: Place, actor: str, why: Explanation) -> SuccessionRecord | None:
        """Come back to the former certificate; unchanged when there is none to come back to."""
        async with self._alone:
            record = await self.record(place)
            if record is None or not succession.may_be_called_back(record):
                return record
            return await self._return(await self._write(succession.called_back(record, actor, why, self._now()), "certificate.returning"))

    async def imported(self, place: Place, actor: str) -> None:
        """A certificate was imported straight into use: the one it replaced, if it is kept, may be come back to."""
        async with self._alone:
            following, former = self._fingerprint(place, Slot.CURRENT), self._fingerprint(place, Slot.FORMER)
            if following is None or former is None or former == following:
                return
            fresh = succession.replaced(await self.record(place), *place, following, former, actor, self._now())
            if fresh is not None:
                await self._write(fresh, "certificate.replaced")

    async def heard(self, structure: str, roles: Iterable[Role], explanation: Explanation, began: int) -> None:
        """A service refused something for a matter of certificates, in an attempt begun at that instant."""
        accused = [(structure, role) for role in roles if began > self._watched.get((structure, role), began)]
        if not accused:
            return
        async with self._alone:
            for place in accused:
                record = await self.record(place)
                if record is not None:
                    await self._indict(record, explanation)

    async def suspected(self, structure: str, roles: Iterable[Role], began: int) -> None:
        """A TLS session ended without a word: what is in its first hour is tried again now, once a minute at most."""
        for place in [(structure, role) for role in roles if began > self._watched.get((structure, role), began)]:
            try:
                async with self._alone:
                    record = await self.record(place)
                    if record is not None and record.state == "watched":
                        await self._watch(record)
            except RelaisError as problem:
                _log.warning("certificate not tried again", structure=structure, role=place[1], code=problem.code)

    async def record(self, place: Place) -> SuccessionRecord | None:
        """Where this role stands."""
        return next((one for one in await self._store.successions() if (one.structure, one.role) == place), None)

    def structure(self, identifier: str) -> Structure | None:
        """The structure as it is configured, None when it is not."""
        return self._structures.get(identifier)

    def waits(self, place: Place) -> str | None:
        """SHA-256 of the next certificate of a role, None when none waits."""
        return self._next_of(place)

    async def _places(self) -> list[Place]:
        waiting = [(one.structure_id, Role(one.role)) for one in self._keys.summaries(Slot.NEXT)]
        known = [(one.structure, Role(one.role)) for one in await self._store.successions()]
        return [place for place in dict.fromkeys((*known, *waiting)) if place[0] in self._structures]

    async def _look_at(self, place: Place) -> None:
        record = await self._noticed(place)
        if record is None:
            return
        record = await self._resume(record)
        if record.state == "watched":
            await self._watch(record)
            return
        if self._next_of(place) != record.following:
            return
        if succession.to_be_rehearsed(record, self._now()):
            record = await self._rehearse(record, SYSTEM)
        await self._switch_by_itself(record)

    async def _noticed(self, place: Place) -> SuccessionRecord | None:
        record, following = await self.record(place), self._next_of(place)
        fresh = succession.noticed(record, *place, following, self._now()) if following is not None else None
        return record if fresh is None else await self._write(fresh, "certificate.noticed")

    async def _resume(self, record: SuccessionRecord) -> SuccessionRecord:
        match succession.resumed(record, self._fingerprint(_place(record), Slot.CURRENT)):
            case "promote":
                return await self._promote(record)
            case "note-promoted":
                return await self._note_promoted(record)
            case "restore":
                return await self._return(record)
            case "note-restored":
                return await self._note_restored(record)
            case None:
                if record.state == "watched" and record.switched_at is not None:
                    self._watched.setdefault(_place(record), record.switched_at)
                return record

    async def _rehearse(self, record: SuccessionRecord, actor: str) -> SuccessionRecord:
        steps = await self._rehearsals.rehearse(record.structure, Role(record.role), Slot.NEXT)
        after = succession.rehearsed(record, steps, self._now())
        if after.rehearsal == record.rehearsal and actor == SYSTEM and after.state == record.state:
            return await self._write(after, None)
        return await self._write(after, "certificate.rehearsed", actor=actor, answer=succession.verdict_of(steps))

    async def _switch_by_itself(self, record: SuccessionRecord) -> SuccessionRecord:
        if not self._settings.automatic:
            return record
        ends_at = await self._end_of_the_one_in_use(_place(record))
        if succession.due_by_itself(record, ends_at=ends_at, now=self._now(), before_days=self._settings.switch_days):
            return await self._switch(record, SYSTEM)
        return record

    async def _refresh(self) -> None:
        """Take what another process put on the disk."""
        for structure in await asyncio.to_thread(self._keys.refresh):
            await self._renew(structure)

    async def _switch(self, record: SuccessionRecord, actor: str) -> SuccessionRecord:
        former = self._fingerprint(_place(record), Slot.CURRENT)
        return await self._promote(await self._write(succession.begun(record, former, actor, self._now()), "certificate.switching"))

    async def _promote(self, record: SuccessionRecord) -> SuccessionRecord:
        try:
            await asyncio.to_thread(self._keys.promote, *_place(record), record.following)
        except RelaisError as problem:
            return await self._write(
                succession.not_promoted(record, problem.explanation, self._now()), "certificate.kept", answer=problem.code
            )
        return await self._note_promoted(record)

    async def _note_promoted(self, record: SuccessionRecord) -> SuccessionRecord:
        await self._renew(record.structure)
        record = await self._write(succession.promoted(record, self._now()), "certificate.switched")
        self._watched[_place(record)] = record.switched_at or self._now()
        return record

    async def _watch(self, record: SuccessionRecord) -> None:
        """In its first hour it is tried again beside the deliveries, which may be none; then it stays."""
        place, now = _place(record), self._now()
        if not 0 <= now - self._tried.get(place, 0) < _WATCHING:
            self._tried[place] = now
            steps = await self._rehearsals.rehearse(*place, Slot.CURRENT)
            refusal = next((one for one in steps if one.outcome == "refused"), None)
            if refusal is not None and await self._indict(record, succession.explained(refusal)):
                return
        over = succession.settled(record, self._now())
        if over is not None:
            await self._write(over, "certificate.settled")
            self._watched.pop(place, None)

    async def _indict(self, record: SuccessionRecord, explanation: Explanation) -> bool:
        returning = succession.indicted(record, explanation, self._now())
        if returning is None:
            return False
        returning = msgspec.structs.replace(returning, actor=SYSTEM)
        await self._return(await self._write(returning, "certificate.returning", answer=explanation.code))
        return True

    async def _return(self, record: SuccessionRecord) -> SuccessionRecord:
        try:
            await asyncio.to_thread(self._keys.restore_former, *_place(record))
        except RelaisError as problem:
            self._watched.pop(_place(record), None)
            return await self._write(
                succession.not_restored(record, problem.explanation, self._now()), "certificate.kept", answer=problem.code
            )
        return await self._note_restored(record)

    async def _note_restored(self, record: SuccessionRecord) -> SuccessionRecord:
        self._watched.pop(_place(record), None)
        await self._renew(record.structure)
        return await self._write(succession.restored(record, self._now()), "certificate.returned")

    async def _write(
        self, record: SuccessionRecord, act: str | None, *, actor: str | None = None, answer: str | None = None
    ) -> SuccessionRecord:
        """Commit a row with its audit line and its event; without an act, the row alone."""
        if act is None:
            await self._store.commit(record)
            return record
        at = self._now()
        audit = AuditRecord(
            at=at,
            act=act,
            actor=actor or record.actor,
            structure=record.structure,
            answer=answer or "done",
            detail={"role": record.role, "following": record.following, "former": record.former},
        )
        event = EventRecord(kind=CHANGED, subject=f"{record.structure}/{record.role}", structure=record.structure, workstation="", at=at)
        await self._store.commit(record, audit, event)
        _log.info(act, structure=record.structure, role=record.role, state=record.state, answer=answer)
        self._books.announce()
        return record

    async def _end_of_the_one_in_use(self, place: Place) -> int | None:
        found = next((one for one in self._keys.summaries() if (one.structure_id, one.role) == place), None)
        if found is None or await self._rehearsals.is_revoked(*place, Slot.CURRENT):
            return None
        return milliseconds(found.usable_until)

    def _next_of(self, place: Place) -> str | None:
        return self._fingerprint(place, Slot.NEXT)

    def _fingerprint(self, place: Place, slot: Slot) -> str | None:
        return next((one.fingerprint for one in self._keys.summaries(slot) if (one.structure_id, one.role) == place), None)

    def _now(self) -> int:
        return self._books.now()


def _place(record: SuccessionRecord) -> Place:
    return record.structure, Role(record.role)
