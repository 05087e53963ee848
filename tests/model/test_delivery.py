from __future__ import annotations

import pytest

from gateway.model.delivery import FINAL, OPEN, DeliveryState, DocumentState, Phase, document_state, may_move, state_after_restart


def test_every_state_is_open_or_final() -> None:
    assert set(DeliveryState) == FINAL | OPEN
    assert not FINAL & OPEN


@pytest.mark.parametrize(
    ("states", "whole"),
    [
        (["queued", "delivered"], "working"),
        (["delivered", "delivered"], "done"),
        (["delivered", "cancelled"], "done"),
        (["cancelled", "cancelled"], "cancelled"),
        (["held", "delivered"], "attention"),
        (["refused", "queued"], "attention"),
        (["unknown"], "working"),
        (["expired", "delivered"], "attention"),
    ],
)
def test_state_of_the_whole(states: list[str], whole: str) -> None:
    assert document_state([DeliveryState(one) for one in states]) is DocumentState(whole)


@pytest.mark.parametrize("phase", list(Phase))
def test_after_a_power_cut_only_what_may_have_left_is_doubtful(phase: Phase) -> None:
    expected = DeliveryState.UNKNOWN if phase in (Phase.FEED, Phase.DATA, Phase.PROBE) else DeliveryState.QUEUED
    assert state_after_restart(DeliveryState.RUNNING, phase) is expected
    assert state_after_restart(DeliveryState.HELD, phase) is DeliveryState.HELD


def test_a_delivered_document_never_leaves_again() -> None:
    assert not any(
        may_move(DeliveryState.DELIVERED, after) for after in (DeliveryState.QUEUED, DeliveryState.RUNNING, DeliveryState.UNKNOWN)
    )
    assert not any(may_move(DeliveryState.CANCELLED, after) for after in DeliveryState if after is not DeliveryState.CANCELLED)
