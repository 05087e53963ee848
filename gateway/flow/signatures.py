"""The signature service: signs a given document with the structure's certificate, and reports on a signed one, rule by rule.

In the spirit of esignsante (cda_signing.md 4.2). A CDA is never signed enveloped: its schema would refuse it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import msgspec

from gateway.flow.caller import Caller
from gateway.flow.errors import StructureUnknown
from gateway.flow.views import milliseconds
from gateway.journal.records import AuditRecord
from gateway.journal.store import Store
from gateway.kernel.clock import Clock, ClockNotTrusted
from gateway.trust.keystore import KeyStore
from gateway.trust.report import Report
from gateway.trust.verify import verify_signature
from gateway.trust.xades import sign_detached, sign_enveloping

Role = Annotated[str, msgspec.Meta(pattern=r"^[ -~\u00a0-\ud7ff]{1,200}$")]


class SignatureOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to sign: for which structure, enveloping or detached, under which URI, with which claimed roles."""

    structure: str | None = None
    packaging: Literal["enveloping", "detached"] = "enveloping"
    uri: Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,500}$")] | None = None
    """Name of a detached content: a file name or a URN."""
    roles: Annotated[tuple[Role, ...], msgspec.Meta(max_length=10)] = ()
    """Roles that the signer claims."""


class Signatures:
    """Signs with ORG SIGN, verifies against the configured authorities; each signature is audited."""

    def __init__(self, store: Store, keys: KeyStore, clock: Clock, anchors: bytes, crls: Callable[[], Sequence[bytes]] = tuple) -> None:
        """`crls` gives the revocation lists held at the moment of a verification."""
        self._store = store
        self._keys = keys
        self._clock = clock
        self._anchors = anchors
        self._crls = crls

    async def sign(self, caller: Caller, order: SignatureOrder, data: bytes, media_type: str) -> bytes:
        """The XAdES Baseline-B document; raises StructureUnknown, KeyUnavailable, ClockNotTrusted."""
        asked = order.structure
        chosen = asked if asked is not None else (caller.structures[0] if len(caller.structures) == 1 else None)
        if chosen is None or chosen not in caller.structures:
            raise StructureUnknown(field="structure")
        if not self._clock.trusted():
            raise ClockNotTrusted
        signer = self._keys.signer(chosen)
        now = self._clock.now()
        media = media_type or "application/octet-stream"
        if order.packaging == "detached":
            signed = await sign_detached(data, order.uri or "document", media, signer, now, roles=order.roles)
        else:
            signed = await sign_enveloping(data, media, signer, now, roles=order.roles)
        await self._store.commit(
            AuditRecord(at=milliseconds(now), act="document.signed", actor=caller.imputed, structure=chosen, answer=order.packaging)
        )
        return signed

    async def verify(self, document: bytes, detached: bytes | None) -> Report:
        """The report of every rule; never raises for what the document contains."""
        return await asyncio.to_thread(
            verify_signature,
            document,
            detached=detached,
            anchors=self._anchors,
            crls=self._crls(),
            at=self._clock.now(),
        )
