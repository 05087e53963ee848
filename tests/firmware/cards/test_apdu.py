"""What the carrier leaves to its caller: 61xx, 6Cxx, links; against our virtual card and against cards that never end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.cards.apdu import END_OF_FILE, Command, Response, Transmit, exchange, read_binary, select_application, select_file
from firmware.errors import CardFault
from tests.rig.cards.virtual import VirtualCard

AID = bytes.fromhex("A000000001")


class Scripted:
    """Answers in turn, and keeps what it was sent."""

    def __init__(self, *answers: str) -> None:
        self.answers = [bytes.fromhex(answer) for answer in answers]
        self.sent: list[str] = []

    def __call__(self, command: bytes) -> bytes:
        self.sent.append(command.hex())
        return self.answers.pop(0)


def carrier(card: VirtualCard) -> Transmit:
    def transmit(command: bytes) -> bytes:
        answer = card.transmit(command)
        assert answer is not None
        return answer

    return transmit


def test_a_waiting_answer_is_fetched_whole() -> None:
    line = Scripted("6104", "01026102", "03049000")
    assert exchange(line, Command(ins=0x88, data=b"\x01", expected=256)) == Response(data=b"\x01\x02\x03\x04", status=0x9000)
    assert line.sent == ["008800000101", "00c0000004", "00c0000002"]


def test_a_wrong_length_is_asked_again_once() -> None:
    line = Scripted("6c03", "0102039000")
    assert exchange(line, read_binary(0, 256)) == Response(data=b"\x01\x02\x03", status=0x9000)
    assert line.sent == ["00b0000000", "00b0000003"]
    assert exchange(Scripted("6c03", "6c02"), read_binary(0, 256)).status == 0x6C02


def test_long_data_go_in_links_that_stop_at_the_first_refusal() -> None:
    line = Scripted("9000", "9000", "029000")
    assert exchange(line, Command(ins=0x2A, p1=0x80, p2=0x86, data=bytes(600), expected=256)).data == b"\x02"
    assert [sent[:10] for sent in line.sent] == ["102a8086ff", "102a8086ff", "002a80865a"]
    refused = Scripted("6982")
    assert exchange(refused, Command(ins=0x2A, data=bytes(300))).status == 0x6982
    assert len(refused.sent) == 1


def test_the_expected_length_follows_data_with_t1_only() -> None:
    for protocol, sent in ((0, "0088000001ff"), (1, "0088000001ff00")):
        line = Scripted("9000")
        exchange(line, Command(ins=0x88, data=b"\xff", expected=256), protocol=protocol)
        assert line.sent == [sent]


@pytest.mark.parametrize(("status", "left"), [(0x63C2, 2), (0x63C0, 0), (0x6983, 0), (0x9000, None), (0x6300, None)])
def test_tries_left(status: int, left: int | None) -> None:
    assert Response(status=status).tries_left == left


@pytest.mark.parametrize("answers", [("90",), ("",), ("61ff", *["0061ff"] * 512)], ids=["one byte", "nothing", "endless"])
def test_senseless_answers_are_a_fault_of_the_card(answers: tuple[str, ...]) -> None:
    with pytest.raises(CardFault):
        exchange(Scripted(*answers), Command(ins=0xCA, expected=256))


def test_an_answer_is_kept_to_64_kilobytes() -> None:
    line = Scripted("61ff", *["00" * 255 + "61ff"] * 300)
    with pytest.raises(CardFault):
        exchange(line, Command(ins=0xCA, expected=256))
    assert len(line.sent) == 1 + 65_536 // 255 + 1


def test_a_refusal_is_told_by_its_status_alone() -> None:
    with pytest.raises(CardFault, match=r"status 6A82$"):
        Response(data=b"secret", status=0x6A82).expect()
    assert "secret" not in repr(Response(data=b"secret", status=0x9000))
    assert "1234" not in repr(Command(ins=0x20, data=b"1234"))


@given(content=st.binary(min_size=1, max_size=1500), block=st.integers(1, 256))
def test_a_file_is_read_the_same_in_blocks_of_any_size(content: bytes, block: int) -> None:
    transmit = carrier(VirtualCard(b"", {AID: {0x2001: content}}))
    assert exchange(transmit, select_application(AID)).done
    assert exchange(transmit, select_file(0x2001)).done
    read = b""
    while len(read) < len(content):
        read += exchange(transmit, read_binary(len(read), block)).expect(END_OF_FILE)
    assert read == content
