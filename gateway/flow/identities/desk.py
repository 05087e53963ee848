"""What people and software do with identities: write, look, decide on an answer of INSi, qualify, mark (contract section 3; insi.md 4).

Judges nothing: `ins.rniv` says what each act makes of an identity, the registry writes it. Searching is `search_desk`'s.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
import structlog

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Caller
from gateway.flow.errors import IdentityChanged, PatientNotFound, PayloadQuarantined, ProposalGone
from gateway.flow.identities.assertion import asserted, set_attributes, told_of
from gateway.flow.identities.entries import Entry, Identities, Kept
from gateway.flow.identities.qualification import WAITING_FOR_IDENTITY
from gateway.flow.identities.registry import Deed, Registry
from gateway.flow.identities.request import AttributesBody, DecisionBody, PatientBody, QualificationBody
from gateway.flow.identities.showing import accepted, identity_view, name_of
from gateway.flow.identities.views import ChangeView, EvidenceView, IdentityPage, IdentityView, PersonView, Task
from gateway.flow.intake import resolve_structure
from gateway.flow.people import author_of, people_of, person_of
from gateway.flow.views import instant
from gateway.ins.datamatrix import DatamatrixNotQualified
from gateway.ins.evidence import admitted_kinds, evidence
from gateway.ins.identity import Actor, Identity
from gateway.ins.rniv import EvidenceChecked, InsRefused, step
from gateway.journal.identity_questions import TaskPlace
from gateway.journal.records import PatientRecord
from gateway.journal.store import Store
from gateway.kernel.config import Configuration, Structure
from gateway.model.delivery import DeliveryState
from gateway.model.patient import IdentityStatus, Patient

_log = structlog.get_logger("relais.identities")

Curiosity = Callable[[str, str, str], Awaitable[None]]
_HISTORY = 200


class IdentityDesk:
    """Acts on the patients of the caller's structures. `curiosity` is told of patients whose INS could be searched for,
    and of who wrote them."""

    def __init__(
        self,
        configuration: Configuration,
        store: Store,
        identities: Identities,
        registry: Registry,
        books: Bookkeeper,
        curiosity: Curiosity | None = None,
    ) -> None:
        self._configuration = configuration
        self._store = store
        self._identities = identities
        self._registry = registry
        self._books = books
        self._curiosity = curiosity

    @property
    def environment(self) -> str:
        """Test or production: what an INS is held to."""
        return self._configuration.environment

    async def put(self, caller: Caller, local_id: str, body: PatientBody) -> tuple[IdentityView, bool]:
        """Create or change a patient; True when created. Raises TraitInvalid and the other refusals of `assertion.asserted`."""
        structure = self._structure(caller, body.structure)
        author = author_of(structure, caller)
        before = await self._identities.known(structure.id, local_id)

        def decide(entry: Entry | None) -> Kept:
            kept = asserted(entry, body, local_id, caller.workstation, self._books.now(), self._configuration.environment, field="")
            if body.attributes is None:
                return kept
            marked = set_attributes(kept.identity, body.attributes, author.actor, self._books.now())
            return msgspec.structs.replace(kept, identity=marked, proposal=kept.proposal if marked == kept.identity else None)

        after = decide(before)
        entry = await self._registry.record(structure.id, local_id, decide, Deed(act=told_of(before, after), author=author))
        if self._curiosity is not None and entry.kept.task == "search" and before is None:
            await self._curiosity(structure.id, local_id, caller.workstation)
        return await self._view(structure, entry), before is None

    async def read(self, caller: Caller, structure: str | None, local_id: str) -> IdentityView:
        """One patient; raises PatientNotFound."""
        asked = self._structure(caller, structure)
        return await self._view(asked, await self._entry(asked, local_id))

    async def history(self, caller: Caller, structure: str | None, local_id: str) -> tuple[ChangeView, ...]:
        """Every change, newest first; raises PatientNotFound."""
        asked = self._structure(caller, structure)
        entry = await self._entry(asked, local_id)
        return tuple(
            ChangeView(at=instant(one.at), act=one.act, by=_told(one.actor, asked), evidence=one.evidence, status=one.status)
            for one in await self._store.changes_of(asked.id, entry.record.local_ref, _HISTORY)
        )

    async def decide(self, caller: Caller, local_id: str, body: DecisionBody) -> IdentityView:
        """Take or leave the answer of INSi; raises ActorNeeded, ActorUnknown, ProposalGone, PatientNotFound and the refusals of rniv."""
        structure = self._structure(caller, body.structure)
        author = person_of(structure, caller)
        taken = body.decision == "accept"

        def decided(entry: Entry | None) -> Kept:
            proposal = _found(entry).proposal
            if entry is None or proposal is None or proposal.id != body.proposal:
                raise ProposalGone(field="proposal")
            event = accepted(proposal, author.actor, proposal.at) if taken else InsRefused(at=self._books.now(), by=author.actor)
            return msgspec.structs.replace(entry.kept, identity=step(entry.identity, event), proposal=None)

        act = "identity.accepted" if taken else "identity.refused"
        entry = await self._registry.record(structure.id, local_id, decided, Deed(act=act, author=author))
        return await self._view(structure, entry)

    async def qualify(self, caller: Caller, local_id: str, body: QualificationBody) -> IdentityView:
        """A document checked by the person named; raises ActorNeeded, ActorUnknown, PatientNotFound, IdentityChanged, those of rniv."""
        structure = self._structure(caller, body.structure)
        author = person_of(structure, caller)
        kind = evidence(body.evidence, self._configuration.identification.evidence)

        def checked(entry: Entry | None) -> Kept:
            found = _found(entry)
            if body.seen_at is not None and body.seen_at != instant(found.record.updated_at):
                raise IdentityChanged(field="seen_at")
            seen = EvidenceChecked(kind=kind.code, at=self._books.now(), by=author.actor, attestation=body.attestation)
            return msgspec.structs.replace(found.kept, identity=step(found.identity, seen))

        deed = Deed(act="identity.checked", author=author, evidence=kind.code)
        return await self._view(structure, await self._registry.record(structure.id, local_id, checked, deed))

    async def set_attributes(self, caller: Caller, local_id: str, body: AttributesBody) -> IdentityView:
        """Exactly these attributes from now on; raises ActorNeeded, ActorUnknown, ForbiddenIdentity, PatientNotFound."""
        structure = self._structure(caller, body.structure)
        author = person_of(structure, caller)

        def marked(entry: Entry | None) -> Kept:
            found = _found(entry)
            identity = set_attributes(found.identity, body.attributes, author.actor, self._books.now())
            return msgspec.structs.replace(found.kept, identity=identity, proposal=found.proposal if identity.may_call_insi else None)

        deed = Deed(act="identity.attributes", author=author, detail={"attributes": " ".join(sorted(body.attributes))})
        return await self._view(structure, await self._registry.record(structure.id, local_id, marked, deed))

    async def patient(self, caller: Caller, structure: str | None, local_id: str) -> Patient:
        """The qualified patient whose INS may be printed; raises DatamatrixNotQualified, PatientNotFound (case A27)."""
        asked = self._structure(caller, structure)
        patient = (await self._entry(asked, local_id)).identity.patient
        if patient.status is not IdentityStatus.QUALIFIEE:
            raise DatamatrixNotQualified
        if patient.ins is not None:
            patient.ins.check_environment(self._configuration.environment)
        return patient

    async def worklist(
        self, caller: Caller, structure: str | None = None, task: Task | None = None, cursor: str | None = None, limit: int = 50
    ) -> IdentityPage:
        """Patients that need someone, longest waiting first; one whose record no longer opens is counted, and hides no other."""
        known = tuple(one for one in caller.structures if self._configuration.structure(one) is not None)
        asked = known if structure is None else (self._structure(caller, structure).id,)
        records = await self._store.tasks(asked, task, _place(cursor), limit)
        items = [view for one in records if (view := await self._listed(one)) is not None]
        more = f"{records[-1].task_since}-{records[-1].number}" if len(records) == limit else None
        return IdentityPage(items=tuple(items), cursor=more, counts=await self._store.task_counts(asked))

    def evidence(self, caller: Caller, structure: str | None = None) -> tuple[EvidenceView, ...]:
        """Kinds of document that the structure admits, the exceptional procedure last."""
        self._structure(caller, structure)
        kinds = admitted_kinds(self._configuration.identification.evidence)
        return tuple(EvidenceView(code=one.code, label=one.label, exceptional=one.exceptional, sentence=one.sentence) for one in kinds)

    def people(self, caller: Caller, structure: str | None = None) -> tuple[PersonView, ...]:
        """Everyone of the structure to whom an act may be imputed."""
        return people_of(self._structure(caller, structure))

    async def _entry(self, structure: Structure, local_id: str) -> Entry:
        return _found(await self._identities.known(structure.id, local_id))

    async def _view(self, structure: Structure, entry: Entry) -> IdentityView:
        waiting = await self._store.held_of_patient(entry.record.local_ref)
        codes = [one.explanation.code for one in waiting if one.state is DeliveryState.HELD and one.explanation is not None]
        twins = await self._twins(structure, entry)
        return identity_view(entry, structure, sum(code in WAITING_FOR_IDENTITY for code in codes), twins)

    async def _twins(self, structure: Structure, entry: Entry) -> tuple[Identity, ...]:
        """Other patients under the INS held, or under the one INSi proposes."""
        recovery, proposal = entry.identity.recovery, entry.proposal
        held = [recovery.ins] if recovery is not None else []
        proposed = [proposal.found.ins] if proposal is not None and not any(one.is_same(proposal.found.ins) for one in held) else []
        found = [await self._identities.others_with(structure.id, one, entry.record.local_ref) for one in (*held, *proposed)]
        return tuple({one.local_id: one for some in found for one in some}.values())

    def _structure(self, caller: Caller, asked: str | None) -> Structure:
        return resolve_structure(self._configuration, caller.structures, asked)

    async def _listed(self, record: PatientRecord) -> IdentityView | None:
        try:
            entry = self._identities.opened(record)
        except PayloadQuarantined:
            _log.warning("patient record not listed", number=record.number)
            return None
        return await self._view(resolve_structure(self._configuration, (record.structure,), record.structure), entry)


def _place(cursor: str | None) -> TaskPlace | None:
    """Where the page before ended; a cursor nobody gave starts over."""
    since, _, number = (cursor or "").partition("-")
    return TaskPlace(since=int(since), number=int(number)) if since.isdecimal() and number.isdecimal() else None


def _found(entry: Entry | None) -> Entry:
    if entry is None:
        raise PatientNotFound
    return entry


def _told(imputed: str, structure: Structure) -> str:
    kind, _, identifier = imputed.partition(":")
    match kind:
        case "professional" | "secretary" | "workstation" | "system":
            return name_of(Actor(kind=kind, id=identifier), structure)
        case _:
            return imputed
