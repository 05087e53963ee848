"""The composition root: the only place that wires concrete classes, and the life of a gateway from start to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from firmware.client import DeviceClient
from firmware.clock import kernel_synchronised
from firmware.memory import give_back, keep_few_pools, settle
from firmware.notify import notify_systemd
from firmware.process import harden_process
from firmware.scratch import open_scratch, remove_scratch, scratch_place
from firmware.supervisor import DeviceProcess
from gateway.api.application import create_application
from gateway.api.server import serve_api
from gateway.bus.broker import Access, broker_at
from gateway.bus.publisher import Publisher
from gateway.cda.conformity import load_pack
from gateway.flow import outcome
from gateway.flow.admission import Admission
from gateway.flow.allowance import LargePlaces
from gateway.flow.attempt import Courier, Desk
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Gate
from gateway.flow.cards.batches import CardBatches
from gateway.flow.cards.calls import DeviceCalls
from gateway.flow.cards.desk import CardDesk
from gateway.flow.cards.facts import CardBook
from gateway.flow.cards.lines import CardLines
from gateway.flow.cards.reader_notices import ReaderNotices
from gateway.flow.cards.reader_pairings import ReaderPairings
from gateway.flow.cards.searches import CardSearches
from gateway.flow.certificates.alarms import Alarms
from gateway.flow.certificates.calendar import CalendarDesk
from gateway.flow.certificates.custody import CertificateDesk
from gateway.flow.certificates.desk import SuccessionDesk
from gateway.flow.certificates.ocsp_queries import OcspQueries
from gateway.flow.certificates.overheard import Overheard
from gateway.flow.certificates.rehearsal import Rehearsals
from gateway.flow.certificates.renewal import Renewal
from gateway.flow.certificates.revocation import RevocationWatch
from gateway.flow.certificates.successions import Successions
from gateway.flow.condition import ConditionWatch
from gateway.flow.custody import Custody
from gateway.flow.devices.devices import Devices
from gateway.flow.devices.process import write_device_settings
from gateway.flow.dmp_courier import DmpCourier
from gateway.flow.identities.batches import Batches
from gateway.flow.identities.catching import Catching
from gateway.flow.identities.descent import Descent
from gateway.flow.identities.desk import IdentityDesk
from gateway.flow.identities.entries import Identities
from gateway.flow.identities.gate import IdentityGate
from gateway.flow.identities.identification import Identification
from gateway.flow.identities.inquiries import Inquiries
from gateway.flow.identities.insi_calls import CallBook
from gateway.flow.identities.qualification import Qualification
from gateway.flow.identities.registry import Registry
from gateway.flow.identities.search_desk import SearchDesk
from gateway.flow.identities.search_limit import SearchLimits
from gateway.flow.identities.second_look import SecondLook
from gateway.flow.inspection import Inspection
from gateway.flow.letter import Letters
from gateway.flow.mss_courier import MssCourier
from gateway.flow.operations import Operations
from gateway.flow.panel.front import Front
from gateway.flow.panel.pairing_window import PairingWindow
from gateway.flow.panel.reset_requests import ResetRequests
from gateway.flow.preparation import Preparer
from gateway.flow.reading import Reader
from gateway.flow.relay import Relay
from gateway.flow.scanners.desk import ScannerDesk, no_devices
from gateway.flow.scanners.pairings import ScannerPairings
from gateway.flow.scanners.readings import Readings
from gateway.flow.scanners.trials import ScannerTests
from gateway.flow.scheduler import Scheduler
from gateway.flow.signing.esignsante import Esignsante
from gateway.flow.signing.signatures import Signatures
from gateway.flow.status import StatusBoard
from gateway.flow.workshop import Workshop
from gateway.journal.blobs import BlobStore
from gateway.journal.home_lock import alone_in
from gateway.journal.sqlite import SqliteStore
from gateway.journal.store import Store
from gateway.kernel.clock import Clock, SystemClock
from gateway.kernel.config import Configuration, read_configuration
from gateway.kernel.errors import ConfigurationFault
from gateway.kernel.home import Home
from gateway.kernel.ids import new_id
from gateway.model.delivery import Channel
from gateway.remotes import Remotes, http_port, installation_of
from gateway.trust.broker_secrets import PASSWORD, broker_context
from gateway.trust.calendar_facts import calendar_facts
from gateway.trust.chain import read_authorities
from gateway.trust.files import write_durably
from gateway.trust.keystore import KeyStore
from gateway.trust.lan import LanAuthority
from gateway.trust.revocation import RevocationLists
from gateway.trust.secret_file import HOMOLOGATION, read_secret
from gateway.trust.tls import TlsContext, client_context, server_context
from gateway.trust.vault import Vault, open_vault
from gateway.web.pages import create_pages
from gateway.wire.http import HttpPort

_log = structlog.get_logger("relais.app")

_RECENT_BYTES = 4_000_000
"""Of payloads kept at hand for the reader that comes within seconds."""


_LOOK_SECONDS = 300.0
"""Between two looks at the certificates that take over from one another."""
_REHEARSAL_SECONDS = 20.0


class AnchorsMissing(ConfigurationFault):
    """anchors.pem is not there: no national service could be recognised."""

    code = "anchors-missing"
    what = "Le fichier des autorités de certification (anchors.pem) manque dans le boîtier."
    gesture = "Déposez-y les certificats des autorités IGC-Santé, puis redémarrez Relais."


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running pipeline and what its faces need."""

    home: Home
    configuration: Configuration
    relay: Relay
    scheduler: Scheduler
    workshop: Workshop
    watch: RevocationWatch
    inquiries: Inquiries
    batches: Batches
    follow: Catching
    remotes: Remotes
    alarms: Alarms
    successions: Successions
    notices: ReaderNotices
    devices: Devices
    device_client: DeviceClient | None
    vault: Vault
    clock: Clock


