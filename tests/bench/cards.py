"""The device process over a real pcscd and a virtual card: its memory, and how long a card takes to reach its client."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

from firmware.client import DeviceClient, Happening
from firmware.protocol import CardObjects, Devices, Notice, NoticeType, ReadFreeData
from tests.bench.figures import Figure, median, percentile
from tests.bench.process import load_average, memory
from tests.rig.cards import CardRig, why_no_card_rig
from tests.rig.cards.vitale import VitaleCard
from tests.rig.processes import ROOT, environment

_MEMORY_MOST = 30.0
_EVENT_TARGET = 200.0
_SHARE_MOST = 50.0
_PRESENT = 0x20
_LOOKS = 0.4
"""Seconds between two looks of pcscd at a reader that announces nothing (PCSCLITE_STATUS_POLL_RATE)."""


def measure_cards(folder: Path, *, insertions: int) -> list[Figure]:
    """Memory after work, event latency and our share of it; nothing, with the reason said, where the rig cannot run."""
    reason = why_no_card_rig()
    if reason is not None:
        print(f"cards left out: {reason}", file=sys.stderr)
        return []
    path = folder / "s"
    with CardRig() as rig:
        os.environ |= rig.environment
        command = [sys.executable, "-m", "firmware.devices", "--socket", str(path)]
        with subprocess.Popen(command, cwd=ROOT, env=environment() | rig.environment) as process:
            try:
                return asyncio.run(_measure(rig, path, process.pid, insertions))
            finally:
                process.terminate()


class _Bare:
    """A client of pcscd that does nothing but wait: when it sees a card is the floor."""

    def __init__(self) -> None:
        self.seen_at = 0.0
        self.reader = "Virtual Reader 0 00 00"

    def wait(self, ready: threading.Event) -> None:
        import smartcard.scard as raw

        _, context = raw.SCardEstablishContext(0)
        _, states = raw.SCardGetStatusChange(context, 0, [(self.reader, 0)])
        state = states[0][1]
        ready.set()
        while not state & _PRESENT:
            _, states = raw.SCardGetStatusChange(context, 60_000, [(self.reader, state & ~2)])
            state = states[0][1]
        self.seen_at = time.perf_counter()
        raw.SCardReleaseContext(context)


async def _measure(rig: CardRig, path: Path, pid: int, insertions: int) -> list[Figure]:
    client = DeviceClient(path)
    await client.start()
    whole, floors, shares, chance = [], [], [], random.Random(1)
    async with client.happenings() as events:
        while True:
            happening = await anext(events)
            if isinstance(happening, Devices) and len(happening.readers) == 2:
                break
            if isinstance(happening, Notice) and happening.type is NoticeType.READER_IN and happening.device:
                break
        for _ in range(insertions):
            bare, ready = _Bare(), threading.Event()
            waiting = threading.Thread(target=bare.wait, args=(ready,))
            waiting.start()
            await asyncio.to_thread(ready.wait)
            await asyncio.sleep(chance.uniform(0, _LOOKS))  # pcscd's looks are regular: an insertion is not
            began = time.perf_counter()
            await asyncio.to_thread(rig.insert, 0, VitaleCard())
            notice = await _next(events, NoticeType.CARD_IN)
            told = time.perf_counter()
            await asyncio.to_thread(waiting.join)
            whole.append((told - began) * 1000)
            floors.append((bare.seen_at - began) * 1000)
            shares.append(max(0.0, (told - bare.seen_at) * 1000))
            if notice.card is not None and notice.device is not None:
                await client.call(ReadFreeData(reader=notice.device, insertion_id=notice.card.insertion_id), CardObjects)
            await asyncio.to_thread(rig.remove, 0)
            await _next(events, NoticeType.CARD_OUT)
        used = memory(pid)
    await client.stop()
    load = load_average()
    note = f"{insertions} insertions; the floor is a bare client of pcscd, which looks at a virtual reader every {_LOOKS:g} s"
    return [
        Figure(name="device process, memory", value=used.now, unit="MB", most=_MEMORY_MOST, load=load, note=f"highest {used.peak:.1f}"),
        Figure(
            name="card event at the client",
            value=median(whole),
            unit="ms",
            target=_EVENT_TARGET,
            floor=median(floors),
            load=load,
            note=note,
        ),
        Figure(name="card event, our share p95", value=percentile(shares, 95), unit="ms", most=_SHARE_MOST, load=load),
    ]


async def _next(events: AsyncIterator[Happening], kind: NoticeType) -> Notice:
    while True:
        happening = await anext(events)
        if isinstance(happening, Notice) and happening.type is kind:
            return happening
