"""Feeds sent by a stranger to the whole sandbox over mutual TLS: ledger, accidents, clock, restart."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.sandbox.exchange import Request
from gateway.sandbox.run import Sandbox
from tests.sandbox.conftest import STRUCTURE, Identity, client_context
from tests.sandbox.dmp.pki import Identity as Signer
from tests.sandbox.dmp.stranger import SEARCH, Cabinet, Feed, plain_request
from tests.sandbox.dmp.stranger_calls import GET_DOCUMENTS, search_body

SUCCESS = b"ResponseStatusType:Success"
PATIENT = "279035121518989^^^&amp;1.2.250.1.213.1.4.10&amp;ISO^NH"
DEATHS = (ConnectionError, ssl.SSLError)


@dataclass(frozen=True, slots=True)
class Sender:
    sandbox: Sandbox
    cabinet: Cabinet
    context: ssl.SSLContext

    async def send(self, request: Request) -> bytes:
        return await asyncio.to_thread(self._send, request)

    async def feed(self, feed: Feed) -> bytes:
        return await self.send(feed.request())

    def make(self) -> Feed:
        return Feed(cabinet=self.cabinet, now=datetime.now(UTC))

    async def references(self, unique_id: str) -> int:
        """How many references GetDocuments gives."""
        body = search_body(GET_DOCUMENTS, XDSDocumentEntryUniqueId=f"('{unique_id}')")
        return (await self.send(plain_request(self.cabinet, "registry", SEARCH, body, datetime.now(UTC), resource=PATIENT))).count(
            b"ObjectRef "
        )

    async def committed(self) -> list[tuple[str, int]]:
        return [(row["unique_id"], row["times_committed"]) for row in await self.sandbox.document_ledger()]

    def notes(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_bytes()) for path in sorted((self.sandbox.home / "received" / "dmp").glob("*.json"))]

    def _send(self, request: Request) -> bytes:
        connection = http.client.HTTPSConnection(urlsplit(self.sandbox.addresses["dmp"]).netloc, context=self.context, timeout=10)
        try:
            connection.request(request.method, request.path, request.body, dict(request.headers))
            return connection.getresponse().read()
        finally:
            connection.close()


def signer(identity: Identity) -> Signer:
    key = load_pem_private_key(identity.issued.key_pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return Signer(key, identity.issued.certificate)


def sender_to(sandbox: Sandbox, identities: dict[str, Identity]) -> Sender:
    cabinet = Cabinet(signer(identities["auth_cli"]), signer(identities["sign"]), STRUCTURE)
    return Sender(sandbox, cabinet, client_context(sandbox.pki, identities["auth_cli"]))


@pytest.fixture
def sender(sandbox: Sandbox, identities: dict[str, Identity]) -> Sender:
    return sender_to(sandbox, identities)


async def test_dmp01_a_feed_is_committed_and_found(sender: Sender) -> None:
    feed = sender.make()
    assert SUCCESS in await sender.feed(feed)
    assert await sender.committed() == [(feed.document.unique_id, 1)]
    assert await sender.references(feed.document.unique_id) == 1
    assert (sender.sandbox.home / "received" / "dmp" / "000001.http").read_bytes().endswith(feed.request().body[-40:])


async def test_dmp28_a_lost_answer_leaves_one_copy_to_be_found(sender: Sender) -> None:
    sender.sandbox.faults.arm("dmp", "lost_answer", 1, {"path": "repository"})
    feed = sender.make()
    with pytest.raises(DEATHS):
        await sender.feed(feed)
    assert await sender.references(feed.document.unique_id) == 1
    feed.now = datetime.now(UTC)
    assert b"XDSDuplicateUniqueIdInRegistry" in await sender.feed(feed)
    assert await sender.committed() == [(feed.document.unique_id, 1)]


async def test_dmp29_a_cut_before_the_commit_leaves_nothing_and_one_resend_makes_one_copy(sender: Sender) -> None:
    sender.sandbox.faults.arm("dmp", "cut_before_commit", 1, {"path": "repository"})
    feed = sender.make()
    with pytest.raises(DEATHS):
        await sender.feed(feed)
    assert await sender.references(feed.document.unique_id) == 0
    assert SUCCESS in await sender.feed(feed)
    assert await sender.committed() == [(feed.document.unique_id, 1)]


async def test_dmp32_a_skewed_clock_refuses_the_token(sender: Sender) -> None:
    sender.sandbox.clock.shift(120)
    assert b"Fault" in await sender.feed(sender.make())
    assert sender.notes()[0]["failed_rules"]
    sender.sandbox.clock.shift(0)
    assert SUCCESS in await sender.feed(sender.make())


async def test_dmp35_a_revoked_signing_certificate_is_refused_behind_a_good_connection(
    sender: Sender, identities: dict[str, Identity]
) -> None:
    sender.sandbox.pki.revoke(serial=identities["sign"].issued.serial)
    assert b"DMPInvalidCertificate" in await sender.feed(sender.make())
    assert await sender.committed() == []


async def test_a_restarted_dmp_still_holds_what_it_committed(home: Path, identities: dict[str, Identity]) -> None:
    async with Sandbox(home) as first:
        sender = sender_to(first, identities)
        feed = sender.make()
        assert SUCCESS in await sender.feed(feed)
    async with Sandbox(home) as second:
        again = sender_to(second, identities)
        assert await again.committed() == [(feed.document.unique_id, 1)]
        assert await again.references(feed.document.unique_id) == 1
        feed.now = datetime.now(UTC)
        assert b"XDSDuplicateUniqueIdInRegistry" in await again.feed(feed)
