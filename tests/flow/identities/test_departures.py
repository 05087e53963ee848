"""Whatever happens to identities and documents, in whatever order: nothing leaves for the DMP or the patient but under a qualified INS that
the registry vouches for at that moment, and nothing carries an INS that it vouches for no more (design, rule 1).
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.flow import outcome
from gateway.flow.admitted import Admitted, Frozen, open_frozen, seal_admitted, seal_frozen
from gateway.flow.attempt import Desk, Trip
from gateway.flow.audience import plan_deliveries
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.custody import Custody
from gateway.flow.errors import HeldByHand
from gateway.flow.identities.assertion import asserted, set_attributes, told_of
from gateway.flow.identities.descent import Descent
from gateway.flow.identities.entries import Entry, Identities, Kept
from gateway.flow.identities.gate import IdentityGate
from gateway.flow.identities.qualification import Qualification
from gateway.flow.identities.registry import Deed, Registry
from gateway.flow.identities.request import InsBody, PatientBody
from gateway.flow.people import Author
from gateway.flow.request import Deliver, PatientMail
from gateway.ins.answer import NationalIdentity
from gateway.ins.identity import Actor, Identity, Method
from gateway.ins.rniv import EvidenceChecked, InsAccepted, VerificationFailed, step
from gateway.journal.blobs import BlobStore
from gateway.journal.memory import MemoryStore
from gateway.journal.records import AuditRecord, BlobRecord, DeliveryRecord, DocumentRecord
from gateway.kernel.clock import FrozenClock
from gateway.kernel.concept import Concept
from gateway.kernel.config import Retry
from gateway.kernel.errors import Held, Refused
from gateway.kernel.ids import new_id, new_oid
from gateway.model.delivery import Channel, DeliveryState, Phase, document_state
from gateway.model.patient import IdentityStatus, Ins
from gateway.model.visibility import Visibility
from gateway.trust.vault import open_vault
from gateway.wire.http import AnswerLost, PeerUnreachable

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
FIRST, SECOND = Ins.checked("279035121518989", "1.2.250.1.213.1.4.10"), Ins.checked("275126322074974", "1.2.250.1.213.1.4.10")
_SOMEONE: dict[str, Any] = {
    "birth_family_name": "PAT-TROIS",
    "birth_given_names": "DOMINIQUE",
    "sex": "F",
    "birth_date": "1979-03-05",
    "birth_place": "51215",
}
TRAITS: tuple[dict[str, Any], ...] = (
    _SOMEONE,
    {**_SOMEONE, "birth_family_name": "PAT TROIS", "birth_given_names": "DOMINIQUE MARIE"},
    {"birth_family_name": "AUTRE", "birth_given_names": "JEAN", "sex": "M", "birth_date": "1950-01-31", "birth_place": "63220"},
)
DOCTOR = Author(actor=Actor(kind="professional", id="899700366240"), workstation="w")
SOFTWARE = Author(actor=Actor(kind="workstation", id="w"), workstation="w")


class Departure(msgspec.Struct, frozen=True):
    """What left, and what the registry held at that instant."""

    needs_qualified: bool
    admitted: Admitted
    identity: Identity


class Carrier:
    """A courier that notes what leaves and meets the outcome it is told."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self.left: list[Departure] = []
        self.outcome = "done"
        self._ask = ask

    async def deliver(self, trip: Trip) -> bytes:
        step_out, step_in = (Phase.EXISTENCE, Phase.FEED) if trip.record.channel is Channel.DMP else (Phase.ENVELOPE, Phase.DATA)
        await trip.enter(step_out)
        await trip.enter(step_in)
        self.left.append(Departure(trip.record.needs_qualified, trip.admitted, (await self._ask()).identity))
        match self.outcome:
            case "lost":
                raise AnswerLost
            case "down":
                raise PeerUnreachable
            case _:
                return b"yes"

    async def reconcile(self, trip: Trip) -> bytes | None:
        if trip.record.channel is Channel.MSS:
            return await self.deliver(trip)
        await trip.enter(Phase.PROBE)
        return None


