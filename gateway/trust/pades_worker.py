"""The process that opens the PDF of a signature: bounded, without key, forbidden to open a connection; it speaks with `pades_process`.

Run as `python -m gateway.trust.pades_worker DOCUMENT OUTPUT MEMORY SECONDS`, the first two descriptors of memory files. Whatever a
stranger's file does to it ends with it.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys

import msgspec

from firmware.process import forbid_network, harden_process
from gateway.trust.pades import read_signatures, sign_document
from gateway.trust.pades_messages import LENGTH_BYTES, Asked, Ended, PdfUnfit, ToSign, Unfit, frame


def _say(message: msgspec.Struct) -> None:
    sys.stdout.buffer.write(frame(message))
    sys.stdout.buffer.flush()


def _hear() -> bytes:
    length = int.from_bytes(sys.stdin.buffer.read(LENGTH_BYTES), "big")
    return sys.stdin.buffer.read(length)


def _value_from_the_gateway(attributes: bytes) -> bytes:
    _say(ToSign(attributes=attributes))
    return _hear()


def _ended(asked: Asked, document: int, output: int) -> Ended:
    try:
        with os.fdopen(document, "rb") as source, os.fdopen(output, "w+b") as target:
            if asked.kind == "read":
                return Ended(signatures=read_signatures(source))
            asyncio.run(sign_document(source, target, asked, _value_from_the_gateway))
            return Ended()
    except PdfUnfit as refusal:
        return Ended(unfit=Unfit(str(refusal.facts["reason"])))
    except MemoryError:
        return Ended(unfit=Unfit.OVERSIZED)


def main() -> None:
    """One document, one answer."""
    document, output, memory, seconds = (int(one) for one in sys.argv[1:5])
    harden_process()
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    forbid_network()
    _say(_ended(msgspec.msgpack.decode(_hear(), type=Asked), document, output))


if __name__ == "__main__":
    main()
