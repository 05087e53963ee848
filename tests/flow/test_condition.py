"""The word that lamps and MQTT show, for a state of the box."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.flow.condition import Condition, ConditionWatch
from gateway.flow.errors import HeldByHand
from gateway.model.delivery import DeliveryState
from tests.api.rig import Box, open_box


@pytest.fixture
async def box(tmp_path: Path) -> Box:
    return await open_box(tmp_path)


async def word(box: Box) -> Condition:
    return (await ConditionWatch(box.relay.status).look()).condition


async def test_nothing_to_do_is_ready_and_documents_on_their_way_are_busy(box: Box) -> None:
    assert await word(box) is Condition.READY
    receipt = await box.accept()
    assert await word(box) is Condition.BUSY
    for one in receipt["deliveries"]:
        await box.move(one["id"], DeliveryState.DELIVERED)
    assert await word(box) is Condition.READY


async def test_what_waits_for_somebody_asks_for_attention(box: Box) -> None:
    receipt = await box.accept()
    await box.move(receipt["deliveries"][0]["id"], DeliveryState.HELD, HeldByHand())
    assert await word(box) is Condition.ATTENTION


async def test_a_button_held_for_ten_seconds_asks_for_attention(box: Box) -> None:
    await box.relay.front.requests.record()
    assert await word(box) is Condition.ATTENTION


async def test_a_clock_in_doubt_is_a_fault_whatever_waits(box: Box) -> None:
    await box.accept()
    box.clock.is_trusted = False
    assert await word(box) is Condition.FAULT


async def test_a_box_about_to_be_erased_is_not_to_be_unplugged_whatever_else_is_wrong(box: Box) -> None:
    await box.relay.front.requests.record()
    async with asyncio.timeout(10):
        await box.relay.front.requests.run(box.clock, 60)
    box.clock.is_trusted = False
    assert await word(box) is Condition.UPDATE
