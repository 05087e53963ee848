"""A child process to be watched by strace: commits, payloads, and a line on standard output for each acknowledgement."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from gateway.journal.blobs import BlobStore
from gateway.journal.sqlite import SqliteStore
from gateway.trust.vault import open_vault
from tests.journal.samples import audit, delivery, document


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def alone(home: Path, count: int) -> None:
    """Commits one after the other, each with a payload in a file."""
    store, blobs, key = await SqliteStore.open(home / "journal.sqlite"), BlobStore(home), open_vault(home, create=True).new_key()
    say("ready")
    for number in range(count):
        one = document()
        payload = await blobs.write(one.id, "original", b"x" * 200_000, key)
        await store.commit(one, delivery(one), payload, audit(one))
        say(f"ack {number}")
    say("over")
    await store.close()


async def together(home: Path, count: int) -> None:
    """Commits all at once."""
    store = await SqliteStore.open(home / "journal.sqlite")

    async def one_commit(number: int) -> None:
        one = document()
        await store.commit(one, delivery(one), audit(one))
        say(f"ack {number}")

    say("ready")
    await asyncio.gather(*(one_commit(number) for number in range(count)))
    say("over")
    await store.close()


if __name__ == "__main__":
    asyncio.run({"alone": alone, "together": together}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3])))
