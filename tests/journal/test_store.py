"""One suite for both journals: the file and its in-memory twin."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from gateway.journal.records import (
    AlarmRecord,
    BringForward,
    DeleteBlob,
    DeliveryRecord,
    DocumentRecord,
    ExistenceRecord,
    PairingRecord,
    PatientRecord,
    SuccessionRecord,
    WakeLane,
    WorkstationRecord,
)
from gateway.journal.store import DocumentQuery, DuplicateKey, LaneAge, NotAccepting, StaleRecord, Store, Unstorable
from gateway.kernel.errors import Explanation
from gateway.model.delivery import DeliveryState, DocumentState, Phase
from tests.journal.samples import LANE, NOW, STRUCTURE, audit, blob, delivery, document, event, receipt

NONE: frozenset[str] = frozenset()


def later(record: DeliveryRecord, **changes: object) -> DeliveryRecord:
    return replace(record, version=record.version + 1, **changes)


async def accepted(store: Store, *, prepared: bool = True, lane: str = LANE, **changes: object) -> tuple[DocumentRecord, DeliveryRecord]:
    one = document(prepared=prepared)
    sent = delivery(one, lane=lane, **changes)
    await store.commit(one, sent)
    return one, sent


async def test_a_document_comes_back_as_it_was_given(store: Store) -> None:
    one = document(closed_at=7, prepared=True)
    await store.commit(one)
    kept = replace(one, sequence=1)
    assert await store.document(one.id) == kept
    assert await store.document_by_key(one.workstation, one.idempotency_key) == kept
    assert await store.document_by_unique_id(one.structure, one.unique_id) == kept
    assert await store.document("other") is None
    assert await store.document_by_key("other", one.idempotency_key) is None
    assert await store.document_by_unique_id("other", one.unique_id) is None


async def test_a_delivery_comes_back_with_every_field(store: Store) -> None:
    one = document()
    sent = delivery(
        one,
        to_patient=True,
        doubtful=True,
        recipient_ref="ref",
        sealed_recipient=b"\x00\xff",
        state=DeliveryState.HELD,
        phase=Phase.DATA,
        boot="boot",
        attempts=3,
        probes=1,
        first_attempt_at=1,
        next_attempt_at=2,
        error_class="human",
        explanation=Explanation(code="c", who="le secrétariat", what="L'identité n'est pas qualifiée.", gesture="Qualifiez-la."),
        sealed_frozen=b"",
    )
    await store.commit(document(), one, sent)
    kept = replace(sent, sequence=2)
    assert await store.delivery(sent.id) == kept
    assert await store.deliveries_of(one.id) == [kept]
    assert await store.delivery("other") is None
    assert await store.deliveries_of("other") == []


async def test_an_update_requires_the_version_before(store: Store) -> None:
    one, sent = await accepted(store)
    await store.commit(later(sent, phase=Phase.EXISTENCE))
    with pytest.raises(StaleRecord):
        await store.commit(later(sent, phase=Phase.FEED))
    with pytest.raises(StaleRecord):
        await store.commit(replace(one, version=3))
    with pytest.raises(StaleRecord):
        await store.commit(document(version=2))
    kept = await store.delivery(sent.id)
    assert kept is not None
    assert (kept.phase, kept.version) == (Phase.EXISTENCE, 2)


async def test_every_column_that_may_change_changes_and_the_others_stay(store: Store) -> None:
    one, sent = await accepted(store)
    await store.commit(
        replace(
            one,
            version=2,
            state=DocumentState.DONE,
            closed_at=9,
            prepared=False,
            sealed=b"new",
            wrapped_key=b"other",
            unique_id="1.2",
            patient_ref="qualified",
            structure="moved",
            workstation="moved",
            idempotency_key="moved",
            content_digest="moved",
            original_digest="moved",
            accepted_at=1,
            sequence=99,
        ),
        later(
            sent,
            lane="b/mss",
            order_key="new",
            recipient_ref="r",
            sealed_recipient=b"r",
            structure="moved",
            document_id="moved",
            sequence=9,
        ),
    )
    assert await store.document(one.id) == replace(
        one,
        version=2,
        state=DocumentState.DONE,
        closed_at=9,
        prepared=False,
        sealed=b"new",
        wrapped_key=b"other",
        unique_id="1.2",
        patient_ref="qualified",
        sequence=1,
    )
    assert await store.delivery(sent.id) == later(sent, lane="b/mss", order_key="new", recipient_ref="r", sealed_recipient=b"r", sequence=1)
    assert await store.lanes() == ["b/mss"]


async def test_a_commit_is_all_or_nothing(store: Store) -> None:
    one, sent = await accepted(store)
    other = document()
    with pytest.raises(StaleRecord):
        await store.commit(
            other, delivery(other), audit(other), event(other), blob(other), WakeLane(lane=LANE, now=1), replace(one, version=7)
        )
    assert await store.document(other.id) is None
    assert await store.deliveries_of(other.id) == []
    assert await store.blobs_of(other.id) == []
    assert await store.audit_of(other.id) == []
    assert await store.last_event() == 0
    await store.commit(later(sent, phase=Phase.FEED), event(one))
    assert await store.last_event() == 1


async def test_the_same_key_or_unique_id_is_refused(store: Store) -> None:
    one, sent = await accepted(store)
    kept = blob(one)
    answer = receipt(sent)
    await store.commit(kept, answer)
    for changes in (
        document(workstation=one.workstation, idempotency_key=one.idempotency_key),
        document(structure=one.structure, unique_id=one.unique_id),
        document(id=one.id),
        delivery(one, id=sent.id),
        blob(one, id=kept.id),
        receipt(sent, id=answer.id),
    ):
        with pytest.raises(DuplicateKey):
            await store.commit(changes)
    await store.commit(document(workstation="other", idempotency_key=one.idempotency_key))
    await store.commit(document(structure="other", unique_id=one.unique_id))


async def test_what_names_nothing_is_unstorable(store: Store) -> None:
    one = document()
    for orphan in (delivery(one), blob(one), receipt(delivery(one))):
        with pytest.raises(Unstorable):
            await store.commit(orphan)


async def test_a_refused_commit_leaves_its_neighbours_alone(store: Store) -> None:
    first = document()
    await store.commit(first)
    fresh = [document() for _ in range(20)]
    twins = [document(idempotency_key=first.idempotency_key) for _ in range(20)]
    commits = [store.commit(one, delivery(one), audit(one)) for pair in zip(fresh, twins, strict=True) for one in pair]
    outcomes = await asyncio.gather(*commits, return_exceptions=True)
    assert [type(one) for one in outcomes] == [type(None), DuplicateKey] * 20
    assert {one.id for one in await store.documents(DocumentQuery(limit=100))} == {first.id, *(one.id for one in fresh)}
    assert await store.verify_audit() is None
    assert len(await store.audit_after(0, 100)) == 20


async def test_sequences_follow_the_order_of_acceptance(store: Store) -> None:
    ones = [document() for _ in range(5)]
    for one in ones:
        await store.commit(one, event(one))
    assert [one.sequence for one in await store.documents(DocumentQuery())] == [5, 4, 3, 2, 1]
    assert [(one.sequence, one.subject) for one in await store.events_after(2, 2)] == [(3, ones[2].id), (4, ones[3].id)]
    assert await store.events_after(5, 10) == []
    assert await store.last_event() == 5


async def test_a_page_of_documents_meets_every_criterion(store: Store) -> None:
    places = [("a", "s1"), ("a", "s2"), ("b", "s1"), ("b", "s3")]
    ones = [
        document(workstation=desk, structure=structure, state=state, patient_ref=f"p{n % 3}", accepted_at=NOW + n)
        for n, (state, (desk, structure)) in enumerate((state, place) for state in DocumentState for place in places)
    ]
    for one in ones:
        await store.commit(one)

    async def asked(**criteria: object) -> list[str]:
        return [one.id for one in await store.documents(DocumentQuery(**criteria))]  # type: ignore[arg-type]

    def expected(*indexes: int) -> list[str]:
        return [ones[index].id for index in indexes]

    assert await asked() == expected(*reversed(range(16)))
    assert await asked(limit=3) == expected(15, 14, 13)
    assert await asked(limit=0) == []
    assert await asked(before=3) == expected(1, 0)
    assert await asked(workstation="a", limit=4) == expected(13, 12, 9, 8)
    assert await asked(workstation="a", state=DocumentState.ATTENTION) == expected(5, 4)
    assert await asked(structures=("s3", "s2"), limit=3) == expected(15, 13, 11)
    assert await asked(structures=()) == []
    assert await asked(state=DocumentState.DONE) == expected(11, 10, 9, 8)
    assert await asked(workstation="b", structures=("s1",), before=11) == expected(6, 2)
    assert await asked(patient_ref="p1", workstation="a") == expected(13, 4, 1)
    assert await asked(patient_ref="p1", structures=("s1",), state=DocumentState.WORKING) == []
    assert await asked(patient_ref="p1", state=DocumentState.CANCELLED) == expected(13)
    assert await asked(since=NOW + 14) == expected(15, 14)
    assert await asked(since=NOW + 14, workstation="b", state=DocumentState.CANCELLED) == expected(15, 14)
    assert await asked(since=NOW + 99) == []


async def test_since_holds_when_the_clock_went_back(store: Store) -> None:
    ones = [document(accepted_at=NOW + 100), document(accepted_at=NOW), document(accepted_at=NOW + 50)]
    for one in ones:
        await store.commit(one)
    assert [one.id for one in await store.documents(DocumentQuery(since=NOW + 40))] == [ones[2].id, ones[0].id]


async def test_what_is_to_be_prepared(store: Store) -> None:
    first, _ = await accepted(store, prepared=False)
    second, _ = await accepted(store, prepared=False)
    await accepted(store, prepared=True)
    held, waiting = await accepted(store, prepared=False, state=DeliveryState.HELD)
    cancelled = document(state=DocumentState.CANCELLED)
    await store.commit(cancelled, delivery(cancelled, state=DeliveryState.CANCELLED), document())

    async def found(*, newest: bool, excluding: frozenset[str] = NONE) -> str | None:
        record = await store.unprepared(newest=newest, excluding=excluding)
        return record.id if record is not None else None

    assert (await found(newest=False), await found(newest=True)) == (first.id, second.id)
    assert await found(newest=False, excluding=frozenset({first.id})) == second.id
    assert await found(newest=True, excluding=frozenset({first.id, second.id})) is None
    await store.commit(later(waiting, state=DeliveryState.QUEUED))
    assert await found(newest=True) == held.id
    await store.commit(replace(held, prepared=True, version=2))
    await store.commit(replace(second, closed_at=1, version=2))
    assert await found(newest=True) == first.id


async def test_due_waits_for_the_preparation(store: Store) -> None:
    one, sent = await accepted(store, prepared=False)
    assert await store.due(LANE, NOW, newest=False, excluding=NONE) is None
    await store.commit(replace(one, prepared=True, version=2))
    found = await store.due(LANE, NOW, newest=False, excluding=NONE)
    assert found == replace(sent, sequence=1)
    await store.commit(replace(one, prepared=False, version=3))
    assert await store.due(LANE, NOW, newest=False, excluding=NONE) is None


async def test_due_gives_the_oldest_or_the_newest_that_may_run(store: Store) -> None:
    sent = [(await accepted(store))[1] for _ in range(4)]
    await accepted(store, lane="other/dmp")
    await accepted(store, state=DeliveryState.HELD)

    async def found(newest: bool, *excluded: DeliveryRecord) -> str | None:
        record = await store.due(LANE, NOW, newest=newest, excluding=frozenset(one.id for one in excluded))
        return record.id if record is not None else None

    assert (await found(False), await found(True)) == (sent[0].id, sent[3].id)
    assert (await found(False, sent[0]), await found(True, sent[3])) == (sent[1].id, sent[2].id)
    await store.commit(later(sent[0], state=DeliveryState.RUNNING, boot="b"), later(sent[3], state=DeliveryState.DELIVERED))
    assert (await found(False), await found(True)) == (sent[1].id, sent[2].id)
    await store.commit(later(sent[1], state=DeliveryState.UNKNOWN))
    assert await found(False) == sent[1].id
    assert await found(False, sent[1], sent[2]) is None
    assert await store.due("nowhere", NOW, newest=False, excluding=NONE) is None


async def test_due_respects_dates(store: Store) -> None:
    _, soon = await accepted(store, next_attempt_at=NOW + 10)
    _, past = await accepted(store, next_attempt_at=NOW - 10)
    _, longer = await accepted(store, next_attempt_at=NOW - 20)
    assert await store.next_due_at(LANE, NOW) == NOW + 10
    assert await store.next_due_at(LANE, NOW - 30) == NOW - 20
    assert await store.next_due_at(LANE, NOW + 10) is None
    assert await store.next_due_at("nowhere", 0) is None
    found = [await store.due(LANE, now, newest=newest, excluding=NONE) for now in (NOW, NOW + 10) for newest in (False, True)]
    assert [one.id if one else None for one in found] == [longer.id, past.id, longer.id, soon.id]
    _, fresh = await accepted(store)
    found = [await store.due(LANE, NOW, newest=newest, excluding=NONE) for newest in (False, True)]
    assert [one.id if one else None for one in found] == [longer.id, fresh.id]


async def test_one_key_leaves_in_order(store: Store) -> None:
    first = document(prepared=True, patient_ref="same")
    second = document(prepared=True, patient_ref="same")
    ahead, behind = delivery(first), delivery(second)
    elsewhere = delivery(second, lane=f"{STRUCTURE}/mss")
    await store.commit(first, ahead)
    await store.commit(second, behind, elsewhere)
    found = await store.due(LANE, NOW, newest=True, excluding=NONE)
    assert found is not None
    assert found.id == ahead.id
    assert await store.due(LANE, NOW, newest=True, excluding=frozenset({ahead.id})) is None
    other_lane = await store.due(elsewhere.lane, NOW, newest=True, excluding=NONE)
    assert other_lane is not None
    for state in (DeliveryState.RUNNING, DeliveryState.UNKNOWN, DeliveryState.HELD):
        ahead = later(ahead, state=state, next_attempt_at=NOW + 1)
        await store.commit(ahead)
        found = await store.due(LANE, NOW, newest=False, excluding=NONE)
        assert (found.id if found else None) == (behind.id if state is DeliveryState.HELD else None)


async def test_a_destination_that_answers_wakes_its_lane(store: Store) -> None:
    date = NOW + 1000
    waiting = {
        name: (await accepted(store, next_attempt_at=date, error_class=name))[1]
        for name in ("transient", "configuration", "unknown", "human")
    }
    held = (await accepted(store, next_attempt_at=date, error_class="transient", state=DeliveryState.HELD))[1]
    undated = (await accepted(store, error_class="transient"))[1]
    elsewhere = (await accepted(store, lane="b/mss", next_attempt_at=date, error_class="transient"))[1]
    past = (await accepted(store, next_attempt_at=NOW - 5, error_class="transient"))[1]
    await store.commit(WakeLane(lane=LANE, now=NOW))

    async def date_of(one: DeliveryRecord) -> int | None:
        record = await store.delivery(one.id)
        assert record is not None
        assert record.version == 1
        return record.next_attempt_at

    assert {name: await date_of(one) for name, one in waiting.items()} == {
        "transient": NOW,
        "configuration": NOW,
        "unknown": date,
        "human": date,
    }
    assert [await date_of(one) for one in (held, undated, elsewhere, past)] == [date, None, date, NOW - 5]


async def test_lanes_orphans_and_shape(store: Store) -> None:
    assert await store.lanes() == []
    assert await store.shape() == []
    first, running = await accepted(store, state=DeliveryState.RUNNING, boot="old")
    _, mine = await accepted(store, state=DeliveryState.RUNNING, boot="new")
    second, _ = await accepted(store)
    await accepted(store)
    third, _ = await accepted(store, lane="b/mss", state=DeliveryState.HELD, prepared=False)
    await accepted(store, lane="c/mss", state=DeliveryState.DELIVERED)
    assert await store.lanes() == [LANE, "b/mss"]
    assert [one.id for one in await store.orphans("new")] == [running.id]
    assert [one.id for one in await store.orphans("old")] == [mine.id]
    assert [one.id for one in await store.orphans("third")] == [running.id, mine.id]
    assert await store.shape() == [
        LaneAge(lane=LANE, state="queued", count=2, oldest_accepted_at=second.accepted_at),
        LaneAge(lane=LANE, state="running", count=2, oldest_accepted_at=first.accepted_at),
        LaneAge(lane="b/mss", state="held", count=1, oldest_accepted_at=third.accepted_at),
    ]


async def test_payloads_and_receipts(store: Store) -> None:
    one, sent = await accepted(store)
    other, answered = await accepted(store)
    in_row, in_file = blob(one), blob(one, inline=None, role="cda")
    answers = [receipt(sent), receipt(sent, proof_blob=in_row.id)]
    await store.commit(in_row, in_file, *answers, receipt(answered), blob(other))
    assert await store.blob(in_row.id) == in_row
    assert await store.blobs_of(one.id) == [in_row, in_file]
    assert await store.receipts_of(one.id) == answers
    assert await store.known_blobs([in_row.id, in_file.id, "stray"]) == {in_row.id, in_file.id}
    await store.commit(DeleteBlob(id=in_row.id), DeleteBlob(id="stray"))
    assert await store.blob(in_row.id) is None
    assert await store.blobs_of(one.id) == [in_file]
    assert await store.known_blobs([]) == frozenset()


async def test_a_device_is_paired_with_the_last_workstation_that_was_said(store: Store) -> None:
    first, second = PairingRecord(device="scanner-2", workstation="w1", at=1), PairingRecord(device="scanner-1", workstation="w1", at=2)
    await store.commit(first, second)
    moved, freed = replace(first, workstation="w2", at=3), replace(second, workstation=None, at=4)
    await store.commit(moved)
    await store.commit(freed)
    assert await store.pairings() == [moved, freed]


async def test_workstations_patients_and_existence_keep_the_last_word(store: Store) -> None:
    desk = WorkstationRecord(id="w", name="Accueil", token_digest="t", structures=("s1", "s2"), created_at=1)
    other = WorkstationRecord(id="v", name="Cabinet 2", token_digest="u", structures=(), created_at=2)
    patient = PatientRecord(structure="s", local_ref="r", wrapped_key=b"k", sealed=b"1", created_at=1, updated_at=1)
    known = ExistenceRecord(structure="s", patient_ref="p", answer="none", at=1)
    await store.commit(desk, other, patient, known)
    await store.commit(
        replace(desk, revoked=True, token_digest="t2"), replace(patient, sealed=b"2", version=2), replace(known, answer="active", at=2)
    )
    assert await store.workstation_by_token("t") is None
    assert await store.workstation_by_token("t2") == replace(desk, revoked=True, token_digest="t2")
    assert await store.workstations() == [replace(desk, revoked=True, token_digest="t2"), other]
    assert await store.patient("s", "r") == replace(patient, sealed=b"2", version=2, number=1)
    assert await store.patient("s", "x") is None
    assert await store.existence("s", "p") == replace(known, answer="active", at=2)
    assert await store.existence("x", "p") is None
    with pytest.raises(DuplicateKey):
        await store.commit(replace(other, id="x"))


async def test_an_alarm_is_told_once_and_refuses_what_comes_with_it_the_second_time(store: Store) -> None:
    told = AlarmRecord(
        id="l.30", line="l", stage="30", covers=("90", "60"), structure="s", what="w", whose="o", ends_at=9, stops="s", gesture="g", at=1
    )
    await store.commit(told, audit(document(), act="certificate.expiring"))
    with pytest.raises(DuplicateKey):
        await store.commit(audit(document(), act="again"), told)
    other = replace(told, id="l.7", stage="7", covers=())
    await store.commit(other)
    assert await store.alarms() == [replace(told, number=1), replace(other, number=2)]
    assert await store.alarm("l.30") == replace(told, number=1)
    assert await store.alarm("x") is None
    assert [one.act for one in await store.audit_after(0, 10)] == ["certificate.expiring"]


async def test_a_succession_is_one_row_for_a_role_and_moves_by_versions(store: Store) -> None:
    first = SuccessionRecord(structure="s", role="sign", state="waiting", following="f1", updated_at=1)
    other = SuccessionRecord(structure="s", role="auth_cli", state="waiting", following="f2", updated_at=1)
    await store.commit(first, other)
    with pytest.raises(StaleRecord):
        await store.commit(first)
    why = Explanation(code="tls-refused", who="a", what="b", gesture="c")
    step: dict[str, str | int] = {"service": "dmp", "outcome": "good", "at": 3}
    after = replace(first, state="returned", former="f0", rehearsal=(step,), rehearsed_at=3, explanation=why, version=2)
    await store.commit(after)
    with pytest.raises(StaleRecord):
        await store.commit(after)
    assert await store.successions() == [replace(other, number=2), replace(after, number=1)]


async def test_a_closed_journal_takes_nothing(store: Store) -> None:
    await store.close()
    with pytest.raises(NotAccepting):
        await store.commit(document())
    with pytest.raises(NotAccepting):
        await store.document("x")


async def test_an_empty_commit_does_nothing(store: Store) -> None:
    await store.commit()
    assert await store.documents(DocumentQuery()) == []
    assert await store.quarantined() == []


async def test_held_of_a_patient_are_theirs_alone_in_order_of_acceptance(store: Store) -> None:
    first, second, other = document(patient_ref="p"), document(patient_ref="p"), document()
    held = [delivery(one, state=DeliveryState.HELD) for one in (first, second, other)]
    free = delivery(first, state=DeliveryState.QUEUED)
    await store.commit(first, second, other, held[1], held[0], free, held[2])
    assert [one.id for one in await store.held_of_patient("p")] == [held[0].id, held[1].id]
    assert await store.held_of_patient("nobody") == []


async def test_only_what_a_clock_ahead_put_off_is_brought_forward(store: Store) -> None:
    _, near = await accepted(store, next_attempt_at=NOW + 10)
    _, far = await accepted(store, next_attempt_at=NOW + 1000)
    _, doubt = await accepted(store, next_attempt_at=NOW + 2000, state=DeliveryState.UNKNOWN)
    _, held = await accepted(store, next_attempt_at=NOW + 3000, state=DeliveryState.HELD)
    await store.commit(BringForward(lane=LANE, now=NOW, latest=NOW + 100))
    dates = [one.next_attempt_at for one in [await store.delivery(each.id) for each in (near, far, doubt, held)] if one is not None]
    assert dates == [NOW + 10, NOW, NOW, NOW + 3000]
    assert await store.next_due_at(LANE, NOW + 100) is None
