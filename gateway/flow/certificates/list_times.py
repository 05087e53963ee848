"""When a revocation list is asked for again: before the next one is due, every day at least, and ever more rarely where nobody answers.

Pure. `luck`, between 0 and 1, spreads the boxes of a country over time: an authority that publishes for all of them at one instant is not
asked by all of them at that instant. Source: cda_signing.md 4.4 (every day, before nextUpdate; the shares are ours).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

DAY: Final = 86_400.0
FIRST_AGAIN: Final = 900.0
"""Seconds before a list that could not be had is asked for again; twice as many after each failure."""
LONGEST_AGAIN: Final = 3_600.0
_SHORTEST: Final = 60.0


def seconds_after_success(now: datetime, next_update: datetime | None, luck: float) -> float:
    """Between half and three quarters of what the list still has to live, a day at most; as after a failure when it has nothing left."""
    if next_update is None:
        return DAY * (1 - luck / 20)
    left = (next_update - now).total_seconds()
    if left <= 0:
        return seconds_after_failure(1, luck)
    return max(_SHORTEST, min(left * (0.5 + luck / 4), DAY * (1 - luck / 20)))


def seconds_after_failure(failures: int, luck: float) -> float:
    """A quarter of an hour, then half an hour, then every hour; up to a tenth more."""
    return min(FIRST_AGAIN * 2.0 ** min(failures - 1, 8), LONGEST_AGAIN) * (1 + luck / 10)
