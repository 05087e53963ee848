"""What stops the box's own searches while a setting is wrong: those of one software, or those of one structure (case A17; design, rule 11).

In memory: after a restart the first search tells again. A pause ends by itself, one search then tries, and its success lifts it. Source:
insi.md 3.7, 6 [R].
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import structlog

from gateway.ins.errors import InsiSoftwareRefused, InsiSoftwareUnknown
from gateway.journal.records import InquiryRecord
from gateway.kernel.config import Insi
from gateway.kernel.errors import Explanation, RelaisError

_log = structlog.get_logger("relais.inquiries")

PAUSED, RESUMED = "inquiries.paused", "inquiries.resumed"
"""Acts of the audit trail; their detail names the software, when it is the cause."""
_TOLD_AGAIN = 3600.0
_TRIED_WITHIN = 300.0


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Searches that wait: of a software in every structure, or of a structure whatever the software."""

    software: str | None
    structure: str | None
    explanation: Explanation


class _Hold(msgspec.Struct, frozen=True, kw_only=True):
    until: float
    told_at: float
    pause: Pause


class Pauses:
    """`monotonic` gives seconds."""

    def __init__(self, settings: Insi, monotonic: Callable[[], float]) -> None:
        self._known = [one.id for one in settings.software]
        self._monotonic = monotonic
        self._held: dict[tuple[str | None, str | None], _Hold] = {}

    def software(self, asked: str | None) -> str | None:
        """In whose name a search is made: the one asked, else the box's first; None when there is none at all."""
        return asked if asked is not None else next(iter(self._known), None)

    def put(self, record: InquiryRecord, error: RelaisError, seconds: float) -> Pause | None:
        """Stop what this error of configuration would meet again: the number of a software, else what belongs to the structure.

        Returns what is to be told: a new pause, and once an hour one that lasts.
        """
        software = self.software(record.software)
        of_software = isinstance(error, InsiSoftwareUnknown | InsiSoftwareRefused) or (software is not None and software not in self._known)
        pause = Pause(
            software=software if of_software else None,
            structure=None if of_software and software is not None else record.structure,
            explanation=error.explanation,
        )
        _log.warning("searches paused", software=pause.software, structure=pause.structure, code=error.code)
        key, now = (pause.software, pause.structure), self._monotonic()
        told_at = self._held[key].told_at if key in self._held else now - _TOLD_AGAIN
        due = now - told_at >= _TOLD_AGAIN
        self._held[key] = _Hold(until=now + seconds, told_at=now if due else told_at, pause=pause)
        return pause if due else None

    def lift(self, record: InquiryRecord) -> tuple[Pause, ...]:
        """A search got its answer: what had stopped it is mended. Returns what was stopped."""
        keys = ((self.software(record.software), None), (None, record.structure))
        lifted = tuple(held.pause for key in keys if (held := self._held.pop(key, None)) is not None)
        for one in lifted:
            _log.info("searches go on", software=one.software, structure=one.structure)
        return lifted

    def now(self) -> tuple[Pause, ...]:
        """What is stopped, the oldest first: told while a search tries again too, and no longer when nothing is left to try."""
        now = self._monotonic()
        return tuple(held.pause for held in self._held.values() if now < held.until + _TRIED_WITHIN)

    def named(self) -> tuple[str, ...]:
        """Software left out for the moment."""
        return tuple(one.software for one in self._waiting() if one.software is not None)

    def structures(self) -> tuple[str, ...]:
        """Structures left out for the moment."""
        return tuple(one.structure for one in self._waiting() if one.structure is not None)

    def _waiting(self) -> list[Pause]:
        now = self._monotonic()
        return [held.pause for held in self._held.values() if now < held.until]
