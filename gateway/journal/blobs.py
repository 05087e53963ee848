"""The encrypted payloads: small ones inside their row, the others one file each under `home/blobs`.

A file is written whole beside its place, synced, renamed, and its folder synced, all before the commit that names it; a crash in between
leaves a file without a row, which the sweep at the next start removes. File names are random identifiers. Sources: design section 4,
step 3; stack.md 14: a file costs two fsyncs (the folder's is shared by payloads written together), a payload in its row none.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

import msgspec

from gateway.journal.draft import Draft
from gateway.journal.folders import listed, sync_folder, unlink
from gateway.journal.recent import Recent
from gateway.journal.records import BlobRecord
from gateway.journal.sealing import Bytes, Sealer
from gateway.journal.store import NotAccepting, Store
from gateway.kernel.clock import Clock, SystemClock
from gateway.kernel.errors import Held, RelaisError
from gateway.kernel.ids import new_id

P = ParamSpec("P")
T = TypeVar("T")

INLINE_BYTES = 65_536
"""Plain bytes up to which a payload stays in its row: measured, docs/adr/0002-journal.md."""
_CHUNK = 262_144
_NAME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class PayloadDamaged(Held):
    """The bytes of a payload are missing, cut, altered, or do not belong here."""

    code = "payload-unreadable"
    status = 500
    title = "Document illisible"
    what = "Le contenu enregistré de ce document est abîmé : Relais ne peut plus le lire."
    gesture = "Renvoyez le document depuis le logiciel métier, et prévenez votre installateur que le stockage du boîtier est à vérifier."


class BlobStore:
    """Payloads of one home. Nothing is held in memory but what is being written or read, and `recent_bytes` of what was written last."""

    def __init__(self, home: Path, *, inline_bytes: int = INLINE_BYTES, recent_bytes: int = 0, clock: Clock | None = None) -> None:
        self._root = home / "blobs"
        self._inline = inline_bytes
        self._recent = Recent(recent_bytes)
        self._clock = clock or SystemClock()

    async def write(self, document_id: str, role: str, payload: Bytes, sealer: Sealer) -> BlobRecord:
        """Encrypt a payload, durably when it goes to a file; the record is to be committed. Raises NotAccepting."""
        [record] = await self.write_all(document_id, [(role, payload)], sealer)
        return record

    async def write_all(self, document_id: str, payloads: Sequence[tuple[str, Bytes]], sealer: Sealer) -> list[BlobRecord]:
        """Like `write`, several payloads by role, all or none; those that go to files share one sync of their folder."""
        records: list[BlobRecord] = []
        drafts: list[tuple[Draft, Bytes]] = []
        for role, payload in payloads:
            blob_id = new_id()
            context = _context(blob_id, document_id, role)
            inline = sealer.seal(payload, context) if len(payload) <= self._inline else None
            if inline is None:
                drafts.append((Draft(self._path(blob_id), sealer.sealer(context)), payload))
            digest = hashlib.sha256(payload).hexdigest() if inline is not None else ""
            records.append(self._record(blob_id, document_id, role, digest, len(payload), inline))
        if not drafts:
            return records
        async with self._kept(*(draft for draft, _ in drafts)):
            await _io(_complete, drafts)
        written = iter(drafts)
        return [one if one.inline is not None else self._remembered(one, *next(written)) for one in records]

    async def receive(self, document_id: str, role: str, chunks: AsyncIterable[bytes], sealer: Sealer) -> BlobRecord:
        """Like `write`, for bytes that are still arriving; what `chunks` raises leaves nothing behind."""
        blob_id = new_id()
        draft = Draft(self._path(blob_id), sealer.sealer(_context(blob_id, document_id, role)))
        pending, begun = bytearray(), False
        async with self._kept(draft):
            async for chunk in chunks:
                pending += chunk
                if len(pending) > max(self._inline, _CHUNK):
                    piece, pending, begun = pending, bytearray(), True
                    await _io(draft.add, piece)
            if begun:
                await _io(_complete, [(draft, pending)])
        if not begun:
            return await self.write(document_id, role, pending, sealer)
        return self._record(blob_id, document_id, role, draft.sha256, draft.size)

    def recent(self, document_id: str, blob_id: str) -> bytes | None:
        """The plain bytes of a payload of this document written moments ago, once; None: read it."""
        return self._recent.take(document_id, blob_id)

    async def read(self, record: BlobRecord, sealer: Sealer) -> bytes:
        """The plain bytes; raises PayloadDamaged."""
        return await asyncio.to_thread(self._read, record, sealer) if record.inline is None else _open_inline(record, sealer)

    async def open_stream(self, record: BlobRecord, sealer: Sealer) -> AsyncIterator[bytes]:
        """The plain bytes piece by piece, each authenticated; raises PayloadDamaged, possibly at the end only."""
        if record.inline is not None:
            yield _open_inline(record, sealer)
            return
        pieces = self._pieces(record, sealer)
        while (piece := await asyncio.to_thread(_following, pieces)) is not None:
            yield piece

    async def discard(self, *records: BlobRecord) -> None:
        """Remove the files of payloads whose rows are not, or no longer, in the journal."""
        for record in records:
            self._recent.take(record.document_id, record.id)
        await self.remove(*(record.id for record in records if record.inline is None))

    async def remove(self, *blob_ids: str) -> None:
        """Remove files by their identifiers; one that is not there is no error. Raises NotAccepting."""
        if blob_ids:
            await _io(unlink, [self._path(blob_id) for blob_id in blob_ids])

    async def sweep(self, store: Store) -> int:
        """At start, before anything is written: remove what a crash left (drafts, files without a row); returns how many."""
        removed = 0
        for folder in await _io(listed, self._root):
            paths = {path.name: path for path in await _io(listed, folder)}
            known = await store.known_blobs(paths.keys())
            strays = [path for name, path in paths.items() if name not in known]
            await _io(unlink, strays)
            removed += len(strays)
        return removed

    @asynccontextmanager
    async def _kept(self, *drafts: Draft) -> AsyncIterator[None]:
        """Drafts that are dropped when anything goes wrong, a cancellation included."""
        try:
            yield
        except BaseException:
            for draft in drafts:
                with suppress(NotAccepting):
                    await _io(draft.drop)
            raise

    def _remembered(self, record: BlobRecord, draft: Draft, payload: Bytes) -> BlobRecord:
        self._recent.put(record.document_id, record.id, payload)
        return msgspec.structs.replace(record, sha256=draft.sha256)

    def _path(self, blob_id: str) -> Path:
        """Identifiers grow with time: these two digits change every four and a half hours, so neighbours share a folder and its sync."""
        if _NAME.fullmatch(blob_id) is None:
            raise PayloadDamaged("name")
        return self._root / blob_id[4:6] / blob_id

    def _read(self, record: BlobRecord, sealer: Sealer) -> bytes:
        whole = io.BytesIO()
        for piece in self._pieces(record, sealer):
            whole.write(piece)
        return whole.getvalue()

    def _pieces(self, record: BlobRecord, sealer: Sealer) -> Iterator[bytes]:
        size = 0
        with _reading():
            with self._path(record.id).open("rb") as file:
                sealed = iter(lambda: file.read(_CHUNK), b"")
                for piece in sealer.open_stream(sealed, _context(record.id, record.document_id, record.role)):
                    size += len(piece)
                    yield piece
            if size != record.size:
                raise PayloadDamaged("size")

    def _record(self, blob_id: str, document_id: str, role: str, sha256: str, size: int, inline: bytes | None = None) -> BlobRecord:
        now = int(self._clock.now().timestamp() * 1000)
        return BlobRecord(id=blob_id, document_id=document_id, role=role, size=size, sha256=sha256, created_at=now, inline=inline)


def _context(blob_id: str, document_id: str, role: str) -> bytes:
    return f"{document_id}/{role}/{blob_id}".encode()


def _open_inline(record: BlobRecord, sealer: Sealer) -> bytes:
    with _reading():
        plain = sealer.open(record.inline or b"", _context(record.id, record.document_id, record.role))
        if len(plain) != record.size:
            raise PayloadDamaged("size")
        return plain


def _complete(drafts: Sequence[tuple[Draft, Bytes]]) -> None:
    for draft, rest in drafts:
        draft.add(rest)
        draft.publish()
    for folder in {draft.folder for draft, _ in drafts}:
        sync_folder(folder)


def _following(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)


async def _io(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run blocking I/O on another thread; raises NotAccepting."""
    with _disk():
        return await asyncio.to_thread(function, *args, **kwargs)


@contextmanager
def _disk() -> Iterator[None]:
    """What the disk refuses (full, read-only, failing) is NotAccepting; the message of an OSError is left out, it holds a path."""
    try:
        yield
    except OSError as problem:
        raise NotAccepting(f"errno {problem.errno}") from problem


@contextmanager
def _reading() -> Iterator[None]:
    """Whatever keeps a payload from being read is PayloadDamaged."""
    try:
        yield
    except PayloadDamaged:
        raise
    except OSError as problem:
        raise PayloadDamaged(f"errno {problem.errno}") from problem
    except RelaisError as problem:
        raise PayloadDamaged(problem.code) from problem
