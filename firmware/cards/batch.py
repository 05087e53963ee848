"""One PIN, one batch: who may sign with it, how often and how long. Pure. Source: cards.md section 6, PIN rule 5."""

from __future__ import annotations

import enum

import msgspec

LONGEST = 60.0
"""Seconds."""
LARGEST = 500
"""Signatures of one batch: more than a practice's day, and still a bound."""


class Over(enum.StrEnum):
    """Why a batch can sign no more."""

    UNKNOWN = "no such batch"
    NOT_YOURS = "opened by another owner"
    EXPIRED = "time is over"
    USED_UP = "all signatures given"
    CLOSED = "closed"
    CARD_REMOVED = "card removed"
    FAILED = "card or library failed"


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """An unlocked card, and what of it is still to be used."""

    id: str
    reader: str
    insertion_id: str
    owner: str
    until: float
    """On a monotonic clock, in seconds."""
    left: int
    """Signatures."""


def bounds(signatures: int, seconds: float) -> tuple[int, float]:
    """What a batch is given of what was asked: one to 500 signatures, 60 seconds at most; seconds that are no number are too many."""
    return min(max(signatures, 1), LARGEST), max(seconds, 0.0) if seconds <= LONGEST else LONGEST


def why_not(batch: Batch, *, owner: str, insertion_id: str | None, now: float) -> Over | None:
    """Why this owner may not sign within the batch while that insertion is in the reader; None when he may."""
    if batch.owner != owner:
        return Over.NOT_YOURS
    if batch.insertion_id != insertion_id:
        return Over.CARD_REMOVED
    if now >= batch.until:
        return Over.EXPIRED
    if batch.left < 1:
        return Over.USED_UP
    return None


def one_less(batch: Batch) -> Batch:
    """The batch once a signature was begun."""
    return msgspec.structs.replace(batch, left=batch.left - 1)


def one_more(batch: Batch) -> Batch:
    """The batch once a signature that was begun turned out not to be one."""
    return msgspec.structs.replace(batch, left=batch.left + 1)
