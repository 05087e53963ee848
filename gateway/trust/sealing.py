"""Sealed bytes: authenticated encryption with a versioned header, whole or in frames.

Whole: header, nonce of 96 random bits, ciphertext and tag. Frames: header, salt of 32 random bytes, then frames of a fixed size, each
with its own tag, under a key derived for this stream alone; the nonce of a frame is its number and a mark on the last one, so that a
missing, repeated, moved or added frame is seen. The context (document id and role) and the header are authenticated everywhere.
This module never chooses a key and never touches the disk. Source: dossier stack.md section 4.
"""

from __future__ import annotations

import enum
import secrets
import struct
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from typing_extensions import override

from gateway.kernel.errors import Held

KEY_BYTES = 32
FRAME_BYTES = 262_144
"""Plain bytes of a frame: 256 KiB."""
_TAG = 16
_NONCE = 12
_SALT = 32
_LARGEST_FRAME = 1 << 20
_MAGIC = b"RLS\x01"
_HEADER = struct.Struct(">4sBBI")
"""Magic and version, algorithm, form, plain bytes of a frame (0 when whole)."""
_WHOLE, _FRAMES = 0, 1

Bytes = bytes | bytearray | memoryview


class BlobDamaged(Held):
    """Sealed bytes that do not open: damaged, cut, moved from another document, or not ours."""

    code = "payload-damaged"
    status = 500
    title = "Document illisible"
    what = "Le contenu enregistré de ce document est abîmé : Relais ne peut plus le lire."
    gesture = "Renvoyez le document depuis le logiciel métier, et prévenez votre installateur que le stockage du boîtier est à vérifier."


class Algorithm(enum.IntEnum):
    """The ciphers, by the number that the header records."""

    AES_256_GCM = 1
    CHACHA20_POLY1305 = 2


_NUMBERS = frozenset(int(algorithm) for algorithm in Algorithm)


@cache
def preferred_algorithm(cpuinfo: Path = Path("/proc/cpuinfo")) -> Algorithm:
    """AES-256-GCM where the processor has AES instructions, ChaCha20-Poly1305 elsewhere (stack.md 4)."""
    try:
        lines = cpuinfo.read_text(encoding="ascii", errors="replace").lower().splitlines()
    except OSError:
        return Algorithm.CHACHA20_POLY1305
    features = (line.partition(":")[2].split() for line in lines if line.startswith(("flags", "features")))
    return Algorithm.AES_256_GCM if any("aes" in words for words in features) else Algorithm.CHACHA20_POLY1305


def seal(key: bytes, plain: Bytes, context: bytes, algorithm: Algorithm) -> bytes:
    """Header, nonce, ciphertext and tag of `plain`, bound to `context`."""
    header = _HEADER.pack(_MAGIC, algorithm, _WHOLE, 0)
    nonce = secrets.token_bytes(_NONCE)
    return b"".join((header, nonce, _cipher(algorithm, key).encrypt(nonce, plain, header + context)))


def unseal(key: bytes, sealed: Bytes, context: bytes) -> bytes:
    """The plain bytes of either form; raises BlobDamaged."""
    view = memoryview(sealed)
    algorithm, form, _ = _read_header(view)
    if form == _FRAMES:
        return b"".join(unseal_frames(key, [view], context))
    body = _HEADER.size + _NONCE
    if len(view) < body + _TAG:
        raise BlobDamaged("truncated")
    header, nonce = bytes(view[: _HEADER.size]), bytes(view[_HEADER.size : body])
    try:
        return _cipher(algorithm, key).decrypt(nonce, view[body:], header + context)
    except InvalidTag:
        raise BlobDamaged("tag") from None


