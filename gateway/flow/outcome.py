"""What an attempt did to a delivery: a pure function from the error, or the success, to the next record.

The class of the error decides, never the channel (design, rule 9). A state is never lost: whatever happens, the delivery is delivered,
refused, held with its reason, or waits for a date.
"""

from __future__ import annotations

import msgspec

from gateway.flow.errors import GivenUp, PerhapsDelivered
from gateway.flow.retry import next_wait, policy_of
from gateway.journal.records import DeliveryRecord
from gateway.kernel.config import Retry
from gateway.kernel.errors import ErrorClass, Explanation, RelaisError
from gateway.model.delivery import FINAL, MAY_HAVE_LEFT, Channel, DeliveryState, Phase, state_after_restart


def in_doubt(record: DeliveryRecord) -> bool:
    """True when an earlier attempt may have arrived: it is not cancelled, refused or sent again blindly."""
    settled = record.phase in MAY_HAVE_LEFT and record.state is not DeliveryState.RUNNING
    return record.doubtful or record.state is DeliveryState.UNKNOWN or record.phase is Phase.PROBE or settled


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
    return msgspec.structs.replace(_settled(record, now, DeliveryState.DELIVERED, None), doubtful=False)


def failed(record: DeliveryRecord, error: RelaisError, retry: Retry, now: int, *, dated: bool = True) -> DeliveryRecord:
    """The attempt met an error: queued again with a date, unknown, held or refused by its class.

    What may have arrived stays in doubt until it is settled: a refusal then waits for a person, whose release reconciles first.
    With `dated` False the clock is not trusted: no age is begun with it, and nothing is given up for its age.
    """
    doubtful = in_doubt(record) or (error.leaves_doubt and record.phase in MAY_HAVE_LEFT)
    record = msgspec.structs.replace(record, doubtful=doubtful)
    if doubtful and error.error_class is ErrorClass.PERMANENT:
        return _settled(record, now, DeliveryState.HELD, PerhapsDelivered(reason=error.explanation.what).explanation, ErrorClass.HUMAN)
    if error.most_attempts is not None and record.attempts >= error.most_attempts:
        return _settled(record, now, DeliveryState.HELD, _tired_of(error), ErrorClass.HUMAN)
    match error.error_class:
        case ErrorClass.PERMANENT:
            return _settled(record, now, DeliveryState.REFUSED, error.explanation, error.error_class)
        case ErrorClass.HUMAN:
            return _settled(record, now, DeliveryState.HELD, error.explanation, error.error_class)
        case ErrorClass.UNKNOWN:
            return _later(msgspec.structs.replace(record, doubtful=True), error, retry, now, dated=dated)
        case ErrorClass.TRANSIENT | ErrorClass.CONFIGURATION:
            return _later(record, error, retry, now, dated=dated)


def not_found(record: DeliveryRecord, now: int, wait_seconds: float) -> DeliveryRecord:
    """A probe after a lost answer found nothing: look once more later, then send the same bytes again (dmp.md 6.1)."""
    probes = record.probes + 1
    again = probes < 2
    return _next(
        record,
        now,
        state=DeliveryState.UNKNOWN if again else DeliveryState.QUEUED,
        phase=Phase.PROBE if again else Phase.WAITING,
        doubtful=again,
        boot=None,
        probes=probes if again else 0,
        next_attempt_at=now + int(wait_seconds * 1000) if again else None,
    )


def held(record: DeliveryRecord, explanation: Explanation, now: int) -> DeliveryRecord:
    """Waits for a person."""
    return _settled(record, now, DeliveryState.HELD, explanation, ErrorClass.HUMAN)


def released(record: DeliveryRecord, now: int) -> DeliveryRecord:
    """Goes back to the queue, due at once; to reconciliation first when it may already have left."""
    doubtful = in_doubt(record)
    return _next(
        record,
        now,
        state=_waiting(record) if doubtful else DeliveryState.QUEUED,
        phase=_resting(record) if doubtful else Phase.WAITING,
        doubtful=doubtful,
        boot=None,
        first_attempt_at=None,
        next_attempt_at=None,
        error_class=None,
        explanation=None,
    )


