"""A JSON answer that holds whole files in base64, written piece by piece: neither the base64 nor the answer ever stands whole in memory.

A ten-megabyte document comes back from esignsante's routes three times over (signed, unsigned, in a proof).
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator

import msgspec
from litestar.response import Stream

_SMALL = 16_384
_PIECE = 3 * 65_536
"""Three bytes make four letters: pieces of a multiple of three join without padding."""


class Base64Answer:
    """The contents of one answer."""

    def __init__(self) -> None:
        self._held: list[tuple[bytes, bytes]] = []

    def put(self, data: bytes | None) -> str:
        """What stands for `data` in a view: its base64, or for a large one a name that nobody could have guessed."""
        if data is None or len(data) <= _SMALL:
            return base64.b64encode(data or b"").decode()
        name = secrets.token_hex(16)
        self._held.append((name.encode(), data))
        return name

    def write(self, view: msgspec.Struct) -> Stream:
        """The answer: the view in JSON, each name replaced by the base64 of its content."""
        text = msgspec.json.encode(view)
        held = sorted(self._held, key=lambda pair: text.index(pair[0]))
        length = len(text) + sum(4 * -(-len(data) // 3) - len(name) for name, data in held)
        return Stream(_pieces(text, held), media_type="application/json", headers={"Content-Length": str(length)})


async def _pieces(text: bytes, held: list[tuple[bytes, bytes]]) -> AsyncIterator[bytes]:
    while held:
        name, data = held.pop(0)
        before, _, text = text.partition(name)
        yield before
        whole = memoryview(data)
        for begin in range(0, len(data), _PIECE):
            yield base64.b64encode(whole[begin : begin + _PIECE])
    yield text
