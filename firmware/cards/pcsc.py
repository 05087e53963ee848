"""PC/SC through pyscard's raw calls, the only place that knows them: every code that is no success becomes a DeviceError.

pyscard is imported with the first context, and may be absent (docs/adr/0016). Calls block, without Python's lock: threads make them. A
context serves one thread; only `cancel` may come from another. Nothing here prints, retries, or touches a card on its own: a connection
leaves the card as it is unless told to reset it. Source: cards.md 4.1 (measured), pcsc-lite's winscard.h and reader.h.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from firmware.errors import CardAbsent, CardFault, CardMute, CardsUnavailable, DeviceError, ReaderBusy, ReaderUnknown, ServiceDown

EMPTY, PRESENT, MUTE = 0x10, 0x20, 0x200
CHANGED = 0x2
UNKNOWN = 0x4

PNP = "\\\\?PnP?\\Notification"
"""The reader that is none: its state changes when readers come and go, and its high word holds how many the caller knows."""

_SUCCESS, _CANCELLED, _TIMEOUT, _UNKNOWN_READER = 0, 0x80100002, 0x8010000A, 0x80100009
_NO_READERS = 0x8010002E
_SHARED, _DIRECT = 2, 3
_LEAVE, _RESET = 0, 1
_T0, _T1 = 1, 2
_FEATURES = 3400
_VERIFY_PIN_DIRECT = 0x06
_CHANNEL_ID = 0x00020110
_USB = 0x0020
_BUSY_AGAIN = 2.0

_MEANING: dict[int, type[DeviceError]] = {
    0x80100009: ReaderUnknown,
    0x80100017: ReaderUnknown,  # reader unavailable
    0x8010000C: CardAbsent,
    0x80100069: CardAbsent,  # removed card
    0x80100016: CardAbsent,  # not transacted: it left, or died, in the middle of an exchange
    0x80100066: CardMute,  # unresponsive
    0x80100067: CardMute,  # unpowered
    0x8010000B: ReaderBusy,
    0x8010001D: ServiceDown,
    0x8010001E: ServiceDown,  # stopped
    0x80100013: ServiceDown,  # the line to pcscd broke
    0x80100003: ServiceDown,  # a handle of a pcscd that is no more
    0x8010006A: ServiceDown,  # pcscd lets this user use no reader (polkit)
    0x80100031: ServiceDown,  # too busy
}


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a reader: flags in the low word, how often something changed in the high one."""

    reader: str
    state: int
    atr: bytes = b""

    @property
    def present(self) -> bool:
        """A card is in it, mute or not."""
        return bool(self.state & PRESENT)

    @property
    def mute(self) -> bool:
        """A card is in it, and says nothing: flagged so, or without an answer to reset."""
        return self.present and (bool(self.state & MUTE) or not self.atr)

    @property
    def changes(self) -> int:
        """The counter of insertions and removals, which comes round at 65536."""
        return self.state >> 16 & 0xFFFF


