"""Cards that sign, behind the ATR of a CPS3: PKCS#15 files with the labels of cards.md 1.5, two RSA keys, one PIN of three tries.

`SigningCard` is the simplest application that OpenSC drives ("isoApplet"), forced by `opensc_conf`; its driver never asks for the counter.
`IasCard` answers as OpenSC expects of a CPS3, so that nothing is forced: counter, ready digests with the authentication key. Neither is a
CPS. They count what they were asked, so that tests can judge: `verifies`, `signatures`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from typing_extensions import override

from firmware.protocol import KeyUse
from tests.rig.cards.holder import holder
from tests.rig.cards.virtual import CPS3_AID, CPS3_ATR, NOT_ALLOWED, NOT_FOUND, OK, VirtualCard

PIN = b"1234"
AID = bytes.fromhex("f276a288bcfba69d34f31001")
AUTH_REFERENCE, SIGN_REFERENCE = 0x02, 0x01
TRIES = 3
_PIN_REFERENCE = 0x01
_VERIFY, _MANAGE, _PERFORM, _AUTHENTICATE, _GET_DATA = 0x20, 0x22, 0x2A, 0x88, 0xCB
_OBJECTS, _TOKEN, _PINS, _KEYS, _CERTIFICATES, _DATA = 0x5031, 0x5032, 0x4401, 0x4402, 0x4403, 0x4404
_FIRST_CERTIFICATE, _FIRST_DATA = 0xA001, 0xB001
_FOLDERS = (0x3F00, 0x5015, 0x0001)


class KeyPair:
    """A key of the card with its certificate (DER)."""

    def __init__(self, label: str, reference: int, key: RSAPrivateKey, certificate: bytes, *, asks_each_time: bool = False) -> None:
        self.label, self.reference, self.key, self.certificate = label, reference, key, certificate
        self.asks_each_time = asks_each_time


class SigningCard(VirtualCard):
    """`free` and `protected`: data objects by label."""

    aid = AID
    access = b""
    """What the description of a file says of the rights to it."""

    def __init__(self, serial: bytes, pairs: list[KeyPair], free: Mapping[str, bytes], protected: Mapping[str, bytes]) -> None:
        self._pairs = {one.reference: one for one in pairs}
        self._files, self._locked = _pkcs15(serial, pairs, free, protected)
        self.pin, self.tries = PIN, TRIES
        self.verifies = self.signatures = 0
        self._verified = False
        self._key: RSAPrivateKey | None = None
        super().__init__(CPS3_ATR)

    @override
    def reset(self) -> None:
        super().reset()
        self._verified, self._key, self._selected = False, None, False

    @property
    def unlocked(self) -> bool:
        """A PIN was given, and no reset came since."""
        return self._verified

    @override
    def command(self, apdu: bytes, data: bytes) -> bytes:
        if not self._selected:
            return NOT_ALLOWED
        if apdu[1] == _VERIFY:
            return self._verify(apdu, data)
        if apdu[1] == _MANAGE:
            return self._choose(data)
        if apdu[1] == _PERFORM and apdu[2:4] == b"\x9e\x9a":
            return self._sign(data)
        return b"\x6d\x00"

    def _verify(self, apdu: bytes, data: bytes) -> bytes:
        if apdu[3] != _PIN_REFERENCE:
            return b"\x6a\x88"
        if not data:
            return OK if self._verified else self._left()
        self.verifies += 1
        if self.tries == 0:
            return self._left()
        if data.rstrip(b"\xff") != self.pin:
            self.tries, self._verified = self.tries - 1, False
            return self._left()
        self.tries, self._verified = TRIES, True
        return OK

    def _left(self) -> bytes:
        return b"\x69\x83" if self.tries == 0 else bytes([0x63, 0xC0 | self.tries])

    def _choose(self, data: bytes) -> bytes:
        reference = data[data.index(b"\x84\x01") + 2] & 0x7F if b"\x84\x01" in data else 0
        self._key = self._pairs[reference].key if reference in self._pairs else None
        return OK if self._key is not None else b"\x6a\x88"

    def _sign(self, info: bytes) -> bytes:
        """RSA over the DigestInfo given, padded by PKCS#1 v1.5 on the card."""
        if not self._verified or self._key is None:
            return NOT_ALLOWED
        self.signatures += 1
        numbers, size = self._key.private_numbers(), self._key.key_size // 8
        block = b"\x00\x01" + b"\xff" * (size - 3 - len(info)) + b"\x00" + info
        return self.park(pow(int.from_bytes(block), numbers.d, numbers.public_numbers.n).to_bytes(size))

    @override
    def _select(self, apdu: bytes, data: bytes) -> bytes:
        self.file, self._secret = None, False
        if apdu[2] == 0x04:
            self._selected = bool(data) and self.aid.startswith(data)
            return OK if self._selected else NOT_FOUND
        number = int.from_bytes(data[-2:])
        if not self._selected or (number not in self._files and number not in _FOLDERS):
            return NOT_FOUND
        if number in self._files:
            self.file, self._secret = self._files[number], number in self._locked and not self._verified
        size = len(self.file) if self.file is not None else 0
        kind = b"\x82\x01\x01" if self.file is not None else b"\x82\x01\x38"
        about = b"\x80\x02" + struct.pack(">H", size) + kind + b"\x83\x02" + struct.pack(">H", number) + b"\x8a\x01\x05"
        about += self.access
        return OK if apdu[3] & 0x0C == 0x0C else self.park(b"\x6f" + bytes([len(about)]) + about)


