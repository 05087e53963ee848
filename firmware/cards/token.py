"""What the card service and its PKCS#11 helper process say to each other, and how the module is chosen. No PKCS#11 here.

Frames on the helper's standard input and output: four bytes of length (big endian) and as many of MessagePack. One `Begin` first, then one
request at a time, each answered. The end of the input ends the helper. Source: cards.md 0.1, 1.5, 1.6.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec
from typing_extensions import override

from firmware.cards.pin import Outcome
from firmware.protocol import CardCertificate, CardObject, Generation, KeyUse

LARGEST_FRAME = 4_000_000
LENGTH_BYTES = 4
_DESCRIPTION_BYTES = 64
_OPENSC_CONF = Path(__file__).with_name("opensc.conf")

_COUNT_LOW = 0x10000
_FINAL_TRY = 0x20000
_LOCKED = 0x40000


class TokenModule(msgspec.Struct, frozen=True, kw_only=True):
    """The PKCS#11 module that speaks with CPx cards, and the limits it is held to, in seconds.

    `libcps3_pkcs11_lux.so` of the Cryptolib CPS (x86_64 only) or `opensc-pkcs11.so` (CPS3 by contact). Past a limit the helper process is
    killed: a card that does not answer cannot be interrupted otherwise (cards.md 4.2).
    """

    library: str
    environment: Mapping[str, str] = {}
    """Of the helper process, beside the little it gets anyway; such as OPENSC_CONF."""
    generations: tuple[Generation, ...] | None = None
    """The cards it may be tried on; None: by the name of the library (cards.md 1.9)."""
    start_seconds: float = 20.0
    answer_seconds: float = 20.0
    pad_seconds: float = 60.0
    """For a person to type a PIN on the reader's pad."""

    def serves(self, generation: Generation | None) -> bool:
        """Whether cards of that generation go to this module. OpenSC takes some CPS4 for a CPS3 (cards.md 1.9 [M]): never tried there."""
        if self.generations is not None:
            return generation in self.generations
        known = (Generation.CPS3,) if self._is_opensc else (Generation.CPS3, Generation.CPS4)
        return generation in known

    def variables(self) -> dict[str, str]:
        """The whole environment of the helper; of OpenSC no PIN is cached and no other process gets between (opensc.conf beside this)."""
        given = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        if self._is_opensc:
            given["OPENSC_CONF"] = str(_OPENSC_CONF)
        return given | dict(self.environment)

    @property
    def _is_opensc(self) -> bool:
        return "opensc" in Path(self.library).name


def slot_description(reader: str) -> str:
    """The name of a reader as PKCS#11 has room for it: two long names may come out the same."""
    return reader.encode()[:_DESCRIPTION_BYTES].decode(errors="replace").strip()


def tries_left(flags: int) -> int:
    """Tries of the PIN that a token's flags tell of: 3, 2, 1 or 0.

    PKCS#11 only says "all", "fewer", "one", "none"; a CPx has three tries (cards.md 1.6 [S]), so "fewer" is two. Of a card with more
    tries in all, "two" stands for "two or more"; a module that does not know how many there are in all says "all" until the last one, and
    so "three" may stand for two (OpenSC with cards other than IAS-ECC [M]).
    """
    if flags & _LOCKED:
        return 0
    if flags & _FINAL_TRY:
        return 1
    return 2 if flags & _COUNT_LOW else 3


class _Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag=True):
    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class Begin(_Message, frozen=True, kw_only=True):
    """Load the module and find the card. Answered by Found."""

    library: str
    reader: str | None = None
    """PC/SC name of the reader, by which the slot is chosen; None: only load, answered by an empty Found."""


class Login(_Message, frozen=True, kw_only=True):
    """Present the PIN, once. Answered by LoggedIn."""

    pin: bytearray | None = None
    """None: typed on the reader's pad."""


class Objects(_Message, frozen=True, kw_only=True):
    """Read data objects. Answered by Contents."""

    protected: bool = False
    """Those that the PIN uncovers, instead of those that anybody may read."""


class SignWith(_Message, frozen=True, kw_only=True):
    """Sign the data, or the digest; one of both. Answered by Signed."""

    key: KeyUse
    hash: Literal["sha1", "sha256"]
    data: bytes | None = None
    digest: bytes | None = None


Request = Begin | Login | Objects | SignWith


class Found(_Message, frozen=True, kw_only=True):
    """The card, without a PIN."""

    serial: bytes = b""
    tries_left: int | None = None
    pad: bool = False
    """The module takes the PIN on the reader's pad (CKF_PROTECTED_AUTHENTICATION_PATH)."""
    certificates: tuple[CardCertificate, ...] = ()


class LoggedIn(_Message, frozen=True, kw_only=True):
    """What became of the PIN."""

    outcome: Outcome
    tries_left: int | None = None
    malformed: bool = False
    """The module refuses the length or the characters of the PIN."""
    technical: str = ""


class Contents(_Message, frozen=True, kw_only=True):
    """Data objects in the order of the card."""

    objects: tuple[CardObject, ...] = ()


class Signed(_Message, frozen=True, kw_only=True):
    """A signature that verifies with the certificate."""

    value: bytes


class Trouble(enum.StrEnum):
    """What a helper cannot do."""

    LIBRARY = "library does not load"
    NO_CARD = "no card in that reader"
    NOT_RECOGNISED = "library does not know this card"
    NO_KEY = "no such key or certificate"
    PIN_EACH_TIME = "key asks the PIN each time"
    NEEDS_DATA = "key signs data only"
    NO_WAY = "library cannot sign with this key"
    SIGNATURE = "signature does not verify"
    BROKEN = "library failed"


class Failed(_Message, frozen=True, kw_only=True):
    """Not done. `fatal`: nothing more is to be had of this helper."""

    trouble: Trouble
    fatal: bool = True
    technical: str = ""
    """Names of errors only."""


Reply = Found | LoggedIn | Contents | Signed | Failed