def system_clock(configuration: Configuration) -> Clock:
    """The machine's clock, trusted when the kernel says it is synchronised or when the configuration does not ask."""
    return SystemClock(kernel_synchronised) if configuration.require_synchronised_clock else SystemClock()


@asynccontextmanager
async def opened(home: Home, *, clock: Clock | None = None) -> AsyncIterator[Gateway]:
    """The pipeline of a home, ready to run; closes everything behind it."""
    configuration = read_configuration(home.configuration)
    clock = clock or system_clock(configuration)
    async with AsyncExitStack() as stack:
        stack.enter_context(alone_in(home))
        vault = open_vault(home.root, settings=configuration.box_key)
        store = await SqliteStore.open(home.journal, reserve_bytes=configuration.limits.disk_reserve_bytes)
        stack.push_async_callback(store.close)
        blobs = BlobStore(home.root, recent_bytes=_RECENT_BYTES)
        keys = KeyStore(home.root, vault, environment=configuration.environment)
        keys.check_environment()
        boot = new_id()
        await _tidy(home, store, blobs, clock, boot, configuration.retry.mail_unknown_wait)
        anchors = _anchors(home)
        remotes = Remotes(
            configuration,
            keys,
            anchors,
            clock,
            read_secret(home.root, vault, HOMOLOGATION),
            installation=installation_of(vault),
            injection=home.injection,
        )
        stack.push_async_callback(remotes.close)
        lists = RevocationLists(home.root, read_authorities(anchors))
        remotes.heed(lists.held())
        signatures = Signatures(store, keys, clock, anchors, lists.held)
        port = http_port(client_context(None, anchors))
        stack.push_async_callback(port.close)
        custody, books, identities = Custody(store, blobs, vault), Bookkeeper(store, clock), Identities(store, vault)
        couriers: dict[Channel, Courier] = {
            Channel.DMP: DmpCourier(configuration, store, keys, remotes.dmp, books, vault.pseudonym),
            Channel.MSS: MssCourier(remotes.operator, configuration.retry.mail_unknown_wait),
        }
        places = LargePlaces(configuration.limits, give_back)
        wait = configuration.dmp.probe_wait_seconds
        gate = IdentityGate(store, vault, identities)
        desk = Desk(store, blobs, custody, books, couriers, gate, configuration.retry, boot, probe_wait=wait, places=places)
        facts = calendar_facts(home.root, configuration, keys, vault, anchors).read
        calendar = CalendarDesk(facts, clock)

        async def renew(structure: str) -> None:
            remotes.renew(structure)
            await scheduler.revive(structure)

        watch = RevocationWatch(lists, keys, tuple(one.id for one in configuration.structures), port, clock, remotes.heed)
        ocsp = OcspQueries(port, clock) if configuration.certificates.ocsp else None
        rehearsals = Rehearsals(configuration, keys, anchors, lists.held, clock, _rehearsal_port, ocsp)
        successions = Successions(configuration, store, books, keys, rehearsals, renew)
        ear = Overheard(successions.heard, successions.suspected, books.now)
        scheduler = Scheduler(configuration, store, clock, ear.attempts(desk.attempt))
        readings = Readings(clock.monotonic)
        desks = {one.id: one.workstation for one in configuration.scanners}
        pairings = ScannerPairings(store, books, desks)
        socket = configuration.devices.socket_in(home.root)
        device_client = DeviceClient(socket) if socket is not None else None
        device_call = device_client.call if device_client is not None else None
        scanners = ScannerDesk(
            configuration.environment, store, books, pairings, readings, ScannerTests(clock.monotonic), device_call or no_devices
        )
        notices = ReaderNotices(clock)
        devices = Devices(notices, wanted=socket is not None)
        devices.heard = scanners.heard
        device_calls = DeviceCalls(device_call)
        card_book = CardBook(device_calls, devices)
        card_batches = CardBatches(configuration, device_calls, card_book)
        reader_pairings = ReaderPairings(store, books)
        cards = CardDesk(store, books, device_calls, card_book, reader_pairings, card_batches, devices)
        card_searches = CardSearches(configuration, clock, cards, devices, remotes.insi_by_card)
        window = PairingWindow(configuration, store, books, clock)
        front = Front(window, ResetRequests(home.root, store, books), store, books, clock)
        reader = Reader(store, custody, books, identities, readings)
        bell = asyncio.Event()
        qualification = Qualification(store, custody, books, Descent(store, vault), bell)
        qualification.wake = scheduler.notify
        registry = Registry(store, vault, books, identities, qualification)
        calls = CallBook(store, vault, books)
        await calls.close_interrupted()
        identification = Identification(configuration, registry, calls, books, ear.insi(remotes.insi))
        inquiries = Inquiries(configuration, store, vault, identities, registry, identification, books, clock)
        batches = Batches(configuration, store, identities, registry, inquiries, books)
        limits = SearchLimits(configuration.insi, clock.monotonic)
        work = await asyncio.to_thread(_workplace, home)
        stack.callback(remove_scratch, work.parent, home.root)
        second_look = SecondLook(identities, enabled=configuration.identification.compare_text)
        preparer = Preparer(configuration, store, blobs, custody, books, Letters(configuration), second_look, work, places)
        yield Gateway(
            home=home,
            configuration=configuration,
            relay=Relay(
                gate=Gate(store, clock, configuration.limits.requests_per_minute, configuration.structures),
                admission=Admission(
                    configuration,
                    store,
                    blobs,
                    vault,
                    custody,
                    books,
                    reader,
                    identities,
                    registry,
                    Inspection(load_pack(home.root)),
                    bell,
                    inquiries.curious,
                ),
                reader=reader,
                operations=Operations(store, custody, books, reader, scheduler, bell),
                signatures=signatures,
                esignsante=Esignsante(configuration, signatures, anchors, lists.held),
                status=StatusBoard(
                    home.root,
                    configuration,
                    store,
                    scheduler,
                    keys,
                    clock,
                    inquiries.paused,
                    limits.alerted,
                    calendar,
                    devices.view,
                    front.view,
                ),
                identities=IdentityDesk(configuration, store, identities, registry, books, inquiries.curious),
                searches=SearchDesk(configuration, store, identities, identification, inquiries, batches, books, limits, card_searches),
                calendar=calendar,
                successions=SuccessionDesk(store, books, successions),
                certificates=CertificateDesk(
                    configuration, store, books, keys, rehearsals, successions, anchors, lists.held, renew, watch.refresh
                ),
                scanners=scanners,
                front=front,
                cards=cards,
                card_lines=CardLines(notices, reader_pairings),
            ),
            alarms=Alarms(store, books, facts),
            successions=successions,
            inquiries=inquiries,
            batches=batches,
            follow=Catching(store, identities, registry),
            scheduler=scheduler,
            workshop=Workshop(store, preparer, clock, bell, scheduler.notify),
            watch=watch,
            remotes=remotes,
            vault=vault,
            notices=notices,
            devices=devices,
            device_client=device_client,
            clock=clock,
        )


