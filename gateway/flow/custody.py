"""Opens what the journal holds sealed: a document's data key, its admitted facts, its payloads."""

from __future__ import annotations

from gateway.flow.admitted import Admitted, open_admitted
from gateway.flow.errors import PayloadQuarantined
from gateway.journal.blobs import BlobStore
from gateway.journal.records import BlobRecord, DocumentRecord
from gateway.journal.sealing import Sealer
from gateway.journal.store import Store
from gateway.kernel.errors import RelaisError
from gateway.trust.vault import Vault


class Custody:
    """Reading side of the sealed journal. Anything that does not open raises PayloadQuarantined, never a raw error."""

    def __init__(self, store: Store, blobs: BlobStore, vault: Vault) -> None:
        self._store = store
        self._blobs = blobs
        self._vault = vault

    def key(self, record: DocumentRecord) -> Sealer:
        """The data key of a document."""
        try:
            return self._vault.unwrap(record.wrapped_key)
        except RelaisError as problem:
            raise PayloadQuarantined(problem.technical) from problem

    def admitted(self, record: DocumentRecord) -> Admitted:
        """The admitted facts of a document."""
        try:
            return open_admitted(record, self.key(record))
        except (RelaisError, ValueError) as problem:
            raise PayloadQuarantined(str(problem)) from problem

    async def payload(self, record: DocumentRecord, blob_id: str) -> bytes:
        """The plain bytes of one payload of this document."""
        recent = self._blobs.recent(record.id, blob_id)
        if recent is not None:
            return recent
        blob = await self._store.blob(blob_id)
        if blob is None or blob.document_id != record.id:
            raise PayloadQuarantined("payload row missing")
        return await self.read(record, blob)

    async def read(self, record: DocumentRecord, blob: BlobRecord) -> bytes:
        """The plain bytes of a payload whose row is at hand."""
        try:
            return await self._blobs.read(blob, self.key(record))
        except RelaisError as problem:
            raise PayloadQuarantined(problem.technical) from problem