class Cabinet:
    """One patient, his documents, everything that may be done."""

    def __init__(self, folder: Path) -> None:
        self.store, self.vault, blobs = MemoryStore(), open_vault(folder, create=True), BlobStore(folder)
        self.books, self.custody = Bookkeeper(self.store, FrozenClock(NOW)), Custody(self.store, blobs, self.vault)
        self.identities = Identities(self.store, self.vault)
        qualification = Qualification(self.store, self.custody, self.books, Descent(self.store, self.vault), asyncio.Event())
        self.registry = Registry(self.store, self.vault, self.books, self.identities, qualification)
        self.carrier = Carrier(lambda: self.identities.known("S", "P"))
        gate = IdentityGate(self.store, self.vault, self.identities)
        couriers: Any = {Channel.DMP: self.carrier, Channel.MSS: self.carrier}
        self.desk = Desk(self.store, blobs, self.custody, self.books, couriers, gate, Retry(), "boot", probe_wait=0)
        self.documents: list[str] = []

    async def write(self, author: Author, act: str, change: Callable[[Identity], Identity]) -> None:
        def decide(entry: Entry | None) -> Kept:
            if entry is None:
                raise Refused("nobody")
            return msgspec.structs.replace(entry.kept, identity=change(entry.identity))

        await self.registry.record("S", "P", decide, Deed(act=act, author=author))

    async def said(self, body: PatientBody) -> Kept:
        before = await self.identities.known("S", "P")

        def decide(entry: Entry | None) -> Kept:
            return asserted(entry, body, "P", "w", 1, "test")

        deed = Deed(act=told_of(before, decide(before)), author=SOFTWARE)
        return (await self.registry.record("S", "P", decide, deed)).kept

    async def document(self, body: PatientBody) -> None:
        patient = (await self.said(body)).identity.patient
        key, identifier, unique_id = self.vault.new_key(), new_id(), new_oid()
        deliver = Deliver(dmp=True, patient_mail=PatientMail(send=True), professionals=("dr@b.test",))
        admitted = Admitted(
            media="pdf", structure="S", author="8", actor=None, patient=patient, type=Concept("57833-6", "s", "l"), title="T",
            created_at=NOW, service_start=NOW, service_stop=None, replaces=None, set_id=unique_id, version=1, visibility=Visibility(),
            deliver=deliver, original="o",
        )  # fmt: skip
        ref = self.identities.reference("S", "P")
        deliveries = plan_deliveries(
            admitted, document_id=identifier, patient_ref=ref, patient_domain="p.test", key=key, pseudonym=self.vault.pseudonym, now=1
        )
        record = DocumentRecord(
            id=identifier, structure="S", workstation="w", idempotency_key=identifier, content_digest="c", unique_id=unique_id,
            patient_ref=ref, state=document_state([one.state for one in deliveries]), accepted_at=self.books.now(), original_digest="0",
            wrapped_key=key.wrapped, sealed=seal_admitted(admitted, key, identifier),
        )  # fmt: skip
        await self.store.commit(record, *deliveries)
        self.documents.append(identifier)

    async def prepare(self) -> None:
        for identifier in self.documents:
            document = await self.store.document(identifier)
            assert document is not None
            if document.prepared:
                continue
            key, cda = self.custody.key(document), new_id()
            frozen = [
                msgspec.structs.replace(one, sealed_frozen=seal_frozen(Frozen(cda=cda), key, one.id), version=one.version + 1)
                for one in await self.store.deliveries_of(identifier)
                if one.state is DeliveryState.QUEUED and open_frozen(one, key) is None
            ]
            blob = BlobRecord(id=cda, document_id=identifier, role="cda", size=1, sha256="0", created_at=1)
            audit = AuditRecord(at=1, act="document.prepared", actor="system", document_id=identifier)
            await self.books.write(msgspec.structs.replace(document, prepared=True), frozen, blob, audit=audit)

    async def deliveries(self) -> list[DeliveryRecord]:
        return [one for document in self.documents for one in await self.store.deliveries_of(document)]

    async def attempt(self, number: int, outcome_wanted: str) -> None:
        await self.prepare()
        due = [one for one in await self.deliveries() if one.state in (DeliveryState.QUEUED, DeliveryState.UNKNOWN)]
        if due:
            self.carrier.outcome = outcome_wanted
            await self.desk.attempt(due[number % len(due)])

    async def by_hand(self, number: int, act: str) -> None:
        """The gestures of the page on any delivery, without their own look at the identity: the gate must be enough."""
        found = await self.deliveries()
        if not found:
            return
        one = found[number % len(found)]
        document = await self.store.document(one.document_id)
        assert document is not None
        if act == "hold" and one.state is DeliveryState.QUEUED:
            after = outcome.held(one, HeldByHand().explanation, 1)
        elif act == "release" and one.state in (DeliveryState.HELD, DeliveryState.REFUSED):
            after = outcome.released(one, 1)
        else:
            return
        reopened = document if after.sealed_frozen is not None else msgspec.structs.replace(document, prepared=False)
        audit = AuditRecord(at=1, act="delivery.released", actor="w", document_id=document.id)
        await self.books.write(reopened, [after], audit=audit)


