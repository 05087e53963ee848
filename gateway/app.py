"""The life of a gateway from start to stop: opens what its home holds, has `composition` wire it, serves, and closes everything."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from firmware.activation import passed_sockets
from firmware.client import DeviceClient
from firmware.clock import kernel_synchronised
from firmware.memory import give_back, keep_few_pools, settle
from firmware.notify import notify_systemd, watchdog_seconds
from firmware.process import harden_process
from firmware.scratch import open_scratch, remove_scratch, scratch_place
from firmware.supervisor import DeviceProcess
from gateway.api.application import create_application
from gateway.api.server import serve_api
from gateway.bus.broker import Access, broker_at
from gateway.bus.publisher import Publisher
from gateway.composition.certificates import CertificateParts, certificate_parts
from gateway.composition.counters import relay
from gateway.composition.devices import DeviceParts, device_parts
from gateway.composition.documents import document_parts, workshop
from gateway.composition.foundations import Foundations
from gateway.composition.identities import IdentityParts, identity_parts
from gateway.composition.sending import attempt_desk
from gateway.flow import outcome
from gateway.flow.allowance import LargePlaces
from gateway.flow.certificates.ocsp_queries import OcspQueries
from gateway.flow.certificates.overheard import Overheard
from gateway.flow.certificates.renewal import Renewal
from gateway.flow.certificates.revocation import RevocationWatch
from gateway.flow.condition import ConditionWatch
from gateway.flow.devices.process import write_device_settings
from gateway.flow.fencing.sentry import fence_of
from gateway.flow.identities.catching import Catching
from gateway.flow.panel.reset_requests import erasure_due
from gateway.flow.pulse import Pulse
from gateway.flow.relay import Relay
from gateway.flow.scheduler import Scheduler
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
from gateway.trust.vault import open_vault
from gateway.web.pages import create_pages
from gateway.wire.http import HttpPort

_log = structlog.get_logger("relais.app")

_RECENT_BYTES = 4_000_000
"""Of payloads kept at hand for the reader that comes within seconds."""


_LOOK_SECONDS = 300.0
"""Between two looks at the certificates that take over from one another."""
_REHEARSAL_SECONDS = 20.0
_PEER_SECONDS = 4.0
"""Less than the fence waits for a witness."""
_LAST_OUTCOMES_SECONDS = 120.0
"""For the attempts under way when the box is to be erased: longer than any service is waited for."""


class NotProvisioned(ConfigurationFault):
    """A blank home: nothing was installed yet, or everything was erased."""

    code = "not-provisioned"
    what = "Ce boîtier est vide : il attend son installation."
    gesture = "Installez-le avec « relais-provision first-boot »."


class AnchorsMissing(ConfigurationFault):
    """anchors.pem is not there: no national service could be recognised."""

    code = "anchors-missing"
    what = "Le fichier des autorités de certification (anchors.pem) manque dans le boîtier."
    gesture = "Déposez-y les certificats des autorités IGC-Santé, puis redémarrez Relais."


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running pipeline and what its faces need."""

    home: Home
    base: Foundations
    remotes: Remotes
    relay: Relay
    scheduler: Scheduler
    workshop: Workshop
    watch: RevocationWatch
    follow: Catching
    identities: IdentityParts
    certificates: CertificateParts
    devices: DeviceParts
    device_client: DeviceClient | None


def system_clock(configuration: Configuration) -> Clock:
    """The machine's clock, trusted when the kernel says it is synchronised or when the configuration does not ask."""
    return SystemClock(kernel_synchronised) if configuration.require_synchronised_clock else SystemClock()


