"""What an attempt did to a delivery: a pure function from the error, or the success, to the next record.

The class of the error decides, never the channel (design, rule 9). A state is never lost: whatever happens, the delivery is delivered,
refused, held with its reason, or waits for a date.
"""

from __future__ import annotations

import msgspec

from gateway.flow.errors import GivenUp
from gateway.flow.retry import next_wait, policy_of
from gateway.journal.records import DeliveryRecord
from gateway.kernel.config import Retry
from gateway.kernel.errors import ErrorClass, Explanation, RelaisError
from gateway.model.delivery import MAY_HAVE_LEFT, DeliveryState, Phase


def begun(record: DeliveryRecord, phase: Phase, boot: str, now: int) -> DeliveryRecord:
    """The attempt enters a phase: written before the step is taken; the first phase of an attempt counts it."""
    first_step = record.state is not DeliveryState.RUNNING
    return _next(
        record,
        now,
        state=DeliveryState.RUNNING,
        phase=phase,
        boot=boot,
        attempts=record.attempts + (1 if first_step and phase is not Phase.PROBE else 0),
        first_attempt_at=record.first_attempt_at or now,
    )


def delivered(record: DeliveryRecord, now: int) -> DeliveryRecord:
    """The destination has it."""
    return _settled(record, now, DeliveryState.DELIVERED, None)


def failed(record: DeliveryRecord, error: RelaisError, retry: Retry, now: int) -> DeliveryRecord:
    """The attempt met an error: queued again with a date, unknown, held or refused by its class.

    A reconciliation that is refused, or cannot begin, never ends in a blind resend: a person decides, and the release probes again.
    """
    in_doubt = record.state is DeliveryState.UNKNOWN or record.phase is Phase.PROBE
    if in_doubt and error.error_class in (ErrorClass.PERMANENT, ErrorClass.HUMAN):
        return _settled(record, now, DeliveryState.HELD, error.explanation, ErrorClass.HUMAN, phase=Phase.PROBE)
    if error.most_attempts is not None and record.attempts >= error.most_attempts:
        return _settled(record, now, DeliveryState.HELD, _tired_of(error), ErrorClass.HUMAN)
    match error.error_class:
        case ErrorClass.PERMANENT:
            return _settled(record, now, DeliveryState.REFUSED, error.explanation, error.error_class)
        case ErrorClass.HUMAN:
            return _settled(record, now, DeliveryState.HELD, error.explanation, error.error_class)
        case ErrorClass.UNKNOWN:
            return _later(record, error, retry, now, DeliveryState.UNKNOWN)
        case ErrorClass.TRANSIENT | ErrorClass.CONFIGURATION:
            doubtful = record.state is DeliveryState.UNKNOWN or record.phase is Phase.PROBE
            return _later(record, error, retry, now, DeliveryState.UNKNOWN if doubtful else DeliveryState.QUEUED)


def not_found(record: DeliveryRecord, now: int, wait_seconds: float) -> DeliveryRecord:
    """A probe after a lost answer found nothing: look once more later, then send the same bytes again (dmp.md 6.1)."""
    probes = record.probes + 1
    again = probes < 2
    return _next(
        record,
        now,
        state=DeliveryState.UNKNOWN if again else DeliveryState.QUEUED,
        phase=Phase.PROBE if again else Phase.WAITING,
        boot=None,
        probes=probes if again else 0,
        next_attempt_at=now + int(wait_seconds * 1000) if again else None,
    )


def held(record: DeliveryRecord, explanation: Explanation, now: int) -> DeliveryRecord:
    """Waits for a person."""
    return _settled(record, now, DeliveryState.HELD, explanation, ErrorClass.HUMAN)


def released(record: DeliveryRecord, now: int) -> DeliveryRecord:
    """Goes back to the queue, due at once; to reconciliation first when it may already have left."""
    doubtful = record.phase in MAY_HAVE_LEFT
    return _next(
        record,
        now,
        state=DeliveryState.UNKNOWN if doubtful else DeliveryState.QUEUED,
        phase=record.phase if doubtful else Phase.WAITING,
        boot=None,
        first_attempt_at=None,
        next_attempt_at=None,
        error_class=None,
        explanation=None,
    )


def cancelled(record: DeliveryRecord, now: int) -> DeliveryRecord:
    """Will never leave, at the author's wish."""
    return _settled(record, now, DeliveryState.CANCELLED, None)


def recovered(record: DeliveryRecord, state: DeliveryState, now: int) -> DeliveryRecord:
    """Left running by a boot that died: free again, at once."""
    return _next(record, now, state=state, boot=None, next_attempt_at=None)


def _tired_of(error: RelaisError) -> Explanation:
    return msgspec.structs.replace(
        error.explanation,
        who="le secrétariat",
        gesture="Utilisez « Réessayer » un peu plus tard ; si cela se répète, appelez votre installateur.",
    )


def _later(record: DeliveryRecord, error: RelaisError, retry: Retry, now: int, state: DeliveryState) -> DeliveryRecord:
    backoff = policy_of(error.error_class, retry)
    age = (now - (record.first_attempt_at or now)) / 1000
    wait = next_wait(backoff, age) if backoff is not None else None
    if wait is None:
        left = record.phase if record.phase in MAY_HAVE_LEFT and state is DeliveryState.UNKNOWN else Phase.WAITING
        return _next(
            record,
            now,
            state=DeliveryState.HELD,
            phase=left,
            boot=None,
            next_attempt_at=None,
            error_class=ErrorClass.HUMAN.value,
            explanation=GivenUp().explanation,
        )
    return _next(
        record,
        now,
        state=state,
        phase=record.phase if state is DeliveryState.UNKNOWN else Phase.WAITING,
        boot=None,
        first_attempt_at=record.first_attempt_at or now,
        next_attempt_at=now + int(max(wait, error.least_wait) * 1000),
        error_class=error.error_class.value,
        explanation=error.explanation,
    )


def _settled(
    record: DeliveryRecord,
    now: int,
    state: DeliveryState,
    explanation: Explanation | None,
    error_class: ErrorClass | None = None,
    phase: Phase = Phase.WAITING,
) -> DeliveryRecord:
    return _next(
        record,
        now,
        state=state,
        phase=phase,
        boot=None,
        next_attempt_at=None,
        error_class=error_class.value if error_class is not None else None,
        explanation=explanation,
    )


def _next(record: DeliveryRecord, now: int, **changes: object) -> DeliveryRecord:
    return msgspec.structs.replace(record, version=record.version + 1, updated_at=now, **changes)
