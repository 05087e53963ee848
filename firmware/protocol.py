"""What the device process and the gateway say to each other over a Unix socket: typed messages, one frame each.

A frame is four bytes of length (big endian) and as many of MessagePack. The gateway sends a `Call`; the process answers each with one
`Answer` of the same number, in any order, and sends `Notice` whenever something happens. A PIN travels in the body of a call, over this
socket alone, as bytes that both ends wipe after use; no message holds a card's serial number in clear. Source: cards.md sections 1.6 and 6.
"""

from __future__ import annotations

import enum
from typing import Literal

import msgspec
from typing_extensions import override

LARGEST_FRAME = 4_000_000
"""Bytes; a longer frame ends the connection. Documents never come here, only what a card signs of them."""


class _Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag=True):
    @override
    def __repr__(self) -> str:
        """Nothing of what it carries: a PIN, what a card holds, what was scanned."""
        return f"{type(self).__name__}(…)"


# What is there


class CardKind(enum.StrEnum):
    """Family of a card, by its ATR alone (cards.md 1.3)."""

    CPX = "cpx"
    VITALE = "vitale"
    UNKNOWN = "unknown"
    MUTE = "mute"
    """Does not answer: upside down, half inserted, or dead."""


class Generation(enum.StrEnum):
    """Of a CPx card."""

    CPS3 = "cps3"
    CPS3_CONTACTLESS = "cps3_contactless"
    CPS4 = "cps4"


class Card(_Message, frozen=True, kw_only=True):
    """A card that is in a reader now."""

    insertion_id: str
    """128 random bits as a UUID, new at each insertion; every call about the card names it."""
    kind: CardKind
    generation: Generation | None = None


class Reader(_Message, frozen=True, kw_only=True):
    """A reader that is plugged in now."""

    id: str
    """`reader-` and eight hexadecimal digits, a digest of name, USB serial and interface, never of the trailing index (cards.md 3.1):
    stable over unplugging and restarts, and telling nothing."""
    name: str
    pin_pad: bool = False
    card: Card | None = None


Trouble = Literal["absent", "busy", "forbidden", "failed", "unsteady", "unused"]


class Scanner(_Message, frozen=True, kw_only=True):
    """A barcode scanner on a serial line."""

    id: str
    name: str
    connected: bool
    speed: int | None = None
    framing: str | None = None
    """Such as `8N1`."""
    ending: str | None = None
    """What ends its scans: a `scanners.framing.Rule`."""
    tested: bool = False
    """True once a test has found its speed and ending."""
    trouble: Trouble | None = None
    """Why it is not connected: unplugged, held by another program, not allowed, does not open, or not said to be a scanner."""


class KeyUse(enum.StrEnum):
    """Which of the two keys of a CPx card; chosen by the certificate's KeyUsage, never by order (cards.md 1.5)."""

    AUTH = "auth"
    SIGN = "sign"


class CardCertificate(_Message, frozen=True, kw_only=True):
    """A certificate of a card, DER."""

    use: KeyUse
    der: bytes


class CardObject(_Message, frozen=True, kw_only=True):
    """A data object of a card as it is stored there (BER-TLV), under its PKCS#11 label (cards.md 1.5)."""

    label: str
    value: bytes


# Calls


class ListDevices(_Message, frozen=True, kw_only=True):
    """Answered by Devices."""


class InspectCard(_Message, frozen=True, kw_only=True):
    """Tries left, certificates, test card or not; no PIN. Answered by CardFacts."""

    reader: str
    insertion_id: str


class ReadFreeData(_Message, frozen=True, kw_only=True):
    """The free objects of a CPx, or the free records of a Vitale card. Answered by CardObjects."""

    reader: str
    insertion_id: str


class ReadProtectedData(_Message, frozen=True, kw_only=True):
    """Situations d'exercice and invoicing situation of a CPx (PIN). Answered by CardObjects."""

    reader: str
    insertion_id: str
    pin: bytearray
    accept_last_try: bool = False


class ReadVitale(_Message, frozen=True, kw_only=True):
    """What a licensed plug-in reads of a Vitale card beside a CPx. Answered by PlugInResult."""

    reader: str
    insertion_id: str


class OpenBatch(_Message, frozen=True, kw_only=True):
    """One PIN, one batch: its signatures are bounded in number and time, and the card is reset at its end. Answered by BatchOpened."""

    reader: str
    insertion_id: str
    owner: str
    """Who may use the batch: an opaque word of the gateway (workstation and person)."""
    pin: bytearray | None = None
    """None: to be typed on the reader's own pad."""
    accept_last_try: bool = False
    signatures: int = 1
    """At most so many."""
    seconds: float = 60.0
    """At most so long; 60 at most."""


class Sign(_Message, frozen=True, kw_only=True):
    """RSASSA-PKCS1-v1_5 signature within a batch. Answered by Signature.

    The signature key of a CPS3 must see the data, not only its digest (cards.md 1.7); `digest` serves cards and keys that take one.
    """

    batch: str
    owner: str
    key: KeyUse
    hash: Literal["sha1", "sha256"] = "sha256"
    data: bytes | None = None
    digest: bytes | None = None


class CloseBatch(_Message, frozen=True, kw_only=True):
    """The card is reset. Answered by Done, also when the batch is over already."""

    batch: str
    owner: str


