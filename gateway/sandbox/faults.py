"""The accidents a simulated service can be told to have, armed one by one and used up request by request (contract.md 2).

Never causes an accident itself: servers ask this board. Sources: contract.md 2, dossiers dmp.md 8 (run-time knobs) and mssante.md 7, 8.

Common options: `path` (only requests whose path or phase contains it). `slow` takes `seconds`; `garbage` takes `commit` (true by default:
the answer is rubbish, the work was done); `reset_mid_body` takes `of`: `request` (default) or `answer`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.sandbox.problems import BodyUnreadable
from gateway.sandbox.tls import TLS_FAULTS

CONNECTION_FAULTS: Final = ("refuse_connection", *TLS_FAULTS)
REQUEST_FAULTS: Final = ("unavailable", "slow", "lost_answer", "cut_before_commit", "garbage", "reset_mid_body")
MAIL_FAULTS: Final = (
    "busy",
    "no_starttls",
    "421_greeting",
    "421_ehlo",
    "421_mail",
    "421_rcpt",
    "421_data",
    "451_rcpt",
    "451_data",
    "550_rcpt",
    "mixed_rcpt",
    "552_mail",
    "552_data",
    "554_data",
    "cut_after_final_dot",
)
_SECONDS_LIMIT = 600.0


@dataclass(slots=True)
class Armed:
    """A fault waiting for its next victims."""

    service: str
    name: str
    remaining: int | None
    """How many times still; None: until reset."""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Option of `slow`, 35 by default."""
        return float(self.options.get("seconds", 35.0))

    @property
    def commits(self) -> bool:
        """Option of `garbage`."""
        return bool(self.options.get("commit", True))

    @property
    def hits_answer(self) -> bool:
        """Option of `reset_mid_body`."""
        return self.options.get("of") == "answer"

    def concerns(self, path: str) -> bool:
        """True when this request is one of those aimed at."""
        return str(self.options.get("path", "")) in path


class FaultBoard:
    """Faults armed, oldest first. Used from the event loop only."""

    def __init__(self, known: Mapping[str, Collection[str]]) -> None:
        """`known`: the names each service's server understands."""
        self._known = known
        self._armed: list[Armed] = []

    def knows(self, service: str, name: str) -> bool:
        """True when the service's server itself can have that accident."""
        return name in self._known.get(service, ())

    def arm(self, service: str, name: str, count: int, options: Mapping[str, Any]) -> None:
        """Arm a known fault for `count` requests, 0: until reset. Raises BodyUnreadable for an option out of range."""
        seconds = options.get("seconds", 0)
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= _SECONDS_LIMIT:
            raise BodyUnreadable("seconds", field="seconds")
        if options.get("of", "request") not in ("request", "answer"):
            raise BodyUnreadable("of", field="of")
        self._armed.append(Armed(service, name, count or None, dict(options)))

    def take(self, service: str, names: Collection[str], path: str = "") -> Armed | None:
        """The oldest fault armed among `names` for this request, used once by this call; None without one."""
        armed = self.peek(service, names, path)
        if armed is not None and armed.remaining is not None:
            armed.remaining -= 1
            if armed.remaining == 0:
                self._armed.remove(armed)
        return armed

    def peek(self, service: str, names: Collection[str], path: str = "") -> Armed | None:
        """The fault `take` would return, left armed."""
        return next((a for a in self._armed if a.service == service and a.name in names and a.concerns(path)), None)

    def reset(self) -> None:
        """Disarm everything."""
        self._armed.clear()

    def listing(self) -> dict[str, Any]:
        """What each service's server understands and what is armed."""
        armed = [{"service": a.service, "fault": a.name, "remaining": a.remaining or 0, **a.options} for a in self._armed]
        return {"known": {service: sorted(names) for service, names in self._known.items()}, "armed": armed}
