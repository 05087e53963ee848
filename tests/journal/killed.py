"""A child process to be killed while it works: several tasks accept, move and remove documents, and say so once it is done."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from pathlib import Path

from msgspec.structs import replace

from gateway.journal.blobs import BlobStore
from gateway.journal.records import DeleteBlob
from gateway.journal.sqlite import SqliteStore
from gateway.journal.store import StaleRecord
from gateway.model.delivery import DeliveryState, Phase
from gateway.trust.vault import Vault, open_vault
from tests.journal.samples import audit, delivery, document, event
from tests.journal.traced import say

TASKS = 6
PAYLOAD = b"payload " * 20_000
"""Over the limit of what stays in a row."""


async def work(store: SqliteStore, blobs: BlobStore, vault: Vault, dice: random.Random) -> None:
    """Accept a document, move its deliveries, sometimes forget a payload; each line names what is certain from then on."""
    while True:
        key = vault.new_key()
        one = document(wrapped_key=key.wrapped, idempotency_key=dice.randbytes(32).hex(), prepared=True)
        data = PAYLOAD[: dice.choice((100, 120_000, len(PAYLOAD)))]
        original = await blobs.write(one.id, "original", data, key)
        scratch = await blobs.write(one.id, "mail", PAYLOAD, key)
        sent = [delivery(one), delivery(one, lane="b/mss")]
        await store.commit(one, *sent, original, scratch, audit(one), event(one))
        say(f"accepted {one.id}")
        running = replace(sent[0], state=DeliveryState.RUNNING, phase=Phase.FEED, boot="b", version=2)
        await store.commit(running, audit(one, act="delivery.begun"))
        say(f"running {running.id}")
        with contextlib.suppress(StaleRecord):
            await store.commit(running)
        await store.commit(
            replace(running, state=DeliveryState.DELIVERED, phase=Phase.WAITING, version=3), DeleteBlob(id=scratch.id), event(one)
        )
        await blobs.discard(scratch)
        say(f"delivered {running.id}")


async def main(home: Path, seed: int) -> None:
    dice = random.Random(seed)
    vault = open_vault(home, create=not (home / "box.key").exists())
    store, blobs = await SqliteStore.open(home / "journal.sqlite"), BlobStore(home)
    await blobs.sweep(store)
    say("ready")
    async with asyncio.TaskGroup() as group:
        for _ in range(TASKS):
            group.create_task(work(store, blobs, vault, dice))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