class Features(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader tells of itself."""

    pin_pad: bool = False
    usb: tuple[int, int] | None = None
    """Bus and device number; None when the driver does not say."""


class Link(Protocol):
    """A connection to the card of a reader, shared with other programs."""

    protocol: int
    """0 or 1: the transmission protocol agreed with the card."""

    def begin(self) -> None:
        """Wait until nobody else works with the card, then keep others out. Raises DeviceError."""
        ...

    def transmit(self, command: bytes) -> bytes:
        """One command, one answer with its status. Raises DeviceError: what became of the command is unknown then."""
        ...

    def end(self, *, reset: bool) -> None:
        """Let others in and disconnect; `reset` makes the card forget a PIN. Never raises."""
        ...


class Context(Protocol):
    """A session with pcscd."""

    def readers(self) -> list[str]:
        """Names of what is plugged in. Raises ServiceDown."""
        ...

    def wait(self, known: Sequence[Seen], seconds: float) -> list[Seen] | None:
        """What differs from what is known, readers coming and going included; None: nothing so far. Raises ServiceDown."""
        ...

    def features(self, reader: str) -> Features:
        """Empty when the reader does not say. Never raises."""
        ...

    def connect(self, reader: str) -> Link:
        """Raises DeviceError."""
        ...

    def cancel(self) -> None:
        """Wake `wait`, from another thread."""
        ...

    def release(self) -> None:
        """Never raises."""
        ...


def open_context(raw: Any = None) -> Context:
    """A session, through pyscard or another binding with the same calls. Raises CardsUnavailable, ServiceDown."""
    raw = raw if raw is not None else _pyscard()
    code, handle = raw.SCardEstablishContext(0)
    _check(code)
    return _Context(raw, handle)


class _Context:
    def __init__(self, raw: Any, handle: Any) -> None:
        self._raw, self._handle = raw, handle

    def readers(self) -> list[str]:
        """Their PC/SC names, none for a service without readers; raises ServiceDown."""
        code, names = self._raw.SCardListReaders(self._handle, [])
        if _unsigned(code) == _NO_READERS:
            return []
        _check(code, ServiceDown)
        return [str(name) for name in names]

    def wait(self, known: Sequence[Seen], seconds: float) -> list[Seen] | None:
        """What differs from `known`; None after so many seconds, a `cancel`, or a reader pcscd knows no more. Raises ServiceDown."""
        asked = [(one.reader, one.state & ~CHANGED) for one in known]
        asked.append((PNP, len(known) << 16))
        code, states = self._raw.SCardGetStatusChange(self._handle, int(seconds * 1000), asked)
        if _unsigned(code) in (_TIMEOUT, _UNKNOWN_READER, _CANCELLED):
            return None
        _check(code, ServiceDown)
        return [Seen(reader=name, state=state, atr=bytes(atr)) for name, state, atr in states if name != PNP]

    def features(self, reader: str) -> Features:
        """What the reader can do, asked of it directly: no card is needed, nor disturbed. All unknown when it does not say."""
        code, card, _ = self._raw.SCardConnect(self._handle, reader, _DIRECT, 0)
        if _unsigned(code) != _SUCCESS:
            return Features()
        try:
            code, answer = self._raw.SCardControl(card, self._raw.SCARD_CTL_CODE(_FEATURES), [])
            pad = _unsigned(code) == _SUCCESS and _VERIFY_PIN_DIRECT in answer[::6]
            code, answer = self._raw.SCardGetAttrib(card, _CHANNEL_ID)
            return Features(pin_pad=pad, usb=_usb(bytes(answer)) if _unsigned(code) == _SUCCESS else None)
        finally:
            self._raw.SCardDisconnect(card, _LEAVE)

    def connect(self, reader: str) -> Link:
        """The card in this reader, shared with other programs; raises the DeviceError that the service's code means."""
        code, card, protocol = self._raw.SCardConnect(self._handle, reader, _SHARED, _T0 | _T1)
        _check(code)
        return _Link(self._raw, card, protocol)

    def cancel(self) -> None:
        """Ends a `wait` of another thread."""
        self._raw.SCardCancel(self._handle)

    def release(self) -> None:
        """Ends the session; it is of no use afterwards."""
        self._raw.SCardReleaseContext(self._handle)


class _Link:
    def __init__(self, raw: Any, card: Any, protocol: int) -> None:
        self._raw, self._card = raw, card
        self.protocol = 1 if protocol == _T1 else 0
        self._began = False

    def begin(self) -> None:
        """Keeps other programs out until `end`; raises as `Context.connect`."""
        _check(self._raw.SCardBeginTransaction(self._card))
        self._began = True

    def transmit(self, command: bytes) -> bytes:
        """The card's whole answer, at least its two bytes of status; raises CardAbsent, and as `begin`."""
        form = self._raw.SCARD_PCI_T1 if self.protocol else self._raw.SCARD_PCI_T0
        code, answer = self._raw.SCardTransmit(self._card, form, list(command))
        _check(code)
        if len(answer) < 2:
            raise CardAbsent("no answer")  # a card torn out of a virtual reader: success, and nothing (cards.md 4.1)
        return bytes(answer)

    def end(self, *, reset: bool) -> None:
        """Lets other programs in again, the card left as it is or reset first; raises nothing."""
        how = _RESET if reset else _LEAVE
        if self._began:
            self._raw.SCardEndTransaction(self._card, how)  # reset before others are let in
            how = _LEAVE
        self._raw.SCardDisconnect(self._card, how)


def _pyscard() -> Any:
    try:
        import smartcard.scard
    except (ImportError, OSError) as error:
        raise CardsUnavailable(type(error).__name__) from error
    return smartcard.scard


def _unsigned(code: int) -> int:
    return code & 0xFFFFFFFF


def _check(code: int, otherwise: type[DeviceError] = CardFault) -> None:
    number = _unsigned(code)
    if number != _SUCCESS:
        kind = _MEANING.get(number, otherwise)
        raise kind(f"PC/SC {number:08X}", retry_after=_BUSY_AGAIN if kind is ReaderBusy else None)


def _usb(answer: bytes) -> tuple[int, int] | None:
    """Bus and device of the channel `0020 bus device` (libccid, [K])."""
    number = int.from_bytes(answer[:4], "little")
    return (number >> 8 & 0xFF, number & 0xFF) if len(answer) == 4 and number >> 16 == _USB else None
