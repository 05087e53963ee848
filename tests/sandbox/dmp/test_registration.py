"""Duplicates, replacements and restarts (dmp.md section 8, cases 26 to 29)."""

from __future__ import annotations

from dataclasses import replace

from gateway.sandbox.dmp.options import DmpOptions
from gateway.sandbox.dmp.service import DmpService
from tests.sandbox.dmp.conftest import FeedMaker, ServiceMaker
from tests.sandbox.dmp.stranger import Cabinet, Clock, Feed, new_oid
from tests.sandbox.dmp.stranger_calls import references
from tests.sandbox.dmp.stranger_cda import Document
from tests.sandbox.dmp.test_metadata import codes_of, patient
from tests.sandbox.dmp.test_token import fault_of


def accepted(service: DmpService, sent: Feed) -> Feed:
    verdict = sent.send(service)
    assert verdict.failed_rules == ()
    return sent


def replacement(feed: FeedMaker, target: str, parent: str | None = None, **changes: object) -> Feed:
    document = Document(unique_id=new_oid(), replaces=parent)
    return feed(**{"document": document, "lot": {"replaced": target}, **changes})


def test_dmp26_replacement_of_an_approved_document(service: DmpService, feed: FeedMaker, clock: Clock) -> None:
    first = accepted(service, feed())
    [target] = references(service, first.cabinet, first.document.unique_id, clock.now)
    second = accepted(service, replacement(feed, target, first.document.unique_id))
    assert [(one["unique_id"], one["status"]) for one in service.ledger()] == [
        (first.document.unique_id, "Deprecated"),
        (second.document.unique_id, "Approved"),
    ]


def test_dmp26_replacement_of_a_deprecated_document_is_refused(service: DmpService, feed: FeedMaker, clock: Clock) -> None:
    first = accepted(service, feed())
    [target] = references(service, first.cabinet, first.document.unique_id, clock.now)
    accepted(service, replacement(feed, target))
    verdict = replacement(feed, target).send(service)
    assert verdict.failed_rules == ("dmp.replace.deprecated",)
    assert codes_of(verdict) == {"XDSRegistryDeprecatedDocumentError"}


def test_dmp26_replacement_of_an_unknown_entry_is_refused(service: DmpService, feed: FeedMaker) -> None:
    verdict = replacement(feed, "urn:uuid:00000000-0000-4000-8000-000000000000").send(service)
    assert verdict.failed_rules == ("dmp.replace.target",)
    assert codes_of(verdict) == {"UnresolvedReferenceException"}


def test_dmp26_replacement_of_another_patients_document_is_refused(service: DmpService, feed: FeedMaker, clock: Clock) -> None:
    theirs = accepted(service, feed(**patient("207058575627097")))
    [target] = references(service, theirs.cabinet, theirs.document.unique_id, clock.now, patient="207058575627097")
    verdict = replacement(feed, target).send(service)
    assert verdict.failed_rules == ("dmp.replace.patient",)
    assert codes_of(verdict) == {"XDSPatientIdDoesNotMatch"}


def test_dmp26_replacement_of_another_structures_document_is_refused(
    service: DmpService, feed: FeedMaker, clock: Clock, other_cabinet: Cabinet
) -> None:
    document = Document(unique_id=new_oid(), structure=other_cabinet.structure)
    theirs = accepted(service, feed(cabinet=other_cabinet, document=document))
    [target] = references(service, other_cabinet, theirs.document.unique_id, clock.now)
    verdict = replacement(feed, target).send(service)
    assert verdict.failed_rules == ("dmp.rights.other-structure",)
    assert fault_of(verdict)[2].startswith("Accès refusé")


def test_dmp26_replaced_document_is_the_one_the_cda_names(service: DmpService, feed: FeedMaker, clock: Clock) -> None:
    first = accepted(service, feed())
    [target] = references(service, first.cabinet, first.document.unique_id, clock.now)
    assert replacement(feed, target, "1.2.3").send(service).failed_rules == ("dmp.replace.parent",)


