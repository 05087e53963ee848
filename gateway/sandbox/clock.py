"""Time as the simulated services see it: the machine's clock plus a skew an operator may set.

Never steers the machine's clock. Serves the clock cases of the acceptance lists (dossier dmp.md 8, case 32).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class SandboxClock:
    """UTC clock of the simulated services."""

    def __init__(self) -> None:
        self._skew = timedelta()

    def now(self) -> datetime:
        """Aware UTC time, skew included."""
        return datetime.now(UTC) + self._skew

    def shift(self, seconds: float) -> None:
        """Set the skew, in seconds; positive: the services live in the future."""
        self._skew = timedelta(seconds=seconds)
