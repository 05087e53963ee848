"""Every class of error from every state: nothing is lost, nothing leaves twice blindly."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest

from gateway.flow import outcome
from gateway.journal.records import DeliveryRecord
from gateway.kernel.config import Backoff, Retry
from gateway.kernel.errors import ConfigurationFault, Held, OutcomeUnknown, PermanentFault, RelaisError, TransientFault
from gateway.model.delivery import Channel, DeliveryState, Phase, may_move

NOW = 1_800_000_000_000
RETRY = Retry(transient=Backoff(floor=5, ceiling=60, give_up=1000))


def record(state: DeliveryState = DeliveryState.QUEUED, phase: Phase = Phase.WAITING) -> DeliveryRecord:
    return DeliveryRecord(
        id="d", document_id="x", structure="s", channel=Channel.DMP, lane="s/dmp", order_key="p", recipient_ref=None,
        sealed_recipient=None, state=state, phase=phase, updated_at=NOW,
    )  # fmt: skip


ERRORS = (TransientFault(), PermanentFault(), ConfigurationFault(), Held(), OutcomeUnknown())


@pytest.mark.parametrize(("error", "phase"), list(product(ERRORS, Phase)))
def test_every_error_from_every_phase_is_an_allowed_move(error: RelaisError, phase: Phase) -> None:
    running = record(DeliveryState.RUNNING, phase)
    after = outcome.failed(running, error, RETRY, NOW)
    assert may_move(running.state, after.state)
    assert after.version == running.version + 1
    assert after.boot is None
    waits = after.state in (DeliveryState.QUEUED, DeliveryState.UNKNOWN)
    assert (after.next_attempt_at is not None) is waits
    assert after.explanation is not None


def test_a_transient_failure_waits_at_least_the_floor() -> None:
    after = outcome.failed(record(DeliveryState.RUNNING, Phase.EXISTENCE), TransientFault(), RETRY, NOW)
    assert (after.state, after.next_attempt_at) == (DeliveryState.QUEUED, NOW + 5000)


def test_waits_double_with_age_up_to_the_ceiling_then_a_person_is_asked() -> None:
    first = msgspec.structs.replace(record(DeliveryState.RUNNING), first_attempt_at=NOW)
    waits = []
    for age in (0, 10, 40, 500):
        after = outcome.failed(first, TransientFault(), RETRY, NOW + age * 1000)
        waits.append(((after.next_attempt_at or 0) - NOW - age * 1000) // 1000)
    assert waits == [5, 10, 40, 60]
    tired = outcome.failed(first, TransientFault(), RETRY, NOW + 1_000_000)
    assert tired.state is DeliveryState.HELD
    assert tired.explanation is not None
    assert tired.explanation.code == "given-up"


def test_an_error_that_repetition_does_not_cure_asks_a_person_after_a_while() -> None:
    class Stubborn(TransientFault):
        most_attempts = 5

    fourth = msgspec.structs.replace(record(DeliveryState.RUNNING, Phase.FEED), attempts=4)
    assert outcome.failed(fourth, Stubborn(), RETRY, NOW).state is DeliveryState.QUEUED
    fifth = msgspec.structs.replace(fourth, attempts=5)
    assert outcome.failed(fifth, Stubborn(), RETRY, NOW).state is DeliveryState.HELD


def test_dmp28_a_lost_answer_is_probed_never_requeued() -> None:
    after = outcome.failed(record(DeliveryState.RUNNING, Phase.FEED), OutcomeUnknown(), RETRY, NOW)
    assert (after.state, after.phase) == (DeliveryState.UNKNOWN, Phase.FEED)


@pytest.mark.parametrize("error", [TransientFault(), ConfigurationFault()])
def test_a_failing_probe_stays_in_doubt(error: RelaisError) -> None:
    after = outcome.failed(record(DeliveryState.RUNNING, Phase.PROBE), error, RETRY, NOW)
    assert after.state is DeliveryState.UNKNOWN


@pytest.mark.parametrize("error", [PermanentFault(), Held()])
def test_a_refused_probe_waits_for_a_person_and_its_release_probes_again(error: RelaisError) -> None:
    after = outcome.failed(record(DeliveryState.RUNNING, Phase.PROBE), error, RETRY, NOW)
    assert after.state is DeliveryState.HELD
    assert outcome.released(after, NOW).state is DeliveryState.UNKNOWN


def test_dmp29_two_empty_probes_then_one_resend() -> None:
    once = outcome.not_found(record(DeliveryState.RUNNING, Phase.PROBE), NOW, 60)
    assert (once.state, once.probes, once.next_attempt_at) == (DeliveryState.UNKNOWN, 1, NOW + 60_000)
    twice = outcome.not_found(msgspec.structs.replace(once, state=DeliveryState.RUNNING), NOW, 60)
    assert (twice.state, twice.probes, twice.next_attempt_at) == (DeliveryState.QUEUED, 0, None)


def test_an_attempt_is_counted_once_whatever_its_phases() -> None:
    step = outcome.begun(record(), Phase.EXISTENCE, "boot", NOW)
    step = outcome.begun(step, Phase.FEED, "boot", NOW)
    assert (step.attempts, step.state, step.boot, step.version) == (1, DeliveryState.RUNNING, "boot", 3)


@pytest.mark.parametrize("error", [PermanentFault(), Held()])
def test_a_reconciliation_that_cannot_begin_keeps_the_doubt(error: RelaisError) -> None:
    after = outcome.failed(record(DeliveryState.UNKNOWN, Phase.FEED), error, RETRY, NOW)
    assert (after.state, after.phase) == (DeliveryState.HELD, Phase.PROBE)
    assert outcome.released(after, NOW).state is DeliveryState.UNKNOWN


def test_a_person_who_retries_between_two_probes_has_it_probed_again() -> None:
    once = outcome.not_found(record(DeliveryState.RUNNING, Phase.PROBE), NOW, 60)
    assert outcome.released(once, NOW).state is DeliveryState.UNKNOWN
    long_ago = msgspec.structs.replace(once, first_attempt_at=1)
    tired = outcome.failed(long_ago, TransientFault(), RETRY, NOW)
    assert (tired.state, tired.phase) == (DeliveryState.HELD, Phase.PROBE)
