"""Functional faults on command (dmp.md section 8, run-time knobs; cases 31 and 32)."""

from __future__ import annotations

import pytest

from gateway.sandbox.dmp.faults import NAMES
from gateway.sandbox.dmp.service import DmpService
from tests.sandbox.dmp.conftest import FeedMaker
from tests.sandbox.dmp.stranger import EXISTENCE, Cabinet, Clock, plain_request, send
from tests.sandbox.dmp.stranger_calls import existence_body, references
from tests.sandbox.dmp.test_calls import existence


def test_dmp31_busy_three_times_then_accepted_with_a_fresh_token_each(service: DmpService, feed: FeedMaker) -> None:
    assert service.fault("busy", 3)
    sent = feed(vihf={"identifier": "_first"})
    verdict = sent.send(service)
    assert verdict.failed_rules == ("dmp.fault.busy",)
    assert b'errorCode="XDSRepositoryBusy"' in verdict.answer.body
    assert feed(vihf={"identifier": "_first"}).send(service).failed_rules == ("dmp.vihf.replay",)
    for _ in range(2):
        assert feed(document=sent.document).send(service).failed_rules == ("dmp.fault.busy",)
    assert feed(document=sent.document).send(service).failed_rules == ()
    assert [one["times_committed"] for one in service.ledger()] == [1]


def test_count_zero_lasts_until_reset(service: DmpService, feed: FeedMaker) -> None:
    assert service.fault("registry_error", 0)
    for _ in range(3):
        assert feed().send(service).failed_rules == ("dmp.fault.registry_error",)
    service.reset()
    assert feed().send(service).failed_rules == ()


def test_dmp32_clock_skew_refuses_honest_tokens(service: DmpService, feed: FeedMaker) -> None:
    assert service.fault("clock_skew", 0, seconds=120)
    assert feed().send(service).failed_rules == ("dmp.vihf.expired",)
    assert service.fault("clock_skew", 0, seconds=-120)
    assert feed().send(service).failed_rules == ("dmp.vihf.future",)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("partial", b"urn:ihe:iti:2007:ResponseStatusType:PartialSuccess"),
        ("registry_not_available", b'errorCode="XDSRegistryNotAvailable"'),
        ("unresolved_reference", b'errorCode="UnresolvedReferenceException"'),
        ("garbage_fault", b"soap:Receiver"),
        ("ps_not_linked", "PS et Structure non liés".encode()),
        ("rights", b"DMPAccessDenied"),
    ],
)
def test_faults_of_a_feed(service: DmpService, feed: FeedMaker, name: str, found: bytes) -> None:
    assert service.fault(name, 1)
    verdict = feed().send(service)
    assert verdict.failed_rules == (f"dmp.fault.{name}",)
    assert found in verdict.answer.body
    assert service.ledger() == []


def test_nf_and_terminated_on_command(service: DmpService, feed: FeedMaker, cabinet: Cabinet, clock: Clock) -> None:
    assert service.fault("nf", 2)
    assert existence(service, cabinet, clock, "279035121518989")[1] == "NF"
    assert feed().send(service).failed_rules == ("dmp.patient.unknown",)
    assert service.fault("terminated", 1)
    assert existence(service, cabinet, clock, "279035121518989")[1:] == ("OK", "terminated")
    assert existence(service, cabinet, clock, "279035121518989")[1:] == ("OK", "active")


def test_entry_uuids_change_and_unique_ids_do_not(service: DmpService, feed: FeedMaker, cabinet: Cabinet, clock: Clock) -> None:
    sent = feed()
    assert sent.send(service).failed_rules == ()
    before = references(service, cabinet, sent.document.unique_id, clock.now)
    assert service.fault("renew_uuids", 1)
    after = references(service, cabinet, sent.document.unique_id, clock.now)
    assert len(before) == len(after) == 1
    assert before != after


def test_a_feeds_fault_leaves_the_existence_test_alone(service: DmpService, cabinet: Cabinet, clock: Clock) -> None:
    assert service.fault("busy", 1)
    assert send(service, plain_request(cabinet, "patients", EXISTENCE, existence_body(), clock.now)).failed_rules == ()


def test_unknown_names_are_told(service: DmpService) -> None:
    assert not service.fault("lost_answer", 1)
    assert all(service.fault(name, 1) for name in NAMES)
