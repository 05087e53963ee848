"""The client of an operator under test: the box's own TLS contexts, a mailbox that points at the test operator."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.model.delivery import Phase
from gateway.mss.send import Accepted, OperatorClient
from gateway.trust.identity import TlsIdentity
from gateway.trust.tls import client_context
from tests.mss.letters import MAILBOX, PROFESSIONAL, SENDER, SETTINGS
from tests.trust.pki import AUTH_CLI, Leaf, Pki, shared_leaf, shared_pki


def context(leaf: Leaf | None = None, *, anonymous: bool = False, pki: Pki | None = None, crls: Sequence[bytes] = ()) -> ssl.SSLContext:
    """As the composition root makes it: the structure's AUTH_CLI certificate, one trusted authority."""
    leaf = leaf or shared_leaf(AUTH_CLI)
    identity = None if anonymous else TlsIdentity(leaf.key, leaf.certificate, leaf.issuers)
    return client_context(identity, (pki or shared_pki()).anchors_pem, crls=crls)


def client(port: int, made: ssl.SSLContext | None = None, **changes: Any) -> OperatorClient:
    """A client whose mailbox is on this port of loopback, under the name `localhost`."""
    mailbox = msgspec.structs.replace(MAILBOX, **{"port": port, "tls_name": "localhost", **changes})
    return OperatorClient(mailbox, SETTINGS, made or context())


class Journal:
    """The phases told, in order."""

    def __init__(self) -> None:
        self.phases: list[Phase] = []

    async def enter(self, phase: Phase) -> None:
        self.phases.append(phase)


async def hand_over(one: OperatorClient, mail: bytes, *, recipient: str = PROFESSIONAL, journal: Journal | None = None) -> Accepted:
    """Send, then close whatever happens."""
    try:
        return await one.send(mail, sender=SENDER, recipient=recipient, on_phase=(journal or Journal()).enter)
    finally:
        await one.close()
