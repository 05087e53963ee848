"""The signature service: signs a given document with the structure's certificate, and reports on a signed one, rule by rule.

In the spirit of esignsante (cda_signing.md 4.2). A CDA is never signed enveloped: its schema would refuse it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from gateway.flow.caller import Caller
from gateway.flow.errors import StructureUnknown
from gateway.flow.views import milliseconds
from gateway.journal.records import AuditRecord
from gateway.journal.store import Store
from gateway.kernel.clock import Clock, ClockNotTrusted
from gateway.kernel.errors import RelaisError
from gateway.trust.certificate import load_certificate, subject_dn
from gateway.trust.errors import CertificateRevoked
from gateway.trust.keystore import KeyStore
from gateway.trust.report import Report
from gateway.trust.revocation import certificate_lists, revocation_of
from gateway.trust.roles import Role as KeyRole
from gateway.trust.signer import Signer
from gateway.trust.verify import verify_signature
from gateway.trust.xades import sign_detached, sign_enveloping

Make = Callable[[Signer, datetime], Awaitable[bytes]]
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
        """`crls` gives the revocation lists held at the moment of a signature or of a verification."""
        self._store = store
        self._keys = keys
        self._clock = clock
        self._anchors = anchors
        self._crls = crls

    async def sign(self, caller: Caller, order: SignatureOrder, data: bytes, media_type: str) -> bytes:
        """The XAdES Baseline-B document; raises StructureUnknown, KeyUnavailable, CertificateRevoked, ClockNotTrusted."""
        asked = order.structure
        chosen = asked if asked is not None else (caller.structures[0] if len(caller.structures) == 1 else None)
        media = media_type or "application/octet-stream"

        async def make(signer: Signer, now: datetime) -> bytes:
            await asyncio.to_thread(self._check_not_revoked, signer, now)
            if order.packaging == "detached":
                return await sign_detached(data, order.uri or "document", media, signer, now, roles=order.roles)
            return await sign_enveloping(data, media, signer, now, roles=order.roles)

        return await self.seal(caller, chosen, "document.signed", order.packaging, make)

    async def seal(self, caller: Caller, structure: str | None, act: str, answer: str, make: Make) -> bytes:
        """What `make` signs with the key of a structure of this caller, once the act is in the audit trail.

        Raises as `sign`, ActorUnknown, and as `make`.
        """
        if structure is None or structure not in caller.structures:
            raise StructureUnknown(field="structure")
        actor = caller.imputed_in(structure)
        if not self._clock.trusted():
            raise ClockNotTrusted
        now = self._clock.now()
        signed = await make(self._keys.signer(structure), now)
        await self._store.commit(AuditRecord(at=milliseconds(now), act=act, actor=actor, structure=structure, answer=answer))
        return signed

    def _check_not_revoked(self, signer: Signer, now: datetime) -> None:
        """Raises CertificateRevoked when the last good list says so."""
        if not signer.chain:
            return
        leaf, issuer = load_certificate(signer.certificate), load_certificate(signer.chain[0])
        found = revocation_of(leaf, issuer, certificate_lists(self._crls()), now)
        if found.revoked_at is not None:
            raise CertificateRevoked(date=f"{found.revoked_at:%d/%m/%Y}")

    def now(self) -> datetime:
        """The instant at which certificates are judged."""
        return self._clock.now()

    def signer_name(self, structure: str) -> str | None:
        """The name in the signing certificate of a structure, None when there is none to read."""
        try:
            return subject_dn(self._keys.certificate(structure, KeyRole.SIGN))
        except RelaisError:
            return None

    async def verify(self, document: bytes, detached: bytes | None, *, bare: bool = False) -> Report:
        """The report of every rule, on an XAdES signature or a `bare` one; never raises for what the document contains."""
        return await asyncio.to_thread(
            verify_signature,
            document,
            detached=detached,
            anchors=self._anchors,
            crls=self._crls(),
            at=self._clock.now(),
            bare=bare,
        )
