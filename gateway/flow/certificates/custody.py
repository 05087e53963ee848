"""Certificates come in, are shown and are erased: one flow behind the command line, the LAN API and the page.

An import: who offers it is written first, then every check of the key store, then the key is sealed, then the services of its role are
called with it. A service that is down keeps nobody from importing: it is said. Every act is audited with its actor; a passphrase or a PIN
is in none of it, and nothing here logs. Sources: dossiers cda_signing.md 4.4, insi.md 2.3 (self-check: then one real call).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Literal

import msgspec
from typing_extensions import override

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Caller
from gateway.flow.certificates import succession
from gateway.flow.certificates.rehearsal import Rehearsals
from gateway.flow.certificates.succession import Outcome, Step
from gateway.flow.certificates.successions import Successions
from gateway.flow.certificates.views import HeldPage, HeldView, ImportView, RehearsalView, UnreadableView
from gateway.flow.errors import NotFound, StructureUnknown
from gateway.flow.people import person_of
from gateway.journal.records import AuditRecord
from gateway.journal.store import Store
from gateway.kernel.config import Configuration, Structure
from gateway.kernel.errors import Refused, RelaisError
from gateway.trust.certificate import CertificateSummary
from gateway.trust.errors import PassphraseWrong
from gateway.trust.keystore import KeyStore
from gateway.trust.pkcs12_process import open_confined
from gateway.trust.refusals import RevocationUncertain
from gateway.trust.roles import Role
from gateway.trust.slots import Slot

Lists = Callable[[], Sequence[bytes]]
Keep = Callable[[str, Role, Slot], Awaitable[CertificateSummary]]

_PATIENCE = 30.0
_LISTS_PATIENCE = 5.0
"""Seconds a file waits for the one before it."""
_SAID: dict[Outcome, str] = {
    "good": "Le certificat est enregistré, et les services appelés l'acceptent.",
    "refused": "Le certificat est enregistré, mais un service appelé le refuse.",
    "unreachable": "Le certificat est enregistré. Un service n'a pas pu être joint : Relais ne sait pas encore s'il l'accepte.",
}
_NEXT: dict[Outcome, str] = {
    "good": "Aucune action.",
    "refused": "Vérifiez que ce certificat est bien celui que ce service connaît.",
    "unreachable": "Aucune action urgente : vérifiez que le boîtier est relié à Internet.",
}


class CertificateInUse(Refused):
    """The one in use is not taken away from the LAN: the structure would stop."""

    code = "certificate-in-use"
    status = 409
    title = "Certificat en service"
    who = "votre installateur"
    what = "Ce certificat est en service : le retirer arrêterait les envois de la structure."
    gesture = "Importez son remplaçant, ou faites-le retirer par votre installateur (relais certificate erase)."


class BoxOnly(Refused):
    """Loads a library of the box: never asked for from the LAN."""

    code = "certificate-box-only"
    status = 403
    title = "Réservé au boîtier"
    who = "votre installateur"
    what = "Un jeton de signature s'enregistre depuis le boîtier lui-même."
    gesture = "Lancez « relais certificate token » sur le boîtier."


class ImportUnderWay(Refused):
    """One file is opened at a time: what a dear one costs is paid by one thread, and the box goes on."""

    code = "certificate-import-under-way"
    status = 429
    title = "Import en cours"
    who = "personne"
    what = "Relais ouvre déjà un autre fichier de certificat."
    gesture = "Recommencez dans une minute."


class ImportOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a certificate is to be: `slot` left out, the next one when one is in use, else the one in use."""

    structure: str | None = None
    role: Role
    slot: Literal["current", "next"] | None = None
    passphrase: str = ""

    @override
    def __repr__(self) -> str:
        return f"ImportOrder({self.role})"


