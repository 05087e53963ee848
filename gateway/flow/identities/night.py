"""The hours in which the box verifies by itself, in French local time (setting `identification.night`)."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.kernel.config import minutes_of

_PARIS = ZoneInfo("Europe/Paris")


class Night:
    """A stretch of each day, which may run over midnight; raises ConfigurationInvalid for what is no `HH:MM-HH:MM`."""

    def __init__(self, hours: str) -> None:
        self._start, self._end = minutes_of(hours)

    @property
    def seconds(self) -> int:
        """How long it lasts."""
        return ((self._end - self._start) % 1440 or 1440) * 60

    def covers(self, moment: datetime) -> bool:
        """True when this aware instant is one of these hours."""
        local = moment.astimezone(_PARIS)
        return (local.hour * 60 + local.minute - self._start) % 1440 * 60 < self.seconds

    def end_of(self, moment: datetime, work_seconds: float) -> datetime:
        """When work of this length ends, begun at the first hour that allows it; summer and winter time are not told apart."""
        local = moment.astimezone(_PARIS)
        while True:
            minute = local.hour * 60 + local.minute
            passed = (minute - self._start) % 1440 * 60 + local.second
            if passed >= self.seconds:
                local += timedelta(seconds=1440 * 60 - passed)
                continue
            room = self.seconds - passed
            if work_seconds <= room:
                return local + timedelta(seconds=work_seconds)
            work_seconds -= room
            local += timedelta(seconds=room)
