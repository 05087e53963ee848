"""Makes the flashable image of the panel from the linked program: checksum of the boot block, serial number, UF2 container.

Run by `board/Makefile` with the interpreter of the machine: standard library alone. Sources: RP2040 datasheet 2.8.1.3.1 (boot block:
252 bytes and their CRC-32/MPEG-2), the UF2 format (512-byte blocks, family e48bff56 for the RP2040).
"""

from __future__ import annotations

import argparse
import struct
import sys
from pathlib import Path

FLASH = 0x10000000
BOOT_BLOCK = 256
SERIAL_AT = 0x1C0
SERIAL_LENGTH = 12

_UF2_FIRST, _UF2_SECOND, _UF2_LAST = 0x0A324655, 0x9E5D5157, 0x0AB16F30
_UF2_FAMILY_PRESENT = 0x2000
_UF2_RP2040 = 0xE48BFF56
_UF2_PAYLOAD = 256


class ImageRefused(Exception):
    """The program cannot be made an image; the message says why."""


def crc32_mpeg2(content: bytes) -> int:
    """CRC-32/MPEG-2: polynomial 04c11db7, from ffffffff, nothing reflected; 0376e6e7 for `123456789`."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


def with_boot_checksum(program: bytes) -> bytes:
    """The program with the CRC of its boot block in place, low byte first, as the boot ROM wants it."""
    if len(program) <= BOOT_BLOCK or any(program[BOOT_BLOCK - 4 : BOOT_BLOCK]):
        raise ImageRefused("the first 256 bytes are not a boot block of 252 bytes or less")
    code = program[: BOOT_BLOCK - 4]
    return code + struct.pack("<I", crc32_mpeg2(code)) + program[BOOT_BLOCK:]


def with_serial(program: bytes, serial: str) -> bytes:
    """The program with its serial number: printable ASCII, 12 characters at most, padded with spaces."""
    if not 0 < len(serial) <= SERIAL_LENGTH or not serial.isascii() or not serial.isprintable():
        raise ImageRefused(f"a serial number has 1 to {SERIAL_LENGTH} printable ASCII characters")
    place = slice(SERIAL_AT, SERIAL_AT + SERIAL_LENGTH)
    if program[place] != b" " * SERIAL_LENGTH:
        raise ImageRefused("the place of the serial number is not where it should be")
    return program[: place.start] + serial.ljust(SERIAL_LENGTH).encode() + program[place.stop :]


def uf2(program: bytes) -> bytes:
    """The program as UF2 blocks of 256 bytes from the start of the flash, the last one filled with ff."""
    total = -(-len(program) // _UF2_PAYLOAD)
    blocks = []
    for number in range(total):
        part = program[number * _UF2_PAYLOAD : (number + 1) * _UF2_PAYLOAD].ljust(_UF2_PAYLOAD, b"\xff")
        head = (_UF2_FIRST, _UF2_SECOND, _UF2_FAMILY_PRESENT, FLASH + number * _UF2_PAYLOAD, _UF2_PAYLOAD, number, total, _UF2_RP2040)
        blocks.append(struct.pack("<8I", *head) + part.ljust(476, b"\0") + struct.pack("<I", _UF2_LAST))
    return b"".join(blocks)


def main(arguments: list[str] | None = None) -> int:
    """`image.py PROGRAM.bin IMAGE.uf2 [--serial TEXT]`; 1 when the program is refused."""
    parser = argparse.ArgumentParser(description="Makes the UF2 image of the panel.")
    parser.add_argument("program", type=Path)
    parser.add_argument("image", type=Path)
    parser.add_argument("--serial")
    asked = parser.parse_args(arguments)
    try:
        program = with_boot_checksum(asked.program.read_bytes())
        if asked.serial is not None:
            program = with_serial(program, asked.serial)
    except ImageRefused as refused:
        sys.stderr.write(f"{asked.program}: {refused}\n")
        return 1
    asked.image.write_bytes(uf2(program))
    sys.stdout.write(f"{asked.image}: {len(program)} bytes of flash\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