class CertificateDesk:
    """Imports, shows, erases."""

    def __init__(
        self,
        configuration: Configuration,
        store: Store,
        books: Bookkeeper,
        keys: KeyStore,
        rehearsals: Rehearsals,
        successions: Successions,
        anchors: bytes,
        lists: Lists,
        renew: Callable[[str], Awaitable[None]],
        freshen: Callable[[], Awaitable[object]],
    ) -> None:
        """`renew` has a structure show what the key store holds now; `freshen` fetches the revocation lists."""
        self._configuration = configuration
        self._store = store
        self._books = books
        self._keys = keys
        self._rehearsals = rehearsals
        self._successions = successions
        self._anchors = anchors
        self._lists = lists
        self._renew = renew
        self._freshen = freshen
        self._turn = asyncio.Lock()
        # Whoever hangs up leaves the thread at its file: one of its own, never one of those that the journal waits for.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pkcs12")

    async def page(self, caller: Caller) -> HeldPage:
        """Every certificate held for the caller's structures, and the files that do not open. No key, ever."""
        return await asyncio.to_thread(self._page, caller)

    async def take(self, caller: Caller, order: ImportOrder, data: bytes) -> ImportView:
        """Import a .p12; raises ActorNeeded, ActorUnknown, StructureUnknown, ClockNotTrusted, ImportUnderWay, or a refusal of the keys."""

        async def keep(structure: str, role: Role, slot: Slot) -> CertificateSummary:
            work = partial(
                self._keys.import_pkcs12,
                structure,
                role,
                data,
                order.passphrase,
                environment=self._configuration.environment,
                anchors=self._anchors,
                crls=self._lists(),
                slot=slot,
                opener=open_confined,
            )
            async with self._alone():
                return await asyncio.get_running_loop().run_in_executor(self._thread, work)

        return await self._take(caller, order, "file", keep)

    async def take_token(self, caller: Caller, order: ImportOrder, library: str, label: str) -> ImportView:
        """Hold the signing key of a PKCS#11 token, its PIN in the place of the passphrase; raises BoxOnly but for the box's operator."""
        if not caller.sees_all:
            raise BoxOnly

        async def keep(structure: str, role: Role, slot: Slot) -> CertificateSummary:
            environment, lists = self._configuration.environment, self._lists()
            return await self._keys.import_token(
                structure, role, library, label, order.passphrase, environment=environment, anchors=self._anchors, crls=lists, slot=slot
            )

        return await self._take(caller, order, "token", keep)

    async def erase(self, caller: Caller, structure: str, role: Role, slot: Slot) -> None:
        """Erase the key of a slot; with `current`, the whole role, by the box's operator alone. Raises NotFound, CertificateInUse.

        The operator also erases what is left of a structure that is configured no more.
        """
        left = caller.sees_all and self._configuration.structure(structure) is None
        actor = caller.imputed if left else self._actor(caller, self._structure(caller, structure))
        held = next((one for one in self._keys.summaries(slot) if (one.structure_id, one.role) == (structure, role)), None)
        if held is None and (structure, role) not in self._keys.unreadable(slot):
            raise NotFound(field="slot")
        if slot is Slot.CURRENT and not caller.sees_all:
            raise CertificateInUse
        await self._note("certificate.erased", actor, structure, role, slot, fingerprint=held.fingerprint if held else None)
        await asyncio.to_thread(self._keys.erase, structure, role, slot)
        if slot is Slot.CURRENT:
            await self._renew(structure)

    async def _take(self, caller: Caller, order: ImportOrder, custody: str, keep: Keep) -> ImportView:
        known = self._structure(caller, order.structure)
        actor = self._actor(caller, known)
        self._books.check_time()
        structure, role = known.id, order.role
        slot = self._slot(structure, order)
        await self._note("certificate.offered", actor, structure, role, slot, custody=custody)
        await self._latest_lists()
        try:
            held = await self._kept(keep, structure, role, slot)
        except RelaisError as problem:
            await self._note("certificate.refused", actor, structure, role, slot, answer=problem.code)
            problem.field = problem.field or ("passphrase" if isinstance(problem, PassphraseWrong) else "file")
            raise
        if slot is Slot.CURRENT:
            await self._successions.imported((structure, role), actor)
            await self._renew(structure)
        steps = await self._tried(structure, role, slot, actor)
        verdict = succession.verdict_of(steps)
        await self._note("certificate.imported", actor, structure, role, slot, answer=verdict, fingerprint=held.fingerprint)
        return _import_view(held, steps, verdict)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._turn.acquire()
        except TimeoutError:
            raise ImportUnderWay from None
        try:
            yield
        finally:
            self._turn.release()

    async def _tried(self, structure: str, role: Role, slot: Slot, actor: str) -> Sequence[Step]:
        """The real calls; those of a next certificate count as its rehearsal."""
        if slot is Slot.NEXT:
            record = await self._successions.rehearse((structure, role), actor)
            if record is not None and not succession.under_way(record):
                return succession.steps_of(record)
        return await self._rehearsals.rehearse(structure, role, slot)

    async def _latest_lists(self) -> None:
        """A certificate revoked since the last daily fetch is refused at once; without Internet the lists held decide."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LISTS_PATIENCE):
                await self._freshen()

    async def _kept(self, keep: Keep, structure: str, role: Role, slot: Slot) -> CertificateSummary:
        try:
            return await keep(structure, role, slot)
        except RevocationUncertain:
            await self._freshen()
            return await keep(structure, role, slot)

    def _slot(self, structure: str, order: ImportOrder) -> Slot:
        if order.slot is not None:
            return Slot(order.slot)
        used = any((one.structure_id, one.role) == (structure, order.role) for one in self._keys.summaries())
        return Slot.NEXT if used else Slot.CURRENT

    def _structure(self, caller: Caller, named: str | None) -> Structure:
        allowed = tuple(one.id for one in self._configuration.structures) if caller.sees_all else caller.structures
        chosen = named if named is not None else (allowed[0] if len(allowed) == 1 else None)
        found = self._configuration.structure(chosen) if chosen in allowed and chosen is not None else None
        if found is None:
            raise StructureUnknown(field="structure")
        return found

    def _actor(self, caller: Caller, structure: Structure) -> str:
        """A person of the structure; the installer at the box is not one of its people, and answers as the box's operator."""
        return caller.imputed if caller.sees_all and caller.actor is None else person_of(structure, caller).imputed

    async def _note(
        self, act: str, actor: str, structure: str, role: Role, slot: Slot, *, answer: str = "done", **detail: str | None
    ) -> None:
        told: dict[str, str | int | bool | None] = {"role": role, "slot": slot, **detail}
        await self._store.commit(AuditRecord(at=self._books.now(), act=act, actor=actor, structure=structure, answer=answer, detail=told))

    def _page(self, caller: Caller) -> HeldPage:
        def seen(structure: str) -> bool:
            return caller.sees_all or structure in caller.structures

        return HeldPage(
            items=tuple(_held_view(one) for slot in Slot for one in self._keys.summaries(slot) if seen(one.structure_id)),
            unreadable=tuple(
                UnreadableView(structure=structure, role=role, slot=slot)
                for slot in Slot
                for structure, role in self._keys.unreadable(slot)
                if seen(structure)
            ),
        )


def _held_view(held: CertificateSummary) -> HeldView:
    return HeldView(
        structure=held.structure_id,
        role=held.role,
        slot=held.slot,
        subject=held.subject,
        issuer=held.issuer,
        serial=held.serial,
        not_before=held.not_before,
        not_after=held.not_after,
        usable_until=held.usable_until,
        fingerprint=held.fingerprint,
        environment=held.environment,
    )


def _import_view(held: CertificateSummary, steps: Sequence[Step], verdict: Outcome) -> ImportView:
    return ImportView(
        certificate=_held_view(held),
        outcome=verdict,
        what=_SAID[verdict],
        gesture=_NEXT[verdict],
        calls=tuple(RehearsalView(service=one.service, outcome=one.outcome, what=one.what, code=one.code or None) for one in steps),
    )
