"""What a workstation asks about cards: the bodies of the routes, frozen (cards.md 6).

A PIN is decoded to no text: `pin` stays a window on the bytes of the body, which whoever read the body wipes (rule 1).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from typing_extensions import override

from gateway.flow.cards.errors import PinMalformed
from gateway.flow.cards.reader_notices import InsertionId, ReaderId

_SHORTEST, _LONGEST = 4, 12
_QUOTE = 0x22
_ABSENT = (b"", b"null")

MOST_SIGNATURES = 32
"""Of one PIN through the LAN."""

PinText = Annotated[
    msgspec.Raw,
    msgspec.Meta(
        description="Code de la carte ; absent quand le lecteur a son clavier. Jamais gardé ni journalisé.",
        extra_json_schema={
            "anyOf": [{"type": "string", "minLength": _SHORTEST, "maxLength": _LONGEST}, {"type": "null"}],
            "writeOnly": True,
        },
    ),
]
Base64 = Annotated[bytes, msgspec.Meta(max_length=100_000)]


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class _WithPin(_Body, frozen=True, kw_only=True):
    insertion_id: InsertionId
    """As GET …/card gave it: another card than that one is refused."""
    pin: PinText = msgspec.field(default_factory=msgspec.Raw)
    accept_last_try: bool = False
    """True: a person has accepted to spend the last try."""


class SituationsBody(_WithPin, frozen=True, kw_only=True):
    """POST …/card/situations."""


class ToSign(_Body, frozen=True, kw_only=True):
    """One thing to sign, base64: the data, or their digest for a key that takes one (that of authentication)."""

    data: Base64 | None = None
    digest: Base64 | None = None


class SignBody(_WithPin, frozen=True, kw_only=True):
    """POST …/card/sign: one PIN for all of it."""

    key: Literal["sign", "auth"] = "sign"
    hash: Literal["sha256", "sha1"] = "sha256"
    items: Annotated[tuple[ToSign, ...], msgspec.Meta(min_length=1, max_length=MOST_SIGNATURES)]


class VitaleReadBody(_Body, frozen=True, kw_only=True):
    """POST …/card/vitale/read: by the licensed part."""

    insertion_id: InsertionId


class ReaderPairingBody(_Body, frozen=True, kw_only=True):
    """POST /readers/{id}/pairing: true, the reader stands beside this workstation; false, beside none."""

    paired: bool


class CardAccess(_WithPin, frozen=True, kw_only=True):
    """The professional's card that signs a call to INSi (CPS mode)."""

    reader: ReaderId


class InsertedCard(_Body, frozen=True, kw_only=True):
    """A card of a reader, by its insertion."""

    reader: ReaderId
    insertion_id: InsertionId


def pin_of(raw: msgspec.Raw) -> bytearray | None:
    """The PIN, to be wiped by whoever asked; None when there is none. Raises PinMalformed."""
    window = memoryview(raw)
    if len(window) <= len(_ABSENT[1]) and bytes(window) in _ABSENT:
        return None
    pin = bytearray(window[1:-1])
    plain = all(0x21 <= one <= 0x7E and one not in (_QUOTE, 0x5C) for one in pin)
    if len(window) < 2 or window[0] != _QUOTE or window[-1] != _QUOTE or not plain or not _SHORTEST <= len(pin) <= _LONGEST:
        pin[:] = bytes(len(pin))
        raise PinMalformed(field="pin")
    return pin


def raw_pin(typed: bytearray | None) -> msgspec.Raw:
    """A PIN typed in a form, as a body holds it."""
    return msgspec.Raw() if typed is None else msgspec.Raw(b'"' + bytes(typed) + b'"')
