"""The vault: everything that is kept on the box is sealed under the box key, directly or through a key per document.

A document gets its own data key, kept beside it wrapped by the box key: erasing the wrapped key erases the document. Records (keys,
homologation number) are sealed under a derived key; patients appear in the audit trail under a pseudonym. Nothing here reads or writes
a document. Sources: design section 3 (trust: at-rest vault); dossier stack.md section 4.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from typing_extensions import override

from gateway.kernel.config import BoxKey
from gateway.trust import sealing
from gateway.trust.boxkey import BoxKeySource, BoxKeyUnavailable, FileBoxKey
from gateway.trust.boxkey_custody import Custody
from gateway.trust.sealing import Algorithm, BlobDamaged, Bytes, FrameSealer

_WRAPPING = b"data key"
_MARK_BYTES = 8
_CARRIED = b"pseudonyms"
PSEUDONYMS = "pseudonyms.sealed"
"""File of a home that was restored on another box: audit trail and registry keep the pseudonyms they were written with."""

__all__ = ["PSEUDONYMS", "BlobDamaged", "BoxKeyUnavailable", "DataKey", "Vault", "open_vault"]


class DataKey:
    """The key of one document; `wrapped` is what may be stored. Its bytes show neither in repr nor in a pickle."""

    __slots__ = ("_algorithm", "_key", "wrapped")

    def __init__(self, key: bytes, wrapped: bytes, algorithm: Algorithm) -> None:
        self._key = key
        self._algorithm = algorithm
        self.wrapped = wrapped

    @override
    def __repr__(self) -> str:
        return "DataKey(…)"

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("a data key is never serialised")

    def seal(self, plain: Bytes, context: bytes) -> bytes:
        """`plain` sealed whole and bound to `context` (document id and role)."""
        return sealing.seal(self._key, plain, context, self._algorithm)

    def open(self, sealed: Bytes, context: bytes) -> bytes:
        """The plain bytes of `seal` or of a whole `seal_stream`; raises BlobDamaged."""
        return sealing.unseal(self._key, sealed, context)

    def sealer(self, context: bytes, frame_bytes: int = sealing.FRAME_BYTES) -> FrameSealer:
        """A sealer to feed as bytes arrive: `update(chunk) -> bytes`, then `finish() -> bytes`; holds one frame at most."""
        return FrameSealer(self._key, context, self._algorithm, frame_bytes)

    def seal_stream(self, chunks: Iterable[Bytes], context: bytes, frame_bytes: int = sealing.FRAME_BYTES) -> Iterator[bytes]:
        """The framed form of a stream, piece by piece, bound to `context`."""
        return sealing.seal_frames(self._key, chunks, context, self._algorithm, frame_bytes)

    def open_stream(self, chunks: Iterable[Bytes], context: bytes) -> Iterator[bytes]:
        """The plain frames of `seal_stream`, whatever the cut of `chunks`; raises BlobDamaged, at the end too when the stream is cut."""
        return sealing.unseal_frames(self._key, chunks, context)


class Vault:
    """Seals and opens with keys derived from the box key (HKDF-SHA256, one key per purpose)."""

    __slots__ = ("_algorithm", "_mark", "_pseudonyms", "_records", "_wrap")

    def __init__(self, source: BoxKeySource, algorithm: Algorithm | None = None) -> None:
        box_key = source.load()
        self._algorithm = algorithm or sealing.preferred_algorithm()
        self._wrap = _derive(box_key, b"relais wrap data keys")
        self._records = _derive(box_key, b"relais seal records")
        self._pseudonyms = _derive(box_key, b"relais pseudonyms")
        self._mark = _derive(box_key, b"relais box mark")[:_MARK_BYTES]

    @override
    def __repr__(self) -> str:
        return "Vault(…)"

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("a vault is never serialised")

    def new_key(self) -> DataKey:
        """A fresh data key for one document."""
        key = secrets.token_bytes(sealing.KEY_BYTES)
        return DataKey(key, self._mark + sealing.seal(self._wrap, key, _WRAPPING, self._algorithm), self._algorithm)

    def unwrap(self, wrapped: bytes) -> DataKey:
        """The data key that `wrapped` holds; raises BoxKeyUnavailable when another box sealed it, BlobDamaged when it is damaged."""
        key = sealing.unseal(self._wrap, self._unmarked(wrapped), _WRAPPING)
        return DataKey(key, bytes(wrapped), self._algorithm)

    def seal_small(self, plain: Bytes, context: bytes) -> bytes:
        """A record sealed under the box itself, bound to `context` (its kind and name)."""
        return self._mark + sealing.seal(self._records, plain, context, self._algorithm)

    def open_small(self, sealed: bytes, context: bytes) -> bytes:
        """The record; raises BoxKeyUnavailable when another box sealed it, BlobDamaged when it is damaged."""
        return sealing.unseal(self._records, self._unmarked(sealed), context)

    def pseudonym(self, kind: str, value: str) -> str:
        """The stable pseudonym of a value for the audit trail: HMAC-SHA256 in hexadecimal, distinct per `kind` and per box."""
        kind_bytes = kind.encode()
        return hmac.digest(self._pseudonyms, len(kind_bytes).to_bytes(2, "big") + kind_bytes + value.encode(), "sha256").hex()

    def rewrap(self, wrapped: bytes, former: Vault) -> bytes:
        """A document's key that another box wrapped, under this one: `unwrap` opens it here. Raises as `unwrap` there."""
        key = sealing.unseal(former._wrap, former._unmarked(wrapped), _WRAPPING)
        return self._mark + sealing.seal(self._wrap, key, _WRAPPING, self._algorithm)

    def keep_pseudonyms_of(self, former: Vault) -> bytes:
        """Give from now on the pseudonyms of that box, whose journal this one takes over; what to keep in `PSEUDONYMS` of the home."""
        self._pseudonyms = former._pseudonyms
        return self.seal_small(self._pseudonyms, _CARRIED)

    def adopt(self, sealed: bytes) -> None:
        """Give the pseudonyms of the box whose journal this one took over; raises as `open_small`."""
        self._pseudonyms = self.open_small(sealed, _CARRIED)

    def _unmarked(self, sealed: bytes) -> memoryview:
        if len(sealed) <= _MARK_BYTES:
            raise BlobDamaged("truncated")
        if not hmac.compare_digest(sealed[:_MARK_BYTES], self._mark):
            raise BoxKeyUnavailable("mark", reason="ces données ont été protégées par la clé d'un autre boîtier")
        return memoryview(sealed)[_MARK_BYTES:]


def open_vault(home: Path, *, create: bool = False, settings: BoxKey | None = None) -> Vault:
    """The vault of a home, its key had from wherever it is kept (`boxkey_custody`), or from where `settings` impose.

    With `create` (first boot only) a plain `box.key` is made when there is no key at all. Raises BoxKeyUnavailable and its kin.
    """
    custody = Custody(home, settings)
    if create and custody.kind == "file":
        FileBoxKey(home / "box.key").create()
    vault = Vault(custody.source())
    with contextlib.suppress(FileNotFoundError):
        vault.adopt((home / PSEUDONYMS).read_bytes())
    return vault


def _derive(box_key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=sealing.KEY_BYTES, salt=None, info=purpose).derive(box_key)
