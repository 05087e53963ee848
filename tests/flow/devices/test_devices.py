"""What the gateway knows of the devices: every change told once, lists compared, a process that leaves and comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from firmware import protocol
from firmware.client import Away, Happening
from firmware.errors import DeviceError, from_failure
from firmware.protocol import Card, CardKind, Failure, Reader
from gateway.flow.cards.errors import CardRefused, DeviceDefect, card_error
from gateway.flow.cards.reader_notices import ReaderNotices
from gateway.flow.devices.devices import Devices
from gateway.kernel.clock import FrozenClock
from gateway.kernel.errors import RelaisError
from tests.api.rig import NOW

A, B = "reader-0a1b2c3d", "reader-4e5f6071"
FIRST = Card(insertion_id="0" * 32, kind=CardKind.CPX)
SECOND = Card(insertion_id="1" * 32, kind=CardKind.CPX)
MUTE = Card(insertion_id="2" * 32, kind=CardKind.MUTE)


class Hub:
    """Devices, and what they told."""

    def __init__(self) -> None:
        notices = ReaderNotices(FrozenClock(NOW))
        self.left: list[tuple[str, str]] = []
        self.devices = Devices(notices, wanted=True)
        self.devices.on_card_left(lambda reader, insertion: self.left.append((reader, insertion)))
        self._listening = notices.listen()
        self._line = self._listening.__enter__()

    async def take(self, one: Happening) -> list[str]:
        """What it makes the devices tell."""
        await self.devices._take(one)
        found = list(self._line._waiting)
        self._line._waiting.clear()
        return [f"{told.type.value} {(told.reader or '')[-1:]}".strip() for told in found]


@pytest.fixture
def hub() -> Hub:
    return Hub()


def listed(*readers: Reader, service: bool = True) -> protocol.Devices:
    return protocol.Devices(readers=readers, service=service, token_library=True)


def notice(kind: protocol.NoticeType, reader: str | None = A, card: Card | None = None) -> protocol.Notice:
    return protocol.Notice(sequence=1, type=kind, at=0.0, device=reader, card=card)


async def test_a_list_is_told_as_what_it_changes(hub: Hub) -> None:
    assert await hub.take(listed(Reader(id=A, name="x", card=FIRST), Reader(id=B, name="y"))) == [
        "service_up",
        "reader_in d",
        "card_in d",
        "reader_in 1",
    ]
    assert await hub.take(listed(Reader(id=A, name="x", card=FIRST), Reader(id=B, name="y"))) == []
    assert await hub.take(listed(Reader(id=A, name="x", card=SECOND))) == ["reader_out 1", "card_out d", "card_in d"]
    assert hub.left == [(A, FIRST.insertion_id)]


async def test_notices_are_told_once_and_a_mute_card_is_its_own_kind(hub: Hub) -> None:
    await hub.take(listed(Reader(id=A, name="x")))
    assert await hub.take(notice(protocol.NoticeType.CARD_IN, card=FIRST)) == ["card_in d"]
    assert await hub.take(notice(protocol.NoticeType.CARD_IN, card=FIRST)) == []
    assert await hub.take(notice(protocol.NoticeType.CARD_MUTE, card=MUTE)) == ["card_out d", "card_mute d"]
    assert hub.devices.card(A) == MUTE
    assert await hub.take(notice(protocol.NoticeType.READER_OUT)) == ["card_out d", "reader_out d"]
    assert hub.left == [(A, FIRST.insertion_id), (A, MUTE.insertion_id)]


async def test_without_the_process_every_card_is_pulled_and_all_is_told_again_when_it_comes_back(hub: Hub) -> None:
    await hub.take(listed(Reader(id=A, name="x", card=FIRST)))
    assert await hub.take(Away()) == ["card_out d", "reader_out d", "service_down"]
    assert await hub.take(Away()) == []
    view = hub.devices.view()
    assert view is not None
    assert (view.answering, view.trouble is not None) == (False, True)
    assert await hub.take(listed(Reader(id=A, name="x", card=FIRST))) == ["service_up", "reader_in d", "card_in d"]
    assert hub.left == [(A, FIRST.insertion_id)]


async def test_pcscd_that_ends_is_not_the_process_that_ends(hub: Hub) -> None:
    await hub.take(listed(Reader(id=A, name="x", card=FIRST)))
    assert await hub.take(notice(protocol.NoticeType.SERVICE_DOWN, None)) == ["card_out d", "reader_out d", "service_down"]
    view = hub.devices.view()
    assert view is not None
    assert (view.answering, view.card_service) == (True, False)
    assert view.trouble is not None
    assert view.trouble.code == "card-service-down"


async def test_a_notice_that_breaks_whoever_hears_it_ends_nothing(hub: Hub) -> None:
    async def broken(notice: protocol.Notice) -> None:
        raise ZeroDivisionError(notice.sequence)

    async def line() -> AsyncIterator[Happening]:
        yield listed()
        yield notice(protocol.NoticeType.SCAN)
        yield listed(Reader(id=A, name="x", card=FIRST))

    @asynccontextmanager
    async def happenings() -> AsyncIterator[AsyncIterator[Happening]]:
        yield line()

    hub.devices.heard = broken
    await hub.devices.run(happenings)
    assert hub.devices.card(A) == FIRST


def descendants(kind: type[DeviceError]) -> list[type[DeviceError]]:
    return [one for child in kind.__subclasses__() for one in (child, *descendants(child))]


OURS = {"device-call-invalid", "device-defect"}
"""Defects: nobody can do anything about them but us."""
CODES = sorted({one.code for one in descendants(DeviceError) if one.__module__ == "firmware.errors"} - OURS)


@pytest.mark.parametrize("code", [one for one in CODES if not one.startswith("scanner")])
def test_every_failure_of_a_card_has_its_own_words(code: str) -> None:
    error = card_error(from_failure(Failure(code=code, tries_left=2, retry_after=3.0, technical="t")))
    assert type(error) is not DeviceDefect, "nobody gave words to this code"
    told = error.explanation
    assert "…" not in told.what + told.gesture
    assert error.code != RelaisError.code
    assert told.gesture not in (RelaisError.gesture, "")
    assert error.least_wait == 3.0
    if isinstance(error, CardRefused):
        assert error.tries_left == 2


def test_a_code_nobody_knows_is_a_defect_of_ours() -> None:
    assert type(card_error(from_failure(Failure(code="something-new")))) is DeviceDefect
