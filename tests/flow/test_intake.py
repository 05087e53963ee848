"""A ready CDA against the request that brings it: what would stop the queue or leave under another name is refused at the door."""

from __future__ import annotations

import msgspec
import pytest

from gateway.flow.admitted import Admitted
from gateway.flow.errors import ReplacedPending, ReplacedUnknown, RequestContradictsCda
from gateway.flow.intake import admit_cda
from gateway.flow.lane import Lane
from gateway.flow.request import Deliver, DocumentRequest
from gateway.kernel.clock import SystemClock
from gateway.kernel.config import Retry
from gateway.model.document import ClinicalHeader
from gateway.model.people import Organization
from tests.xds.documents import CABINET, UNIQUE_ID, header


def admitted(given: ClinicalHeader) -> Admitted:
    return admit_cda(DocumentRequest(deliver=Deliver(dmp=True)), given, CABINET, environment="test", actor=None, original="o")


def test_a_ready_cda_is_admitted_for_the_structure_it_names() -> None:
    assert admitted(header()).structure == CABINET.id


def test_a_ready_cda_of_another_structure_is_refused() -> None:
    other = msgspec.structs.replace(header(), custodian=Organization(id="10B0000000", name="Autre"))
    with pytest.raises(RequestContradictsCda) as refusal:
        admitted(other)
    assert refusal.value.field == "structure"


def test_a_document_that_replaces_itself_is_refused() -> None:
    with pytest.raises(ReplacedUnknown):
        admitted(header(replaces=UNIQUE_ID))


def test_a_document_that_waits_for_its_former_version_says_nothing_of_the_destination() -> None:
    lane = Lane("s/dmp", 4, Retry(dead_after=3), SystemClock())
    for _ in range(5):
        lane.account(ReplacedPending())
    assert not lane.dead
