"""How a certificate takes over from another: a pure function from what happened to the next row, for one role of one structure.

    waiting ──rehearsal──> rehearsed ──switch──> switching ──promoted──> watched ──an hour──> settled
       │                                                                    │
       └──rehearsal──> refused                  returned <──restored── returning <──refused by a service

`switching` and `returning` are written before the keys move and are finished by `resumed` after a cut: the file in use tells whether they
had moved. A certificate that came back is never put into use again by the machine. Nothing here touches a key, a clock or the network.
Sources: anchors.md section 7 (goal 5: rehearsal, roll-back), cards.md 5.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

import msgspec

from gateway.journal.records import SuccessionRecord
from gateway.kernel.errors import Explanation

Outcome = Literal["good", "refused", "unreachable"]
Service = Literal["chain", "signature", "dmp", "mss", "insi"]
Move = Literal["promote", "restore", "note-promoted", "note-restored"]

_BEFORE = frozenset({"waiting", "rehearsed", "refused", "returned"})
_UNDER_WAY = frozenset({"switching", "watched", "returning"})
_WATCHED = timedelta(hours=1)
_HOURLY, _DAILY = 3_600_000, 86_400_000


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What one service made of a certificate."""

    service: Service
    outcome: Outcome
    what: str
    code: str = ""


def verdict_of(steps: Sequence[Step]) -> Outcome:
    """One refusal refuses; what could not be asked leaves it open; nothing asked proves nothing."""
    outcomes = {one.outcome for one in steps}
    if "refused" in outcomes:
        return "refused"
    return "good" if outcomes == {"good"} else "unreachable"


def steps_of(record: SuccessionRecord) -> tuple[Step, ...]:
    """The results of the last rehearsal."""
    return msgspec.convert(record.rehearsal, tuple[Step, ...])


def under_way(record: SuccessionRecord | None) -> bool:
    """True while the keys move, and in the hour after."""
    return record is not None and record.state in _UNDER_WAY


def noticed(before: SuccessionRecord | None, structure: str, role: str, following: str, now: int) -> SuccessionRecord | None:
    """A next certificate is there; None when that is known, or must wait for the end of the succession under way."""
    if before is None:
        return SuccessionRecord(structure=structure, role=role, state="waiting", following=following, updated_at=now)
    if under_way(before) or (before.following == following and before.state != "settled"):
        return None
    fresh = SuccessionRecord(structure=structure, role=role, state="waiting", following=following, updated_at=now)
    return msgspec.structs.replace(fresh, number=before.number, version=before.version + 1)


def replaced(
    before: SuccessionRecord | None, structure: str, role: str, following: str, former: str, actor: str, now: int
) -> SuccessionRecord | None:
    """A person put a certificate straight into use, and the former is kept: to come back to it is for a person too.

    None while a succession is under way, and when that is known already.
    """
    if under_way(before) or (before is not None and before.following == following):
        return None
    fresh = SuccessionRecord(
        structure=structure, role=role, state="settled", following=following, former=former, actor=actor, switched_at=now, updated_at=now
    )
    return fresh if before is None else msgspec.structs.replace(fresh, number=before.number, version=before.version + 1)


def rehearsed(record: SuccessionRecord, steps: Sequence[Step], now: int) -> SuccessionRecord:
    """The next certificate was tried at each service that its role serves. One that came back stays so, whatever is found now."""
    refusal = next((one for one in steps if one.outcome == "refused"), None)
    state = {"good": "rehearsed", "refused": "refused", "unreachable": "waiting"}[verdict_of(steps)]
    came_back = record.state == "returned"
    return _next(
        record,
        now,
        state="returned" if came_back else state,
        rehearsal=tuple(msgspec.to_builtins(one) for one in steps),
        rehearsed_at=now,
        explanation=record.explanation if came_back else explained(refusal) if refusal is not None else None,
    )


def to_be_rehearsed(record: SuccessionRecord, now: int) -> bool:
    """True when it is time to try it again: at once, then every hour while it could not be asked, every day otherwise."""
    if record.state not in _BEFORE:
        return False
    wait = _HOURLY if record.state == "waiting" else _DAILY
    return record.rehearsed_at is None or not 0 <= now - record.rehearsed_at < wait


