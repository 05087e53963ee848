"""A device process over a rig, and a client of it that opens batches and signs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TypeVar

from firmware.client import DeviceClient
from firmware.errors import DeviceError
from firmware.protocol import (
    BatchOpened,
    Card,
    CardFacts,
    CardObjects,
    CloseBatch,
    Devices,
    Done,
    InspectCard,
    KeyUse,
    ListDevices,
    OpenBatch,
    Reader,
    Sign,
    Signature,
)
from tests.rig.cards import CardRig
from tests.rig.cards.holder import SERIAL
from tests.rig.cards.signing import FREE, PROTECTED, IasCard, SigningCard, pairs
from tests.rig.cards.virtual import VirtualCard
from tests.rig.processes import ROOT, environment
from tests.shared import missing

OWNER, OTHER = "desk-1 doctor", "desk-2 secretary"
PATIENCE = 2000
"""Looks, 20 ms apart."""
T = TypeVar("T", BatchOpened, CardFacts, CardObjects, Done, Signature)


class Desk:
    """A client of a device process over one rig."""

    def __init__(self, rig: CardRig, path: Path, client: DeviceClient) -> None:
        self.rig, self.path, self.client = rig, path, client
        self.readers: tuple[Reader, ...] = ()

    async def insert(self, card: VirtualCard, slot: int = 0) -> Card:
        """Put it in; the card that the process tells of."""
        await asyncio.to_thread(self.rig.insert, slot, card)
        return await self.here(slot)

    async def remove(self, slot: int = 0) -> None:
        await asyncio.to_thread(self.rig.remove, slot)
        await self.gone(slot)

    async def gone(self, slot: int = 0) -> None:
        await self._until(slot, present=False)

    async def here(self, slot: int = 0) -> Card:
        """The card that is in the slot, once the process knows."""
        card = await self._until(slot, present=True)
        assert card is not None
        return card

    async def _until(self, slot: int, *, present: bool) -> Card | None:
        for _ in range(PATIENCE):
            card = (await self.list())[slot].card
            if (card is not None) is present:
                return card
            await asyncio.sleep(0.02)
        raise AssertionError("the process did not see the card come or go")

    async def list(self) -> tuple[Reader, ...]:
        return (await self.client.call(ListDevices(), Devices)).readers

    async def open(self, card: Card, pin: bytes = b"1234", owner: str = OWNER, **given: object) -> BatchOpened:
        fields: dict[str, object] = {"reader": self.readers[0].id, "insertion_id": card.insertion_id, "owner": owner, "pin": bytearray(pin)}
        return await self.client.call(OpenBatch(**(fields | given)), BatchOpened)  # type: ignore[arg-type]

    async def inspect(self, card: Card) -> CardFacts:
        return await self.client.call(InspectCard(reader=self.readers[0].id, insertion_id=card.insertion_id), CardFacts)

    async def sign(
        self, batch: BatchOpened, key: KeyUse, data: bytes | None = b"data", digest: bytes | None = None, owner: str = OWNER
    ) -> bytes:
        request = Sign(batch=batch.batch, owner=owner, key=key, data=data if digest is None else None, digest=digest)
        return (await self.client.call(request, Signature)).value

    async def close(self, batch: BatchOpened) -> None:
        await self.client.call(CloseBatch(batch=batch.batch, owner=OWNER), Done)


def opensc() -> str:
    found = [str(one) for one in Path("/usr/lib").glob("*/opensc-pkcs11.so")]
    return found[0] if found else missing("the Debian package opensc is not installed")


@contextlib.contextmanager
def process(rig: CardRig, folder: Path, *, conf: Path | None = None, **limits: float) -> Iterator[Path]:
    """The device process over a rig; its socket."""
    token = {"library": opensc(), "environment": rig.environment | ({"OPENSC_CONF": str(conf)} if conf is not None else {}), **limits}
    (folder / "settings.json").write_text(json.dumps({"cards": {"token": token}}))
    command = [sys.executable, "-m", "firmware.devices", "--socket", str(folder / "s"), "--settings", str(folder / "settings.json")]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment() | rig.environment, stderr=log) as started,
    ):
        (folder / "pid").write_text(str(started.pid))
        try:
            yield folder / "s"
        finally:
            started.terminate()


@contextlib.asynccontextmanager
async def desk_at(rig: CardRig, path: Path) -> AsyncIterator[Desk]:
    for slot in (0, 1):
        rig.remove(slot)
    client = DeviceClient(path)
    await client.start()
    desk = Desk(rig, path, client)
    try:
        async with asyncio.timeout(60):
            while len(desk.readers) < 2 or any(one.card is not None for one in desk.readers):
                with contextlib.suppress(DeviceError):
                    desk.readers = await desk.list()
                await asyncio.sleep(0.05)
        yield desk
    finally:
        await client.stop()


def ias_card() -> IasCard:
    return IasCard(SERIAL, pairs(), FREE, PROTECTED)


def signing_card(*, asks_each_time: bool = False) -> SigningCard:
    return SigningCard(SERIAL, pairs(asks_each_time=asks_each_time), FREE, PROTECTED)


async def locked(card: SigningCard) -> None:
    for _ in range(PATIENCE):
        if not card.unlocked:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the card stayed unlocked")
