"""The helper process that loads the PKCS#11 module: `python -m firmware.cards.token_process`, one for each batch or inspection.

It lives no longer than its work, since a module may keep a PIN and present it again by itself (cards.md 1.6), and it is killed when a card
does not answer. The PIN comes on the standard input alone. What the module prints goes nowhere: it may hold what passed on the wire.
"""

from __future__ import annotations

import ctypes
import os
import signal
from contextlib import suppress

import msgspec

from firmware.cards.pin import wipe
from firmware.cards.token import (
    LARGEST_FRAME,
    LENGTH_BYTES,
    Begin,
    Contents,
    Failed,
    Found,
    Login,
    Objects,
    Reply,
    Request,
    Signed,
    Trouble,
)
from firmware.cards.token_card import CannotDo, TokenCard, load
from firmware.process import harden_process

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Serve until the input ends; 0 then, 1 when a frame makes no sense."""
    harden_process()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    source, sink = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    return _serve(source, sink)


def _serve(source: int, sink: int) -> int:
    decoder, card = msgspec.msgpack.Decoder(Request), None
    while (frame := _read_frame(source)) is not None:
        try:
            request = decoder.decode(frame)
        except msgspec.MsgspecError:
            return 1
        finally:
            wipe(frame)
        try:
            if isinstance(request, Begin):
                card = TokenCard(request.library, request.reader) if request.reader is not None else None
                answer: Reply = card.found() if card is not None else _only_loaded(request.library)
            else:
                answer = _answer(card, request)
        except CannotDo as told:
            answer = told.answer
        _write_frame(sink, msgspec.msgpack.encode(answer))
    return 0


def _only_loaded(library: str) -> Found:
    load(library)
    return Found()


def _answer(card: TokenCard | None, request: Request) -> Reply:
    if card is None:
        return Failed(trouble=Trouble.BROKEN, technical="no card")
    if isinstance(request, Login):
        try:
            return card.login(request.pin)
        finally:
            wipe(request.pin)
    if isinstance(request, Objects):
        return Contents(objects=card.objects(protected=request.protected))
    if isinstance(request, Begin):
        return Failed(trouble=Trouble.BROKEN, technical="begun twice")
    return Signed(value=card.sign(request))


def _read_frame(source: int) -> bytearray | None:
    head = _read(source, LENGTH_BYTES)
    length = int.from_bytes(head) if head is not None else LARGEST_FRAME + 1
    return _read(source, length) if length <= LARGEST_FRAME else None


def _read(source: int, length: int) -> bytearray | None:
    """Exactly so many bytes; None when the input ends before."""
    buffer, have = bytearray(length), 0
    view = memoryview(buffer)
    while have < length:
        got = os.readv(source, [view[have:]])
        if got == 0:
            return None
        have += got
    return buffer


def _write_frame(sink: int, content: bytes) -> None:
    rest = memoryview(len(content).to_bytes(LENGTH_BYTES) + content)
    while rest:
        rest = rest[os.write(sink, rest) :]


if __name__ == "__main__":
    raise SystemExit(main())
