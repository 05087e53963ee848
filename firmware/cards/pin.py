"""The rules of a card's PIN: what may be sent to the card, and what is kept of what it answered. Pure, but for the random key.

A PIN is never stored, logged or cached. Of a wrong one a digest stays in memory, keyed by a random value that dies with the process and
bound to the card, so that the same wrong PIN never costs a second try. The counter is asked first; nothing is ever sent twice. A PIN typed
on the reader's own pad is never seen here: only the counter guards it. Source: cards.md section 6, PIN rules 1 to 4 and 7.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import secrets
from collections import OrderedDict

import msgspec
from typing_extensions import override

FEWEST, MOST = 4, 12
"""Characters of a PIN: 4 digits on test cards [S]; the longest that a CPx takes is not published, 12 is the usual bound [K]."""
_CARDS = 256
_KEY_BYTES = 32


class Refusal(enum.StrEnum):
    """Why a PIN is not sent to the card; the value is the stable code of the error."""

    MALFORMED = "pin-malformed"
    NO_PAD = "pin-pad-missing"
    PAD_ONLY = "pin-pad-only"
    ALREADY_REFUSED = "pin-already-refused"
    LAST_TRY = "pin-last-try"
    BLOCKED = "pin-blocked"


class Outcome(enum.StrEnum):
    """What became of a PIN that was sent."""

    RIGHT = "right"
    WRONG = "wrong"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    """The transport failed after it was sent, or the answer says nothing of the PIN."""


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """A PIN that was sent and whose fate nobody saw; the counter of the card will tell."""

    pin: bytes
    tries_before: int | None

    @override
    def __repr__(self) -> str:
        return "Doubt(…)"


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What this process remembers of one card: digests of PINs that it refused, and the tries it had left then."""

    wrong: frozenset[bytes] = frozenset()
    tries_left: int | None = None
    doubt: Doubt | None = None

    @override
    def __repr__(self) -> str:
        return f"Known({len(self.wrong)} wrong)"


def way_in(pin: bytearray | None, *, pad: bool) -> Refusal | None:
    """Whether the PIN comes the right way; `pad`: reader and module take it on the reader's own keys, which then are the only way."""
    if pad:
        return None if pin is None else Refusal.PAD_ONLY
    if pin is None:
        return Refusal.NO_PAD
    if not FEWEST <= len(pin) <= MOST or not all(0x21 <= byte <= 0x7E for byte in pin):
        return Refusal.MALFORMED
    return None


def settle(known: Known, tries_left: int | None) -> Known:
    """What is known once the card said how many tries are left.

    A counter that rose means that the right PIN was given since, or another one chosen: what was wrong may be right. One that fell after
    a PIN of unknown fate means that this PIN was wrong; one that did not, that it was not.
    """
    if tries_left is None:
        return known
    if known.tries_left is not None and tries_left > known.tries_left:
        return Known(tries_left=tries_left)
    wrong = known.wrong
    if known.doubt is not None and (known.doubt.tries_before is None or tries_left < known.doubt.tries_before):
        wrong |= {known.doubt.pin}
    return Known(wrong=wrong, tries_left=tries_left)


def consider(known: Known, pin: bytes | None, tries_left: int | None, *, accept_last_try: bool) -> Refusal | None:
    """Whether a PIN may go to the card now; `known` is settled with the same count of tries, `pin` its digest, None when on the pad.

    A card that does not say how many tries it has left may be at its last.
    """
    if tries_left == 0:
        return Refusal.BLOCKED
    if pin is not None and pin in _not_again(known):
        return Refusal.ALREADY_REFUSED
    if (tries_left is None or tries_left == 1) and not accept_last_try:
        return Refusal.LAST_TRY
    return None


def learn(known: Known, pin: bytes | None, outcome: Outcome, *, before: int | None, after: int | None) -> Known:
    """What is known after a PIN was sent; `before` and `after` are the tries that the card said to have left, None when not known."""
    if outcome is Outcome.RIGHT:
        return Known()
    wrong = _not_again(known)
    if outcome is Outcome.UNKNOWN:
        doubt = None if pin is None else Doubt(pin=pin, tries_before=before)
        return settle(Known(wrong=wrong, tries_left=before, doubt=doubt), after)
    if pin is not None:
        wrong |= {pin}
    return Known(wrong=wrong, tries_left=0 if outcome is Outcome.BLOCKED else after)


def at_most_left(before: int | None, after: int | None) -> int | None:
    """Tries to tell a person after a wrong PIN: a module that only knows "all or some" may still say as many as before."""
    return after if before is None or after is None else min(after, max(before - 1, 0))


def _not_again(known: Known) -> frozenset[bytes]:
    return known.wrong if known.doubt is None else known.wrong | {known.doubt.pin}


class PinMemory:
    """What is known of each card, by a keyed digest of its serial number; of the cards seen last, 256 at most."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(_KEY_BYTES)
        self._cards: OrderedDict[str, Known] = OrderedDict()

    def card(self, serial: bytes) -> str:
        """The keyed digest that stands for a card as long as the process runs."""
        return hmac.new(self._key, b"serial" + serial, hashlib.sha256).hexdigest()[:32]

    def digest(self, card: str, pin: bytearray | None) -> bytes | None:
        """The keyed digest of a PIN on that card; None for a PIN typed on the pad."""
        if pin is None:
            return None
        keyed = hmac.new(self._key, f"pin {card} ".encode(), hashlib.sha256)
        keyed.update(pin)
        return keyed.digest()

    def known(self, card: str) -> Known:
        """What is known of that card."""
        return self._cards.get(card, Known())

    def keep(self, card: str, known: Known) -> None:
        """Replace it."""
        self._cards.pop(card, None)
        if known != Known():
            self._cards[card] = known
        while len(self._cards) > _CARDS:
            self._cards.popitem(last=False)

    @override
    def __repr__(self) -> str:
        return f"PinMemory({len(self._cards)} cards)"


def wipe(pin: bytearray | None) -> None:
    """Overwrite a PIN where it stands."""
    if pin is not None:
        pin[:] = bytes(len(pin))
