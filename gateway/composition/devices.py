"""Wires what is plugged into the box: scanners, card readers, and the front with its button and its lamps."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.composition.foundations import Foundations
from gateway.flow.cards.batches import CardBatches
from gateway.flow.cards.calls import Call, DeviceCalls
from gateway.flow.cards.desk import CardDesk
from gateway.flow.cards.facts import CardBook
from gateway.flow.cards.lines import CardLines
from gateway.flow.cards.reader_notices import ReaderNotices
from gateway.flow.cards.reader_pairings import ReaderPairings
from gateway.flow.cards.searches import CardClients, CardSearches
from gateway.flow.devices.devices import Devices
from gateway.flow.panel.front import Front
from gateway.flow.panel.pairing_window import PairingWindow
from gateway.flow.panel.reset_requests import ResetRequests
from gateway.flow.scanners.desk import ScannerDesk, no_devices
from gateway.flow.scanners.pairings import ScannerPairings
from gateway.flow.scanners.readings import Readings
from gateway.flow.scanners.trials import ScannerTests


@dataclass(frozen=True, slots=True)
class DeviceParts:
    """The desks of each kind of device, and what is known of them between two calls."""

    devices: Devices
    notices: ReaderNotices
    readings: Readings
    scanners: ScannerDesk
    cards: CardDesk
    card_lines: CardLines
    card_searches: CardSearches
    front: Front


def device_parts(base: Foundations, call: Call | None, by_card: CardClients) -> DeviceParts:
    """`call` reaches the device process, None on a box that has none; `by_card` gives INSi as the holder of a card calls it."""
    configuration, store, books, clock = base.configuration, base.store, base.books, base.clock
    notices = ReaderNotices(clock)
    devices = Devices(notices, wanted=call is not None)
    readings = Readings(clock.monotonic)
    scanners = _scanners(base, readings, call)
    devices.heard = scanners.heard
    calls, pairings = DeviceCalls(call), ReaderPairings(store, books)
    book = CardBook(calls, devices)
    cards = CardDesk(store, books, calls, book, pairings, CardBatches(configuration, calls, book), devices)
    window = PairingWindow(configuration, store, books, clock)
    return DeviceParts(
        devices=devices,
        notices=notices,
        readings=readings,
        scanners=scanners,
        cards=cards,
        card_lines=CardLines(notices, pairings),
        card_searches=CardSearches(configuration, clock, cards, devices, by_card),
        front=Front(window, ResetRequests(base.root, store, books), store, books, clock),
    )


def _scanners(base: Foundations, readings: Readings, call: Call | None) -> ScannerDesk:
    configuration, store, books = base.configuration, base.store, base.books
    pairings = ScannerPairings(store, books, {one.id: one.workstation for one in configuration.scanners})
    trials = ScannerTests(base.clock.monotonic)
    return ScannerDesk(configuration.environment, store, books, pairings, readings, trials, call or no_devices)
