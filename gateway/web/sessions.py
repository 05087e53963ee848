"""Sessions of the page, in memory only: an opaque number in the cookie, the workstation's token behind it, a day's work at most.

A restart ends them all. What the cookie holds is kept only as a keyed digest, so that a look at the memory does not give a session.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import msgspec

LIFE_SECONDS = 12 * 3600
_MOST = 20
"""Of one workstation: beyond, its oldest ends. Nobody can end those of another."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What the next page says once: a gesture done, what came of it that still asks something, or why it was not."""

    tone: Literal["ok", "act", "bad"]
    what: str
    gesture: str = ""
    form: str = ""
    """The form it answers, by its word in the address."""
    field: str = ""
    """The field of that form which is at fault, when one is."""
    said: dict[str, str] = {}
    """What the form said, so that nobody types it again. Forgotten with the notice."""


@dataclass(slots=True)
class _Held:
    token: str
    until: float
    notice: Notice | None = None
    persons: dict[str, str] = field(default_factory=dict)


class Sessions:
    """Who is signed in. `secret` keys the digests and the form marks; `monotonic` gives seconds."""

    def __init__(self, secret: bytes, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._secret = secret
        self._monotonic = monotonic
        self._held: dict[str, _Held] = {}

    def open(self, token: str) -> str:
        """A new session for a token already recognised; returns the value of its cookie."""
        self._make_room(token)
        number = secrets.token_urlsafe(32)
        self._held[self._keyed("session", number)] = _Held(token=token, until=self._monotonic() + LIFE_SECONDS)
        return number

    def token(self, number: str) -> str | None:
        """The token of a session, None when there is none, or no more."""
        held = self._find(number)
        return held.token if held is not None else None

    def close(self, number: str) -> None:
        """End a session."""
        self._held.pop(self._keyed("session", number), None)

    def mark(self, number: str) -> str:
        """The mark that every form of this session carries, so that another site cannot act in its name."""
        return self._keyed("form", number)

    def is_mark(self, number: str, mark: str) -> bool:
        """True when the mark is this session's."""
        return hmac.compare_digest(self.mark(number).encode(), mark.encode(errors="surrogateescape"))

    def leave(self, number: str, notice: Notice) -> None:
        """Have the next page say this."""
        held = self._find(number)
        if held is not None:
            held.notice = notice

    def take(self, number: str) -> Notice | None:
        """What this page has to say; said once."""
        held = self._find(number)
        if held is None:
            return None
        notice, held.notice = held.notice, None
        return notice

    def person(self, number: str, structure: str) -> str | None:
        """Who said they sit at this session for that structure, by identifier; None while nobody did."""
        held = self._find(number)
        return held.persons.get(structure) if held is not None else None

    def sit(self, number: str, structure: str, person: str | None) -> None:
        """Remember who sits there until the session ends, or forget them."""
        held = self._find(number)
        if held is None:
            return
        if person is None:
            held.persons.pop(structure, None)
        else:
            held.persons[structure] = person

    def _find(self, number: str) -> _Held | None:
        name = self._keyed("session", number)
        held = self._held.get(name)
        if held is not None and held.until <= self._monotonic():
            del self._held[name]
            return None
        return held

    def _make_room(self, token: str) -> None:
        over = [name for name, held in self._held.items() if held.until <= self._monotonic()]
        same = [name for name, held in self._held.items() if held.token == token and name not in over]
        for name in (*over, *same[: max(0, len(same) - _MOST + 1)]):
            del self._held[name]

    def _keyed(self, use: str, number: str) -> str:
        return hmac.new(self._secret, f"{use}\0{number}".encode(errors="surrogateescape"), hashlib.sha256).hexdigest()
