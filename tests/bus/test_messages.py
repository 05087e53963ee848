"""Nothing but words of a list, bounded numbers, instants and opaque identifiers can be published: by the types, and whatever is put in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from firmware.protocol import CardKind, Generation
from gateway.bus.messages import CardMessage, MessageRefused, StateMessage, Waiting, card_message, encode, state_message
from gateway.flow.cards.reader_notices import ReaderNotices, ReaderNoticeType
from gateway.flow.condition import Backlog, Condition, Standing
from gateway.kernel.clock import FrozenClock
from gateway.model.delivery import Channel

NOW = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
NIR, NAME = "279035121518989", "PAT-TROIS"
WORDS = {str(one) for kind in (ReaderNoticeType, CardKind, Generation, Condition, Channel) for one in kind}
ALLOWED = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes() | st.just(NIR) | st.just(NAME) | st.just(int(NIR)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just(NAME), inner, max_size=3),
    max_leaves=5,
)


def leaves(kind: inspect.Type) -> Iterator[inspect.Type]:
    """Every type a value of this type is made of in the end, keys of maps included."""
    match kind:
        case inspect.StructType(fields=fields, forbid_unknown_fields=closed):
            assert closed, kind.cls
            for named in fields:
                yield from leaves(named.type)
        case inspect.UnionType(types=types):
            for one in types:
                yield from leaves(one)
        case inspect.DictType(key_type=key, value_type=value):
            yield from leaves(key)
            yield from leaves(value)
        case _:
            yield kind


@pytest.mark.parametrize("message", [CardMessage, StateMessage])
def test_the_schema_has_no_room_for_text(message: type[msgspec.Struct]) -> None:
    found = list(leaves(inspect.type_info(message)))
    assert found
    for one in found:
        match one:
            case inspect.EnumType() | inspect.NoneType():
                continue
            case inspect.IntType(ge=0, le=int(most)):
                assert len(str(most)) < 13, "as long as the number of a person"
            case inspect.DateTimeType(tz=True):
                continue
            case inspect.StrType(pattern=str(pattern)):
                assert not re.search(pattern, NIR)
                assert not re.search(pattern, NAME)
                assert pattern.endswith(r"(?![\s\S])")
            case _:
                pytest.fail(f"{message.__name__} lets {one} pass")


def check_published(encoded: bytes) -> None:
    def walk(node: Any) -> None:
        match node:
            case dict():
                for name, value in node.items():
                    assert name in WORDS | {*CardMessage.__struct_fields__, *StateMessage.__struct_fields__, *Waiting.__struct_fields__}
                    walk(value)
            case str():
                assert node in WORDS or ALLOWED.fullmatch(node), node
            case bool() | float() | list():
                pytest.fail(f"{node!r} was published")
            case int():
                assert 0 <= node < 10**12
            case None:
                pass

    walk(json.loads(encoded))


@given(st.fixed_dictionaries(dict.fromkeys(CardMessage.__struct_fields__, anything)))
def test_whatever_is_put_in_an_event_no_text_comes_out(values: dict[str, Any]) -> None:
    right = {"seq": 1, "ts": NOW, "type": ReaderNoticeType.CARD_IN, "kind": CardKind.CPX, "generation": None, "insertion_id": "0f" * 16}
    for name, value in values.items():
        try:
            encoded = encode(CardMessage(**{**right, name: value}))
        except MessageRefused:
            continue
        check_published(encoded)


@given(st.fixed_dictionaries(dict.fromkeys(StateMessage.__struct_fields__, anything)), anything)
def test_whatever_is_put_in_a_state_no_text_comes_out(values: dict[str, Any], count: Any) -> None:
    waiting = Waiting(held=0, queued=1, running=0, unknown=0)
    right = {"ts": NOW, "state": Condition.READY, "channels": {Channel.DMP: waiting}, "dropped": 0}
    tampered = {Channel.DMP: Waiting(held=count, queued=1, running=0, unknown=0)}
    for name, value in (*values.items(), ("channels", tampered)):
        try:
            encoded = encode(StateMessage(**{**right, name: value}))
        except MessageRefused:
            continue
        check_published(encoded)


def test_a_message_with_more_fields_is_no_message() -> None:
    class Longer(CardMessage, frozen=True, kw_only=True):
        name: str

    longer = Longer(seq=1, ts=NOW, type=ReaderNoticeType.CARD_IN, kind=None, generation=None, insertion_id=None, name=NAME)
    with pytest.raises(MessageRefused):
        encode(longer)


def test_a_refusal_repeats_nothing_of_what_it_refuses() -> None:
    with pytest.raises(MessageRefused) as refusal:
        encode(CardMessage(seq=1, ts=NOW, type=NAME, kind=None, generation=None, insertion_id=NIR))  # type: ignore[arg-type]
    assert str(refusal.value) == "CardMessage"


def test_an_event_says_exactly_what_cards_md_names() -> None:
    notice = ReaderNotices(FrozenClock(NOW)).publish(
        ReaderNoticeType.CARD_IN, "reader-00c0ffee", kind=CardKind.CPX, generation=Generation.CPS4, insertion_id="0f" * 16
    )
    assert json.loads(encode(card_message(notice))) == {
        "seq": notice.seq,
        "ts": "2026-11-30T08:00:00Z",
        "type": "card_in",
        "kind": "cpx",
        "generation": "cps4",
        "insertion_id": "0f" * 16,
    }


def test_a_state_says_a_word_and_counts() -> None:
    standing = Standing(
        condition=Condition.BUSY, backlogs=(Backlog(channel=Channel.DMP, queued=3), Backlog(channel=Channel.MSS, held=10**9))
    )
    assert json.loads(encode(state_message(standing, NOW, 7))) == {
        "ts": "2026-11-30T08:00:00Z",
        "state": "busy",
        "channels": {
            "dmp": {"held": 0, "queued": 3, "running": 0, "unknown": 0},
            "mss": {"held": 9_999_999, "queued": 0, "running": 0, "unknown": 0},
        },
        "dropped": 7,
    }
