"""One search from criteria to the registry: asks INSi, compares, proposes; accepts by itself only what is exactly the same.

Sources: insi.md 1.6, 4.4.
Shared by what people ask and by what the box asks by itself. Never overwrites a trait without a person, never asks for a barred identity.
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.identities.entries import Entry, Kept, Proposal
from gateway.flow.identities.insi_calls import CallBook, Matter
from gateway.flow.identities.registry import Deed, Registry
from gateway.flow.people import Author
from gateway.ins.answer import Exchange, NationalIdentity, Verdict
from gateway.ins.client import Announce
from gateway.ins.comparison import Comparison, compare
from gateway.ins.criteria import CardReading, Question, SearchCriteria
from gateway.ins.form import same_date
from gateway.ins.identity import Method, Recovery
from gateway.ins.question import question as write_question
from gateway.ins.refusals import IdentityBarred
from gateway.ins.rniv import InsAccepted, VerificationFailed, VerificationPassed, step
from gateway.ins.search import Search, search
from gateway.kernel.config import Configuration
from gateway.kernel.ids import new_id
from gateway.model.patient import Ins, Traits

Outcome = Literal["found_exact", "found_different", "not_found", "several", "unchanged", "verified", "unverified"]
"""The last two are WS_INS3's, reconstructed."""


class Insi(Protocol):
    """The client of one certificate, as `ins.client.InsiClient`."""

    async def by_traits(self, question: Question, *, announce: Announce | None = None) -> Exchange:
        """WS_INS2."""
        ...

    async def by_card(self, reading: CardReading, *, announce: Announce | None = None) -> Exchange:
        """WS_INS1."""
        ...

    async def verify(self, ins: Ins, question: Question, *, announce: Announce | None = None) -> Exchange:
        """WS_INS3."""
        ...


