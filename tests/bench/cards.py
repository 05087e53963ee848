"""A card in a real pcscd and the workstation that is told of it, through a whole gateway: how long each part of the way takes.

Two figures of one run. From pcscd's own event, as a bare client of pcscd sees it, to the line of the event stream at an HTTPS client: what
is ours. From the insertion to that same line: pcscd's way to its own event besides, which for a virtual reader is mostly waiting, since
pcscd looks at it every 0.4 s; the reader of a desk announces its cards.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import random
import ssl
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx

from firmware.protocol import NoticeType
from tests.bench.figures import Figure, median, percentile
from tests.bench.process import load_average, memory
from tests.rig.cards import CardRig, why_no_card_rig
from tests.rig.cards.vitale import VitaleCard
from tests.rig.processes import QUICK, Gateway, running

_MEMORY_MOST = 30.0
_EVENT_MOST = 200.0
"""Milliseconds from pcscd's event to the client; a wish from the insertion on, since that is pcscd's to keep."""
_PRESENT = 0x20
_LOOKS = 0.4
"""Seconds between two looks of pcscd at a reader that announces nothing (PCSCLITE_STATUS_POLL_RATE)."""
_PATIENCE: Final = 30.0
_DEVICES = '\n[devices]\nstart = "gateway"\n'


def measure_cards(folder: Path, *, insertions: int) -> list[Figure]:
    """Memory after work, and both figures of the event; nothing, with the reason said, where the rig cannot run."""
    reason = why_no_card_rig()
    if reason is not None:
        print(f"cards left out: {reason}", file=sys.stderr)
        return []
    with CardRig() as rig:
        os.environ |= rig.environment
        with running(folder, settings=QUICK + _DEVICES) as (_, gateway), _client(gateway) as client:
            return _measure(rig, gateway, client, insertions)


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


class _Stream:
    """What the event stream of the workstation tells, with the instant at which each line came."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._told: queue.Queue[tuple[str, float]] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def next(self, kind: NoticeType) -> float:
        """When the next one of that kind came; raises queue.Empty when none comes."""
        while True:
            told, at = self._told.get(timeout=_PATIENCE)
            if told == kind.value:
                return at

    def _listen(self) -> None:
        kind = ""
        with contextlib.suppress(httpx.HTTPError), self._client.stream("GET", "/card-events", timeout=None) as answer:
            for line in answer.iter_lines():
                at = time.perf_counter()
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    self._told.put((kind, at))


def _measure(rig: CardRig, gateway: Gateway, client: httpx.Client, insertions: int) -> list[Figure]:
    reader = _until(lambda: _first(client))
    client.post(f"/readers/{reader}/pairing", json={"paired": True}).raise_for_status()
    stream = _Stream(client)
    stream.next(NoticeType.READER_IN)
    whole, floors, shares, chance = [], [], [], random.Random(1)
    for _ in range(insertions):
        bare, ready = _Bare(), threading.Event()
        waiting = threading.Thread(target=bare.wait, args=(ready,))
        waiting.start()
        ready.wait()
        time.sleep(chance.uniform(0, _LOOKS))  # pcscd's looks are regular: an insertion is not
        began = time.perf_counter()
        rig.insert(0, VitaleCard())
        told = stream.next(NoticeType.CARD_IN)
        waiting.join()
        whole.append((told - began) * 1000)
        floors.append((bare.seen_at - began) * 1000)
        shares.append(max(0.0, (told - bare.seen_at) * 1000))
        card = client.get(f"/readers/{reader}/card").json()
        client.get(f"/readers/{reader}/card/vitale", params={"insertion_id": card["insertion_id"]}).raise_for_status()
        rig.remove(0)
        stream.next(NoticeType.CARD_OUT)
    return _figures(whole, floors, shares, pid=_device_process(gateway))


def _figures(whole: list[float], floors: list[float], shares: list[float], *, pid: int) -> list[Figure]:
    used, load = memory(pid), load_average()
    waits = f"of which {median(floors):.0f} ms until pcscd's own event: it looks at a virtual reader (vpcd) every {_LOOKS:g} s"
    return [
        Figure(name="device process, memory", value=used.now, unit="MB", most=_MEMORY_MOST, load=load, note=f"highest {used.peak:.1f}"),
        Figure(
            name="card: pcscd's event to SSE client",
            value=median(shares),
            unit="ms",
            most=_EVENT_MOST,
            load=load,
            note=f"all that is ours: device process, gateway, TLS; {len(shares)} insertions",
        ),
        Figure(name="card: same, p95", value=percentile(shares, 95), unit="ms", most=_EVENT_MOST, load=load),
        Figure(
            name="card: insertion to SSE client",
            value=median(whole),
            unit="ms",
            target=_EVENT_MOST,
            floor=median(floors),
            load=load,
            note=waits,
        ),
    ]


def _client(gateway: Gateway) -> httpx.Client:
    context = ssl.create_default_context(cafile=gateway.facts["ca"])
    headers = {"Authorization": f"Bearer {gateway.token}"}
    return httpx.Client(base_url=gateway.facts["api"], headers=headers, verify=context, timeout=_PATIENCE)


def _first(client: httpx.Client) -> str | None:
    """The first slot of the virtual reader, once both are known."""
    answer = client.get("/readers")
    readers: list[dict[str, Any]] = json.loads(answer.content) if answer.status_code == 200 else []
    return str(readers[0]["id"]) if len(readers) == 2 else None


def _device_process(gateway: Gateway) -> int:
    """The child of the gateway that holds the readers."""
    parent = gateway.process.pid if gateway.process is not None else 0
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return next(int(one) for one in children if b"firmware.devices" in Path(f"/proc/{one}/cmdline").read_bytes())


def _until(found: Callable[[], str | None]) -> str:
    deadline = time.monotonic() + _PATIENCE
    while (what := found()) is None:
        if time.monotonic() > deadline:
            raise AssertionError("no reader came")
        time.sleep(0.05)
    return what
