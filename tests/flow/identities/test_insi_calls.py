"""Every call to INSi is in the journal before it leaves and after it ends, whole and encrypted, whatever its end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from gateway.flow.identities.insi_calls import INTERRUPTED, Matter, call_context
from gateway.flow.people import THE_BOX
from gateway.ins.errors import FromInsi, InsiPaused
from gateway.journal.records import InsiCallRecord
from gateway.journal.store import NotAccepting
from gateway.wire.http import AnswerLost, PeerUnreachable, TlsRefused
from tests.flow.searching import DOWN, FIRST, NUMBER_REFUSED, Office, answered, criteria, letters, national
from tests.ins import answers

MATTER = Matter(structure=FIRST, author=THE_BOX, purpose="verification", local_ref="ref", inquiry_id="one")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def ask(office: Office) -> None:
    await office.identification.look_up(MATTER, criteria(1), user=False, software=None)


async def row(office: Office) -> InsiCallRecord:
    found = await office.store.call(office.insi.message_ids[-1])
    assert found is not None
    return found


def opened(office: Office, one: InsiCallRecord) -> dict[str, bytes]:
    assert one.sealed is not None
    plain = office.vault.unwrap(one.wrapped_key).open(one.sealed, call_context(one.id))
    return msgspec.msgpack.decode(plain, type=dict[str, bytes])


async def test_the_first_line_is_written_before_the_request_leaves_and_the_second_after(office: Office) -> None:
    seen: list[tuple[str, str | None, bytes | None]] = []

    async def looked() -> None:
        one = await row(office)
        seen.append((one.operation, one.outcome, one.sealed))

    office.insi.meanwhile = looked
    office.insi.people = {letters(1): national(1)}
    await ask(office)
    one = await row(office)
    assert seen == [("WS_INS2", None, None)]
    assert (one.outcome, one.local_ref, one.inquiry_id, one.purpose, one.actor, one.workstation) == (
        "00", "ref", "one", "verification", "system", None,
    )  # fmt: skip
    raw = opened(office, one)
    assert letters(1).encode() in raw["sent"]
    assert raw["received"] == answers.result(person=national(1))
    assert letters(1).encode() not in (one.sealed or b"")
    acts = await office.acts("insi.asked", "insi.answered")
    assert [(line.act, line.answer, line.detail["message_id"], line.patient_ref) for line in acts] == [
        ("insi.asked", None, one.id, "ref"),
        ("insi.answered", "00", one.id, "ref"),
    ]
    assert letters(1) not in str(acts)


@pytest.mark.parametrize(
    ("fault", "outcome", "received"),
    [
        (DOWN, "insi-unavailable", DOWN),
        (NUMBER_REFUSED, "insi-software-unknown", NUMBER_REFUSED),
        (answered(b"<html>", 502), "insi-unavailable", b"<html>"),
        (PeerUnreachable(), "insi-unreachable", b""),
        (AnswerLost(), "insi-answer-lost", b""),
        (TlsRefused(), "insi-tls-refused", b""),
    ],
)
async def test_a_call_that_fails_ends_with_its_code_and_what_came(office: Office, fault: object, outcome: str, received: bytes) -> None:
    office.insi.faults = [fault]  # type: ignore[list-item]
    with pytest.raises(FromInsi) as problem:
        await ask(office)
    one = await row(office)
    assert (one.outcome, problem.value.code, problem.value.message_id) == (outcome, outcome, one.id)
    assert opened(office, one)["received"] == received
    assert await office.store.unanswered_calls() == []


async def test_a16_a_wrong_key_keeps_the_raw_answer(office: Office) -> None:
    wrong = answers.result(person=answers.Person(answers.Number("1810363220456", "60")))
    office.insi.rule = lambda _: wrong
    with pytest.raises(FromInsi) as problem:
        await ask(office)
    one = await row(office)
    assert (problem.value.code, one.outcome) == ("insi-key-wrong", "insi-key-wrong")
    assert opened(office, one)["received"] == wrong
    assert [line.answer for line in await office.acts("insi.answered")] == ["insi-key-wrong"]
    assert "1810363220456" not in str(await office.acts("insi.asked", "insi.answered"))


async def test_a_call_that_never_left_leaves_no_line(tmp_path: Path) -> None:
    office = Office(tmp_path, insi={"open_after": 1})
    office.insi.faults = [DOWN]
    with pytest.raises(FromInsi):
        await ask(office)
    with pytest.raises(InsiPaused):
        await ask(office)
    assert len(office.insi.received) == 1
    assert len(await office.acts("insi.asked")) == len(await office.acts("insi.answered")) == 1


async def test_nothing_leaves_that_the_journal_cannot_tell(office: Office) -> None:
    office.store.left = 0
    with pytest.raises(NotAccepting):
        await ask(office)
    assert office.insi.received == []


async def test_a_call_that_nobody_waits_for_any_more_is_told_at_once(office: Office) -> None:
    """The budget of a person is over, or the caller hung up: the trail does not wait for the next start to say so."""
    asked = asyncio.Event()

    async def silent() -> None:
        asked.set()
        await asyncio.Event().wait()

    office.insi.meanwhile = silent
    waiting = asyncio.create_task(ask(office))
    await asked.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    one = await row(office)
    assert (one.outcome, await office.store.unanswered_calls()) == (INTERRUPTED, [])
    assert letters(1).encode() in opened(office, one)["sent"]
    acts = await office.acts("insi.asked", "insi.answered")
    assert [(line.act, line.answer) for line in acts] == [("insi.asked", None), ("insi.answered", INTERRUPTED)]


async def test_giving_a_call_up_is_never_kept_waiting_by_a_journal_that_takes_nothing(office: Office) -> None:
    asked = asyncio.Event()

    async def silent() -> None:
        office.store.left = 0
        asked.set()
        await asyncio.Event().wait()

    office.insi.meanwhile = silent
    waiting = asyncio.create_task(ask(office))
    await asked.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(await office.store.unanswered_calls()) == 1


async def test_a33_a_call_that_a_stop_cut_short_is_told_at_the_next_start_once(office: Office, tmp_path: Path) -> None:
    office.store.left = 1
    with pytest.raises(NotAccepting):
        await ask(office)
    office.store.left = None
    [cut] = await office.store.unanswered_calls()
    again = Office(tmp_path, before=office)
    assert await again.calls.close_interrupted() == 1
    assert await again.calls.close_interrupted() == 0
    after = await again.store.call(cut.id)
    assert after is not None
    assert (after.outcome, after.sealed) == (INTERRUPTED, None)
    assert [(one.act, one.answer) for one in await again.acts("insi.asked", "insi.answered")] == [
        ("insi.asked", None),
        ("insi.answered", INTERRUPTED),
    ]
