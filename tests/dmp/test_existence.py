"""TD0.2: the question judged by the official HL7 v3 schemas, the answers read, the official one among them."""

from __future__ import annotations

import tarfile
from functools import cache
from pathlib import Path

import pytest
from lxml import etree

from gateway.dmp.errors import QueryUnreadable, RefusedUnknown
from gateway.dmp.existence import Existence, existence_request, read_existence
from gateway.kernel.oids import INS_NIR, INS_NIR_TEST
from gateway.model.patient import Ins
from gateway.wire.http import HttpResponse
from tests.dmp.scenes import existence, official, ok
from tests.shared import need
from tests.xds.documents import INS, NOW, SETTINGS

H = "{urn:hl7-org:v3}"


@cache
def schema(folder: Path) -> etree.XMLSchema:
    with tarfile.open(need("data", "dmp", "schema", "HL7V3.tar.gz")) as archive:
        archive.extractall(folder, filter="data")
    return etree.XMLSchema(etree.parse(str(folder / "HL7V3" / "NE2009" / "multicacheschemas" / "PRPA_IN201307UV02.xsd")))


@pytest.mark.conformity
@pytest.mark.parametrize("oid", [INS_NIR_TEST, INS_NIR])
def test_question_is_valid(tmp_path_factory: pytest.TempPathFactory, oid: str) -> None:
    message = etree.fromstring(existence_request(Ins(matricule=INS.matricule, oid=oid), SETTINGS, NOW))
    schema(tmp_path_factory.getbasetemp() / "hl7v3").assertValid(message)
    assert message.find(f"{H}processingCode").get("code") == ("D" if oid == INS_NIR_TEST else "P")  # type: ignore[union-attr]


@pytest.mark.conformity
def test_official_question_is_judged_the_same(tmp_path_factory: pytest.TempPathFactory) -> None:
    body = etree.fromstring(official("TD0.2-Test_d_existence_requete.xml").body).find("{*}Body/{*}PRPA_IN201307UV02")
    assert body is not None
    theirs = etree.fromstring(etree.tostring(body))
    ours = etree.fromstring(existence_request(INS, SETTINGS, NOW))
    assert [(child.tag, sorted(child.attrib)) for child in theirs.iter(f"{H}*")] == [
        (child.tag, sorted(child.attrib)) for child in ours.iter(f"{H}*")
    ]


def test_question_names_the_patient_by_ins_only() -> None:
    message = etree.fromstring(existence_request(INS, SETTINGS, NOW))
    value = message.find(f".//{H}patientIdentifier/{H}value")
    assert value is not None
    assert (value.get("root"), value.get("extension")) == (INS.oid, INS.matricule)
    reason = message.find(f".//{H}reasonCode")
    assert reason is not None
    assert (reason.get("code"), reason.get("codeSystem")) == ("TEST_EXST", "1.2.250.1.213.1.1.4.11")


@pytest.mark.conformity
def test_official_answer_is_active() -> None:
    ins = Ins(matricule="207058575627097", oid=INS_NIR_TEST)
    assert read_existence(official("TD0.2-Test_d_existence_reponse.xml"), ins) is Existence.ACTIVE


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (existence("OK", "active"), Existence.ACTIVE),
        (existence("ok", "Active"), Existence.ACTIVE),
        (existence("OK", "terminated"), Existence.CLOSED),
        (existence("NF", None), Existence.NONE),
    ],
)
def test_dmp16_dmp17_states(answer: HttpResponse, expected: Existence) -> None:
    assert read_existence(answer, INS) is expected


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (existence("AE", None), RefusedUnknown),
        (existence("OK", None), QueryUnreadable),
        (existence("OK", "nullified"), RefusedUnknown),
        (existence("OK", "active", matricule="207058575627097"), QueryUnreadable),
        (ok('<other xmlns="urn:hl7-org:v3"/>'), QueryUnreadable),
        (HttpResponse(status=200, headers={}, body=b"garbage"), QueryUnreadable),
    ],
)
def test_doubtful_answers_are_not_believed(answer: HttpResponse, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_existence(answer, INS)
