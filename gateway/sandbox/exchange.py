"""What a simulated service receives and what it answers: the seam between the loopback servers and the judges.

A judge is a plain object with `judge(request) -> Verdict`. It never touches the network; whether its verdict is committed, lost or
cut is the server's business (faults `lost_answer`, `cut_before_commit`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as received: `raw` is every byte of it, untouched."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    raw: bytes
    client_certificate: bytes | None
    """DER of the client certificate of the TLS session, None without one."""
    received_at: datetime

    def header(self, name: str) -> str | None:
        """First value of a header, name compared without case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over the wire."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, the rules that failed (ids such as `dmp.metadata.class-of-type`), and what to commit before answering."""

    answer: Answer
    failed_rules: tuple[str, ...] = ()
    commit: Callable[[], None] = field(default=lambda: None)


class Judge(Protocol):
    """A simulated service."""

    def judge(self, request: Request) -> Verdict:
        """Judge one request; never raises for what a caller sent."""
        ...
