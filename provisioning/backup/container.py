"""The file of a backup: a header in clear, then one sealed stream (AES-256-GCM in frames, `gateway.trust.sealing`).

The header says which home, when, by which version, and for whom; no name, no structure, no health datum. It is authenticated with every
frame, and the last frame is marked: a byte changed, a frame moved or an end cut off is seen. Nothing is held but one frame.
"""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO, Protocol

import msgspec
from typing_extensions import override

from gateway.trust.sealing import Algorithm, BlobDamaged, Bytes, FrameSealer, unseal_frames
from provisioning.backup.errors import BackupDamaged, BackupTooNew
from provisioning.backup.recipient import Recipient

FORMAT = 1
_MAGIC = b"RELAIS\x00S"
_OPENING = struct.Struct(">8sHI")
_LARGEST_HEADER = 4096
_PIECE = 262_144


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a backup without its phrase."""

    home: str
    generation: int
    box: str
    taken_at: datetime
    """Everything accepted before is in it, nothing accepted after."""
    relais: str
    """Version of Relais that wrote it."""
    schema: int
    """Last migration of its journal."""
    recipient: Recipient
    ephemeral: bytes


class Sink(Protocol):
    """What a backup is written to."""

    def write(self, data: bytes, /) -> object:
        """All of it."""
        ...


class SealedWriter(io.RawIOBase):
    """A file object that seals what is written to it; `finish` ends the stream. Counts and digests what came in clear."""

    def __init__(self, sink: Sink, header: Header, key: bytes) -> None:
        super().__init__()
        opening = _opening(header)
        self._sink = sink
        self._sealer = FrameSealer(key, hashlib.sha256(opening).digest(), Algorithm.AES_256_GCM)
        self._digest = hashlib.sha256()
        self.size = 0
        sink.write(opening)

    @override
    def writable(self) -> bool:
        """True."""
        return True

    @override
    def write(self, data: Bytes, /) -> int:  # type: ignore[override]  # narrower than any buffer
        """Take it all; what fills a frame is sealed and goes to the sink, whose errors pass."""
        self._digest.update(data)
        self.size += len(data)
        ready = self._sealer.update(data)
        if ready:
            self._sink.write(ready)
        return len(data)

    def finish(self) -> bytes:
        """Write what is left; the SHA-256 of everything that came in clear."""
        self._sink.write(self._sealer.finish())
        return self._digest.digest()


class OpenedReader(io.RawIOBase):
    """A file object over the plain stream of a backup; raises BackupDamaged where it was altered, at the end too when it is cut."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = memoryview(b"")

    @override
    def readable(self) -> bool:
        """True."""
        return True

    @override
    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # narrower than any buffer
        """Bytes put into the buffer, 0 at the end alone; raises BackupDamaged."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        taken = min(len(buffer), len(self._rest))
        buffer[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken


def read_header(file: BinaryIO) -> tuple[Header, bytes]:
    """The header of a file and its very bytes; raises BackupDamaged, BackupTooNew."""
    opening = file.read(_OPENING.size)
    if len(opening) < _OPENING.size:
        raise BackupDamaged("opening")
    magic, number, size = _OPENING.unpack(opening)
    if magic != _MAGIC or size > _LARGEST_HEADER:
        raise BackupDamaged("magic")
    if number != FORMAT:
        raise BackupTooNew(f"format {number}", version=f"format {number}")
    content = file.read(size)
    try:
        return msgspec.json.decode(content, type=Header), opening + content
    except msgspec.MsgspecError as problem:
        raise BackupDamaged(type(problem).__name__) from None


def plain_pieces(file: BinaryIO, opening: bytes, key: bytes) -> Iterator[bytes]:
    """The plain stream behind a header, each piece authenticated; raises BackupDamaged."""
    try:
        yield from unseal_frames(key, iter(lambda: file.read(_PIECE), b""), hashlib.sha256(opening).digest())
    except BlobDamaged as problem:
        raise BackupDamaged(problem.technical) from None


def _opening(header: Header) -> bytes:
    content = msgspec.json.encode(header)
    return _OPENING.pack(_MAGIC, FORMAT, len(content)) + content