async def serve(home: Home) -> None:
    """Run a gateway until SIGTERM or SIGINT; prints `ready` and writes gateway.json when it serves."""
    harden_process()
    keep_few_pools()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with opened(home) as gateway:
        listener = gateway.configuration.listener
        authority = LanAuthority(home.root, gateway.vault)
        context = server_context(authority.identity(listener.names, gateway.clock.now(), dated=gateway.clock.trusted()))

        async def show_identity() -> None:
            context.show(await asyncio.to_thread(authority.identity, listener.names, gateway.clock.now()))

        pages = create_pages(gateway.relay, secret=os.urandom(32))
        application = create_application(gateway.relay, limits=gateway.configuration.limits, pages=pages)

        def ready(port: int) -> None:
            settle()
            _announce(home, "127.0.0.1" if listener.host in ("0.0.0.0", "::") else listener.host, port, str(authority.certificate_path))  # noqa: S104

        background = [
            asyncio.create_task(gateway.scheduler.run(), name="scheduler"),
            asyncio.create_task(gateway.workshop.run(), name="workshop"),
            asyncio.create_task(gateway.inquiries.run(), name="inquiries"),
            asyncio.create_task(gateway.batches.run(), name="batches"),
            asyncio.create_task(gateway.watch.run(), name="revocation"),
            asyncio.create_task(gateway.relay.front.window.run(), name="pairing"),
            asyncio.create_task(Renewal(gateway.clock, show_identity, gateway.remotes.refresh, gateway.alarms.tell).run(), name="renewal"),
            asyncio.create_task(Renewal(gateway.clock, gateway.successions.look, every=_LOOK_SECONDS).run(), name="successions"),
        ]
        for task in background:
            task.add_done_callback(lambda _done: stop.set())
        background.append(asyncio.create_task(gateway.follow.up(), name="identities"))
        background.append(asyncio.create_task(gateway.relay.front.requests.catch_up(), name="reset-request"))
        if gateway.device_client is not None:
            background.append(asyncio.create_task(_follow_devices(gateway, gateway.device_client), name="devices"))
        if gateway.configuration.bus.host is not None:
            background.append(asyncio.create_task(_publisher(gateway).run(), name="bus"))
        try:
            await serve_api(application, context, listener.host, listener.port, ready=ready, stop=stop)
        finally:
            notify_systemd("STOPPING=1")
            for task in background:
                task.cancel()
            results = await asyncio.gather(*background, return_exceptions=True)
            home.ready_file.unlink(missing_ok=True)
        failures = [one for one in results if isinstance(one, Exception)]
        if failures:
            raise failures[0]


