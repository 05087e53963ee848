"""Searches that the box does by itself, from a durable queue: deferred ones, tomorrow's list, the whole file, old qualifications.

INSI-AUTO for all of them. Those a workstation waits for go first; the line to INSi lets people pass before any. Each attempt has a new
MessageID; a transient failure waits longer each time, and after `insi.retry.give_up` a person decides. A wrong setting stops the searches
of that software alone (case A17), or of the structure whose certificate it is; one of them tries again after a while. A stop in the middle
costs one more question: INSi only reads. Source: insi.md 3.7, 6 [R]; design, rule 11.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

import msgspec
import structlog

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Caller
from gateway.flow.errors import NotFound, PayloadQuarantined
from gateway.flow.identities.entries import Entry, Identities
from gateway.flow.identities.identification import Identification, Taken, criteria_of
from gateway.flow.identities.inquiry_pause import PAUSED, RESUMED, Pause, Pauses
from gateway.flow.identities.insi_calls import Matter
from gateway.flow.identities.night import Night
from gateway.flow.identities.registry import Registry
from gateway.flow.identities.search_limit import SUSPENDED, SearchLimits, TooManyUnknown, guesses_of
from gateway.flow.identities.search_showing import search_view
from gateway.flow.identities.views import DeferredView, InquiryView, SearchView
from gateway.flow.people import THE_BOX, Author
from gateway.flow.retry import next_wait
from gateway.flow.views import instant
from gateway.ins.answer import Verdict
from gateway.ins.criteria import SearchCriteria
from gateway.ins.identity import Method
from gateway.ins.search import Search
from gateway.journal.records import AuditRecord, Change, EventRecord, InquiryKind, InquiryRecord
from gateway.journal.store import NotAccepting, Store
from gateway.kernel.clock import Clock
from gateway.kernel.config import Configuration, Structure
from gateway.kernel.errors import ErrorClass, Held, RelaisError
from gateway.kernel.ids import new_id
from gateway.model.patient import Ins
from gateway.trust.vault import Vault

_log = structlog.get_logger("relais.inquiries")

KINDS: Final[tuple[InquiryKind, ...]] = ("deferred", "tomorrow", "periodic", "file")
"""In order of urgency."""
_AT_ONCE = 8
_LONGEST_PAUSE = 30.0
_UNWRITTEN_AGAIN = 1.0
_CURIOUS_AGAIN = 24 * 3600.0


class SearchGivenUp(Held):
    """INSi did not answer for as long as the box may ask."""

    code = "search-given-up"
    what = "Le téléservice INSi n'a pas répondu depuis trop longtemps : la recherche de cette identité est abandonnée."
    gesture = "Relancez la recherche depuis la fiche du patient quand le téléservice répond de nouveau."


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is sealed of an inquiry."""

    purpose: str
    local_id: str | None = None
    criteria: SearchCriteria | None = None
    """None: the patient's own traits at that moment."""
    brought_by: str = ""
    """The workstation that wrote a patient whom the box looks up unasked; other searches have it in their row."""
    result: SearchView | None = None
    line: int | None = None
    field: str | None = None
    """Where in a list a patient stands who could not be taken: nothing is asked then."""