class IasCard(SigningCard):
    """As OpenSC expects of a CPS3 (driver "iasecc"): EF.ATR, serial number, security data objects of PIN and keys."""

    aid = CPS3_AID
    access = b"\x8c\x02\x01\x00"

    def __init__(self, serial: bytes, pairs: list[KeyPair], free: Mapping[str, bytes], protected: Mapping[str, bytes]) -> None:
        super().__init__(serial, pairs, free, protected)
        sizes = bytes.fromhex("020200ff020200ff020200e7020200e7")
        self._files[0x2F01] = _der(0x43, b"\xb8") + _der(0x46, bytes(4)) + _der(0xE0, sizes) + _der(0x4F, self.aid) + _der(0x82, OK)
        self._files[0xD003] = _der(0x5A, serial)

    @override
    def reset(self) -> None:
        super().reset()
        self._selected = True  # the master file

    @override
    def command(self, apdu: bytes, data: bytes) -> bytes:
        if apdu[1] == _GET_DATA:
            return self._object(data)
        if apdu[1] == _MANAGE and apdu[3] == 0xAA:
            return OK
        if apdu[1] == _AUTHENTICATE:
            return self._sign(data)
        return super().command(apdu, data)

    @override
    def _read(self, apdu: bytes) -> bytes:
        if apdu[2] & 0x80:  # by short identifier: the only one asked for is the serial number's
            self.file, self._secret = self._files[0xD003], False
            apdu = apdu[:2] + b"\0" + apdu[3:]
        return super()._read(apdu)

    def _object(self, data: bytes) -> bytes:
        """GET DATA of `4D { 70 { BF class reference { tag } } }`: the control parameters (A0), or for a PIN its lengths (7F41)."""
        kind, reference = data[5] & 0x7F, data[6] & 0x1F
        if kind == _SDO_PIN:
            tries = _der(0x9A, bytes([TRIES])) + _der(0x9B, bytes([self.tries]))
            inner = _der(0xA0, _rights(*[0] * 7) + tries) if data[8] == 0xA0 else b"\x7f\x41\x06\x80\x01\x08\x81\x01\x04"
        elif kind == _SDO_KEY and reference in self._pairs and data[8] == 0xA0:
            rights = (0x00, 0xFF) if reference == SIGN_REFERENCE else (0xFF, 0x00)
            inner = _der(0xA0, _rights(*rights, *[0xFF] * 5) + _der(0x80, b"\x01\x00"))
        else:
            return b"\x6a\x86"
        return self.park(bytes([0xBF, data[5], data[6], len(inner)]) + inner)


FREE = {"CPS_ID_CARD": b"\x80\x01\x01", "CPS_NAME_PS": b"\x80\x05ESSAI", "CPS_INFO_PS": b"\x80\x04SM26"}
PROTECTED = {"CPS_ACTIVITY_01_PS": b"\xee\x06\x84\x04SA07", "CPS_SIT_FACT": b"\xee\x02\x84\x00"}


def pairs(*, asks_each_time: bool = False) -> list[KeyPair]:
    """The two pairs of the invented holder."""
    auth, sign = holder(KeyUse.AUTH), holder(KeyUse.SIGN)
    return [
        KeyPair("CPS_PRIV_AUT", AUTH_REFERENCE, auth.key, auth.certificate),
        KeyPair("CPS_PRIV_SIG", SIGN_REFERENCE, sign.key, sign.certificate, asks_each_time=asks_each_time),
    ]


