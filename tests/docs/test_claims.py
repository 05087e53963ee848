"""What the pages say of the product is so: the tests that the architecture names exist, the guides speak the words of the product."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from gateway.flow.errors import HeldByHand
from gateway.flow.views import DeliveryView, ReceiptView
from gateway.model.delivery import Channel, DeliveryState, DocumentState, ReceiptKind
from gateway.web import gestures
from gateway.web.words import delivery_badge, document_badge
from tests.rig.processes import ROOT

ARCHITECTURE = ROOT / "docs" / "architecture.md"
PRACTICE = ROOT / "docs" / "cabinet" / "guide.md"
INSTALLER = ROOT / "docs" / "integrateur" / "guide.md"
VENDOR = ROOT / "docs" / "editeur" / "guide.md"


def test_every_test_that_proves_an_invariant_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", ARCHITECTURE.read_text("utf-8"))
    missing = [f"{path}::{name}" for path, name in named if f"def {name}(" not in (ROOT / path).read_text("utf-8")]
    assert len(named) > 20
    assert missing == []


def test_every_file_that_the_architecture_names_exists() -> None:
    named = re.findall(r"`((?:api|flow|ins|dmp|mss|model|kernel)/\w+\.py|gateway/[\w/]+\.(?:py|sql))`", ARCHITECTURE.read_text("utf-8"))
    assert len(named) > 15
    assert [name for name in named if not (ROOT / "gateway" / name.removeprefix("gateway/")).exists()] == []


def delivery(state: DeliveryState, channel: Channel, *kinds: ReceiptKind, by_hand: bool = False) -> DeliveryView:
    moment = datetime(2026, 11, 24, tzinfo=UTC)
    return DeliveryView(
        id="x",
        channel=channel,
        recipient=None,
        state=state,
        attempts=0,
        next_attempt_at=None,
        receipts=tuple(ReceiptView(kind=kind, at=moment, proof=None) for kind in kinds),
        explanation=HeldByHand().explanation if by_hand else None,
    )


def test_the_practices_guide_has_a_line_for_every_word_of_the_page() -> None:
    text = PRACTICE.read_text("utf-8")
    words = [document_badge(state).text for state in DocumentState]
    words += [delivery_badge(delivery(state, Channel.DMP)).text for state in DeliveryState]
    words += [delivery_badge(delivery(DeliveryState.DELIVERED, Channel.MSS, kind)).text for kind in ReceiptKind]
    words += [delivery_badge(delivery(state, Channel.DMP, by_hand=True)).text for state in (DeliveryState.HELD, DeliveryState.QUEUED)]
    words += [one.label for one in vars(gestures).values() if isinstance(one, gestures.Gesture)]
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize("states", [DocumentState, DeliveryState, ReceiptKind])
def test_the_vendors_guide_explains_every_state(states: type[DocumentState | DeliveryState | ReceiptKind]) -> None:
    text = VENDOR.read_text("utf-8")
    assert [state.value for state in states if f"`{state.value}`" not in text] == []


def test_the_vendors_guide_explains_every_field_of_a_receipt() -> None:
    text = VENDOR.read_text("utf-8")
    assert [name for name in DeliveryView.__struct_fields__ if f"`deliveries[].{name}" not in text] == []
