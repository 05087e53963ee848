"""The audit chain: the canonical bytes of a line, the hash that ties it to the line before, and their verification.

Pure functions; the store gives the lines. The hash of a line is SHA-256 over the hash before it and the line's canonical JSON (keys
sorted, no blanks, UTF-8, the `hash` field left out), so that no line can be changed, removed or moved without breaking all that follow.
A chain proves itself to who kept one of its hashes: an export is such a witness. Source: design section 2, rule 10.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import msgspec

from gateway.journal.records import AuditRecord

START = "0" * 64
"""What stands for the hash before the first line."""


class Tail(msgspec.Struct, frozen=True):
    """The end of a chain: the sequence and the hash of its last line."""

    sequence: int = 0
    hash: str = START


def canonical(line: AuditRecord) -> bytes:
    """The bytes of a line that its hash covers."""
    fields = msgspec.structs.asdict(line)
    del fields["hash"]
    return msgspec.json.encode(fields, order="sorted")


def line_hash(line: AuditRecord, previous: str) -> str:
    """SHA-256 in hexadecimal of the previous hash (its 64 characters) followed by the canonical line."""
    return hashlib.sha256(previous.encode() + canonical(line)).hexdigest()


def chained(line: AuditRecord, tail: Tail) -> AuditRecord:
    """The line as it follows `tail`: numbered and hashed."""
    numbered = msgspec.structs.replace(line, sequence=tail.sequence + 1, hash="")
    return msgspec.structs.replace(numbered, hash=line_hash(numbered, tail.hash))


def tail_of(line: AuditRecord) -> Tail:
    """The end of a chain that ends with this line."""
    return Tail(line.sequence, line.hash)


def first_break(lines: Iterable[AuditRecord], tail: Tail) -> int | None:
    """The sequence of the first line that does not follow, the one before it being `tail`; None when all do."""
    for line in lines:
        if line.sequence != tail.sequence + 1:
            return tail.sequence + 1
        if line.hash != line_hash(line, tail.hash):
            return line.sequence
        tail = tail_of(line)
    return None


def export(lines: Iterable[AuditRecord]) -> Iterator[bytes]:
    """JSON lines, hashes included, for whoever keeps or verifies them elsewhere."""
    for line in lines:
        yield msgspec.json.encode(msgspec.structs.asdict(line), order="sorted") + b"\n"
