"""Searches that people and software ask for: by traits, by Vitale card, verifications; and those handed to the box (contract section 3).

A person is answered within the budget, or told that the box goes on alone (`defer`). Nothing is searched for a barred identity (case A22),
nor with another card than the one chosen (case A24).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Caller
from gateway.flow.cards.errors import DevicesOff
from gateway.flow.cards.request import CardAccess, InsertedCard
from gateway.flow.cards.searches import CardSearches
from gateway.flow.decoding import RequestInvalid
from gateway.flow.errors import PatientNotFound, RequestIncomplete
from gateway.flow.identities.batches import Batches
from gateway.flow.identities.entries import Entry, Identities
from gateway.flow.identities.identification import Identification, Insi, Taken, criteria_of
from gateway.flow.identities.inquiries import Inquiries
from gateway.flow.identities.insi_calls import Matter
from gateway.flow.identities.patient_list import PatientList
from gateway.flow.identities.request import BatchBody, CardBody, SearchBody, SearchTraits, VerifyBody, VitaleBody
from gateway.flow.identities.search_limit import SUSPENDED, SearchLimit, SearchLimits, guesses_of
from gateway.flow.identities.search_showing import call_views, search_view
from gateway.flow.identities.views import BatchView, DeferredView, InquiryView, SearchView, VerificationView
from gateway.flow.intake import resolve_structure
from gateway.flow.people import Author, author_of
from gateway.ins.answer import Verdict
from gateway.ins.criteria import CardReading, SearchCriteria
from gateway.ins.errors import InsiAnswerLost
from gateway.ins.identity import Method
from gateway.ins.question import question
from gateway.ins.refusals import IdentityBarred
from gateway.ins.search import Search
from gateway.journal.records import AuditRecord
from gateway.journal.store import Store
from gateway.kernel.config import Configuration, Structure
from gateway.kernel.errors import Refused, TransientFault
from gateway.model.patient import Ins

_log = structlog.get_logger("relais.insi")
_T = TypeVar("_T")
_CARD_FIELDS = (
    "serial", "insured_nir", "insured_key", "beneficiary_nir", "beneficiary_key", "nir_certified_on", "birth_family_name", "birth_date",
    "birth_rank", "scheme", "fund", "centre", "holder",
)  # fmt: skip


class CardChanged(Refused):
    """The card in the reader is not the one the patient was chosen with."""

    code = "card-changed"
    status = 409
    title = "Carte Vitale changée"
    who = "le secrétariat"
    what = "La carte Vitale n'est plus celle avec laquelle ce patient a été choisi : le téléservice INSi n'a pas été interrogé."
    gesture = "Relisez la carte Vitale du patient, choisissez-le de nouveau, puis recommencez."


class CardReadingTooOld(Refused):
    """The card was read too long ago (CNDA test 1.02)."""

    code = "card-reading-too-old"
    status = 409
    title = "Lecture de carte trop ancienne"
    who = "le secrétariat"
    what = "La carte Vitale a été lue il y a trop longtemps."
    gesture = "Relisez la carte Vitale du patient, puis recommencez."


class SearchDesk:
    """Acts on the structures of the caller."""

    def __init__(
        self,
        configuration: Configuration,
        store: Store,
        identities: Identities,
        identification: Identification,
        inquiries: Inquiries,
        batches: Batches,
        books: Bookkeeper,
        limits: SearchLimits,
        cards: CardSearches | None = None,
    ) -> None:
        """`cards`: who calls INSi with a professional's card; None on a box without readers."""
        self._cards = cards
        self._configuration = configuration
        self._store = store
        self._identities = identities
        self._identification = identification
        self._inquiries = inquiries
        self._batches = batches
        self._books = books
        self._limits = inquiries.limits = limits

    @property
    def takes_cards(self) -> bool:
        """INSi can be called with a professional's card here."""
        return self._cards is not None and self._configuration.insi.card_url is not None

    async def search(self, caller: Caller, body: SearchBody) -> SearchView | DeferredView:
        """Search by traits, those of the patient unless some are given; raises PatientNotFound, IdentityBarred, SearchLimit, the refusals
        of characters, and INSi's errors when not deferred."""
        structure, author = self._who(caller, body.structure)
        entry = await self._entry(structure, body.local_id)
        criteria = _criteria(body.traits, entry)
        await self._count(caller, structure, author)
        matter = self._matter(structure, author, body.purpose, entry)
        try:
            async with self._client(caller, structure, body.cps) as client:
                look_up = self._identification.look_up(matter, criteria, user=True, software=caller.software, client=client)
                found = await self._in_time(look_up)
        except TransientFault as problem:
            if not body.defer or body.cps is not None:
                raise
            return await self._inquiries.defer(caller, structure, author, entry, criteria, body.purpose, problem)
        self._account(caller, found)
        return await self._shown(structure, author, entry, found, Method.TRAITS)

    async def by_card(self, caller: Caller, body: VitaleBody) -> SearchView:
        """Search with a Vitale card; raises CardChanged, CardReadingTooOld, CardDataInvalid and as `search`."""
        structure, author = self._who(caller, body.structure)
        if body.card.serial != body.selected_serial:
            raise CardChanged(field="card.serial")
        self._check_inserted(body.inserted)
        self._check_age(body.card)
        entry = await self._entry(structure, body.local_id)
        await self._count(caller, structure, author)
        reading = CardReading(**{name: getattr(body.card, name) for name in _CARD_FIELDS})
        matter = self._matter(structure, author, body.purpose, entry)
        async with self._client(caller, structure, body.cps) as client:
            self._check_inserted(body.inserted)
            found = await self._in_time(self._identification.look_up_card(matter, reading, software=caller.software, client=client))
        self._account(caller, found)
        return await self._shown(structure, author, entry, found, Method.VITALE)

    async def verify(self, caller: Caller, body: VerifyBody) -> VerificationView:
        """Whether INSi confirms an INS. A known patient's, with his own traits, is confirmed or withdrawn by WS_INS3; searches compare.

        Raises RequestIncomplete when there is nothing to verify, and as `search`."""
        structure, author = self._who(caller, body.structure)
        entry = await self._entry(structure, body.local_id)
        ins, criteria = _ins(body, entry), _criteria(body.traits, entry)
        await self._count(caller, structure, author)
        matter = self._matter(structure, author, body.purpose, entry)
        async with self._client(caller, structure, body.cps) as client:
            if self._configuration.insi.verification:
                return await self._confirm(caller, matter, body, ins, criteria, client)
            return await self._compare(caller, matter, body, ins, criteria, client)

    async def _compare(
        self, caller: Caller, matter: Matter, body: VerifyBody, ins: Ins, criteria: SearchCriteria, client: Insi | None
    ) -> VerificationView:
        """A verification by the searches whose contract is public: the INS found is the one asked about, or not."""
        look_up = self._identification.look_up(matter, criteria, user=True, software=caller.software, client=client)
        found = await self._in_time(look_up)
        self._account(caller, found)
        taken: Taken | None = None
        if body.local_id is not None:
            taken = await self._identification.take(matter.structure, body.local_id, found, Method.TRAITS, matter.author)
        national = found.answer.found
        return VerificationView(
            verified=national is not None and national.ins.is_same(ins) and (taken is None or taken.outcome == "unchanged"),
            cr=found.answer.verdict.value,
            label=found.answer.label,
            reconstructed=False,
            calls=call_views(found.exchanges),
        )

    async def _confirm(
        self, caller: Caller, matter: Matter, body: VerifyBody, ins: Ins, criteria: SearchCriteria, client: Insi | None
    ) -> VerificationView:
        """A verification by WS_INS3, reconstructed."""
        asked = question(criteria, " ".join(criteria.given_names), with_place=True)
        exchange = await self._in_time(self._identification.verify(matter, ins, asked, software=caller.software, client=client))
        verified = exchange.answer.verdict is Verdict.FOUND
        if not verified:
            self._limits.miss(caller.workstation)
        # Traits or an INS said for this call alone prove nothing of what the registry holds.
        if body.local_id is not None and body.ins is None and body.traits is None:
            await self._identification.verified(matter, body.local_id, ins, passed=verified)
        return VerificationView(
            verified=verified,
            cr=exchange.answer.verdict.value,
            label=exchange.answer.label,
            reconstructed=True,
            calls=call_views((exchange,)),
        )

    async def inquiry(self, caller: Caller, inquiry_id: str) -> InquiryView:
        """A search handed to the box; raises NotFound for another workstation's."""
        return await self._inquiries.view(caller, inquiry_id)

    async def start_batch(self, caller: Caller, body: BatchBody, listed: PatientList | None = None) -> BatchView:
        """Verify a list (`listed`: one read from a CSV), or the whole file; a patient who cannot be taken is told in the view.

        Raises RequestIncomplete, TraitInvalid, PatientNotFound when not one can be.
        """
        structure, author = self._who(caller, body.structure)
        return await self._batches.start(caller, structure, author, body, listed)

    async def batches(self, caller: Caller, structure: str | None = None) -> tuple[BatchView, ...]:
        """The last lists of the caller's structures, newest first."""
        asked = caller.structures if structure is None else (self._who(caller, structure)[0].id,)
        return await self._batches.last(asked)

    async def batch(self, caller: Caller, batch_id: str) -> BatchView:
        """One list; raises NotFound."""
        return await self._batches.one(caller, batch_id)

    async def cancel_batch(self, caller: Caller, batch_id: str) -> BatchView:
        """Stop a list where it is: what is done stays done; raises NotFound."""
        return await self._batches.cancel(caller, batch_id)

    def alerts(self) -> tuple[str, ...]:
        """Workstations whose searches were suspended within the hour."""
        return self._limits.alerted()

    @asynccontextmanager
    async def _client(self, caller: Caller, structure: Structure, cps: CardAccess | None) -> AsyncIterator[Insi | None]:
        """INSi as that card calls it; None for the structure's certificate. Raises DevicesOff and as `CardSearches.client`."""
        if cps is None:
            yield None
        elif self._cards is None:
            raise DevicesOff(field="cps")
        else:
            async with self._cards.client(caller, structure, cps) as client:
                yield client

    def _check_inserted(self, inserted: InsertedCard | None) -> None:
        """Raises CardChanged when the Vitale card is not in its reader any more."""
        if inserted is not None and (self._cards is None or not self._cards.is_inserted(inserted.reader, inserted.insertion_id)):
            raise CardChanged(field="inserted.insertion_id")

    async def _in_time(self, work: Awaitable[_T]) -> _T:
        try:
            async with asyncio.timeout(self._configuration.insi.budget_seconds):
                return await work
        except TimeoutError:
            raise InsiAnswerLost("beyond the budget") from None

    async def _shown(self, structure: Structure, author: Author, entry: Entry | None, found: Search, method: Method) -> SearchView:
        taken: Taken | None = None
        if entry is not None:
            taken = await self._identification.take(structure.id, entry.identity.local_id, found, method, author)
        return search_view(found, entry, taken)

    async def _count(self, caller: Caller, structure: Structure, author: Author) -> None:
        """One more search of this workstation; a first refusal is told in the audit trail and in the log."""
        try:
            self._limits.enter(caller.workstation)
        except SearchLimit:
            if not self._limits.to_tell(caller.workstation):
                raise
            _log.warning("searches suspended", workstation=caller.workstation)
            told = AuditRecord(at=self._books.now(), act=SUSPENDED, actor=author.imputed, structure=structure.id, answer=SearchLimit.code)
            await self._store.commit(told)
            raise

    def _account(self, caller: Caller, found: Search) -> None:
        self._limits.miss(caller.workstation, guesses_of(len(found.exchanges), found=found.answer.verdict is Verdict.FOUND))

    def _check_age(self, card: CardBody) -> None:
        """Raises CardReadingTooOld, also for a reading dated in the future: its age cannot be told."""
        try:
            read_at = datetime.fromisoformat(card.read_at)
        except ValueError:
            raise RequestInvalid(field="card.read_at") from None
        if read_at.tzinfo is None:
            raise RequestInvalid(field="card.read_at", fault="il manque le fuseau horaire de cet instant")
        age = self._books.moment() - read_at
        if not timedelta(minutes=-5) <= age <= timedelta(minutes=self._configuration.identification.vitale_reading_minutes):
            raise CardReadingTooOld(field="card.read_at")

    async def _entry(self, structure: Structure, local_id: str | None) -> Entry | None:
        if local_id is None:
            return None
        entry = await self._identities.known(structure.id, local_id)
        if entry is None:
            raise PatientNotFound(field="local_id")
        if not entry.identity.may_call_insi:
            raise IdentityBarred(field="local_id")
        return entry

    def _matter(self, structure: Structure, author: Author, purpose: str, entry: Entry | None) -> Matter:
        reference = entry.record.local_ref if entry is not None else None
        return Matter(structure=structure.id, author=author, purpose=purpose, local_ref=reference)

    def _who(self, caller: Caller, asked: str | None) -> tuple[Structure, Author]:
        structure = resolve_structure(self._configuration, caller.structures, asked)
        return structure, author_of(structure, caller)


def _criteria(said: SearchTraits | None, entry: Entry | None) -> SearchCriteria:
    if said is not None:
        return SearchCriteria(
            birth_family_name=said.birth_family_name,
            given_names=said.given_names,
            sex=said.sex,
            birth_date=said.birth_date,
            birth_place=said.birth_place,
        )
    if entry is None:
        raise RequestIncomplete(field="traits")
    return criteria_of(entry)


def _ins(body: VerifyBody, entry: Entry | None) -> Ins:
    if body.ins is not None:
        return Ins.checked(body.ins.matricule, body.ins.oid, field="ins")
    if entry is None or entry.identity.recovery is None:
        raise RequestIncomplete(field="ins")
    return entry.identity.recovery.ins