class Inquiries:
    """The queue and its worker."""

    def __init__(
        self,
        configuration: Configuration,
        store: Store,
        vault: Vault,
        identities: Identities,
        registry: Registry,
        identification: Identification,
        books: Bookkeeper,
        clock: Clock,
        spread: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """`spread(low, high)` draws what a wait is multiplied by, so that boxes do not come back all at once."""
        self._configuration = configuration
        self._store = store
        self._vault = vault
        self._identities = identities
        self._registry = registry
        self._identification = identification
        self._books = books
        self._clock = clock
        self._spread = spread
        self._night = Night(configuration.identification.night)
        self._bell = asyncio.Event()
        self._busy: dict[str, str] = {}
        self._pauses = Pauses(configuration.insi, clock.monotonic)
        self._curious: dict[tuple[str, str], float] = {}
        self.settled: Callable[[InquiryRecord], object] = lambda _: None
        """Told each inquiry that ended (batches count on it)."""
        self.limits = SearchLimits(configuration.insi, clock.monotonic)
        """How many searches a workstation may cause; shared with the desk where people search."""

    async def defer(
        self,
        caller: Caller,
        structure: Structure,
        author: Author,
        entry: Entry | None,
        criteria: SearchCriteria,
        purpose: str,
        why: RelaisError,
    ) -> DeferredView:
        """Take over a search that INSi did not answer in time."""
        local_id = entry.identity.local_id if entry is not None else None
        asked = Asked(purpose=purpose, local_id=local_id, criteria=criteria)
        record = self.new(structure.id, "deferred", asked, author, workstation=caller.workstation, software=caller.software)
        await self.queue(record)
        return DeferredView(id=record.id, explanation=why.explanation)

    async def curious(self, structure: str, local_id: str, workstation: str) -> None:
        """Look a patient that a workstation wrote up, unasked, once a day at most; does nothing while INSi is not configured."""
        key, now = (structure, local_id), self._clock.monotonic()
        if self._configuration.insi.url is None or now - self._curious.get(key, -_CURIOUS_AGAIN) < _CURIOUS_AGAIN:
            return
        self._curious[key] = now
        asked = Asked(purpose="document", local_id=local_id, brought_by=workstation)
        await self.queue(self.new(structure, "deferred", asked, THE_BOX))

    def new(
        self,
        structure: str,
        kind: InquiryKind,
        asked: Asked,
        author: Author,
        *,
        workstation: str = "",
        software: str | None = None,
        batch_id: str | None = None,
        night: bool = False,
    ) -> InquiryRecord:
        """The row of a search to be made."""
        now, key, identifier = self._books.now(), self._vault.new_key(), new_id()
        return InquiryRecord(
            id=identifier,
            structure=structure,
            workstation=workstation,
            software=self._pauses.software(software),
            actor=author.imputed,
            kind=kind,
            night=night,
            batch_id=batch_id,
            local_ref=self._identities.reference(structure, asked.local_id) if asked.local_id is not None else None,
            wrapped_key=key.wrapped,
            sealed=key.seal(msgspec.json.encode(asked), _context(identifier)),
            created_at=now,
            updated_at=now,
        )

    async def queue(self, *changes: Change) -> None:
        """Commit searches to be made, and wake the worker."""
        await self._store.commit(*changes)
        self._bell.set()

    def wake(self) -> None:
        """Something may be done now that could not before."""
        self._bell.set()

    async def view(self, caller: Caller, inquiry_id: str) -> InquiryView:
        """One search as its workstation sees it; raises NotFound."""
        record = await self._store.inquiry(inquiry_id)
        if record is None or not (caller.sees_all or record.workstation == caller.workstation):
            raise NotFound
        return InquiryView(
            id=record.id,
            state=record.state,
            attempts=record.attempts,
            next_attempt_at=instant(record.next_attempt_at) if record.next_attempt_at is not None else None,
            explanation=record.explanation,
            result=self.opened(record).result,
        )

    def paused(self) -> tuple[Pause, ...]:
        """What waits for a setting to be mended, and why."""
        return self._pauses.now()

    async def run(self) -> None:
        """Serve the queue until cancelled; what a stop interrupted begins again."""
        for one in await self._store.running_inquiries():
            await self._store.commit(self._after(one, state="waiting"))
        async with asyncio.TaskGroup() as group:
            while True:
                self._bell.clear()
                try:
                    pause = await self._start(group)
                except NotAccepting:
                    pause = _LONGEST_PAUSE
                try:
                    async with asyncio.timeout(min(pause, _LONGEST_PAUSE)):
                        await self._bell.wait()
                except TimeoutError:
                    continue

    async def _start(self, group: asyncio.TaskGroup) -> float:
        """Start what is due, one search per structure at a time; seconds until something else may be."""
        moment, now = self._books.moment(), self._books.now()
        night = self._night.covers(moment)
        busy, paused = (*self._busy, *self._pauses.structures()), self._pauses.named()
        for one in await self._store.inquiries_due(now, KINDS, _AT_ONCE, night=night, paused=paused, busy=busy):
            if one.structure not in self._busy and len(self._busy) < _AT_ONCE:
                self._busy[one.structure] = one.id
                group.create_task(self._one(one), name="inquiry")
        due = await self._store.next_inquiry_at(now, KINDS, night=night)
        return _LONGEST_PAUSE if due is None else max(0.05, (due - now) / 1000)

    async def _one(self, record: InquiryRecord) -> None:
        try:
            await self._attempt(record)
        except RelaisError as problem:
            _log.warning("inquiry not settled", inquiry=record.id, code=problem.code)
        finally:
            self._busy.pop(record.structure, None)
            self._bell.set()

    async def _attempt(self, record: InquiryRecord) -> None:
        began = self._after(record, state="running", attempts=record.attempts + 1)
        try:
            await self._store.commit(began)
        except NotAccepting:
            await self._clock.sleep(_UNWRITTEN_AGAIN)
            raise
        told: list[Change] = []
        try:
            after = await self._search(began)
        except RelaisError as error:
            after = self._failed(began, error)
            told = self._stopped(began, error)
        except Exception as defect:  # noqa: BLE001 - one defect must not stop the others
            _log.exception("unexpected error in an inquiry", inquiry=record.id)
            after = self._failed(began, PayloadQuarantined(type(defect).__name__))
        else:
            told = self._answered(after)
        while True:
            try:
                return await self._settle(after, told)
            except NotAccepting as problem:
                _log.warning("inquiry not recorded", inquiry=record.id, code=problem.code)
                await self._clock.sleep(_UNWRITTEN_AGAIN)

    async def _search(self, record: InquiryRecord) -> InquiryRecord:
        asked = self.opened(record)
        entry = await self._identities.known(record.structure, asked.local_id) if asked.local_id is not None else None
        if asked.local_id is not None and (entry is None or not entry.identity.may_call_insi):
            return self._after(record, state="done", outcome="refused")
        criteria = asked.criteria or (criteria_of(entry) if entry is not None else None)
        if criteria is None:
            return self._after(record, state="done", outcome="refused")
        bringer = record.workstation or asked.brought_by
        self._check_guessing(bringer)
        matter = Matter(structure=record.structure, author=THE_BOX, purpose=asked.purpose, local_ref=record.local_ref, inquiry_id=record.id)
        taken: Taken | None = None
        held = entry.identity.recovery if entry is not None else None
        if entry is not None and held is not None and record.batch_id is not None and self._configuration.insi.verification:
            found, taken = await self._identification.verify_again(matter, entry, held.ins, software=record.software)
        else:
            found = await self._identification.look_up(matter, criteria, user=False, software=record.software)
        await self._account(bringer, record.structure, entry, found, held.ins if taken is not None and held is not None else None)
        if entry is not None and taken is None:
            taken = await self._identification.take(record.structure, entry.identity.local_id, found, Method.TRAITS, THE_BOX)
        outcome = taken.outcome if taken is not None else {"00": "found_different", "02": "several"}.get(found.answer.verdict, "not_found")
        answered = msgspec.structs.replace(asked, result=search_view(found, entry, taken))
        return self._after(record, state="done", outcome=outcome, sealed=self._sealed(record, answered), explanation=None)

    async def _account(self, bringer: str, structure: str, entry: Entry | None, found: Search, verified: Ins | None) -> None:
        """Count what INSi answered against whoever brought the question; nothing for a patient whose INS INSi gave before.

        `verified`: the INS that was asked about, when it was. Somebody whom another file of the structure holds is nobody new.
        """
        if entry is not None and entry.identity.recovery is not None and not entry.identity.recovery.asserted:
            return
        national = found.answer.found
        known = found.answer.verdict is Verdict.FOUND
        ins = verified if verified is not None else national.ins if national is not None else None
        person: str | None = None
        if known and ins is not None:
            others = await self._identities.others_with(structure, ins, entry.record.local_ref if entry is not None else "")
            person = None if others else self._identities.ins_reference(ins)
        self.limits.answered(bringer, guesses=guesses_of(len(found.exchanges), found=known), person=person)

    def _check_guessing(self, workstation: str) -> None:
        wait = self.limits.suspended(workstation)
        if wait > 0:
            problem = TooManyUnknown()
            problem.least_wait = wait
            raise problem

    def _failed(self, record: InquiryRecord, error: RelaisError) -> InquiryRecord:
        now = self._books.now()
        retry = self._configuration.insi.retry
        if isinstance(error, TooManyUnknown):
            later, before = now + int(error.least_wait * 1000) + 1, record.attempts - 1
            return self._after(record, state="waiting", attempts=before, next_attempt_at=later, explanation=error.explanation)
        match error.error_class:
            case ErrorClass.TRANSIENT:
                if error.most_attempts is not None and record.attempts >= error.most_attempts:
                    return self._after(record, state="failed", outcome="failed", explanation=error.explanation)
                wait = next_wait(retry, (now - record.created_at) / 1000)
                if wait is None:
                    return self._after(record, state="failed", outcome="failed", explanation=SearchGivenUp().explanation)
                pause = max(wait, error.least_wait) * self._spread(0.8, 1.2)
                return self._after(record, state="waiting", next_attempt_at=now + int(pause * 1000), explanation=error.explanation)
            case ErrorClass.CONFIGURATION:
                pause = self._configuration.retry.configuration.floor
                return self._after(record, state="waiting", next_attempt_at=now + int(pause * 1000), explanation=error.explanation)
            case _:
                outcome = "refused" if error.error_class is ErrorClass.PERMANENT else "failed"
                return self._after(record, state="failed", outcome=outcome, explanation=error.explanation)

    def _stopped(self, record: InquiryRecord, error: RelaisError) -> list[Change]:
        """A wrong setting stops what would meet it again; the audit line of it, or that of a workstation that guesses."""
        if isinstance(error, TooManyUnknown):
            return self._suspended(record, error)
        if error.error_class is not ErrorClass.CONFIGURATION:
            return []
        pause = self._pauses.put(record, error, self._configuration.retry.configuration.floor)
        return [] if pause is None else [self._told(PAUSED, record, pause, error.code)]

    def _answered(self, record: InquiryRecord) -> list[Change]:
        """INSi answered: nothing stops this software nor this structure any more."""
        lifted = self._pauses.lift(record) if record.outcome != "refused" else ()
        return [self._told(RESUMED, record, one, "answered") for one in lifted]

    def _suspended(self, record: InquiryRecord, error: RelaisError) -> list[Change]:
        workstation = record.workstation or self.opened(record).brought_by
        if not self.limits.to_tell(workstation):
            return []
        _log.warning("searches suspended", workstation=workstation, code=error.code)
        actor = f"workstation:{workstation}"
        return [AuditRecord(at=self._books.now(), act=SUSPENDED, actor=actor, structure=record.structure, answer=error.code)]

    def _told(self, act: str, record: InquiryRecord, pause: Pause, answer: str) -> AuditRecord:
        return AuditRecord(
            at=self._books.now(),
            act=act,
            actor=THE_BOX.imputed,
            structure=record.structure,
            answer=answer,
            detail={"software": pause.software},
        )

    async def _settle(self, record: InquiryRecord, told: list[Change]) -> None:
        changes: list[Change] = [record, *told]
        if record.kind == "deferred" and record.workstation and record.state in ("done", "failed"):
            changes.append(
                EventRecord(
                    kind="inquiry.answered",
                    subject=record.id,
                    structure=record.structure,
                    workstation=record.workstation,
                    at=record.updated_at,
                )
            )
        await self._store.commit(*changes)
        self._books.announce()
        if record.state in ("done", "failed"):
            self.settled(record)

    def opened(self, record: InquiryRecord) -> Asked:
        """What an inquiry asks; raises PayloadQuarantined."""
        try:
            plain = self._vault.unwrap(record.wrapped_key).open(record.sealed, _context(record.id))
            return msgspec.json.decode(plain, type=Asked)
        except (RelaisError, msgspec.MsgspecError) as problem:
            raise PayloadQuarantined("inquiry") from problem

    def _sealed(self, record: InquiryRecord, asked: Asked) -> bytes:
        return self._vault.unwrap(record.wrapped_key).seal(msgspec.json.encode(asked), _context(record.id))

    def _after(self, record: InquiryRecord, **changes: object) -> InquiryRecord:
        return msgspec.structs.replace(record, version=record.version + 1, updated_at=self._books.now(), **changes)


def _context(identifier: str) -> bytes:
    return f"{identifier}/inquiry".encode()
