"""Wires who the patients are: the registry, what INSi is asked, and the documents that wait for either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.composition.foundations import Foundations
from gateway.flow.identities.batches import Batches
from gateway.flow.identities.descent import Descent
from gateway.flow.identities.identification import Clients, Identification
from gateway.flow.identities.inquiries import Inquiries
from gateway.flow.identities.insi_calls import CallBook
from gateway.flow.identities.qualification import Qualification
from gateway.flow.identities.registry import Registry
from gateway.flow.identities.retention import Retention
from gateway.flow.identities.search_limit import SearchLimits


@dataclass(frozen=True, slots=True)
class IdentityParts:
    """The registry and the searches."""

    registry: Registry
    calls: CallBook
    identification: Identification
    inquiries: Inquiries
    batches: Batches
    limits: SearchLimits
    retention: Retention


def identity_parts(base: Foundations, clients: Clients, wake: Callable[[str], None]) -> IdentityParts:
    """`clients` gives INSi as a structure calls it; `wake` is told each lane that a qualified identity releases."""
    configuration, store, vault, books = base.configuration, base.store, base.vault, base.books
    qualification = Qualification(store, base.custody, books, Descent(store, vault), base.bell)
    qualification.wake = wake
    registry = Registry(store, vault, books, base.identities, qualification)
    calls = CallBook(store, vault, books)
    identification = Identification(configuration, registry, calls, books, clients)
    inquiries = Inquiries(configuration, store, vault, base.identities, registry, identification, books, base.clock)
    batches = Batches(configuration, store, base.identities, registry, inquiries, books)
    retention = Retention(configuration.insi, store, books, base.clock)
    limits = SearchLimits(configuration.insi, base.clock.monotonic)
    return IdentityParts(registry, calls, identification, inquiries, batches, limits, retention)
