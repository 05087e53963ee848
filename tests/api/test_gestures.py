"""Gestures by hand through the API: cancel, hold, release, retry."""

from __future__ import annotations

import msgspec
import pytest

from gateway.journal.store import StaleRecord
from gateway.model.delivery import DeliveryState, Phase
from tests.api.judge import check_answer, check_problem
from tests.api.rig import Box, request_part, unqualified

ON_DELIVERY = ("retry", "hold", "release", "cancel")
DMP_ONLY = {"dmp": True}


async def test_hold_release_retry_cancel(box: Box) -> None:
    receipt = await box.accept(request_part(deliver=DMP_ONLY))
    delivery = receipt["deliveries"][0]["id"]
    states = []
    async with box.client() as client:
        for gesture in ("hold", "release", "hold", "retry"):
            answer = await client.post(f"/api/v1/deliveries/{delivery}/{gesture}")
            check_answer(answer, f"/deliveries/{{delivery_id}}/{gesture}")
            states.append((answer.json()["state"], answer.json()["deliveries"][0]["state"]))
        answer = await client.post(f"/api/v1/documents/{receipt['id']}/cancel")
        check_answer(answer, "/documents/{document_id}/cancel")
    assert states == [("attention", "held"), ("working", "queued"), ("attention", "held"), ("working", "queued")]
    assert (answer.json()["state"], answer.json()["deliveries"][0]["state"]) == ("cancelled", "cancelled")
    acts = [one.act for one in await box.store.audit_of(receipt["id"])]
    assert acts == ["document.accepted", "delivery.held", "delivery.released", "delivery.held", "delivery.retried", "document.cancelled"]


async def test_the_actor_of_a_gesture_is_in_the_trail(box: Box) -> None:
    receipt = await box.accept(request_part(deliver=DMP_ONLY))
    async with box.client() as client:
        await client.post(f"/api/v1/deliveries/{receipt['deliveries'][0]['id']}/hold", headers={"Relais-Actor": "899700366240"})
    assert (await box.store.audit_of(receipt["id"]))[-1].actor == "professional:899700366240"


@pytest.mark.parametrize(
    ("state", "gesture", "words"),
    [
        (DeliveryState.RUNNING, "hold", "en cours d'envoi"),
        (DeliveryState.RUNNING, "retry", "en cours d'envoi"),
        (DeliveryState.QUEUED, "release", "en file"),
        (DeliveryState.DELIVERED, "retry", "remis"),
        (DeliveryState.DELIVERED, "hold", "remis"),
        (DeliveryState.CANCELLED, "retry", "annulé"),
        (DeliveryState.UNKNOWN, "hold", "en vérification"),
    ],
)
async def test_a_gesture_that_does_not_suit_the_state_is_refused(box: Box, state: DeliveryState, gesture: str, words: str) -> None:
    receipt = await box.accept(request_part(deliver=DMP_ONLY))
    delivery = receipt["deliveries"][0]["id"]
    await box.move(delivery, state)
    async with box.client() as client:
        answer = await client.post(f"/api/v1/deliveries/{delivery}/{gesture}")
    check_answer(answer, f"/deliveries/{{delivery_id}}/{gesture}")
    assert f"« {words} »" in check_problem(answer, 409, "not-possible-now")["detail"]


@pytest.mark.parametrize("gesture", ["retry", "release"])
async def test_an_unqualified_identity_stays_held(box: Box, gesture: str) -> None:
    receipt = await box.accept(request_part(patient=unqualified(), deliver=DMP_ONLY))
    async with box.client() as client:
        answer = await client.post(f"/api/v1/deliveries/{receipt['deliveries'][0]['id']}/{gesture}")
    check_problem(answer, 409, "identity-not-qualified")


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        (DeliveryState.DELIVERED, Phase.WAITING),
        (DeliveryState.RUNNING, Phase.EXISTENCE),
        (DeliveryState.UNKNOWN, Phase.FEED),
        (DeliveryState.HELD, Phase.PROBE),
    ],
)
async def test_what_has_left_or_may_have_is_not_cancelled(box: Box, state: DeliveryState, phase: Phase) -> None:
    receipt = await box.accept()
    await box.move(receipt["deliveries"][0]["id"], state, phase=phase)
    async with box.client() as client:
        answer = await client.post(f"/api/v1/documents/{receipt['id']}/cancel")
        after = await client.get(f"/api/v1/documents/{receipt['id']}")
    check_answer(answer, "/documents/{document_id}/cancel")
    check_problem(answer, 409, "already-sent")
    assert [one["state"] for one in after.json()["deliveries"][1:]] == ["queued", "queued"]


async def test_one_delivery_is_given_up_and_the_others_go_on(box: Box) -> None:
    receipt = await box.accept()
    dmp, patient, doctor = (one["id"] for one in receipt["deliveries"])
    await box.move(dmp, DeliveryState.DELIVERED)
    await box.move(doctor, DeliveryState.REFUSED)
    async with box.client() as client:
        answer = await client.post(f"/api/v1/deliveries/{doctor}/cancel")
        check_answer(answer, "/deliveries/{delivery_id}/cancel")
        left = await client.post(f"/api/v1/deliveries/{dmp}/cancel")
        again = await client.post(f"/api/v1/deliveries/{doctor}/cancel")
    assert [one["state"] for one in answer.json()["deliveries"]] == ["delivered", "queued", "cancelled"]
    assert answer.json()["state"] == "working"
    check_problem(left, 409, "already-sent")
    check_problem(again, 409, "not-possible-now")
    assert patient != doctor


async def test_cancelling_twice_is_cancelling_once(box: Box) -> None:
    receipt = await box.accept()
    async with box.client() as client:
        answers = [await client.post(f"/api/v1/documents/{receipt['id']}/cancel") for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize("gesture", ON_DELIVERY)
async def test_the_delivery_of_another_workstation_is_not_found(box: Box, gesture: str) -> None:
    receipt = await box.accept()
    async with box.client(box.other_token) as client:
        theirs = await client.post(f"/api/v1/deliveries/{receipt['deliveries'][0]['id']}/{gesture}")
        nobodys = await client.post(f"/api/v1/deliveries/inconnu/{gesture}")
        document = await client.post(f"/api/v1/documents/{receipt['id']}/cancel")
    for answer in (theirs, nobodys, document):
        check_problem(answer, 404, "not-found")


@pytest.mark.parametrize("gesture", ["hold", "cancel"])
async def test_an_attempt_that_starts_meanwhile_wins(box: Box, gesture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row moves between the look and the decision: decided again on what it has become."""
    receipt = await box.accept(request_part(deliver=DMP_ONLY))
    delivery = receipt["deliveries"][0]["id"]
    real = box.store.commit
    raced = False

    async def commit(*changes: object) -> None:
        nonlocal raced
        if not raced:
            raced = True
            record = await box.store.delivery(delivery)
            assert record is not None
            await real(msgspec.structs.replace(record, state=DeliveryState.RUNNING, phase=Phase.EXISTENCE, version=record.version + 1))
            raise StaleRecord
        await real(*changes)  # type: ignore[arg-type]

    monkeypatch.setattr(box.store, "commit", commit)
    path = f"/api/v1/documents/{receipt['id']}/cancel" if gesture == "cancel" else f"/api/v1/deliveries/{delivery}/hold"
    async with box.client() as client:
        answer = await client.post(path)
    check_problem(answer, 409, "already-sent" if gesture == "cancel" else "not-possible-now")
