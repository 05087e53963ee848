"""How a person is looked for by traits: which given name in which call, when to stop, what to tell (insi.md 1.6; CNDA 2.06, 2.07).

Never calls by itself and never loops: the number of calls is bounded by the given names plus two. Given names go one by one in the order
of the document, then all together; the first identity found ends the search. After "several", the other given names are added, then the
birth place when it was not sent; the next given name is not tried then, it would look for somebody else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias

import msgspec

from gateway.ins.answer import Answer, Exchange
from gateway.ins.criteria import Question, SearchCriteria

Ask: TypeAlias = Callable[[Question], Awaitable[Exchange]]
Place: TypeAlias = Literal["when_several", "always"]


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """All calls in order, the answer that counts, and what a person should try next (French; None once found)."""

    exchanges: tuple[Exchange, ...]
    answer: Answer
    advice: str | None


async def search(ask: Ask, criteria: SearchCriteria, *, place: Place) -> Search:
    """Ask until found or until nothing more may be asked. Refused characters raise before any call; what `ask` raises goes through."""
    raise NotImplementedError
