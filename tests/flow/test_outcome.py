"""Every class of error from every state: nothing is lost, nothing leaves twice blindly."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest

from gateway.dmp.errors import DmpTargetUnknown, DuplicateRefusal, PartialAnswer, RefusedUnknown
from gateway.flow import outcome
from gateway.flow.lane import Lane
from gateway.journal.records import DeliveryRecord
from gateway.kernel.clock import SystemClock
from gateway.kernel.config import Backoff, Retry
from gateway.kernel.errors import ConfigurationFault, Held, OutcomeUnknown, PermanentFault, RelaisError, TransientFault
from gateway.model.delivery import FINAL, OPEN, Channel, DeliveryState, Phase, may_move

NOW = 1_800_000_000_000
RETRY = Retry(transient=Backoff(floor=5, ceiling=60, give_up=1000))


def record(state: DeliveryState = DeliveryState.QUEUED, phase: Phase = Phase.WAITING) -> DeliveryRecord:
    return DeliveryRecord(
        id="d", document_id="x", structure="s", channel=Channel.DMP, lane="s/dmp", order_key="p", recipient_ref=None,
        sealed_recipient=None, state=state, phase=phase, updated_at=NOW, sealed_frozen=b"frozen",
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


def in_doubt(channel: Channel = Channel.MSS) -> DeliveryRecord:
    """A mail whose answer was lost, its second attempt under way."""
    lost = outcome.failed(msgspec.structs.replace(record(DeliveryState.RUNNING, Phase.DATA), channel=channel), OutcomeUnknown(), RETRY, NOW)
    return outcome.begun(lost, Phase.ENVELOPE, "boot", NOW)


def test_mss16_a_mail_in_doubt_keeps_its_doubt_when_the_operator_is_away() -> None:
    after = outcome.failed(in_doubt(), TransientFault(), RETRY, NOW)
    assert (after.state, after.doubtful, outcome.in_doubt(after)) == (DeliveryState.UNKNOWN, True, True)
    again = outcome.begun(after, Phase.ENVELOPE, "boot", NOW)
    assert outcome.failed(again, ConfigurationFault(), RETRY, NOW).state is DeliveryState.UNKNOWN


@pytest.mark.parametrize("phase", [Phase.ENVELOPE, Phase.DATA])
def test_a_refusal_of_what_may_have_arrived_is_neither_refused_nor_released_blindly(phase: Phase) -> None:
    after = outcome.failed(outcome.begun(in_doubt(), phase, "boot", NOW), PermanentFault(), RETRY, NOW)
    assert (after.state, after.doubtful, after.explanation and after.explanation.code) == (DeliveryState.HELD, True, "perhaps-delivered")
    assert after.explanation is not None
    assert "…" not in after.explanation.what
    assert outcome.released(after, NOW).state is DeliveryState.UNKNOWN


def test_a_doubt_outlives_giving_up_a_stubborn_error_and_a_hold() -> None:
    class Stubborn(TransientFault):
        most_attempts = 1

    old = msgspec.structs.replace(in_doubt(), first_attempt_at=1)
    for after in (
        outcome.failed(old, TransientFault(), RETRY, NOW),
        outcome.failed(old, Stubborn(), RETRY, NOW),
        outcome.failed(old, Held(), RETRY, NOW),
    ):
        assert (after.state, outcome.in_doubt(after)) == (DeliveryState.HELD, True)
        assert outcome.released(after, NOW).state is DeliveryState.UNKNOWN


def test_a_power_cut_in_the_second_attempt_keeps_the_doubt_and_the_wait() -> None:
    after = outcome.recovered(in_doubt(), NOW, 600)
    assert (after.state, after.boot, after.next_attempt_at) == (DeliveryState.UNKNOWN, None, NOW + 600_000)
    first = outcome.begun(msgspec.structs.replace(record(), channel=Channel.MSS), Phase.ENVELOPE, "boot", NOW)
    fresh = outcome.recovered(first, NOW, 600)
    assert (fresh.state, fresh.doubtful, fresh.next_attempt_at) == (DeliveryState.QUEUED, False, None)


def test_a_power_cut_during_a_feed_is_probed_at_once() -> None:
    after = outcome.recovered(outcome.begun(record(), Phase.FEED, "boot", NOW), NOW, 600)
    assert (after.state, after.doubtful, after.next_attempt_at) == (DeliveryState.UNKNOWN, True, None)


def test_a_delivery_and_two_empty_probes_lift_the_doubt() -> None:
    assert not outcome.in_doubt(outcome.delivered(in_doubt(), NOW))
    once = outcome.not_found(outcome.begun(in_doubt(Channel.DMP), Phase.PROBE, "boot", NOW), NOW, 60)
    assert outcome.in_doubt(once)
    twice = outcome.not_found(outcome.begun(once, Phase.PROBE, "boot", NOW), NOW, 60)
    assert (twice.state, outcome.in_doubt(twice)) == (DeliveryState.QUEUED, False)


@pytest.mark.parametrize("error", [PartialAnswer(), RefusedUnknown()])
def test_an_answer_that_does_not_say_that_nothing_was_taken_leaves_a_doubt(error: RelaisError) -> None:
    fed = outcome.failed(record(DeliveryState.RUNNING, Phase.FEED), error, RETRY, NOW)
    assert (fed.state, fed.explanation, outcome.in_doubt(fed)) == (DeliveryState.HELD, error.explanation, True)
    assert outcome.released(fed, NOW).state is DeliveryState.UNKNOWN
    asked = outcome.failed(record(DeliveryState.RUNNING, Phase.EXISTENCE), error, RETRY, NOW)
    assert (asked.state, outcome.in_doubt(asked)) == (DeliveryState.HELD, False)


@pytest.mark.parametrize("error", [DuplicateRefusal(), DmpTargetUnknown()])
def test_what_one_lot_meets_says_nothing_of_the_destination(error: RelaisError) -> None:
    lane = Lane("s/dmp", 4, Retry(dead_after=3), SystemClock())
    for _ in range(5):
        lane.account(error)
    assert not lane.dead


def test_an_age_measured_by_a_clock_not_trusted_is_neither_begun_nor_believed() -> None:
    first = outcome.failed(record(), ConfigurationFault(), RETRY, 1000, dated=False)
    assert (first.state, first.first_attempt_at) == (DeliveryState.QUEUED, None)
    right = outcome.failed(first, TransientFault(), RETRY, NOW)
    assert (right.state, right.first_attempt_at, right.next_attempt_at) == (DeliveryState.QUEUED, NOW, NOW + 5000)
    old = msgspec.structs.replace(record(DeliveryState.RUNNING), first_attempt_at=1)
    assert outcome.failed(old, TransientFault(), RETRY, NOW, dated=False).state is DeliveryState.QUEUED
    assert outcome.failed(old, TransientFault(), RETRY, NOW).state is DeliveryState.HELD


def test_an_age_begun_by_a_clock_ahead_begins_again() -> None:
    ahead = msgspec.structs.replace(record(DeliveryState.RUNNING), first_attempt_at=NOW + 10**12)
    after = outcome.failed(ahead, TransientFault(), RETRY, NOW)
    assert (after.first_attempt_at, after.next_attempt_at) == (NOW, NOW + 5000)


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("state", sorted(OPEN))
@pytest.mark.parametrize("frozen", [b"frozen", None])
def test_what_a_restoration_finds_is_looked_up_before_it_is_sent(channel: Channel, state: DeliveryState, frozen: bytes | None) -> None:
    was = msgspec.structs.replace(record(state), channel=channel, sealed_frozen=frozen, boot="old", probes=1, next_attempt_at=1)
    after = outcome.restored(was, NOW, 600.0)
    assert after.doubtful
    assert outcome.in_doubt(after)
    assert (after.boot, after.probes, after.version) == (None, 0, was.version + 1)
    if state is DeliveryState.HELD:
        assert after.state is DeliveryState.HELD
        after = outcome.released(after, NOW)
    assert after.state is (DeliveryState.UNKNOWN if frozen else DeliveryState.QUEUED)
    assert after.doubtful
    mail = channel is Channel.MSS and state is not DeliveryState.HELD
    assert after.next_attempt_at == (NOW + 600_000 if mail else None)


@pytest.mark.parametrize("state", sorted(FINAL))
def test_what_is_final_stays_so_over_a_restoration(state: DeliveryState) -> None:
    assert outcome.restored(record(state), NOW, 600.0) == record(state)