def _rehearsal_port(context: TlsContext) -> HttpPort:
    """For one request."""
    return http_port(context, answer_seconds=_REHEARSAL_SECONDS, answer_bytes=1_000_000)


async def _follow_devices(gateway: Gateway, client: DeviceClient) -> None:
    """Start the device process where it is ours to start, and follow it. Whatever becomes of it, the gateway goes on."""
    settings, root = gateway.configuration.devices, gateway.home.root
    process: DeviceProcess | None = None
    try:
        if settings.start == "gateway":
            socket = settings.socket_in(root)
            try:
                told = await asyncio.to_thread(write_device_settings, root, settings)
                process = DeviceProcess(socket, told) if socket is not None else None
            except OSError as problem:
                _log.error("device settings not written", kind=type(problem).__name__)
            if process is not None:
                await process.start()
        await client.start()
        panel = gateway.relay.front.attach(client.call, ConditionWatch(gateway.relay.status).look, gateway.scheduler, settings)
        async with asyncio.TaskGroup() as hands:
            hands.create_task(gateway.devices.run(client.happenings), name="readers")
            hands.create_task(panel.run(client.happenings), name="panel")
    finally:
        await client.stop()
        if process is not None:
            await process.stop()


def _publisher(gateway: Gateway) -> Publisher:
    """The practice's MQTT broker, reached with what the home holds at each connection."""
    settings, root = gateway.configuration.bus, gateway.home.root

    def found() -> Access:
        vault = gateway.vault
        password = read_secret(root, vault, PASSWORD) if settings.user is not None else None
        context = broker_context(root, vault, settings.ca) if settings.tls else None
        return Access(host=settings.host or "", port=settings.port, tls=context, user=settings.user, password=password)

    watch = ConditionWatch(gateway.relay.status)
    return Publisher(settings, broker_at(lambda: asyncio.to_thread(found)), gateway.notices, watch.look, gateway.clock)


def _workplace(home: Home) -> Path:
    """Where documents are converted: memory, so that nothing in clear ever reaches the disk; said when there is none."""
    place = scratch_place(home.work)
    if not place.volatile:
        _log.warning("conversions work on the disk: no memory file system")
    return open_scratch(place.folder, home.root)


def _anchors(home: Home) -> bytes:
    try:
        return home.anchors.read_bytes()
    except OSError as problem:
        raise AnchorsMissing(type(problem).__name__) from problem


def _announce(home: Home, host: str, port: int, ca: str) -> None:
    base = f"https://{host}:{port}/"
    facts = {"api": f"{base}api/v1", "web": base, "ca": ca, "pid": os.getpid()}
    write_durably(home.ready_file, msgspec.json.format(msgspec.json.encode(facts)))
    with contextlib.suppress(OSError):
        print("ready", flush=True)  # noqa: T201 - the contract's readiness line
    notify_systemd("READY=1")


async def _tidy(home: Home, store: Store, blobs: BlobStore, clock: Clock, boot: str, mail_wait: float) -> None:
    """What a power cut left: attempts of another boot are freed, scratch and stray files go."""
    now = int(clock.now().timestamp() * 1000)
    for record in await store.orphans(boot):
        await store.commit(outcome.recovered(record, now, mail_wait))
    await blobs.sweep(store)
    if home.work.exists():
        await asyncio.to_thread(shutil.rmtree, home.work)