@asynccontextmanager
async def opened(home: Home, *, clock: Clock | None = None) -> AsyncIterator[Gateway]:
    """The pipeline of a home, ready to run; closes everything behind it."""
    configuration = read_configuration(home.configuration)
    boot = new_id()
    async with AsyncExitStack() as stack:
        stack.enter_context(alone_in(home))
        base, lists = await _foundations(home, configuration, clock or system_clock(configuration), boot, stack)
        remotes = _remotes(home, base)
        stack.push_async_callback(remotes.close)
        remotes.heed(lists.held())
        port = http_port(client_context(None, base.anchors))
        stack.push_async_callback(port.close)
        watch = RevocationWatch(lists, base.keys, tuple(one.id for one in configuration.structures), port, base.clock, remotes.heed)

        async def renew(structure: str) -> None:
            remotes.renew(structure)
            await scheduler.revive(structure)

        facts = calendar_facts(home.root, configuration, base.keys, base.vault, base.anchors).read
        ocsp = OcspQueries(port, base.clock) if configuration.certificates.ocsp else None
        certificates = certificate_parts(base, facts, _rehearsal_port, renew, watch.refresh, ocsp)
        ear = Overheard(certificates.successions.heard, certificates.successions.suspected, base.books.now)
        places = LargePlaces(configuration.limits, give_back)
        desk = attempt_desk(base, remotes, boot, places)
        scheduler = Scheduler(configuration, base.store, base.clock, base.fence.attempts(ear.attempts(desk.attempt)))
        identities = identity_parts(base, ear.insi(remotes.insi), scheduler.notify)
        await identities.calls.close_interrupted()
        socket = configuration.devices.socket_in(home.root)
        device_client = DeviceClient(socket) if socket is not None else None
        devices = device_parts(base, device_client.call if device_client is not None else None, remotes.insi_by_card)
        documents = document_parts(base, identities, devices.readings, scheduler)
        work = await asyncio.to_thread(_workplace, home)
        stack.callback(remove_scratch, work.parent, home.root)
        yield Gateway(
            home=home,
            base=base,
            remotes=remotes,
            relay=relay(base, scheduler, identities, certificates, devices, documents),
            scheduler=scheduler,
            workshop=workshop(base, work, places, scheduler),
            watch=watch,
            follow=Catching(base.store, base.identities, identities.registry),
            identities=identities,
            certificates=certificates,
            devices=devices,
            device_client=device_client,
        )


async def _foundations(
    home: Home, configuration: Configuration, clock: Clock, boot: str, stack: AsyncExitStack
) -> tuple[Foundations, RevocationLists]:
    """What the disk holds, opened, and tidied of what a power cut left."""
    vault = open_vault(home.root, settings=configuration.box_key)
    store = await SqliteStore.open(home.journal, reserve_bytes=configuration.limits.disk_reserve_bytes)
    stack.push_async_callback(store.close)
    blobs = BlobStore(home.root, recent_bytes=_RECENT_BYTES)
    keys = KeyStore(home.root, vault, environment=configuration.environment)
    keys.check_environment()
    await _tidy(home, store, blobs, clock, boot, configuration.retry.mail_unknown_wait)
    anchors = _anchors(home)
    lists = RevocationLists(home.root, read_authorities(anchors))
    base = Foundations(
        root=home.root,
        configuration=configuration,
        clock=clock,
        store=store,
        blobs=blobs,
        vault=vault,
        keys=keys,
        anchors=anchors,
        lists=lists.held,
        fence=fence_of(home.root, configuration, vault, clock, _peer_port),
    )
    return base, lists


def _remotes(home: Home, base: Foundations) -> Remotes:
    homologation = read_secret(home.root, base.vault, HOMOLOGATION)
    installation = installation_of(base.vault)
    return Remotes(
        base.configuration, base.keys, base.anchors, base.clock, homologation, installation=installation, injection=home.injection
    )


async def serve(home: Home) -> bool:
    """Run a gateway until SIGTERM or SIGINT; prints `ready` and writes gateway.json when it serves. True when the home is to be erased.

    That is at once for a home whose erasure was asked for or cut short: it is never served.
    """
    if erasure_due(home):
        return True
    if not home.configuration.exists() and not home.journal.exists():
        raise NotProvisioned
    harden_process()
    keep_few_pools()
    passed = passed_sockets()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with opened(home) as gateway:
        base, listener = gateway.base, gateway.base.configuration.listener
        authority = LanAuthority(home.root, base.vault)
        context = server_context(authority.identity(listener.names, base.clock.now(), dated=base.clock.trusted()))

        async def show_identity() -> None:
            context.show(await asyncio.to_thread(authority.identity, listener.names, base.clock.now()))

        pages = create_pages(gateway.relay, secret=os.urandom(32))
        application = create_application(gateway.relay, limits=base.configuration.limits, pages=pages)

        def ready(port: int) -> None:
            settle()
            _announce(home, "127.0.0.1" if listener.host in ("0.0.0.0", "::") else listener.host, port, str(authority.certificate_path))  # noqa: S104

        background = _background(gateway, show_identity, stop)
        try:
            await serve_api(application, context, listener.host, listener.port, ready=ready, stop=stop, passed=passed)
            if gateway.relay.front.requests.handed_over:
                await gateway.scheduler.finish(_LAST_OUTCOMES_SECONDS)
        finally:
            notify_systemd("STOPPING=1")
            for task in background:
                task.cancel()
            results = await asyncio.gather(*background, return_exceptions=True)
            home.ready_file.unlink(missing_ok=True)
        failures = [one for one in results if isinstance(one, Exception)]
        if failures:
            raise failures[0]
    return erasure_due(home)


