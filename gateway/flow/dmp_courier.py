"""Takes a document to the DMP: existence, lot sealed once, feed; and after a lost answer, the query that tells whether it arrived.

Never resends blindly: an unknown outcome is probed by the document's uniqueId, references only, never systematically (dmp.md 3.7, 6.1).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.cda.reading import read_cda
from gateway.dmp.client import DmpClient
from gateway.dmp.errors import (
    CertificateRefused,
    DmpClosed,
    DmpTargetUnknown,
    DuplicateRefusal,
    FormerSignatureRefused,
    FromDmp,
    NoDmp,
)
from gateway.dmp.existence import Existence
from gateway.dmp.lot import SealedLot, seal_lot
from gateway.flow.admitted import Admitted, Frozen
from gateway.flow.attempt import Trip
from gateway.flow.audience import Pseudonym
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.errors import AuthorUnknown, IdentityNotQualified, PayloadQuarantined, ReplacedNotDelivered, ReplacedPending
from gateway.flow.offload import worked
from gateway.journal.records import ExistenceRecord
from gateway.journal.store import Store
from gateway.kernel.config import Configuration, Professional, Structure
from gateway.kernel.errors import ErrorClass
from gateway.model.delivery import Channel, DeliveryState, Phase
from gateway.model.patient import Ins
from gateway.trust.keystore import KeyStore


class DmpCourier:
    """Courier of the DMP channel; `client` gives the client of a structure, or raises what prevents it.

    The answers about existence are kept under the pseudonym of the matricule: a corrected INS is another person's.
    """

    def __init__(
        self,
        configuration: Configuration,
        store: Store,
        keys: KeyStore,
        client: Callable[[str], DmpClient],
        books: Bookkeeper,
        pseudonym: Pseudonym,
    ) -> None:
        self._configuration = configuration
        self._store = store
        self._keys = keys
        self._client = client
        self._books = books
        self._pseudonym = pseudonym

    async def deliver(self, trip: Trip) -> bytes:
        """Feed; raises NoDmp, DmpClosed, IdentityNotQualified, ReplacedNotDelivered, ReplacedPending and the DMP's errors."""
        ins, author = self._who(trip)
        client = self._client(trip.record.structure)
        await self._check_existence(trip, client, ins, author)
        frozen = self._frozen(trip)
        cda = await trip.payload(frozen.cda)
        lot = await self._sealed_lot(trip, frozen)
        if lot is None:
            lot = await self._seal(trip, frozen, cda, client, ins, author)
        else:
            await trip.enter(Phase.FEED)
        try:
            answer = await client.feed(lot, cda, ins, author)
        except DmpTargetUnknown:
            await trip.thaw()
            raise
        except (NoDmp, DmpClosed) as known_better:
            await self._remember(trip, ins, Existence.NONE if isinstance(known_better, NoDmp) else Existence.CLOSED)
            raise
        except FromDmp as refusal:
            if not self._signed_anew(trip, lot, refusal):
                raise
            await trip.thaw()
            raise _of_the_former(refusal) from refusal
        return answer.answer

    async def reconcile(self, trip: Trip) -> bytes | None:
        """Ask by uniqueId: the references found prove the delivery; none, None."""
        ins, author = self._who(trip)
        client = self._client(trip.record.structure)
        duplicate = trip.record.explanation is not None and trip.record.explanation.code == DuplicateRefusal.code
        await trip.enter(Phase.PROBE)
        entries = await client.find(trip.document.unique_id, ins, author)
        if entries:
            return msgspec.json.encode({"entries": entries})
        if duplicate:
            await trip.thaw()
        return None

    def _signed_anew(self, trip: Trip, lot: SealedLot, refusal: FromDmp) -> bool:
        """True when the refusal may come from a signature made before the certificate changed, and nothing of the lot can be there."""
        lasting = refusal.error_class is ErrorClass.PERMANENT or isinstance(refusal, CertificateRefused)
        return lasting and not trip.record.doubtful and not lot.is_signed_by(self._keys.signer(trip.record.structure).certificate)

    def _who(self, trip: Trip) -> tuple[Ins, Professional]:
        patient = trip.admitted.patient
        if not patient.qualified or patient.ins is None:
            raise IdentityNotQualified
        patient.ins.check_environment(self._configuration.environment)
        author = self._structure(trip).professional(trip.admitted.author)
        if author is None:
            raise AuthorUnknown(field="author.id")
        return patient.ins, author

    def _structure(self, trip: Trip) -> Structure:
        structure = self._configuration.structure(trip.record.structure)
        if structure is None:
            raise PayloadQuarantined("structure no longer configured")
        return structure

    def _frozen(self, trip: Trip) -> Frozen:
        if trip.frozen is None:
            raise PayloadQuarantined("document not frozen")
        return trip.frozen

    async def _check_existence(self, trip: Trip, client: DmpClient, ins: Ins, author: Professional) -> None:
        now = self._books.now()
        known = await self._store.existence(trip.record.structure, self._pseudonym("ins", f"{ins.oid}/{ins.matricule}"))
        fresh = known is not None and 0 <= now - known.at < self._configuration.limits.existence_cache_seconds * 1000
        if known is None or not fresh or known.answer != Existence.ACTIVE:
            await trip.enter(Phase.EXISTENCE)
            found = await client.exists(ins, author)
            if found is Existence.ACTIVE:
                trip.carry(self._finding(trip, ins, found))
            else:
                await self._remember(trip, ins, found)
        else:
            found = Existence.ACTIVE
        if found is Existence.NONE:
            raise NoDmp
        if found is Existence.CLOSED:
            raise DmpClosed

    async def _remember(self, trip: Trip, ins: Ins, found: Existence) -> None:
        await self._store.commit(self._finding(trip, ins, found))

    def _finding(self, trip: Trip, ins: Ins, found: Existence) -> ExistenceRecord:
        patient = self._pseudonym("ins", f"{ins.oid}/{ins.matricule}")
        return ExistenceRecord(structure=trip.record.structure, patient_ref=patient, answer=found.value, at=self._books.now())

    async def _sealed_lot(self, trip: Trip, frozen: Frozen) -> SealedLot | None:
        if frozen.payload is None:
            return None
        return msgspec.json.decode(await trip.payload(frozen.payload), type=SealedLot)

    async def _seal(self, trip: Trip, frozen: Frozen, cda: bytes, client: DmpClient, ins: Ins, author: Professional) -> SealedLot:
        self._books.check_time()
        admitted = trip.admitted
        target = await self._replaced_entry(trip, admitted, client, ins, author)
        document = await worked(len(cda), read_cda, cda, with_body=False)
        lot = await seal_lot(
            document.header,
            cda,
            structure=self._structure(trip),
            author=author,
            visibility=admitted.visibility,
            settings=self._configuration.dmp,
            signer=self._keys.signer(trip.record.structure),
            now=self._books.moment(),
            replaces_entry=target,
            mime_type=document.mime_type,
        )
        sealed = msgspec.structs.replace(frozen, submission_set_id=lot.submission_set_id)
        await trip.freeze(sealed, msgspec.json.encode(lot), "lot", Phase.FEED)
        return lot

    async def _replaced_entry(self, trip: Trip, admitted: Admitted, client: DmpClient, ins: Ins, author: Professional) -> str | None:
        if admitted.replaces is None:
            return None
        former = await self._store.document_by_unique_id(trip.record.structure, admitted.replaces)
        if former is not None:
            states = [one.state for one in await self._store.deliveries_of(former.id) if one.channel is Channel.DMP]
            if any(state in (DeliveryState.QUEUED, DeliveryState.RUNNING, DeliveryState.UNKNOWN) for state in states):
                raise ReplacedPending
        entries = await client.find(admitted.replaces, ins, author)
        if not entries:
            raise ReplacedNotDelivered
        return entries[0]


def _of_the_former(refusal: FromDmp) -> FormerSignatureRefused:
    told = FormerSignatureRefused(refusal.technical)
    told.answer = refusal.answer
    return told
