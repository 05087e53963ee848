"""A box for the tests of its faces: the real pipeline over the in-memory journal, nothing sent anywhere, states set by hand."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import msgspec
from litestar import Litestar

from gateway.api.server import serve_api
from gateway.composition.certificates import certificate_parts
from gateway.composition.counters import relay as wired
from gateway.composition.devices import device_parts
from gateway.composition.documents import document_parts
from gateway.composition.foundations import Foundations
from gateway.composition.identities import identity_parts
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import OPERATOR, new_workstation
from gateway.flow.cards.calls import Call
from gateway.flow.cards.searches import CardClients
from gateway.flow.devices.devices import Devices
from gateway.flow.fencing.sentry import fence_of
from gateway.flow.identities.batches import Batches
from gateway.flow.identities.identification import Clients, Insi
from gateway.flow.identities.inquiries import Inquiries
from gateway.flow.relay import Relay
from gateway.flow.scheduler import Scheduler
from gateway.ins.client import Assertions
from gateway.ins.errors import InsiNotConfigured
from gateway.journal.blobs import BlobStore
from gateway.journal.memory import MemoryStore
from gateway.journal.records import AuditRecord, DeliveryRecord, ReceiptRecord, WorkstationRecord
from gateway.kernel.clock import FrozenClock
from gateway.kernel.config import Configuration, Dmp, Limits, Mailbox, Professional, Structure
from gateway.kernel.errors import Explanation, RelaisError
from gateway.kernel.ids import new_id
from gateway.model.delivery import DeliveryState, ReceiptKind
from gateway.trust.calendar_facts import CalendarFacts
from gateway.trust.keystore import KeyStore
from gateway.trust.lan import LanAuthority
from gateway.trust.tls import TlsContext, server_context
from gateway.trust.vault import Vault, open_vault
from gateway.wire.http import HttpPort
from gateway.wire.http_scripted import ScriptedPort
from tests.api.furniture import furnished
from tests.api.seats import application_over
from tests.cda.pdf_samples import plain
from tests.trust.pki import STRUCTURE, shared_pki

NOW = datetime(2026, 11, 24, 13, 5, tzinfo=UTC)
"""Five past two in the afternoon in France."""
OTHER_STRUCTURE = "10B0152880"
AUTHOR = "899700366240"
PATIENT_DOMAIN = "patient.relais.test"


@cache
def small_pdf() -> bytes:
    """One page; the same bytes all along a run."""
    return plain()


def request_part(**changes: Any) -> dict[str, Any]:
    """The request of the contract, published test identity; a change replaces a top-level part, None removes it."""
    whole: dict[str, Any] = {
        "structure": STRUCTURE,
        "author": {"id": AUTHOR},
        "patient": {
            "local_id": "P-1042",
            "ins": {"matricule": "279035121518989", "oid": "1.2.250.1.213.1.4.10"},
            "identity_status": "QUAL",
            "birth_family_name": "PAT-TROIS",
            "birth_given_names": "DOMINIQUE MARIE",
            "first_birth_given_name": "DOMINIQUE",
            "used_family_name": None,
            "used_given_name": None,
            "sex": "F",
            "birth_date": "1979-03-05",
            "birth_place": "51215",
        },
        "document": {
            "type": "57833-6",
            "title": "Ordonnance",
            "created_at": "2026-11-22T09:30:00+01:00",
            "service_start": "2026-11-22T09:15:00+01:00",
            "replaces": None,
        },
        "deliver": {
            "dmp": True,
            "patient_mail": {"send": True, "may_reply": False},
            "professionals": ["dr.martin@medecin.relais.test"],
        },
    }
    whole.update(changes)
    return {name: part for name, part in whole.items() if part is not None}


def unqualified() -> dict[str, Any]:
    """Another patient of the practice, with the same identity, only validated."""
    return {**request_part()["patient"], "local_id": "P-2000", "identity_status": "VALI"}


def form(request: dict[str, Any] | bytes | None = None, file: bytes | None = None, media: str = "application/pdf") -> dict[str, Any]:
    """The two parts as httpx wants them."""
    described = request if isinstance(request, bytes) else json.dumps(request or request_part()).encode()
    return {
        "request": (None, described, "application/json"),
        "file": ("document.pdf", small_pdf() if file is None else file, media),
    }


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@dataclass(frozen=True)
class Box:
    """The pipeline and its three workstations."""

    home: Path
    configuration: Configuration
    store: MemoryStore
    books: Bookkeeper
    clock: FrozenClock
    relay: Relay
    scheduler: Scheduler
    token: str
    other_token: str
    operator_token: str
    workstation: WorkstationRecord
    inquiries: Inquiries
    batches: Batches
    devices: Devices
    application: Litestar = field(compare=False)

    def client(self, token: str | None = "own") -> httpx.AsyncClient:
        """In process, no network; `own` is the first workstation, None nobody."""
        headers = bearer(self.token if token == "own" else token) if token else {}
        transport = httpx.ASGITransport(app=self.application, raise_app_exceptions=False)  # type: ignore[arg-type]
        return httpx.AsyncClient(transport=transport, base_url="https://relais.test", headers=headers)

    async def accept(self, request: dict[str, Any] | None = None, *, token: str = "own", file: bytes | None = None) -> dict[str, Any]:
        """A document accepted through the API; its receipt. Each call is another document."""
        async with self.client(token) as client:
            answer = await client.post("/api/v1/documents", files=form(request, file), headers={"Idempotency-Key": new_id()})
        assert answer.status_code == 202, answer.text
        receipt: dict[str, Any] = answer.json()
        return receipt

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """The box searching by itself until the block ends, as a running gateway does."""
        tasks = [asyncio.create_task(self.inquiries.run()), asyncio.create_task(self.batches.run())]
        try:
            yield
        finally:
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def move(self, delivery_id: str, state: DeliveryState, why: RelaisError | Explanation | None = None, **changes: Any) -> None:
        """Put a delivery in a state, as an attempt would have left it."""
        record = await self.store.delivery(delivery_id)
        assert record is not None
        explanation = why.explanation if isinstance(why, RelaisError) else why
        after = msgspec.structs.replace(record, state=state, explanation=explanation, version=record.version + 1, **changes)
        await self._write(after, "delivery.failed" if explanation else "delivery.sent")

    async def receive(self, delivery_id: str, kind: ReceiptKind) -> None:
        """Something came back for a delivery."""
        record = await self.store.delivery(delivery_id)
        assert record is not None
        after = msgspec.structs.replace(record, state=DeliveryState.DELIVERED, version=record.version + 1)
        receipt = ReceiptRecord(id=new_id(), delivery_id=delivery_id, kind=kind, at=self.books.now())
        await self._write(after, "delivery.sent", receipt)

    async def _write(self, after: DeliveryRecord, act: str, *more: ReceiptRecord) -> None:
        document = await self.store.document(after.document_id)
        assert document is not None
        audit = AuditRecord(
            at=self.books.now(), act=act, actor="system", structure=after.structure, document_id=document.id, delivery_id=after.id
        )
        async with self.books.alone_with(document.id):
            await self.books.write(document, [after], *more, audit=audit)


def configuration_of(structures: Sequence[str] = (STRUCTURE,), limits: Limits | None = None) -> Configuration:
    return Configuration(
        dmp=Dmp(url="https://dmp.relais.test/services"),
        limits=limits or Limits(disk_reserve_bytes=0),
        structures=tuple(_structure(one) for one in structures),
    )


def no_insi(structure_id: str, *, user: bool, software: str | None = None) -> Insi:
    """INSi as a box without its settings meets it."""
    raise InsiNotConfigured(missing="son adresse")


def no_insi_by_card(structure_id: str, card: Assertions, *, software: str | None = None) -> Insi:
    """As `no_insi`, for cards."""
    raise InsiNotConfigured(missing="l'adresse des appels par carte")


def _no_port(context: TlsContext) -> HttpPort:
    """A service that does not answer."""
    return ScriptedPort()


async def _renewed(structure: str) -> None:
    """Nothing is connected."""


async def _nothing_fetched() -> None:
    """No list is published."""


async def open_box(
    home: Path,
    *,
    structures: Sequence[str] = (STRUCTURE,),
    limits: Limits | None = None,
    insi: Clients | None = None,
    configuration: Configuration | None = None,
    store: MemoryStore | None = None,
    devices: Call | None = None,
    by_card: CardClients | None = None,
) -> Box:
    """A box ready to answer: two workstations, the operator, a signing key. A `configuration` takes the place of `limits`.

    `devices`: the device process, none by default; `by_card`: INSi as cards call it.
    """
    configuration = configuration or configuration_of(structures, limits)
    clock, store = FrozenClock(NOW), store or MemoryStore()
    vault = open_vault(furnished(home))
    keys, anchors = KeyStore(home, vault), shared_pki().anchors_pem
    base = Foundations(
        root=home,
        configuration=configuration,
        clock=clock,
        store=store,
        blobs=BlobStore(home),
        vault=vault,
        keys=keys,
        anchors=anchors,
        lists=tuple,
        fence=fence_of(home, configuration, vault, clock, _no_port),
    )
    scheduler = Scheduler(configuration, store, clock, _never)
    facts = CalendarFacts(home, keys, own_lan(home, vault), anchors).read
    certificates = certificate_parts(base, facts, _no_port, _renewed, _nothing_fetched)
    identities = identity_parts(base, insi or no_insi, scheduler.notify)
    hardware = device_parts(base, devices, by_card or no_insi_by_card)
    documents = document_parts(base, identities, hardware.readings, scheduler)
    relay = wired(base, scheduler, identities, certificates, hardware, documents)
    now = base.books.now()
    first, token = new_workstation("Accueil", tuple(structures), now)
    second, other_token = new_workstation("Cabinet 2", tuple(structures), now)
    operator, operator_token = new_workstation(OPERATOR, tuple(structures), now)
    await store.commit(first, second, operator)
    application = application_over(relay, configuration.limits, clock)
    return Box(
        home,
        configuration,
        store,
        base.books,
        clock,
        relay,
        scheduler,
        token,
        other_token,
        operator_token,
        first,
        identities.inquiries,
        identities.batches,
        hardware.devices,
        application=application,
    )


@dataclass(frozen=True)
class Served:
    """A box behind a real socket with TLS."""

    box: Box
    port: int
    trust: ssl.SSLContext

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def client(self, token: str | None = "own") -> httpx.AsyncClient:
        headers = bearer(self.box.token if token == "own" else token) if token else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, verify=self.trust, timeout=30)

    def connect(self) -> ssl.SSLSocket:
        """A bare TLS connection, for what no client library would send."""
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        return self.trust.wrap_socket(raw, server_hostname="127.0.0.1")


def own_lan(home: Path, vault: Vault) -> LanAuthority:
    """What the box knows of its LAN certificates, by its own clock; what `served` shows follows the clock of the browser instead."""
    return LanAuthority(home / "own-lan", vault)


@asynccontextmanager
async def served(box: Box) -> AsyncIterator[Served]:
    """The box served by uvicorn in this loop until the block ends."""
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    authority = LanAuthority(box.home, open_vault(box.home))
    context = server_context(authority.identity(("127.0.0.1", "localhost"), datetime.now(UTC)))
    task = asyncio.create_task(serve_api(box.application, context, "127.0.0.1", 0, ready=port.set_result, stop=stop))
    try:
        await asyncio.wait({task, port}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        trust = ssl.create_default_context(cafile=str(authority.certificate_path))
        yield Served(box, port.result(), trust)
    finally:
        stop.set()
        await task


def _structure(identifier: str) -> Structure:
    return Structure(
        id=identifier,
        name="CABINET MEDICAL DU PORT",
        patient_root="1.2.250.1.213.1.1.4.999.1",
        source_id="1.2.250.1.213.1.1.4.998.1",
        sector="SA08",
        professionals=(Professional(id=AUTHOR, family="MOREL", given="CAMILLE"),),
        mailbox=Mailbox(
            address="relais@structure.relais.test",
            display_name="CABINET MEDICAL DU PORT",
            reply_to="secretariat@structure.relais.test",
            host="smtp.relais.test",
        ),
    )


async def _never(record: DeliveryRecord) -> RelaisError | None:
    raise AssertionError(f"nothing leaves this box: {record.id}")