class FrameSealer:
    """Seals a stream as it passes: `update` any number of times, then `finish` once. Holds at most one frame."""

    __slots__ = ("_aad", "_cipher", "_frame", "_header", "_number", "_pending", "_started")

    def __init__(self, key: bytes, context: bytes, algorithm: Algorithm, frame_bytes: int = FRAME_BYTES) -> None:
        salt = secrets.token_bytes(_SALT)
        fixed = _HEADER.pack(_MAGIC, algorithm, _FRAMES, frame_bytes)
        self._header = fixed + salt
        self._aad = self._header + context
        self._cipher = _cipher(algorithm, _stream_key(key, salt))
        self._frame = frame_bytes
        self._number = 0
        self._pending = bytearray()
        self._started = False

    @override
    def __repr__(self) -> str:
        return "FrameSealer(…)"

    def update(self, plain: Bytes) -> bytes:
        """The sealed bytes that are ready; possibly none."""
        self._pending += plain
        ready = [self._opening()]
        # The last full frame is kept back: only `finish` knows whether it is the final one.
        while len(self._pending) > self._frame:
            ready.append(self._seal(memoryview(self._pending)[: self._frame], final=False))
            del self._pending[: self._frame]
        return b"".join(ready)

    def finish(self) -> bytes:
        """The rest, the final frame included."""
        last = self._opening() + self._seal(self._pending, final=True)
        self._pending.clear()
        return last

    def _opening(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        return self._header

    def _seal(self, plain: Bytes, *, final: bool) -> bytes:
        sealed = self._cipher.encrypt(_frame_nonce(self._number, final=final), plain, self._aad)
        self._number += 1
        return sealed


def seal_frames(
    key: bytes, chunks: Iterable[Bytes], context: bytes, algorithm: Algorithm, frame_bytes: int = FRAME_BYTES
) -> Iterator[bytes]:
    """The framed form of a stream, piece by piece."""
    sealer = FrameSealer(key, context, algorithm, frame_bytes)
    for chunk in chunks:
        ready = sealer.update(chunk)
        if ready:
            yield ready
    yield sealer.finish()


def unseal_frames(key: bytes, chunks: Iterable[Bytes], context: bytes) -> Iterator[bytes]:
    """The plain frames of a framed stream, each authenticated; raises BlobDamaged, at the end too when the stream is cut."""
    pending, source = bytearray(), iter(chunks)
    opening = _HEADER.size + _SALT
    while len(pending) < opening:
        piece = next(source, None)
        if piece is None:
            raise BlobDamaged("truncated")
        pending += piece
    header = bytes(pending[:opening])
    del pending[:opening]
    algorithm, form, frame = _read_header(header)
    if form != _FRAMES:
        raise BlobDamaged("form")
    cipher, size, number = _cipher(algorithm, _stream_key(key, header[_HEADER.size :])), frame + _TAG, 0
    while True:
        while len(pending) > size:
            yield _open_frame(cipher, memoryview(pending)[:size], number, header + context, final=False)
            del pending[:size]
            number += 1
        piece = next(source, None)
        if piece is None:
            yield _open_frame(cipher, pending, number, header + context, final=True)
            return
        pending += piece


def _open_frame(cipher: AESGCM | ChaCha20Poly1305, sealed: Bytes, number: int, aad: bytes, *, final: bool) -> bytes:
    try:
        return cipher.decrypt(_frame_nonce(number, final=final), sealed, aad)
    except InvalidTag:
        raise BlobDamaged("frame") from None


def _read_header(sealed: Bytes) -> tuple[Algorithm, int, int]:
    if len(sealed) < _HEADER.size:
        raise BlobDamaged("truncated")
    magic, algorithm, form, frame = _HEADER.unpack_from(sealed)
    known = magic == _MAGIC and algorithm in _NUMBERS and form in (_WHOLE, _FRAMES)
    if not known or (form == _FRAMES and not 0 < frame <= _LARGEST_FRAME):
        raise BlobDamaged("header")
    return Algorithm(algorithm), form, frame


def _frame_nonce(number: int, *, final: bool) -> bytes:
    return number.to_bytes(_NONCE - 1, "big") + bytes([final])


def _stream_key(key: bytes, salt: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=b"relais stream").derive(key)


def _cipher(algorithm: Algorithm, key: bytes) -> AESGCM | ChaCha20Poly1305:
    return AESGCM(key) if algorithm is Algorithm.AES_256_GCM else ChaCha20Poly1305(key)
