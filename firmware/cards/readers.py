"""Which readers and cards are there now, under identifiers that tell nothing. Lives on the event loop; fed by the watcher.

A reader keeps its identifier over unplugging and restarts: a digest of its PC/SC name without the index that pcscd appends (cards.md 3.1),
that is maker, interface and USB serial. Readers without serial number are told apart by the port they are plugged in; two that even so look
alike, by the order in which they came. An insertion gets a random identifier, and every call about a card must name it.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable

import msgspec

from firmware.cards.atr import recognise
from firmware.cards.pcsc import Features
from firmware.cards.usb_place import usb_place
from firmware.cards.watcher import CardIn, CardMuteIn, CardOut, Event, ReaderIn, ReaderOut, ServiceLost, ServiceUp
from firmware.errors import CardAbsent, CardChanged, CardMute, CardsUnavailable, ReaderUnknown, ServiceDown
from firmware.protocol import Card, CardKind, NoticeType, Reader

_NAME = re.compile(r"(?P<model>.*?)(?: [0-9A-F]{2} (?P<slot>[0-9A-F]{2}))?", re.DOTALL)
_SERIAL = re.compile(r"\([^()]+\)$")
_NOISE = re.compile(r"\s*(\([^()]*\)$|\[[^\[\]]*CCID[^\[\]]*\])")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway is told."""

    type: NoticeType
    reader: str | None = None
    card: Card | None = None


class Plugged(msgspec.Struct, frozen=True, kw_only=True):
    """A reader as PC/SC knows it, and what is in it."""

    id: str
    name: str
    """PC/SC name: holds the USB serial, stays in this process."""
    pin_pad: bool = False
    card: Card | None = None
    atr: bytes = b""


class Readers:
    """One for the process. `place` is another for tests."""

    def __init__(self, place: Callable[[int, int], str | None] = usb_place) -> None:
        self._place = place
        self._plugged: dict[str, Plugged] = {}
        self.up = False
        self.hopeless = False
        """This box cannot drive readers at all."""

    def apply(self, event: Event) -> list[Change]:
        """Take in what the watcher saw; what to tell of it. What does not fit what was known before is left out."""
        match event:
            case ServiceUp():
                self.up = True
                return [Change(type=NoticeType.SERVICE_UP)]
            case ServiceLost():
                self.up, self.hopeless = False, event.hopeless
                return [Change(type=NoticeType.SERVICE_DOWN)]
            case ReaderIn():
                return [self._reader_in(event)]
            case _:
                return self._about_known(event)

    @property
    def plugged(self) -> tuple[Plugged, ...]:
        """What is plugged in, as PC/SC knows it."""
        return tuple(self._plugged.values())

    def all(self) -> tuple[Reader, ...]:
        """What is plugged in, in the order of its coming, as the gateway may know it."""
        return tuple(Reader(id=one.id, name=model_of(one.name), pin_pad=one.pin_pad, card=one.card) for one in self._plugged.values())

    def find(self, reader: str) -> Plugged:
        """Raises CardsUnavailable, ServiceDown, ReaderUnknown."""
        if self.hopeless:
            raise CardsUnavailable
        if not self.up:
            raise ServiceDown(retry_after=5.0)
        for one in self._plugged.values():
            if one.id == reader:
                return one
        raise ReaderUnknown

    def inserted(self, reader: str, insertion_id: str | None = None) -> tuple[Plugged, Card]:
        """A reader with its card. Raises as `find`, and CardAbsent, CardMute, CardChanged for another insertion than the one named."""
        found = self.find(reader)
        if found.card is None:
            raise CardAbsent
        if insertion_id is not None and found.card.insertion_id != insertion_id:
            raise CardChanged
        if found.card.kind is CardKind.MUTE:
            raise CardMute
        return found, found.card

    def _reader_in(self, event: ReaderIn) -> Change:
        identity = self._identity(event.name, event.features)
        self._plugged[event.name] = Plugged(id=identity, name=event.name, pin_pad=event.features.pin_pad)
        return Change(type=NoticeType.READER_IN, reader=identity)

    def _about_known(self, event: ReaderOut | CardIn | CardMuteIn | CardOut) -> list[Change]:
        known = self._plugged.get(event.name)
        if known is None:
            return []
        if isinstance(event, ReaderOut):
            del self._plugged[event.name]
            return [Change(type=NoticeType.READER_OUT, reader=known.id)]
        if isinstance(event, CardOut):
            self._plugged[event.name] = msgspec.structs.replace(known, card=None, atr=b"")
            return [Change(type=NoticeType.CARD_OUT, reader=known.id, card=known.card)]
        atr = event.atr if isinstance(event, CardIn) else b""
        kind, generation = recognise(atr) if atr else (CardKind.MUTE, None)
        card = Card(insertion_id=str(uuid.uuid4()), kind=kind, generation=generation)
        self._plugged[event.name] = msgspec.structs.replace(known, card=card, atr=atr)
        return [Change(type=NoticeType.CARD_MUTE if kind is CardKind.MUTE else NoticeType.CARD_IN, reader=known.id, card=card)]

    def _identity(self, name: str, features: Features) -> str:
        """Not taken by another reader that is plugged in."""
        shape = _NAME.fullmatch(name)
        model, slot = (shape["model"], shape["slot"]) if shape is not None else (name, None)
        place = self._place(*features.usb) if features.usb is not None and _SERIAL.search(model) is None else None
        taken = {one.id for one in self._plugged.values()}
        rank = 0
        while True:
            material = "\0".join((model, slot or "", place or "", str(rank)))
            identity = f"reader-{hashlib.sha256(material.encode(errors='replace')).hexdigest()[:8]}"
            if identity not in taken:
                return identity
            rank += 1


def model_of(name: str) -> str:
    """The name as a person may read it: without index, USB serial and what only says "CCID"; the slot where a reader has several."""
    shape = _NAME.fullmatch(name)
    model, slot = (shape["model"], shape["slot"]) if shape is not None else (name, None)
    plain = _NOISE.sub("", model).strip() or model
    return plain if slot in (None, "00") else f"{plain} {int(slot, 16) + 1}"