numbers = st.integers(0, 20)
said = st.builds(
    lambda traits, status, ins: PatientBody(
        **TRAITS[traits], identity_status=status, ins=None if ins is None else InsBody(matricule=ins.matricule, oid=ins.oid)
    ),
    st.sampled_from([0, 0, 0, 1, 2]),
    st.sampled_from([None, "PROV", "VALI", "RECUP", "QUAL", "QUAL"]),
    st.sampled_from([None, FIRST, FIRST, SECOND]),
)
acts = st.one_of(
    st.tuples(st.just("say"), said),
    st.tuples(st.just("document"), said),
    st.tuples(st.just("document"), said),
    st.tuples(st.just("accept"), st.tuples(st.sampled_from([FIRST, SECOND]), st.sampled_from([0, 1, 2]))),
    st.tuples(st.just("evidence"), st.just("PA")),
    st.tuples(st.just("doubt"), st.sampled_from([(), ("homonyme",), ("douteuse",), ("douteuse", "homonyme"), ("fictive",)])),
    st.tuples(st.just("unverified"), st.none()),
    st.tuples(st.just("attempt"), st.tuples(numbers, st.sampled_from(["done", "lost", "down"]))),
    st.tuples(st.just("attempt"), st.tuples(numbers, st.sampled_from(["done", "lost", "down"]))),
    st.tuples(st.just("hand"), st.tuples(numbers, st.sampled_from(["hold", "release"]))),
)


async def _do(cabinet: Cabinet, act: str, argument: Any) -> None:
    match act:
        case "say":
            await cabinet.said(argument)
        case "document":
            await cabinet.document(argument)
        case "accept":
            ins, number = argument
            found = NationalIdentity(ins=ins, **{name: TRAITS[number][name] for name in TRAITS[number]})
            event = InsAccepted(found=found, method=Method.TRAITS, at=1, by=DOCTOR.actor)
            await cabinet.write(DOCTOR, "identity.accepted", lambda identity: step(identity, event))
        case "evidence":
            seen = EvidenceChecked(kind=argument, at=1, by=DOCTOR.actor, attestation=None)
            await cabinet.write(DOCTOR, "identity.checked", lambda identity: step(identity, seen))
        case "doubt":
            await cabinet.write(DOCTOR, "identity.attributes", lambda identity: set_attributes(identity, argument, DOCTOR.actor, 1))
        case "unverified":
            failed = VerificationFailed(at=1, by=DOCTOR.actor)
            await cabinet.write(DOCTOR, "identity.invalidated", lambda identity: step(identity, failed))
        case "attempt":
            await cabinet.attempt(*argument)
        case "hand":
            await cabinet.by_hand(*argument)


async def _play(folder: Path, script: list[tuple[str, Any]]) -> Cabinet:
    cabinet = Cabinet(folder)
    for act, argument in script:
        with contextlib.suppress(Refused, Held):
            await _do(cabinet, act, argument)
    return cabinet


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(script=st.lists(acts, min_size=4, max_size=40))
def test_nothing_leaves_but_under_an_identity_that_the_registry_vouches_for(script: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cabinet = asyncio.run(_play(Path(folder), script))
        for departure in cabinet.carrier.left:
            patient, identity = departure.admitted.patient, departure.identity
            if departure.needs_qualified or patient.qualified:
                assert patient.qualified
                assert identity.status is IdentityStatus.QUALIFIEE
                assert identity.recovery is not None
                assert identity.recovery.ins == patient.ins
                assert identity.traits.agree_with(patient.traits)


def test_the_script_does_send_what_is_qualified(tmp_path: Path) -> None:
    """The property above would hold of a box that sends nothing."""
    body = PatientBody(**TRAITS[0], identity_status="QUAL", ins=InsBody(matricule=FIRST.matricule, oid=FIRST.oid))
    script: list[tuple[str, Any]] = [("document", body), ("attempt", (0, "done")), ("attempt", (0, "done")), ("attempt", (0, "done"))]
    assert len(asyncio.run(_play(tmp_path, script)).carrier.left) == 3
