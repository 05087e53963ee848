"""The payloads written last, in clear, for the one reader that follows within seconds: preparation reads what admission has just written,
couriers what preparation has just frozen. Each is given once; little is kept; nothing depends on it. Never written anywhere.
"""

from __future__ import annotations

from gateway.journal.sealing import Bytes

_SHARE = 8
"""A payload may take this part of the room at most: a large document is read back from the disk instead."""


class Recent:
    """At most `room` bytes, the oldest forgotten first; a room of zero keeps nothing."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._held: dict[tuple[str, str], bytes] = {}
        self._size = 0

    def put(self, document_id: str, blob_id: str, payload: Bytes) -> None:
        """Remember a payload that is on the disk."""
        if not 0 < len(payload) * _SHARE <= self._room:
            return
        self._held[document_id, blob_id] = bytes(payload)
        self._size += len(payload)
        while self._size > self._room:
            self.take(*next(iter(self._held)))

    def take(self, document_id: str, blob_id: str) -> bytes | None:
        """The payload, which is forgotten; None when it is not here."""
        payload = self._held.pop((document_id, blob_id), None)
        self._size -= len(payload) if payload is not None else 0
        return payload
