"""A card laid out like a Vitale 2 (cards.md 2.1), holding invented people."""

from __future__ import annotations

from collections.abc import Sequence

from tests.rig.cards.virtual import VITALE2_ATR, VirtualCard

VITALE_AID = bytes.fromhex("D250000002564954414C45")
MASTER_AID = bytes.fromhex("D2500000024D465F564954414C45")
POINTERS, BENEFICIARIES, CARD_DATES, RIGHTS = 0x2001, 0x2101, 0x2102, 0x2103

PEOPLE = (
    ("2740150999001", "EXEMPLE", "ANNE", "19740115"),
    ("2740150999001", "EXEMPLE", "LEO", "20111332"),  # the opener's number for the whole family; a date of no calendar
)


def tlv(tag: int, content: bytes) -> bytes:
    """One object; lengths as cards write them."""
    size = len(content)
    length = bytes([size]) if size < 0x80 else (b"\x81" + bytes([size]) if size < 0x100 else b"\x82" + size.to_bytes(2))
    return tag.to_bytes((tag.bit_length() + 7) // 8) + length + content


def beneficiary(number: str, family: str, given: str, born: str) -> bytes:
    """Tag 65."""
    return tlv(0x65, tlv(0x93, number.encode()) + tlv(0x80, family.encode()) + tlv(0x81, given.encode()) + tlv(0x82, born.encode()))


def pointers(applications: Sequence[bytes], records: Sequence[tuple[str, int, int]]) -> bytes:
    """The file 2001: applications by number, then records of name, application and file."""
    listed = b"".join(tlv(0x82, number.to_bytes(2) + b"\0\0" + aid) for number, aid in enumerate(applications, 1))
    named = b"".join(
        tlv(0x80, name.encode().ljust(8, b" ")[:8] + application.to_bytes(2) + file.to_bytes(2)) for name, application, file in records
    )
    return tlv(0xE0, tlv(0xA0, listed) + named)


class VitaleCard(VirtualCard):
    """Free: beneficiaries and dates of the card. Refused: rights."""

    def __init__(self, atr: bytes = VITALE2_ATR, people: Sequence[tuple[str, str, str, str]] = PEOPLE) -> None:
        listed = pointers([VITALE_AID, MASTER_AID], [("BENEF", 1, BENEFICIARIES), ("CARTE", 1, CARD_DATES), ("DROITS", 2, RIGHTS)])
        self.beneficiaries = b"".join(beneficiary(*person) for person in people)
        self.dates = tlv(0x66, tlv(0x80, b"20100401"))
        super().__init__(
            atr,
            {
                VITALE_AID: {POINTERS: listed, BENEFICIARIES: self.beneficiaries, CARD_DATES: self.dates},
                MASTER_AID: {RIGHTS: b"not for you"},
            },
        )
        self.secret_files = frozenset({RIGHTS})
