"""The image that is flashed: boot block, UF2 container, serial number; judged by other arithmetic and by where the linker put things."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from firmware.panel.image import ImageRefused, crc32_mpeg2, main, uf2, with_boot_checksum, with_serial
from tests.firmware.panel.builds import BOARD, image, symbols

REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def judged_crc(content: bytes) -> int:
    """CRC-32/MPEG-2 by the CRC-32 of zlib: its mirror, without the last complement."""
    mirrored = zlib.crc32(content.translate(REVERSED)) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def flashed(content: bytes) -> bytes:
    """The bytes a UF2 file writes from the start of the flash, read by the published layout."""
    written = bytearray()
    for at in range(0, len(content), 512):
        first, second, flags, address, size, number, total, family = struct.unpack_from("<8I", content, at)
        assert (first, second, struct.unpack_from("<I", content, at + 508)) == (0x0A324655, 0x9E5D5157, (0x0AB16F30,))
        assert (flags, family, size) == (0x2000, 0xE48BFF56, 256)
        assert (address, number, total * 512) == (0x10000000 + len(written), at // 512, len(content))
        written += content[at + 32 : at + 32 + size]
    return bytes(written)


def test_the_checksum_is_the_published_one() -> None:
    assert crc32_mpeg2(b"123456789") == judged_crc(b"123456789") == 0x0376E6E7


def test_the_boot_block_is_what_the_boot_rom_wants(uf2: Path) -> None:
    flash = flashed(uf2.read_bytes())
    assert struct.unpack_from("<I", flash, 252)[0] == judged_crc(flash[:252])
    assert any(flash[:100])


def test_vectors_point_into_the_program(uf2: Path) -> None:
    flash, at = flashed(uf2.read_bytes()), symbols(uf2.with_name("panel.elf"))
    stack, start, *exceptions = struct.unpack_from("<16I", flash, 256)
    assert stack == at["image_stack_top"] == 0x20040000
    assert start == at["start_here"] + 1
    assert set(exceptions) == {at["stopped"] + 1}
    assert struct.unpack_from("<I", flash, 256 + 64)[0] == at["board_on_wake_up"] + 1
    assert at["panel_serial"] == 0x100001C0


def test_the_serial_number_is_where_the_program_reads_it(uf2: Path, tmp_path: Path) -> None:
    assert flashed(uf2.read_bytes())[0x1C0:0x1CC] == b"RELAIS-00042"
    assert flashed(image(tmp_path / "none").read_bytes())[0x1C0:0x1CC] == b" " * 12


def test_the_same_sources_make_the_same_image(uf2: Path, tmp_path: Path) -> None:
    assert image(tmp_path / "again", "RELAIS-00042").read_bytes() == uf2.read_bytes()


def test_registers_are_known_in_one_file_only() -> None:
    for source in [*(BOARD / "src").glob("*.c"), *(BOARD / "include").glob("*.h")]:
        if source.name != "board.c":
            text = source.read_text("utf-8")
            assert "volatile" not in text, source.name
            assert "0x40" not in text, source.name


@pytest.mark.parametrize("program", [b"", bytes(256), b"\x01" * 300])
def test_what_has_no_boot_block_is_refused(program: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ImageRefused):
        with_boot_checksum(program)
    (tmp_path / "program").write_bytes(program)
    assert main([str(tmp_path / "program"), str(tmp_path / "image")]) == 1
    assert "boot block" in capsys.readouterr().err
    assert not (tmp_path / "image").exists()


@pytest.mark.parametrize("serial", ["", "THIRTEEN-CHAR", "ACCENTUÉ", "TAB\t"])
def test_a_serial_number_that_does_not_fit_is_refused(serial: str) -> None:
    with pytest.raises(ImageRefused):
        with_serial(b" " * 600, serial)


def test_a_serial_number_is_never_written_over_the_program() -> None:
    with pytest.raises(ImageRefused):
        with_serial(b"\x01" * 600, "SERIAL")


def test_the_last_block_is_filled() -> None:
    assert flashed(uf2(b"\x01" * 300)) == b"\x01" * 300 + b"\xff" * 212
