"""Whatever is sent, the judge answers and commits nothing it should not (no rule `dmp.internal.*`); from other threads too."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.sandbox.dmp.options import DmpOptions
from gateway.sandbox.dmp.service import DmpService
from gateway.sandbox.dmp.state import DmpState, StateUnavailable
from gateway.sandbox.dmp.tokens import KEEP, TokenMemory
from tests.sandbox.dmp.conftest import FeedMaker, ServiceMaker
from tests.sandbox.dmp.pki import Pki
from tests.sandbox.dmp.stranger import START, Cabinet, Feed, new_oid
from tests.sandbox.dmp.stranger_cda import Document

PIECES = (
    b"",
    b"<x/>",
    b"&amp;",
    b"^",
    b'"',
    b"\x00",
    b"\xff",
    b"9" * 300,
    b'xmlns:z="relatif" ',
    b"urn:uuid:",
    b"&#13;",
    b"\r\n--essai_7f1c",
)


@settings(max_examples=150)
@given(place=st.floats(0, 1, exclude_max=True), length=st.integers(0, 40), piece=st.sampled_from(PIECES))
def test_a_damaged_message_never_surprises(pki: Pki, cabinet: Cabinet, place: float, length: int, piece: bytes) -> None:
    with TemporaryDirectory() as folder:
        service = DmpService(Path(folder), pki.anchors, lambda _: False, lambda: START, DmpOptions())
        service.add_patient({"ins": {"matricule": "279035121518989", "oid": "1.2.250.1.213.1.4.10"}})
        request = Feed(cabinet=cabinet, now=START).request()
        at = int(place * len(request.body))
        verdict = service.judge(replace(request, body=request.body[:at] + piece + request.body[at + length :]))
        service.close()
    assert not any(rule.startswith("dmp.internal") for rule in verdict.failed_rules)
    assert verdict.answer.status in {200, 500}
    assert verdict.answer.body.startswith(b"<?xml")


def test_a_document_beyond_the_usual_text_limit_is_judged(service: DmpService, feed: FeedMaker) -> None:
    document = Document(unique_id=new_oid(), content=b"%PDF-1.4\n" + os.urandom(9_000_000))
    assert feed(document=document).send(service).failed_rules == ()


def test_a_relative_namespace_has_no_canonical_form(service: DmpService, feed: FeedMaker) -> None:
    sent = feed(cda_edit=lambda body: body.replace(b"<realmCode", b'<realmCode xmlns:z="relatif"'))
    assert sent.send(service).failed_rules == ("dmp.signature.manifest-digest",)


def test_requests_may_come_from_several_threads(service: DmpService, feed: FeedMaker) -> None:
    feeds = [feed() for _ in range(12)]
    with ThreadPoolExecutor(max_workers=4) as workers:
        verdicts = list(workers.map(lambda sent: sent.send(service), feeds))
    assert {verdict.failed_rules for verdict in verdicts} == {()}
    assert {one["unique_id"] for one in service.ledger()} == {sent.document.unique_id for sent in feeds}


def test_tokens_are_forgotten_once_they_are_too_old_to_serve() -> None:
    memory = TokenMemory([("_stored", START)])
    assert not memory.take("_stored", START)
    assert memory.take("_new", START)
    assert not memory.take("_new", START)
    assert memory.take("_later", START + KEEP + timedelta(seconds=1))
    assert memory.take("_new", START + KEEP + timedelta(seconds=1))


def test_a_failed_commit_leaves_nothing(make_service: ServiceMaker, feed: FeedMaker) -> None:
    service = make_service(DmpOptions())
    verdict = service.judge(feed().request())
    service.close()
    with pytest.raises(StateUnavailable):
        verdict.commit()
    assert make_service(DmpOptions()).ledger() == []


def test_a_file_that_is_not_a_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dmp.sqlite").write_bytes(b"ceci n'est pas une base" * 100)
    with pytest.raises(StateUnavailable):
        DmpState(tmp_path / "dmp.sqlite")