def _background(gateway: Gateway, show_identity: Callable[[], Awaitable[None]], stop: asyncio.Event) -> list[asyncio.Task[None]]:
    """What runs beside the faces. The end of a task that is to run for ever, and only of those, stops the gateway."""
    base, identities, certificates = gateway.base, gateway.identities, gateway.certificates
    for_ever = {
        "fence": base.fence.run(),
        "scheduler": gateway.scheduler.run(),
        "workshop": gateway.workshop.run(),
        "inquiries": identities.inquiries.run(),
        "batches": identities.batches.run(),
        "retention": identities.retention.run(),
        "revocation": gateway.watch.run(),
        "pairing": gateway.relay.front.window.run(),
        "factory-reset": gateway.relay.front.requests.run(base.clock, base.configuration.factory_reset.grace_seconds),
        "renewal": Renewal(base.clock, show_identity, gateway.remotes.refresh, certificates.alarms.tell).run(),
        "successions": Renewal(base.clock, certificates.successions.look, every=_LOOK_SECONDS).run(),
    }
    beside = {
        "identities": gateway.follow.up(),
        "reset-request": gateway.relay.front.requests.catch_up(),
    }
    if gateway.device_client is not None:
        beside["devices"] = _follow_devices(gateway, gateway.device_client)
    if base.configuration.bus.host is not None:
        beside["bus"] = _publisher(gateway).run()
    if (patience := watchdog_seconds()) is not None:
        for_ever["pulse"] = Pulse(base.store, gateway.scheduler, lambda: notify_systemd("WATCHDOG=1"), patience).run()
    background = [asyncio.create_task(one, name=name) for name, one in for_ever.items()]
    for task in background:
        task.add_done_callback(lambda _done: stop.set())
    return background + [asyncio.create_task(one, name=name) for name, one in beside.items()]


def _peer_port(context: TlsContext) -> HttpPort:
    """For one question to whoever answers at our own name."""
    return http_port(context, connect_seconds=_PEER_SECONDS, answer_seconds=_PEER_SECONDS, answer_bytes=10_000)


def _rehearsal_port(context: TlsContext) -> HttpPort:
    """For one request."""
    return http_port(context, answer_seconds=_REHEARSAL_SECONDS, answer_bytes=1_000_000)


async def _follow_devices(gateway: Gateway, client: DeviceClient) -> None:
    """Start the device process where it is ours to start, and follow it. Whatever becomes of it, the gateway goes on."""
    settings, root = gateway.base.configuration.devices, gateway.home.root
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
            hands.create_task(gateway.devices.devices.run(client.happenings), name="readers")
            hands.create_task(panel.run(client.happenings), name="panel")
    finally:
        await client.stop()
        if process is not None:
            await process.stop()


def _publisher(gateway: Gateway) -> Publisher:
    """The practice's MQTT broker, reached with what the home holds at each connection."""
    settings, root = gateway.base.configuration.bus, gateway.home.root

    def found() -> Access:
        vault = gateway.base.vault
        password = read_secret(root, vault, PASSWORD) if settings.user is not None else None
        context = broker_context(root, vault, settings.ca) if settings.tls else None
        return Access(host=settings.host or "", port=settings.port, tls=context, user=settings.user, password=password)

    watch = ConditionWatch(gateway.relay.status)
    return Publisher(settings, broker_at(lambda: asyncio.to_thread(found)), gateway.devices.notices, watch.look, gateway.base.clock)


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
