"""Homes as boxes have them, without a process: keys, secrets, a LAN authority, and a journal with documents in every state."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec

from gateway.journal.blobs import BlobStore
from gateway.journal.records import Change, DeliveryRecord, DocumentRecord
from gateway.journal.sqlite import SqliteStore
from gateway.kernel.config import Configuration, read_configuration
from gateway.kernel.home import Home
from gateway.model.delivery import Channel, DeliveryState, DocumentState, Phase
from gateway.trust.lan import LanAuthority
from gateway.trust.secret_file import HOMOLOGATION, keep_secret
from gateway.trust.vault import Vault, open_vault
from provisioning.backup.folder import BackupFolder
from provisioning.backup.phrase import RecoveryPhrase, new_phrase
from provisioning.backup.recipient import Recipient, keep_recipient, recipient_of
from tests.journal.samples import audit, delivery, document

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
HOMOLOGATION_NUMBER = "HOMOLOGATION-INVENTEE-4207"
DIAGNOSIS = b"Fracture inventee du radius gauche"
SETTINGS = """\
environment = "test"
require_synchronised_clock = false

[limits]
disk_reserve_bytes = 0

[dmp]
url = "https://dmp.relais.test/services"

[[structures]]
id = "10B0000001"
name = "CABINET INVENTE"
patient_root = "1.2.250.1.213.1.1.4.999.1"
source_id = "1.2.250.1.213.1.1.4.998.1"
professionals = []
"""
LARGE = DIAGNOSIS * 4000


@cache
def _sheet() -> tuple[RecoveryPhrase, Recipient]:
    """One for all: stretching a phrase is slow on purpose."""
    phrase = new_phrase()
    return phrase, recipient_of(phrase)


class Practice:
    """A home with something in it, and the phrase of its backups."""

    def __init__(self, root: Path) -> None:
        root.mkdir(mode=0o700, parents=True)
        self.home = Home(root)
        self.vault: Vault = open_vault(root, create=True)
        self.home.configuration.write_text(SETTINGS)
        self.home.anchors.write_text("anchors")
        keep_secret(root, self.vault, HOMOLOGATION, HOMOLOGATION_NUMBER)
        LanAuthority(root, self.vault).identity(("relais.local",), NOW)
        self.phrase, recipient = _sheet()
        keep_recipient(root, recipient)
        self.folder = BackupFolder(root.parent / "stick")
        self.folder.path.mkdir()
        self.folder.prepare()

    @property
    def configuration(self) -> Configuration:
        return read_configuration(self.home.configuration)

    async def holds(self, *states: tuple[Channel, DeliveryState, bool]) -> list[tuple[DocumentRecord, DeliveryRecord]]:
        """One document per delivery wanted (channel, state, whether its bytes are frozen), each with a large payload in a file."""
        store, blobs = await SqliteStore.open(self.home.journal), BlobStore(self.home.root)
        made: list[tuple[DocumentRecord, DeliveryRecord]] = []
        try:
            for channel, state, frozen in states:
                key = self.vault.new_key()
                over = state in (DeliveryState.DELIVERED, DeliveryState.REFUSED)
                shown = DocumentState.ATTENTION if state in (DeliveryState.HELD, DeliveryState.REFUSED) else DocumentState.WORKING
                one = document(wrapped_key=key.wrapped, state=DocumentState.DONE if state is DeliveryState.DELIVERED else shown)
                one = msgspec.structs.replace(one, sealed=key.seal(DIAGNOSIS, one.id.encode()))
                two = delivery(one, channel=channel, lane=f"{one.structure}/{channel}", sealed_frozen=b"frozen" if frozen else None)
                blob = await blobs.write(one.id, "original", LARGE, key)
                changes: list[Change] = [one, two, blob, audit(one)]
                await store.commit(*changes)
                if state is not DeliveryState.QUEUED:
                    phase = Phase.DATA if state is DeliveryState.RUNNING else Phase.WAITING
                    two = msgspec.structs.replace(two, state=state, phase=phase, boot=None if over else "boot", version=2)
                    await store.commit(two)
                made.append((one, two))
        finally:
            await store.close()
        return made