def may_be_switched(record: SuccessionRecord) -> bool:
    """True when a person may put it into use: its last rehearsal was good."""
    return record.state in _BEFORE and record.rehearsed_at is not None and verdict_of(steps_of(record)) == "good"


def due_by_itself(record: SuccessionRecord, *, ends_at: int | None, now: int, before_days: int) -> bool:
    """True when the box puts it into use without being asked: rehearsed, and the one in use is near its end.

    `ends_at`: last instant of the one in use; None when it is of no use any more (missing, unreadable, revoked). Then a certificate whose
    services could not be reached is put into use too: it has nothing to lose.
    """
    over = ends_at is None or now >= ends_at
    if record.state == "rehearsed":
        return over or (ends_at is not None and ends_at - now <= before_days * 86_400_000)
    return over and record.state == "waiting" and record.rehearsed_at is not None


def begun(record: SuccessionRecord, former: str | None, actor: str, now: int) -> SuccessionRecord:
    """About to move the keys; to be written first."""
    return _next(record, now, state="switching", former=former, actor=actor, switched_at=None, watched_until=None, explanation=None)


def promoted(record: SuccessionRecord, now: int) -> SuccessionRecord:
    """The next certificate is in use: watched for its first hour."""
    return _next(record, now, state="watched", switched_at=now, watched_until=now + int(_WATCHED.total_seconds() * 1000))


def not_promoted(record: SuccessionRecord, explanation: Explanation, now: int) -> SuccessionRecord:
    """The keys could not move: the one in use stays."""
    return _next(record, now, state="refused", explanation=explanation)


def indicted(record: SuccessionRecord, explanation: Explanation, now: int) -> SuccessionRecord | None:
    """A service refuses the certificate just put into use: about to come back to the former; None when that is not for the machine."""
    hour = record.watched_until is not None and now <= record.watched_until
    if record.state != "watched" or not hour or record.former is None:
        return None
    return _next(record, now, state="returning", explanation=explanation)


def called_back(record: SuccessionRecord, actor: str, explanation: Explanation, now: int) -> SuccessionRecord:
    """A person asks for the former certificate."""
    return _next(record, now, state="returning", actor=actor, explanation=explanation)


def may_be_called_back(record: SuccessionRecord) -> bool:
    """True while there is a former certificate to come back to."""
    return record.state in ("watched", "settled") and record.former is not None


def restored(record: SuccessionRecord, now: int) -> SuccessionRecord:
    """The former certificate is in use again."""
    return _next(record, now, state="returned", watched_until=None)


def not_restored(record: SuccessionRecord, explanation: Explanation, now: int) -> SuccessionRecord:
    """The former certificate cannot serve either: the new one stays."""
    return _next(record, now, state="settled", explanation=explanation, watched_until=None)


def settled(record: SuccessionRecord, now: int) -> SuccessionRecord | None:
    """The first hour is over without a refusal; None before that."""
    if record.state != "watched" or record.watched_until is None or now <= record.watched_until:
        return None
    return _next(record, now, state="settled", watched_until=None)


def resumed(record: SuccessionRecord, in_use: str | None) -> Move | None:
    """What a cut left to do; `in_use` is the SHA-256 of the certificate in use."""
    match record.state:
        case "switching":
            return "note-promoted" if in_use == record.following else "promote"
        case "returning":
            return "note-restored" if in_use == record.former else "restore"
        case _:
            return None


def explained(step: Step) -> Explanation:
    """What a person is told of a refusal."""
    gesture = "Vérifiez avec l'ANS que ce certificat est le bon et qu'il n'est pas révoqué ; le certificat actuel reste en service."
    return Explanation(code=step.code or "certificate-refused", who="votre installateur", what=step.what, gesture=gesture)


def _next(record: SuccessionRecord, now: int, **changes: object) -> SuccessionRecord:
    return msgspec.structs.replace(record, version=record.version + 1, updated_at=now, **changes)