def opensc_conf(folder: Path) -> Path:
    """The product's settings of OpenSC, and the one that hands the ATR of a CPS3 to the driver of this card."""
    ours = (Path(__file__).resolve().parents[3] / "firmware" / "cards" / "opensc.conf").read_text()
    forced = f'card_atr {CPS3_ATR.hex(":")} {{\n\t\tdriver = "isoApplet";\n\t}}\n'
    path = folder / "opensc.conf"
    path.write_text(ours.replace("app default {\n", f"app default {{\n\t{forced}", 1))
    return path


_SDO_PIN, _SDO_KEY = 0x01, 0x10


def _rights(*each: int) -> bytes:
    """Access rules of a security data object, for the contact interface: one byte for each of seven commands."""
    return _der(0xA1, _der(0x8C, b"\x7f" + bytes(each)))


# PKCS#15 v1.1, in DER


def _pkcs15(
    serial: bytes, pairs: list[KeyPair], free: Mapping[str, bytes], protected: Mapping[str, bytes]
) -> tuple[dict[int, bytes], set[int]]:
    files = {_OBJECTS: b"".join(_der(0xA0 | tag, _path(file)) for tag, file in ((0, _KEYS), (4, _CERTIFICATES), (7, _DATA), (8, _PINS)))}
    files[_TOKEN] = _der(
        0x30, _der(2, b"\0"), _der(4, serial), _der(12, b"Relais tests"), _der(0x80, b"CPS3-like"), _bits(0x10), _algorithms()
    )
    files[_PINS] = _der(
        0x30,
        _der(0x30, _der(12, b"PIN"), _bits(0xC0)),
        _der(0x30, _der(4, b"\1")),
        _der(0xA1, _der(0x30, _bits(0x48), _der(10, b"\1"), _der(2, b"\4"), _der(2, b"\4"), _der(2, b"\10"), _der(0x80, b"\1"))),
    )
    files[_KEYS], files[_CERTIFICATES], files[_DATA] = b"", b"", b""
    for number, pair in enumerate(pairs, _FIRST_CERTIFICATE):
        identifier = _der(4, bytes([pair.reference]))
        usage = _der(3, b"\x06\x00\x40") if pair.reference == SIGN_REFERENCE else _bits(0x20)
        consent = _der(2, b"\1") if pair.asks_each_time else b""
        files[_KEYS] += _der(
            0x30,
            _der(0x30, _der(12, pair.label.encode()), _bits(0x80), _der(4, b"\1"), consent),
            _der(0x30, identifier, usage, _der(2, bytes([pair.reference]))),
            _der(0xA1, _der(0x30, _path(), _der(2, (2048).to_bytes(2)))),
        )
        files[_CERTIFICATES] += _der(
            0x30, _der(0x30, _der(12, pair.label.encode())), _der(0x30, identifier), _der(0xA1, _der(0x30, _path(number)))
        )
        files[number] = pair.certificate
    locked = set()
    for number, (label, value) in enumerate([*free.items(), *protected.items()], _FIRST_DATA):
        lock = (_bits(0x80), _der(4, b"\1")) if label in protected else ()
        files[_DATA] += _der(0x30, _der(0x30, _der(12, label.encode()), *lock), _der(0x30, _der(12, b"CPS")), _der(0xA1, _path(number)))
        files[number] = value
        if label in protected:
            locked.add(number)
    return files, locked


def _algorithms() -> bytes:
    """What the application can do, each by PKCS#11 number, operation (0x02 hash, 0x40 signature) and IAS-ECC reference."""
    known = ((0x220, 0x02, 0x10), (0x250, 0x02, 0x40), (0x06, 0x40, 0x12), (0x40, 0x40, 0x42), (0x01, 0x40, 0x02))
    return _der(
        0xA2,
        *(
            _der(0x30, _der(2, bytes([at])), _der(2, number.to_bytes(2)), _der(5), _bits(operation), _der(2, bytes([reference])))
            for at, (number, operation, reference) in enumerate(known, 1)
        ),
    )


def _path(file: int | None = None) -> bytes:
    """Of a file of the application, or of the application itself."""
    return _der(0x30, _der(4, b"\x3f\x00\x50\x15" + (file.to_bytes(2) if file is not None else b"")))


def _bits(byte: int) -> bytes:
    return _der(3, bytes([(byte & -byte).bit_length() - 1, byte]))


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 0x80 else bytes([0x81, size]) if size < 0x100 else b"\x82" + size.to_bytes(2)
    return bytes([tag]) + length + content
