"""The frames of the serial line: C judged under sanitizers, Python and C against each other, both against codecs that are not ours."""

from __future__ import annotations

import binascii
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firmware.panel.frame import Frame, Reader, crc16, decode, encode, stuffed, unstuffed
from tests.firmware.panel.builds import EMULATOR, HOST, compiled, node, run
from tests.firmware.panel.logic import Logic

BYTE = st.integers(0, 255)
CONTENT = st.binary(max_size=700) | st.lists(st.sampled_from([0, 1, 255]), max_size=700).map(bytes)
FRAME = st.builds(Frame, type=BYTE, sequence=BYTE, protocol=BYTE, payload=st.binary(max_size=32))
PUBLISHED = [
    # The examples everybody gives for COBS (Cheshire and Baker; the encyclopedias).
    ("00", "0101"),
    ("0000", "010101"),
    ("001100", "01021101"),
    ("11220033", "0311220233"),
    ("11223344", "0511223344"),
    ("11000000", "0211010101"),
    (bytes(range(1, 255)).hex(), "ff" + bytes(range(1, 255)).hex()),
    (bytes(range(255)).hex(), "01ff" + bytes(range(1, 255)).hex()),
    (bytes(range(1, 256)).hex(), "ff" + bytes(range(1, 255)).hex() + "02ff"),
    (bytes([*range(2, 256), 0]).hex(), "ff" + bytes(range(2, 256)).hex() + "0101"),
    (bytes([*range(3, 256), 0, 1]).hex(), "fe" + bytes(range(3, 256)).hex() + "0201"),
]


def test_the_c_code_stands_rubbish_under_sanitizers(tmp_path: Path) -> None:
    sanitized = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
    program = compiled(tmp_path / "fuzz", HOST / "fuzz.c", options=sanitized)
    for seed in ("1", "2", "3"):
        assert run(program, seed, "4000") == "4000 rounds\n"


def test_the_sanitizers_would_see_one_byte_too_far(tmp_path: Path) -> None:
    source = tmp_path / "far.c"
    source.write_text(
        '#include "frame.h"\n#include <stdlib.h>\n'
        "int main(void) { uint8_t *one = malloc(1); one[0] = 1; return (int)cobs_encode(one, 1, one, 2); }\n",
        "utf-8",
    )
    program = compiled(tmp_path / "far", source, options=("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"))
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr


@pytest.mark.parametrize(("plain", "wire"), PUBLISHED)
def test_published_examples(logic: Logic, plain: str, wire: str) -> None:
    content = bytes.fromhex(plain)
    assert stuffed(content).hex() == logic.stuffed(content).hex() == wire
    assert unstuffed(bytes.fromhex(wire)) == logic.unstuffed(bytes.fromhex(wire)) == content


def test_the_checksum_is_the_published_one(logic: Logic) -> None:
    assert crc16(b"123456789") == logic.crc16(b"123456789") == 0x29B1


@given(CONTENT)
@example(b"")
@example(bytes(254))
@example(b"\x01" * 254)
@example(b"\x01" * 254 + b"\0")
@example(b"\x01" * 508)
def test_both_stuff_alike(logic: Logic, content: bytes) -> None:
    wire = logic.stuffed(content)
    assert stuffed(content) == wire
    assert 0 not in wire
    assert len(wire) <= len(content) + len(content) // 254 + 1
    assert unstuffed(wire) == logic.unstuffed(wire) == content
    assert crc16(content) == logic.crc16(content) == binascii.crc_hqx(content, 0xFFFF)


@given(CONTENT)
def test_both_refuse_alike(logic: Logic, content: bytes) -> None:
    assert unstuffed(content) == logic.unstuffed(content)


@given(FRAME)
def test_both_write_the_same_frame_and_read_it_back(logic: Logic, frame: Frame) -> None:
    wire = encode(frame)
    assert logic.encode(frame) == wire
    assert len(wire) <= 40
    assert wire.index(0) == len(wire) - 1
    assert decode(wire[:-1]) == frame
    assert logic.read(wire) == [frame]


@given(st.lists(FRAME.map(encode) | st.binary(max_size=60).map(lambda noise: noise + b"\0"), max_size=12), st.data())
def test_both_read_the_same_from_a_damaged_line(logic: Logic, parts: list[bytes], data: st.DataObject) -> None:
    line = bytearray(b"".join(parts))
    for _ in range(data.draw(st.integers(0, 6)) if line else 0):
        at = data.draw(st.integers(0, len(line) - 1))
        if data.draw(st.booleans()):
            line[at] ^= 1 << data.draw(st.integers(0, 7))
        elif len(line) > 1:
            del line[at]
    cut = data.draw(st.integers(0, len(line)))
    reader = Reader()
    assert reader.feed(bytes(line[:cut])) + reader.feed(bytes(line[cut:])) == logic.read(bytes(line))


@given(FRAME, st.data())
def test_a_flipped_bit_is_never_believed(logic: Logic, frame: Frame, data: st.DataObject) -> None:
    raw = bytearray(unstuffed(encode(frame)[:-1]) or b"")
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    wire = stuffed(bytes(raw)) + b"\0"
    assert Reader().feed(wire) == logic.read(wire) == []


@pytest.mark.conformity
def test_another_program_stuffs_as_we_do() -> None:
    contents = [bytes.fromhex(plain) for plain, _ in PUBLISHED] + [bytes([n % 7 for n in range(size)]) for size in range(1, 250)]
    asked = "".join(content.hex() + "\n" for content in contents)
    done = subprocess.run([node(), EMULATOR / "cobs.mjs"], input=asked, capture_output=True, text=True, check=True, timeout=60)
    answers = [line.split(" ") for line in done.stdout.splitlines()]
    assert len(answers) == len(contents)
    for content, (wire, back) in zip(contents, answers, strict=True):
        assert bytes.fromhex(back) == content
        assert unstuffed(bytes.fromhex(wire)) == content
        if len(content) < 254:
            assert stuffed(content).hex() == wire
