"""The client of a structure against a scripted DMP: what it sends, what it makes of each answer, what it refuses to do."""

from __future__ import annotations

import hashlib

import pytest
from lxml import etree

from gateway.dmp.errors import (
    DmpBusy,
    DmpClosed,
    DmpPatientUnknown,
    DmpUnavailable,
    DuplicateRefusal,
    FeedUnsettled,
    NoDmp,
    QueryUnreadable,
)
from gateway.dmp.existence import Existence
from gateway.kernel.clock import ClockNotTrusted
from gateway.wire.http import AnswerLost, HttpRequest, HttpResponse, PeerUnreachable
from gateway.wire.mtom import read_mtom
from tests.dmp.scenes import SECRET, client, existence, fault, references, registry, sealed
from tests.xds.documents import DOCTOR, INS, SETTINGS, UNIQUE_ID

EXPIRED = fault("Jeton VIHF périmé")


def envelope(request: HttpRequest) -> etree._Element:
    content_type = dict(request.headers)["content-type"]
    data = read_mtom(content_type, request.body)[0].data if content_type.startswith("multipart/") else request.body
    return etree.fromstring(data)


def assertion_id(request: HttpRequest) -> str:
    found = envelope(request).find(".//{urn:oasis:names:tc:SAML:2.0:assertion}Assertion")
    assert found is not None
    return str(found.get("ID"))


def header_text(request: HttpRequest, name: str) -> str | None:
    return envelope(request).findtext(f".//{{http://www.w3.org/2005/08/addressing}}{name}")


async def test_existence_is_asked_with_a_vihf() -> None:
    dmp, port, _ = client(existence())
    assert await dmp.exists(INS, DOCTOR) is Existence.ACTIVE
    request = port.requests[0]
    assert request.url == f"{SETTINGS.url}/patients"
    assert header_text(request, "Action") == "urn:hl7-org:v3:PRPA_IN201307UV02"
    assert header_text(request, "To") == request.url
    assert dict(request.headers)["content-type"].endswith('action="urn:hl7-org:v3:PRPA_IN201307UV02"')
    assert INS.matricule.encode() in request.body


async def test_dmp01_feed_gives_its_proof() -> None:
    lot, cda = await sealed()
    dmp, port, _ = client(registry())
    receipt = await dmp.feed(lot, cda, INS, DOCTOR, message_id="urn:uuid:00000000-0000-4000-8000-000000000001")
    request = port.requests[0]
    assert request.url == f"{SETTINGS.url}/repository"
    assert receipt.request_digest == hashlib.sha256(request.body).hexdigest()
    assert receipt.message_id == header_text(request, "MessageID") == "urn:uuid:00000000-0000-4000-8000-000000000001"
    assert receipt.vihf_id == assertion_id(request)
    assert b"RegistryResponse" in receipt.answer
    assert header_text(request, "Action") == "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"


async def test_find_asks_by_unique_id() -> None:
    dmp, port, _ = client(references("urn:uuid:1"))
    assert await dmp.find(UNIQUE_ID, INS, DOCTOR) == ["urn:uuid:1"]
    assert port.requests[0].url == f"{SETTINGS.url}/registry"
    assert envelope(port.requests[0]).findtext(".//{*}AdhocQuery//{*}Value") == f"('{UNIQUE_ID}')"


async def test_dmp07_each_call_has_a_vihf_of_its_own() -> None:
    lot, cda = await sealed()
    dmp, port, _ = client(existence(), registry(), references(), registry())
    await dmp.exists(INS, DOCTOR)
    await dmp.feed(lot, cda, INS, DOCTOR)
    await dmp.find(UNIQUE_ID, INS, DOCTOR)
    await dmp.feed(lot, cda, INS, DOCTOR)
    assert len({assertion_id(request) for request in port.requests}) == 4
    assert len({header_text(request, "MessageID") for request in port.requests}) == 4


async def test_dmp31_busy_is_transient_and_the_next_try_has_a_fresh_vihf() -> None:
    lot, cda = await sealed()
    dmp, port, clock = client(*[registry("Failure", "XDSRegistryBusy")] * 3, registry())
    for _ in range(3):
        with pytest.raises(DmpBusy):
            await dmp.feed(lot, cda, INS, DOCTOR)
        clock.advance(60)
    await dmp.feed(lot, cda, INS, DOCTOR)
    assert len({assertion_id(request) for request in port.requests}) == 4
    parts = [read_mtom(dict(request.headers)["content-type"], request.body)[1:] for request in port.requests]
    assert all(one == parts[0] for one in parts)


