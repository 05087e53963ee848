"""The DMP of one structure: existence, feed, find, each call with a VIHF of its own (dmp.md sections 1, 2, 5, 6).

Never retries what may have been done. One exception, because the DMP did nothing then: a token refused as too old or already seen is
minted again once; refused twice, it is the clock of the box that is in doubt. A box whose clock is not trusted mints nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeVar

import msgspec

from gateway.dmp import probe
from gateway.dmp.errors import DmpClosed, DmpPatientUnknown, NoDmp, QueryUnreadable, TokenRefused
from gateway.dmp.existence import ACTION as EXISTENCE_ACTION
from gateway.dmp.existence import Existence, existence_request, read_existence
from gateway.dmp.feed import feed_request, read_feed_answer
from gateway.dmp.lot import SealedLot
from gateway.dmp.token import vihf_facts
from gateway.kernel.clock import Clock, ClockNotTrusted
from gateway.kernel.config import Dmp, Professional, Structure
from gateway.model.patient import Ins
from gateway.trust.signer import Signer
from gateway.wire.http import AnswerLost, HttpPort, HttpRequest, HttpResponse
from gateway.wire.saml import Vihf, build_vihf
from gateway.wire.secret import Secret
from gateway.wire.soap import CONTENT_TYPE, new_message_id, write_envelope

_Read = TypeVar("_Read")


class FeedReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What proves a feed: the whole answer, SHA-256 hex of the request body, and the ids of the message and of its VIHF."""

    answer: bytes
    request_digest: str
    message_id: str
    vihf_id: str


class DmpClient:
    """Keep one for each structure; `signer` is its ORG SIGN key, `http` holds its AUTH_CLI certificate."""

    def __init__(self, http: HttpPort, settings: Dmp, structure: Structure, signer: Signer, clock: Clock, homologation: Secret) -> None:
        self._http = http
        self._settings = settings
        self._structure = structure
        self._signer = signer
        self._clock = clock
        self._homologation = homologation

    async def exists(self, ins: Ins, author: Professional) -> Existence:
        """TD0.2; raises ClockNotTrusted, one of FromDmp, PeerUnreachable or TlsRefused; a lost answer is only a question to ask again."""

        def request(vihf: Vihf) -> HttpRequest:
            return self._query("patients", EXISTENCE_ACTION, existence_request(ins, self._settings, self._clock.now()), vihf)

        return await self._ask(ins, author, request, lambda response: read_existence(response, ins))

    async def find(self, unique_id: str, ins: Ins, author: Professional) -> list[str]:
        """TD3.1 by reference: entryUUIDs of the document with this uniqueId; raises as `exists` does."""

        def request(vihf: Vihf) -> HttpRequest:
            return self._query("registry", probe.ACTION, probe.get_documents(unique_id), vihf)

        return await self._ask(ins, author, request, probe.read_probe_answer)

    async def feed(self, lot: SealedLot, cda: bytes, ins: Ins, author: Professional, *, message_id: str | None = None) -> FeedReceipt:
        """TD2.1; returns when the lot is in the DMP. `message_id` is the one the caller journalled, for the first try.

        Raises ClockNotTrusted, FrozenBytesChanged, one of FromDmp, or PeerUnreachable, TlsRefused, AnswerLost. A patient the DMP does
        not know is looked up again: NoDmp or DmpClosed then tell more than the refusal does.
        """
        sent: list[tuple[HttpRequest, str, str]] = []

        def request(vihf: Vihf) -> HttpRequest:
            identifier = message_id if message_id is not None and not sent else new_message_id()
            made = feed_request(lot, cda, vihf.xml, self._url("repository"), identifier)
            sent.append((made, identifier, vihf.id))
            return made

        def read(response: HttpResponse) -> FeedReceipt:
            read_feed_answer(response)
            made, identifier, vihf_id = sent[-1]
            digest = hashlib.sha256(made.body).hexdigest()
            return FeedReceipt(answer=response.body, request_digest=digest, message_id=identifier, vihf_id=vihf_id)

        try:
            return await self._call(ins, author, request, read)
        except DmpPatientUnknown as refusal:
            await self._explain(refusal, ins, author)
            raise

    async def _explain(self, refusal: DmpPatientUnknown, ins: Ins, author: Professional) -> None:
        known = await self.exists(ins, author)
        if known is not Existence.ACTIVE:
            better = NoDmp() if known is Existence.NONE else DmpClosed()
            better.answer = refusal.answer
            raise better

    async def _ask(
        self, ins: Ins, author: Professional, request: Callable[[Vihf], HttpRequest], read: Callable[[HttpResponse], _Read]
    ) -> _Read:
        try:
            return await self._call(ins, author, request, read)
        except AnswerLost as problem:
            raise QueryUnreadable(problem.technical) from problem

    async def _call(
        self, ins: Ins, author: Professional, request: Callable[[Vihf], HttpRequest], read: Callable[[HttpResponse], _Read]
    ) -> _Read:
        try:
            return read(await self._http.send(request(await self._mint(ins, author))))
        except TokenRefused:
            pass
        try:
            return read(await self._http.send(request(await self._mint(ins, author))))
        except TokenRefused as refusal:
            raise ClockNotTrusted("two fresh tokens refused") from refusal

    async def _mint(self, ins: Ins, author: Professional) -> Vihf:
        if not self._clock.trusted():
            raise ClockNotTrusted("the clock says so")
        facts = vihf_facts(author, self._structure, ins, self._settings, self._homologation)
        return await build_vihf(facts, self._signer, self._clock.now())

    def _query(self, service: str, action: str, body: bytes, vihf: Vihf) -> HttpRequest:
        url = self._url(service)
        envelope = write_envelope(action=action, to=url, message_id=new_message_id(), body=body, assertion=vihf.xml)
        return HttpRequest(method="POST", url=url, headers=(("content-type", f'{CONTENT_TYPE}; action="{action}"'),), body=envelope)

    def _url(self, service: str) -> str:
        return f"{self._settings.url.rstrip('/')}/{service}"