class Clients(Protocol):
    """Who gives the client of a structure, as `remotes.Remotes.insi`."""

    def __call__(self, structure_id: str, *, user: bool, software: str | None = None) -> Insi:
        """INSI-MANU for a user's act, INSI-AUTO for the box's own."""
        ...


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer became: the entry after it, and in one word how it stands to what the practice had."""

    entry: Entry | None
    outcome: Outcome


class Identification:
    """Asks and takes answers."""

    def __init__(self, configuration: Configuration, registry: Registry, calls: CallBook, books: Bookkeeper, clients: Clients) -> None:
        self._configuration = configuration
        self._registry = registry
        self._calls = calls
        self._books = books
        self._clients = clients

    async def look_up(
        self, matter: Matter, criteria: SearchCriteria, *, user: bool, software: str | None, client: Insi | None = None
    ) -> Search:
        """Search by traits, with the structure's certificate or as this `client` (a card); raises NameNotSendable, TraitNotSendable, the
        errors of INSi, and those of the certificate or the card."""
        asked = client or self._clients(matter.structure, user=user, software=software)

        async def ask(question: Question) -> Exchange:
            return await self._calls.made(matter, lambda announce: asked.by_traits(question, announce=announce))

        return await search(ask, criteria, place=self._configuration.insi.birth_place)

    async def look_up_card(self, matter: Matter, reading: CardReading, *, software: str | None, client: Insi | None = None) -> Search:
        """Search with the data of a Vitale card; `client` as in `look_up`."""
        asked = client or self._clients(matter.structure, user=True, software=software)
        exchange = await self._calls.made(matter, lambda announce: asked.by_card(reading, announce=announce))
        return Search(exchanges=(exchange,), answer=exchange.answer, advice=_CARD_ADVICE.get(exchange.answer.verdict))

    async def verify(
        self, matter: Matter, ins: Ins, question: Question, *, software: str | None, user: bool = True, client: Insi | None = None
    ) -> Exchange:
        """WS_INS3, `client` as in `look_up`; raises VerificationOff unless it is switched on."""
        asked = client or self._clients(matter.structure, user=user, software=software)
        return await self._calls.made(matter, lambda announce: asked.verify(ins, question, announce=announce))

    async def verify_again(self, matter: Matter, entry: Entry, ins: Ins, *, software: str | None) -> tuple[Search, Taken]:
        """WS_INS3 asked by the box itself of an INS it holds, which is confirmed or withdrawn; raises as `verify`."""
        criteria = criteria_of(entry)
        asked = write_question(criteria, " ".join(criteria.given_names), with_place=True)
        exchange = await self.verify(matter, ins, asked, software=software, user=False)
        passed = exchange.answer.verdict is Verdict.FOUND
        after = await self.verified(matter, entry.identity.local_id, ins, passed=passed)
        found = Search(exchanges=(exchange,), answer=exchange.answer, advice=None)
        return found, Taken(entry=after, outcome="verified" if passed else "unverified")

    async def verified(self, matter: Matter, local_id: str, ins: Ins, *, passed: bool) -> Entry:
        """Write what a verification of this INS makes of the identity; nothing when another INS is held by now."""
        event = VerificationPassed if passed else VerificationFailed

        def decide(entry: Entry | None) -> Kept:
            if entry is None:
                raise IdentityBarred
            after = step(entry.identity, event(at=self._books.now(), by=matter.author.actor, ins=ins))
            return msgspec.structs.replace(entry.kept, identity=after)

        deed = Deed(act="identity.verified" if passed else "identity.invalidated", author=matter.author)
        return await self._registry.record(matter.structure, local_id, decide, deed)

    async def take(self, structure: str, local_id: str, found: Search, method: Method, author: Author) -> Taken:
        """Put an answer before the practice: accepted when exact, else proposed; 01 and 02 store nothing (case A11).

        Raises IdentityBarred when the identity was marked douteuse or fictive meanwhile.
        """
        national = found.answer.found
        if national is None:
            outcome: Outcome = "several" if found.answer.verdict is Verdict.SEVERAL else "not_found"
            return Taken(entry=await self._registry.known(structure, local_id), outcome=outcome)
        said: list[Outcome] = []

        def decide(entry: Entry | None) -> Kept:
            kept, outcome = self._decided(entry, national, method, author, found.exchanges[-1].message_id)
            said.append(outcome)
            return kept

        entry = await self._registry.record(structure, local_id, decide, Deed(act="identity.answered", author=author))
        return Taken(entry=entry, outcome=said[-1])

    def _decided(
        self, entry: Entry | None, found: NationalIdentity, method: Method, author: Author, message_id: str
    ) -> tuple[Kept, Outcome]:
        if entry is None or not entry.identity.may_call_insi:
            raise IdentityBarred
        now, identity = self._books.now(), entry.identity
        comparison, recovery = compare(identity.traits, found), identity.recovery
        exact = comparison.exact
        if recovery is not None and _confirmed(recovery, found, comparison) and method is not Method.VITALE:
            passed = step(identity, VerificationPassed(at=now, by=author.actor))
            return msgspec.structs.replace(entry.kept, identity=passed, proposal=None), "unchanged"
        if exact and self._configuration.identification.accept_exact and (recovery is None or recovery.ins.is_same(found.ins)):
            taken = step(identity, InsAccepted(found=found, method=method, at=now, by=author.actor))
            return msgspec.structs.replace(entry.kept, identity=taken, proposal=None), "found_exact"
        waiting = entry.proposal
        outcome: Outcome = "found_exact" if exact else "found_different"
        if waiting is not None and waiting.found == found and waiting.method is method:
            return entry.kept, outcome
        proposal = Proposal(id=new_id(), at=now, by=author.actor, method=method, message_id=message_id, found=found)
        return msgspec.structs.replace(entry.kept, proposal=proposal), outcome


def _confirmed(recovery: Recovery, found: NationalIdentity, comparison: Comparison) -> bool:
    """The same answer as before: a lunar date that a person has already decided on is not put to them again."""
    decided = not comparison.lunar or found.birth_date == recovery.national_birth_date
    return recovery.ins.is_same(found.ins) and decided and all(one.kind == "form" for one in comparison.differences)


_CARD_ADVICE = {
    Verdict.NOT_FOUND: "Aucune identité ne correspond à cette carte Vitale. Interrogez INSi avec les traits de la pièce d'identité.",
    Verdict.SEVERAL: "Plusieurs identités correspondent à cette carte Vitale. Interrogez INSi avec les traits de la pièce d'identité.",
}


def criteria_of(entry: Entry) -> SearchCriteria:
    """The traits of an identity as criteria: the first given name whole, then the others one by one.

    INSi is asked with the birth date it gave itself, else the one the cabinet software said, lunar or not, as long as the practice's is
    what the rule of entry makes of it.
    """
    traits = entry.identity.traits
    return SearchCriteria(
        birth_family_name=traits.birth_family_name,
        given_names=given_names(traits),
        sex=traits.sex.value,
        birth_date=_birth_date(entry),
        birth_place=None if traits.birth_place == _UNKNOWN_PLACE else traits.birth_place,
    )


def _birth_date(entry: Entry) -> str:
    held, recovery, said = entry.identity.traits.birth_date, entry.identity.recovery, entry.kept.said
    sources = (recovery.national_birth_date if recovery is not None else None, said.birth_date if said is not None else None)
    return next((one for one in sources if one is not None and same_date(one, held)), held)


def given_names(traits: Traits) -> tuple[str, ...]:
    """The given names in order; the first one may be of several words."""
    listed, first = traits.birth_given_names, traits.first_birth_given_name
    rest = listed[len(first) :] if listed.casefold().startswith(first.casefold()) else listed
    return (first, *rest.split())


_UNKNOWN_PLACE = "99999"
