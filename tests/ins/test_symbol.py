"""The drawn symbol, judged by a decoder that did not write it: dmtxread of Debian (libdmtx)."""

from __future__ import annotations

import io
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PIL import Image

from gateway.ins import datamatrix, symbol
from gateway.ins.datamatrix import GS, HEADER
from gateway.ins.symbol import SymbolTooLong
from tests.ins.test_datamatrix import VECTOR, someone
from tests.tools import need_tool

LATCH_TO_C40 = 230
_SVG = "{http://www.w3.org/2000/svg}"


def decoded(picture: bytes, folder: Path) -> tuple[bytes, list[int]]:
    """What dmtxread reads of a picture, and the data codewords it found."""
    tool, path = need_tool("dmtxread"), folder / "symbol.png"
    path.write_bytes(picture)
    text = subprocess.run([tool, "-N1", "-q10", path], capture_output=True, check=True).stdout
    words = subprocess.run([tool, "-N1", "-c", path], capture_output=True, check=True, text=True).stdout
    return text, [int(one) for one in re.findall(r"d:([0-9]+)", words)]


def unpacked(words: list[int]) -> str:
    """Characters of the basic set of C40 in these codewords (ISO/IEC 16022, 5.2.5)."""
    values = [(one * 256 + two - 1) for one, two in zip(words[::2], words[1::2], strict=True)]
    numbers = [number for value in values for number in (value // 1600, value // 40 % 40, value % 40)]
    return "".join(" 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number - 3] for number in numbers if number >= 3)


@pytest.mark.conformity
def test_a28_another_decoder_reads_the_symbol_of_the_vector(tmp_path: Path) -> None:
    text, _ = decoded(symbol.png(VECTOR), tmp_path)
    assert text == VECTOR.encode()


@pytest.mark.conformity
def test_the_header_is_encoded_in_c40(tmp_path: Path) -> None:
    _, words = decoded(symbol.png(VECTOR), tmp_path)
    assert words[0] == LATCH_TO_C40
    assert unpacked(words[1:19]) == f"{HEADER}S"


@pytest.mark.conformity
@pytest.mark.parametrize("length", [1, 2, 3, 5, 8, 20, 40, 41, 42, 60, 77, 99, 100])
def test_another_decoder_reads_symbols_of_every_size(length: int, tmp_path: Path) -> None:
    family = ("O'NEIL-" * 20)[: length - 1] + "X"
    given = ("ZOE-" * 40)[: length - 1] + "Y"
    text = datamatrix.write(
        someone(birth_family_name=family, birth_given_names=given, first_birth_given_name=given), environment="production"
    )
    read, _ = decoded(symbol.png(text), tmp_path)
    assert read == text.encode()


def test_the_picture_is_square_with_its_quiet_zone() -> None:
    picture = Image.open(io.BytesIO(symbol.png(VECTOR)))
    width, height = picture.size
    assert width == height
    edge = 8 * symbol.QUIET
    assert edge >= 8
    inner = picture.crop((edge, edge, width - edge, height - edge))
    assert Image.new("1", picture.size, 1).getbbox() is not None
    assert not any(picture.getpixel((x, y)) == 0 for x in range(width) for y in (*range(edge), *range(height - edge, height)))
    assert all(inner.getpixel((0, y)) == 0 for y in range(inner.height)), "the left side of the finder pattern is whole"
    assert all(inner.getpixel((x, inner.height - 1)) == 0 for x in range(inner.width)), "and so is its foot"


def test_the_drawing_has_a_french_title_one_black_path_and_no_script() -> None:
    root = ET.fromstring(symbol.svg(VECTOR))
    assert [one.tag.removeprefix(_SVG) for one in root] == ["title", "path", "path"]
    assert root[0].text == "INS à scanner"
    black = [one for one in root.iter(f"{_SVG}path") if one.get("fill") == "#000"]
    assert len(black) == 1
    assert "script" not in symbol.svg(VECTOR)
    assert "GARCIA" not in symbol.svg(VECTOR)


def test_the_drawing_and_the_picture_show_the_same_modules() -> None:
    root = ET.fromstring(symbol.svg(VECTOR))
    side = int(root.attrib["viewBox"].split()[2])
    drawn = Image.new("1", (side, side), 1)
    path = next(one.attrib["d"] for one in root.iter(f"{_SVG}path") if one.get("fill") == "#000")
    runs = re.findall(r"M(\d+) (\d+)h(\d+)v1H\1z", path)
    for x, y, length in runs:
        for step in range(int(length)):
            drawn.putpixel((int(x) + step, int(y)), 0)
    picture = Image.open(io.BytesIO(symbol.png(VECTOR)))
    assert picture.resize((side, side), Image.Resampling.NEAREST).tobytes() == drawn.tobytes()
    assert re.fullmatch(r"(?:M\d+ \d+h\d+v1H\d+z)+", path)


@pytest.mark.parametrize("text", ["É" + GS, "A" * 4000])
def test_a_text_that_no_symbol_holds_is_refused(text: str) -> None:
    with pytest.raises(SymbolTooLong):
        symbol.png(text)