async def test_dmp06_refused_token_is_minted_again_once() -> None:
    lot, cda = await sealed()
    dmp, port, _ = client(EXPIRED, registry())
    receipt = await dmp.feed(lot, cda, INS, DOCTOR)
    assert len(port.requests) == 2
    assert receipt.vihf_id == assertion_id(port.requests[1]) != assertion_id(port.requests[0])
    assert receipt.message_id == header_text(port.requests[1], "MessageID") != header_text(port.requests[0], "MessageID")


async def test_dmp32_two_refused_tokens_put_the_clock_in_doubt() -> None:
    lot, cda = await sealed()
    dmp, port, _ = client(EXPIRED, EXPIRED, registry())
    with pytest.raises(ClockNotTrusted):
        await dmp.feed(lot, cda, INS, DOCTOR)
    assert len(port.requests) == 2


async def test_dmp32_untrusted_clock_signs_and_sends_nothing() -> None:
    lot, cda = await sealed()
    dmp, port, clock = client(existence(), registry(), references())
    clock.is_trusted = False
    for call in (dmp.exists(INS, DOCTOR), dmp.feed(lot, cda, INS, DOCTOR), dmp.find(UNIQUE_ID, INS, DOCTOR)):
        with pytest.raises(ClockNotTrusted):
            await call
    assert port.requests == []


@pytest.mark.parametrize(
    ("known", "expected"), [(("NF", None), NoDmp), (("OK", "terminated"), DmpClosed), (("OK", "active"), DmpPatientUnknown)]
)
async def test_dmp16_dmp17_unknown_patient_is_looked_up_again(known: tuple[str, str | None], expected: type[Exception]) -> None:
    lot, cda = await sealed()
    refusal = registry("Failure", "XDSUnknownPatientId")
    dmp, port, _ = client(refusal, existence(*known))
    with pytest.raises(expected) as caught:
        await dmp.feed(lot, cda, INS, DOCTOR)
    assert caught.value.answer == refusal.body  # type: ignore[attr-defined]
    assert len(port.requests) == 2


async def test_dmp27_duplicate_lot_is_unknown_until_probed() -> None:
    lot, cda = await sealed()
    dmp, port, _ = client(registry("Failure", "XDSDuplicateUniqueIdInRegistry"), references("urn:uuid:1"))
    with pytest.raises(DuplicateRefusal):
        await dmp.feed(lot, cda, INS, DOCTOR)
    assert len(port.requests) == 1
    assert await dmp.find(UNIQUE_ID, INS, DOCTOR) == ["urn:uuid:1"]


async def test_dmp28_dmp29_lost_answer_of_a_feed_is_unknown_and_never_repeated() -> None:
    lot, cda = await sealed()
    dmp, port, _ = client(AnswerLost("reset"), registry())
    with pytest.raises(AnswerLost):
        await dmp.feed(lot, cda, INS, DOCTOR)
    assert len(port.requests) == 1


async def test_lost_answer_of_a_question_is_only_asked_again_later() -> None:
    dmp, _, _ = client(AnswerLost("reset"), AnswerLost("reset"))
    with pytest.raises(QueryUnreadable):
        await dmp.exists(INS, DOCTOR)
    with pytest.raises(QueryUnreadable):
        await dmp.find(UNIQUE_ID, INS, DOCTOR)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (PeerUnreachable("down"), PeerUnreachable),
        (HttpResponse(status=503, headers={}, body=b""), DmpUnavailable),
        (HttpResponse(status=504, headers={}, body=b""), FeedUnsettled),
        (HttpResponse(status=200, headers={}, body=b"\x00"), FeedUnsettled),
    ],
)
async def test_what_a_feed_can_meet(answer: HttpResponse | PeerUnreachable, expected: type[Exception]) -> None:
    lot, cda = await sealed()
    dmp, _, _ = client(answer)
    with pytest.raises(expected):
        await dmp.feed(lot, cda, INS, DOCTOR)


async def test_dmp40_homologation_number_is_in_the_assertion_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    lot, cda = await sealed()
    dmp, port, _ = client(registry(), EXPIRED, EXPIRED)
    receipt = await dmp.feed(lot, cda, INS, DOCTOR)
    with pytest.raises(ClockNotTrusted) as caught:
        await dmp.feed(lot, cda, INS, DOCTOR)
    assert port.requests[0].body.count(SECRET.encode()) == 1
    shown = f"{receipt!r}{lot!r}{dmp!r}{caught.value!r}{caught.value.explanation}{caplog.text}"
    assert SECRET not in shown
    assert INS.matricule not in caplog.text
