"""A box that searches by itself, for tests: journal in memory, clock set by hand, INSi played by a port; everything between is real."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from lxml import etree
from typing_extensions import override

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Caller
from gateway.flow.custody import Custody
from gateway.flow.identities.batches import Batches
from gateway.flow.identities.descent import Descent
from gateway.flow.identities.desk import IdentityDesk
from gateway.flow.identities.entries import Entry, Identities, Kept
from gateway.flow.identities.identification import Identification, Insi
from gateway.flow.identities.inquiries import Asked, Inquiries
from gateway.flow.identities.insi_calls import CallBook
from gateway.flow.identities.qualification import Qualification
from gateway.flow.identities.registry import Deed, Registry
from gateway.flow.identities.search_desk import SearchDesk
from gateway.flow.identities.search_limit import SearchLimits
from gateway.flow.people import Author
from gateway.ins.client import InsiClient
from gateway.ins.criteria import SearchCriteria, Software
from gateway.ins.errors import InsiNotConfigured
from gateway.ins.identity import Actor, Check, Identity, Method, Recovery
from gateway.ins.line import Breaker, Line
from gateway.journal.blobs import BlobStore
from gateway.journal.memory import MemoryStore
from gateway.journal.records import AuditRecord, Change, InquiryKind, InquiryRecord
from gateway.journal.store import NotAccepting
from gateway.kernel.clock import FrozenClock
from gateway.kernel.config import Configuration, Dmp, InsiSoftware, Professional, Secretary, Structure
from gateway.kernel.config import Identification as Identifying
from gateway.kernel.config import Insi as InsiSettings
from gateway.model.patient import Ins, Sex, Traits, matricule_key
from gateway.trust.vault import open_vault
from gateway.wire.http import HttpRequest, HttpResponse
from tests.ins import answers

FIRST, SECOND = "10B0152872", "10B0152880"
NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
"""Midday in France."""
ONE_IN_THE_MORNING = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
DOCTOR = "899700366240"
STATION = Caller(workstation="w-1", name="Accueil", structures=(FIRST, SECOND), software="lgc-a")
OTHER_STATION = Caller(workstation="w-2", name="Cabinet 2", structures=(FIRST, SECOND), software="lgc-b")
ANYBODY = Author(actor=Actor(kind="workstation", id="w-1"), workstation="w-1")
DOWN = answers.new_fault("siram_40", "desir_1020", "erreur", "service indisponible", "m", side="Receiver")
NUMBER_REFUSED = answers.new_fault("siram_100", "desir_550", "erreur", "numero inconnu", "m")
NAME_REFUSED = answers.new_fault("siram_100", "desir_560", "erreur", "habilitation", "m")
_MOST_TURNS = 20_000

Answered = Callable[[etree._Element], bytes | HttpResponse | Exception | None]


class Teleservice:
    """INSi as a port of the box: everybody invented here is known to it, whatever the case of the name."""

    def __init__(self, clock: FrozenClock) -> None:
        self.faults: list[bytes | HttpResponse | Exception] = []
        """What it answers first, one per call."""
        self.rule: Answered = lambda _: None
        """What it answers to some calls, after these."""
        self.people: dict[str, answers.Person] = {}
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        """What happens in the box between a question and its answer."""
        self.received: list[etree._Element] = []
        self.at: list[float] = []
        self._clock = clock

    async def send(self, request: HttpRequest) -> HttpResponse:
        asked = etree.fromstring(request.body)
        self.received.append(asked)
        self.at.append(self._clock.monotonic())
        if self.meanwhile is not None:
            await self.meanwhile()
        said = self.faults.pop(0) if self.faults else self.rule(asked)
        if isinstance(said, Exception):
            raise said
        if isinstance(said, HttpResponse):
            return said
        if said is None:
            person = self.people.get(told(asked, "NomNaissance"))
            said = answers.result("01", "Aucune identite trouvee") if person is None else answers.result(person=person)
        await asyncio.sleep(0)
        return answered(said)

    async def close(self) -> None:
        return

    @property
    def message_ids(self) -> list[str]:
        return [told(one, "MessageID") for one in self.received]

    @property
    def names(self) -> list[str]:
        """Family names asked for, in order."""
        return [told(one, "NomNaissance") for one in self.received]


class CutStore(MemoryStore):
    """A journal whose box loses power after so many commits: from then on nothing is written, until it is started again."""

    def __init__(self) -> None:
        super().__init__()
        self.left: int | None = None
        self.cut = asyncio.Event()

    @override
    async def commit(self, *changes: Change) -> None:
        if self.left == 0:
            self.cut.set()
            raise NotAccepting("no power")
        await super().commit(*changes)
        if self.left is not None:
            self.left -= 1


class Office:
    """One start of a box; another one over the same journal is the next start."""

    def __init__(self, folder: Path, *, before: Office | None = None, start: datetime = NOON, **settings: Any) -> None:
        self.configuration: Configuration = before.configuration if before is not None else _configuration(**settings)
        self.store: CutStore = before.store if before is not None else CutStore()
        self.clock: FrozenClock = before.clock if before is not None else FrozenClock(start)
        self.insi: Teleservice = before.insi if before is not None else Teleservice(self.clock)
        self.vault = open_vault(folder, create=before is None)
        self.spreads: list[tuple[float, float]] = []
        self.spread = 1.0
        store, vault, configuration = self.store, self.vault, self.configuration
        self.books, self.identities = Bookkeeper(store, self.clock), Identities(store, vault)
        custody = Custody(store, BlobStore(folder), vault)
        qualification = Qualification(store, custody, self.books, Descent(store, vault), asyncio.Event())
        self.registry = Registry(store, vault, self.books, self.identities, qualification)
        self.calls = CallBook(store, vault, self.books)
        breaker = Breaker(configuration.insi, self.clock)
        self._lines = {one.id: Line(configuration.insi, self.clock, breaker) for one in configuration.structures}
        self.identification = Identification(configuration, self.registry, self.calls, self.books, self._client)
        self.inquiries = Inquiries(
            configuration, store, vault, self.identities, self.registry, self.identification, self.books, self.clock, self._drawn
        )
        self.batches = Batches(configuration, store, self.identities, self.registry, self.inquiries, self.books)
        self.limits = SearchLimits(configuration.insi, self.clock.monotonic)
        self.searches = SearchDesk(
            configuration, store, self.identities, self.identification, self.inquiries, self.batches, self.books, self.limits
        )
        self.desk = IdentityDesk(configuration, store, self.identities, self.registry, self.books, self.inquiries.curious)

    def structure(self, identifier: str = FIRST) -> Structure:
        return next(one for one in self.configuration.structures if one.id == identifier)

    async def write(self, identity: Identity, structure: str = FIRST) -> Entry:
        """Put a patient in the registry as it is."""
        return await self.registry.record(structure, identity.local_id, lambda _: Kept(identity=identity), Deed(act="test", author=ANYBODY))

    async def known(self, local_id: str, structure: str = FIRST) -> Entry:
        found = await self.identities.known(structure, local_id)
        assert found is not None
        return found

    async def ask(
        self,
        local_id: str,
        *,
        kind: InquiryKind = "deferred",
        structure: str = FIRST,
        software: str | None = None,
        night: bool = False,
        workstation: str = "w-1",
    ) -> str:
        """Queue a search for a patient of the registry; its id."""
        asked = Asked(purpose="care", local_id=local_id)
        record = self.inquiries.new(structure, kind, asked, ANYBODY, workstation=workstation, software=software, night=night)
        await self.inquiries.queue(record)
        return record.id

    async def inquiry(self, identifier: str) -> InquiryRecord:
        found = await self.store.inquiry(identifier)
        assert found is not None
        return found

    async def acts(self, *names: str) -> list[AuditRecord]:
        return [one for one in await self.store.audit_after(0, 10_000) if one.act in names]

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Let the workers work until then; they never need more turns of the loop than this."""
        for _ in range(_MOST_TURNS):
            if await condition():
                return
            await asyncio.sleep(0)
        raise AssertionError("the workers stopped before")

    async def until_state(self, identifier: str, state: str) -> InquiryRecord:
        async def reached() -> bool:
            return (await self.inquiry(identifier)).state == state

        await self.until(reached)
        return await self.inquiry(identifier)

    async def settle(self) -> None:
        """Let the workers do all they can without any time passing."""
        for _ in range(300):
            await asyncio.sleep(0)

    def later(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.inquiries.wake()
        self.batches.wake()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """The workers run until the block ends."""
        tasks = [asyncio.create_task(self.inquiries.run()), asyncio.create_task(self.batches.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for end in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(end, Exception):
                    raise end

    def _drawn(self, low: float, high: float) -> float:
        self.spreads.append((low, high))
        return self.spread

    def _client(self, structure_id: str, *, user: bool, software: str | None = None) -> Insi:
        found = next((one for one in self.configuration.insi.software if software in (None, one.id)), None)
        if found is None:
            raise InsiNotConfigured(missing="le numéro d'autorisation CNDA du logiciel")
        return InsiClient(
            self.insi,
            self.configuration.insi,
            environment=self.configuration.environment,
            sender=structure_id,
            software=Software(idam=found.idam, name=found.name, version=found.version),
            installation=str(uuid.UUID(int=7, version=4)),
            line=self._lines[structure_id],
            clock=self.clock,
            urgent=user,
        )


def _configuration(*, insi: dict[str, Any] | None = None, identification: dict[str, Any] | None = None) -> Configuration:
    software = (
        InsiSoftware(id="lgc-a", idam="AAAAAAAAAAAA", name="Logiciel A", version="1"),
        InsiSoftware(id="lgc-b", idam="BBBBBBBBBBBB", name="Logiciel B", version="1"),
    )
    return Configuration(
        dmp=Dmp(url="https://dmp.relais.test/services"),
        insi=InsiSettings(**{"url": "https://insi.relais.test/lps", "software": software, **(insi or {})}),
        identification=Identifying(**(identification or {})),
        structures=tuple(
            Structure(
                id=one, name="CABINET DU PORT", patient_root="1.2.250.1.213.1.1.4.999.1", source_id="1.2.250.1.213.1.1.4.998.1",
                professionals=(Professional(id=DOCTOR, family="MOREL", given="CAMILLE"),),
                secretaries=(Secretary(id="accueil", family="PETIT", given="LOU"),),
            )
            for one in (FIRST, SECOND)
        ),
    )  # fmt: skip


def told(asked: etree._Element, name: str) -> str:
    """What a request says under a local name; nothing when it does not."""
    found = asked.xpath(f"//*[local-name()='{name}']/text()")
    return str(found[0]) if isinstance(found, list) and found else ""


def answered(body: bytes, status: int = 200) -> HttpResponse:
    return HttpResponse(status=status, headers={"content-type": "application/soap+xml; charset=utf-8"}, body=body)


def letters(number: int) -> str:
    """A family name of letters only, another for each number."""
    return "NOM" + "".join(chr(ord("A") + int(digit)) for digit in f"{number:05d}")


def traits_of(number: int, **changes: Any) -> Traits:
    someone = Traits(
        birth_family_name=letters(number), birth_given_names="ZOE", first_birth_given_name="ZOE", sex=Sex.FEMALE,
        birth_date="1975-12-31", birth_place="63220",
    )  # fmt: skip
    return msgspec.structs.replace(someone, **changes)


def ins_of(number: int) -> Ins:
    digits = f"27512632{number:05d}"
    return Ins(matricule=digits + matricule_key(digits), oid=answers.NIR)


def national(number: int, **changes: str) -> answers.Person:
    """The person of INSi that goes with `traits_of`."""
    said = {"NomNaissance": letters(number), "ListePrenom": "ZOE", "Sexe": "F", "DateNaissance": "1975-12-31", "LieuNaissance": "63220"}
    matricule = ins_of(number).matricule
    return answers.Person(answers.Number(matricule[:13], matricule[13:]), traits={**said, **changes})


def patient(number: int, **changes: Any) -> Identity:
    return Identity(local_id=f"P-{number}", traits=traits_of(number, **changes))


def qualified(number: int, at: int, **changes: Any) -> Identity:
    """Qualified by what INSi said at this instant, in milliseconds."""
    doctor = Actor(kind="professional", id=DOCTOR)
    recovery = Recovery(ins=ins_of(number), method=Method.TRAITS, at=at, by=doctor, exact=True)
    return msgspec.structs.replace(patient(number, **changes), recovery=recovery, check=Check(kind="PA", at=at, by=doctor))


def criteria(number: int, given_names: Sequence[str] = ("ZOE",)) -> SearchCriteria:
    return SearchCriteria(birth_family_name=letters(number), given_names=tuple(given_names), sex="F", birth_date="1975-12-31")
