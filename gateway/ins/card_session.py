"""The assertion of the card that is in the reader now: made for each call, kept a few seconds at most, destroyed when the card leaves.

Never outlives its insertion and never serves another person (insi.md 2.2, case A25). The default keeps nothing: re-sign per call. Who sees
the card leave (the reader's event) calls `card_left`; the PIN is the signer's business.
"""

from __future__ import annotations

from collections import deque

import msgspec
from typing_extensions import override

from gateway.ins.assertion import CardFacts, PsAssertion, build_ps_assertion
from gateway.kernel.clock import Clock, ClockNotTrusted
from gateway.kernel.errors import Held
from gateway.trust.signer import Signer

_REMEMBERED = 16


class CardGone(Held):
    """The insertion that the call names is over: the card was pulled, or another one is in the reader."""

    code = "card-gone"
    title = "Carte retirée"
    who = "le professionnel"
    what = "La carte du professionnel a été retirée du lecteur."
    gesture = "Remettez la carte dans le lecteur, saisissez son code, puis recommencez."


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    insertion: str
    certificate: bytes
    facts: CardFacts
    until: float
    assertion: PsAssertion

    @override
    def __repr__(self) -> str:
        return "_Kept(…)"


class CardSession:
    """One reader. `keep_seconds` is how long an assertion may serve again; 0 signs for every call (a sample library keeps 20 s)."""

    __slots__ = ("_clock", "_gone", "_keep", "_kept")

    def __init__(self, clock: Clock, *, keep_seconds: float = 0.0) -> None:
        self._clock = clock
        self._keep = keep_seconds
        self._kept: _Kept | None = None
        self._gone: deque[str] = deque(maxlen=_REMEMBERED)

    @override
    def __repr__(self) -> str:
        return f"CardSession({'holds an assertion' if self._kept else 'empty'})"

    @property
    def holds(self) -> bool:
        """True while an assertion is kept."""
        return self._kept is not None

    async def assertion(self, facts: CardFacts, signer: Signer, insertion: str) -> PsAssertion:
        """The assertion for one call by the card of that insertion; signed now unless one of the same card and facts is still kept.

        Raises CardGone for an insertion that is over, even while signing, ClockNotTrusted, and what `build_ps_assertion` raises.
        """
        self._check_present(insertion)
        kept = self._kept
        if kept is not None and self._serves(kept, facts, signer, insertion):
            return kept.assertion
        self._kept = None
        if not self._clock.trusted():
            raise ClockNotTrusted
        begun = self._clock.monotonic()
        made = await build_ps_assertion(facts, signer, self._clock.now())
        self._check_present(insertion)
        if self._keep > 0:
            self._kept = _Kept(insertion=insertion, certificate=signer.certificate, facts=facts, until=begun + self._keep, assertion=made)
        return made

    def card_left(self, insertion: str) -> None:
        """The card of that insertion was pulled: what it signed is destroyed, and no call of that insertion is served again."""
        self._kept = None
        self._gone.append(insertion)

    def _serves(self, kept: _Kept, facts: CardFacts, signer: Signer, insertion: str) -> bool:
        same = kept.insertion == insertion and kept.certificate == signer.certificate and kept.facts == facts
        return same and self._clock.monotonic() < kept.until

    def _check_present(self, insertion: str) -> None:
        if insertion in self._gone:
            raise CardGone