class TestScanner(_Message, frozen=True, kw_only=True):
    """The next scans of this scanner are a test, and speed and parity are sought with them. Answered by Done."""

    scanner: str
    seconds: float = 60.0


class SetPattern(_Message, frozen=True, kw_only=True):
    """What the lamps show. Answered by Done, also when the box has no panel."""

    pattern: Literal["ready", "busy", "attention", "fault", "update"]
    pairing: bool = False
    """The pairing window is open: shown over the pattern."""


class Heartbeat(_Message, frozen=True, kw_only=True):
    """The gateway is alive and its work moves; feeds the panel's watchdog while it is armed. Answered by Done."""


class ArmWatchdog(_Message, frozen=True, kw_only=True):
    """Arm with a number of seconds, disarm with None. Answered by Done."""

    seconds: int | None = None


Request = (
    ListDevices | InspectCard | ReadFreeData | ReadProtectedData | ReadVitale | OpenBatch | Sign | CloseBatch | TestScanner | SetPattern
    | Heartbeat | ArmWatchdog
)  # fmt: skip


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request with a number that the caller has in no other call in flight."""

    number: int
    request: Request


# Answers


class Done(_Message, frozen=True, kw_only=True):
    """Nothing to tell."""


class PanelState(_Message, frozen=True, kw_only=True):
    """How the front panel stands; a box without one has none connected and no trouble."""

    connected: bool = False
    """It shows what is asked and hears its button."""
    watchdog: bool = False
    """It can reset the box."""
    settled: bool = True
    """It has said that it took all it was told."""
    resets: int = 0
    """Times it has reset the box since it has power."""
    trouble: str | None = None
    """Why it is not connected: code of an error of `firmware.panel.errors`."""


class Devices(_Message, frozen=True, kw_only=True):
    """All that is plugged in. `service` is False while PC/SC does not answer; `panel` names what shows the lamps, None without any."""

    readers: tuple[Reader, ...] = ()
    scanners: tuple[Scanner, ...] = ()
    service: bool = True
    service_trouble: str | None = None
    """Why it is not: `card-service-down`, which passes by itself, or `cards-unavailable`, when this box lacks what drives readers."""
    token_library: bool = False
    """A PKCS#11 library for CPx cards is configured and loads."""
    vitale_plug_in: bool = False
    panel: str | None = None
    panel_state: PanelState = PanelState()


class CardFacts(_Message, frozen=True, kw_only=True):
    """What a CPx says without a PIN."""

    certificates: tuple[CardCertificate, ...] = ()
    tries_left: int | None = None
    """None when the card does not say; 0: blocked."""
    serial_digest: str | None = None
    """Keyed digest of the card's serial number, the same as long as the process runs."""


class CardObjects(_Message, frozen=True, kw_only=True):
    """Objects in the order of the card."""

    objects: tuple[CardObject, ...] = ()


class PlugInResult(_Message, frozen=True, kw_only=True):
    """What the plug-in printed: its own JSON document."""

    document: bytes


class BatchOpened(_Message, frozen=True, kw_only=True):
    """The PIN was right; it is forgotten already."""

    batch: str
    until: float
    """Seconds since the epoch."""
    certificates: tuple[CardCertificate, ...] = ()


class Signature(_Message, frozen=True, kw_only=True):
    """As many bytes as the key's modulus."""

    value: bytes


class Failure(_Message, frozen=True, kw_only=True):
    """Why a call was not done: a DeviceError by its code."""

    code: str
    tries_left: int | None = None
    retry_after: float | None = None
    technical: str = ""
    """For the log of the box: no datum of card or person."""


Response = Done | Devices | CardFacts | CardObjects | PlugInResult | BatchOpened | Signature | Failure


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag_field="message", tag="answer"):
    """The answer to the call of that number."""

    number: int
    response: Response


# Notices


class NoticeType(enum.StrEnum):
    """What happened (cards.md section 6)."""

    CARD_IN = "card_in"
    CARD_OUT = "card_out"
    CARD_MUTE = "card_mute"
    READER_IN = "reader_in"
    READER_OUT = "reader_out"
    SERVICE_UP = "service_up"
    SERVICE_DOWN = "service_down"
    SCANNER_IN = "scanner_in"
    SCANNER_OUT = "scanner_out"
    SCAN = "scan"
    BUTTON_SHORT = "button_short"
    BUTTON_HELD = "button_held"


class Notice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="message", tag="notice"):
    """Something happened to a device."""

    sequence: int
    """Grows by one within one life of the process."""
    type: NoticeType
    at: float
    """Seconds since the epoch."""
    device: str | None = None
    """Id of the reader or scanner."""
    card: Card | None = None
    scan: bytes | None = None
    """What a scanner read, with its line's faults told in `scan_faults`; for the gateway only, never stored, never logged."""
    scan_faults: tuple[str, ...] = ()
    """Words of `scanners.line.ScanFault`; some come without a scan, which is then not kept."""
    test: bool = False
    """The scan answers a TestScanner: it is all that came, what the scanner puts around its scans included."""

    @override
    def __repr__(self) -> str:
        return f"Notice({self.sequence}, {self.type})"


FromGateway = Call
FromDevices = Answer | Notice