def cancelled(record: DeliveryRecord, now: int) -> DeliveryRecord:
    """Will never leave, at the author's wish."""
    return _settled(record, now, DeliveryState.CANCELLED, None)


def recovered(record: DeliveryRecord, now: int, mail_wait_seconds: float) -> DeliveryRecord:
    """Left running by a boot that died: free again at once; a mail in doubt waits as after a lost answer (mssante.md 7.3)."""
    state = state_after_restart(record.state, record.phase, doubtful=record.doubtful)
    doubtful = state is DeliveryState.UNKNOWN
    waits = doubtful and record.channel is Channel.MSS
    return _next(
        record,
        now,
        state=state,
        doubtful=doubtful,
        boot=None,
        next_attempt_at=now + int(mail_wait_seconds * 1000) if waits else None,
    )


def restored(record: DeliveryRecord, now: int, mail_wait_seconds: float) -> DeliveryRecord:
    """As a restoration finds it: what was not final when the backup was made may have left since, so it is looked up before it is sent.

    What is final stays; what is held stays held, in doubt. A mail waits as after a lost answer (docs/adr/0005).
    """
    if record.state in FINAL:
        return record
    held = record.state is DeliveryState.HELD
    waits = record.channel is Channel.MSS and not held
    return _next(
        record,
        now,
        state=record.state if held else _waiting(record),
        phase=Phase.PROBE,
        doubtful=True,
        boot=None,
        probes=0,
        first_attempt_at=None,
        next_attempt_at=now + int(mail_wait_seconds * 1000) if waits else None,
    )


def _waiting(record: DeliveryRecord) -> DeliveryState:
    """Where what is in doubt waits: in the queue, doubt and all, while its bytes are not frozen, because only the queue is prepared."""
    return DeliveryState.QUEUED if record.sealed_frozen is None else DeliveryState.UNKNOWN


def _tired_of(error: RelaisError) -> Explanation:
    return msgspec.structs.replace(
        error.explanation,
        who="le secrétariat",
        gesture="Utilisez « Réessayer » un peu plus tard ; si cela se répète, appelez votre installateur.",
    )


def _resting(record: DeliveryRecord) -> Phase:
    """The phase between two attempts: what is in doubt keeps saying so."""
    if not record.doubtful:
        return Phase.WAITING
    return record.phase if record.phase in MAY_HAVE_LEFT else Phase.PROBE


def _later(record: DeliveryRecord, error: RelaisError, retry: Retry, now: int, *, dated: bool) -> DeliveryRecord:
    backoff = policy_of(error.error_class, retry)
    began = record.first_attempt_at if record.first_attempt_at is not None and record.first_attempt_at <= now else now
    age = (now - began) / 1000 if dated else 0.0
    wait = next_wait(backoff, age) if backoff is not None else None
    if wait is None:
        return _settled(record, now, DeliveryState.HELD, GivenUp().explanation, ErrorClass.HUMAN)
    return _next(
        record,
        now,
        state=DeliveryState.UNKNOWN if record.doubtful else DeliveryState.QUEUED,
        phase=_resting(record),
        boot=None,
        first_attempt_at=began if dated else record.first_attempt_at,
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
) -> DeliveryRecord:
    return _next(
        record,
        now,
        state=state,
        phase=Phase.PROBE if state is DeliveryState.HELD and record.doubtful else Phase.WAITING,
        boot=None,
        next_attempt_at=None,
        error_class=error_class.value if error_class is not None else None,
        explanation=explanation,
    )


def _next(record: DeliveryRecord, now: int, **changes: object) -> DeliveryRecord:
    return msgspec.structs.replace(record, version=record.version + 1, updated_at=now, **changes)