def test_dmp27_same_lot_again(service: DmpService, feed: FeedMaker) -> None:
    first = accepted(service, feed())
    verdict = feed(document=first.document, lot_id=first.lot_id, signature_id=first.signature_id).send(service)
    assert verdict.failed_rules == ("dmp.duplicate.lot",)
    assert codes_of(verdict) == {"XDSDuplicateUniqueIdInRegistry"}
    assert [one["times_committed"] for one in service.ledger()] == [1]


def test_dmp27_same_document_in_a_new_lot_is_counted_without_a_second_copy(service: DmpService, feed: FeedMaker) -> None:
    first = accepted(service, feed())
    accepted(service, feed(document=first.document))
    assert [(one["unique_id"], one["times_committed"]) for one in service.ledger()] == [(first.document.unique_id, 2)]


def test_dmp27_same_document_in_a_new_lot_may_be_refused(make_service: ServiceMaker, feed: FeedMaker) -> None:
    service = make_service(DmpOptions(same_document_new_lot="refuse"))
    first = accepted(service, feed())
    verdict = feed(document=first.document).send(service)
    assert verdict.failed_rules == ("dmp.duplicate.document",)
    assert codes_of(verdict) == {"XDSDuplicateUniqueIdInRegistry"}


def test_dmp27_same_document_refused_by_a_knob(service: DmpService, feed: FeedMaker) -> None:
    first = accepted(service, feed())
    assert service.fault("duplicate_refused", 1)
    assert feed(document=first.document).send(service).failed_rules == ("dmp.duplicate.document",)
    accepted(service, feed(document=first.document))


def test_dmp27_same_identifier_with_other_bytes(service: DmpService, feed: FeedMaker) -> None:
    first = accepted(service, feed())
    verdict = feed(document=replace(first.document, content=b"%PDF-1.4\nautre\n")).send(service)
    assert verdict.failed_rules == ("dmp.duplicate.other-bytes",)
    assert codes_of(verdict) == {"XDSNonIdenticalHash"}


def test_dmp27_identifier_twice_in_a_lot(service: DmpService, feed: FeedMaker) -> None:
    document = Document(unique_id=new_oid())
    verdict = feed(document=document, signature_id=document.unique_id).send(service)
    assert verdict.failed_rules == ("dmp.duplicate.in-message",)


def test_dmp28_what_was_committed_is_found_after_a_restart(make_service: ServiceMaker, feed: FeedMaker, clock: Clock) -> None:
    sent = accepted(make_service(DmpOptions()), feed())
    restarted = make_service(DmpOptions())
    assert len(references(restarted, sent.cabinet, sent.document.unique_id, clock.now)) == 1
    assert feed(document=sent.document, lot_id=sent.lot_id).send(restarted).failed_rules == ("dmp.duplicate.lot",)
    assert [one["times_committed"] for one in restarted.ledger()] == [1]


def test_dmp29_what_was_not_committed_is_not_there(make_service: ServiceMaker, feed: FeedMaker, clock: Clock) -> None:
    service = make_service(DmpOptions())
    sent = feed()
    assert service.judge(sent.request()).failed_rules == ()
    restarted = make_service(DmpOptions())
    assert references(restarted, sent.cabinet, sent.document.unique_id, clock.now) == []
    accepted(restarted, feed(document=sent.document, lot_id=sent.lot_id, signature_id=sent.signature_id))
    assert [one["times_committed"] for one in restarted.ledger()] == [1]


def test_two_commits_of_one_lot_show_in_the_ledger(service: DmpService, feed: FeedMaker) -> None:
    sent = feed()
    twin = feed(document=sent.document, lot_id=sent.lot_id, signature_id=sent.signature_id)
    verdicts = [service.judge(sent.request()), service.judge(twin.request())]
    for verdict in verdicts:
        verdict.commit()
    assert [one["times_committed"] for one in service.ledger()] == [2]


def test_reset_keeps_the_ledger_unless_told_otherwise(service: DmpService, feed: FeedMaker) -> None:
    accepted(service, feed())
    service.reset()
    assert len(service.ledger()) == 1
    service.reset(ledger=True)
    assert service.ledger() == []
    accepted(service, feed())
