"""A JSON answer that holds whole files in base64, written piece by piece: neither the base64 nor the answer ever stands whole in memory.

A ten-megabyte document comes back from esignsante's routes three times over (signed, unsigned, in a proof). Whoever does not read it in
time loses it: the answer is cut, and what it held forgotten.
"""

from __future__ import annotations

import base64
import secrets
import weakref
from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec
from litestar.response import Stream

from gateway.flow.signing.places import Place

_SMALL = 16_384
_PIECE = 3 * 65_536
"""Three bytes make four letters: pieces of a multiple of three join without padding."""


@dataclass(slots=True)
class _Held:
    name: bytes
    data: bytes
    size: int


class Base64Answer:
    """The contents of one answer, kept at its place."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._held: list[_Held] = []
        self._dropped = False

    def put(self, data: bytes | None) -> str:
        """What stands for `data` in a view: its base64, or for a large one a name that nobody could have guessed."""
        if data is None or len(data) <= _SMALL:
            return base64.b64encode(data or b"").decode()
        name = secrets.token_hex(16)
        self._held.append(_Held(name.encode(), data, len(data)))
        return name

    def write(self, view: msgspec.Struct) -> Stream:
        """The answer: the view in JSON, each name replaced by the base64 of its content."""
        text = msgspec.json.encode(view)
        self._held.sort(key=lambda one: text.index(one.name))
        length = len(text) + sum(4 * -(-one.size // 3) - len(one.name) for one in self._held)
        self._place.keep(self._drop)
        pieces = self._pieces(text)
        weakref.finalize(pieces, self._place.leave)  # a caller gone before the first piece leaves a generator that never ran
        return Stream(pieces, media_type="application/json", headers={"Content-Length": str(length)})

    def _drop(self) -> None:
        self._dropped = True
        for one in self._held:
            one.data = b""

    async def _pieces(self, text: bytes) -> AsyncIterator[bytes]:
        try:
            for one in self._held:
                before, _, text = text.partition(one.name)
                yield before
                for begin in range(0, one.size, _PIECE):
                    if self._dropped:
                        return
                    yield base64.b64encode(one.data[begin : begin + _PIECE])
                one.data = b""
            yield text
        finally:
            self._place.leave()
