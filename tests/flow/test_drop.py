"""Giving up one delivery: only when nothing of it may have left."""

from __future__ import annotations

from itertools import product

import pytest

from gateway.flow import outcome
from gateway.model.delivery import DeliveryState, Phase, may_move
from tests.flow.test_outcome import NOW, record


@pytest.mark.parametrize(
    ("state", "phase"), list(product((DeliveryState.HELD, DeliveryState.QUEUED, DeliveryState.REFUSED, DeliveryState.EXPIRED), Phase))
)
def test_giving_up_is_an_allowed_move(state: DeliveryState, phase: Phase) -> None:
    after = outcome.cancelled(record(state, phase), NOW)
    assert may_move(state, after.state)
    assert after.state is DeliveryState.CANCELLED
