"""TD0.2, the existence test of a DMP: PRPA_IN201307UV02 and what its answer says (dmp.md section 1.7).

Never reads a trait: names in the answer must not reach the local identity. Answers are kept a day at most, by the flow.
"""

from __future__ import annotations

import enum
import uuid
from datetime import UTC, datetime

from lxml import etree

from gateway.dmp.answer import read_answer, refuse
from gateway.dmp.errors import QueryUnreadable, RefusedUnknown
from gateway.kernel.config import Dmp
from gateway.kernel.oids import DMP_SYSTEM, INS_TEST
from gateway.model.patient import Ins
from gateway.wire.http import HttpResponse
from gateway.xml.build import Vocabulary

ACTION = "urn:hl7-org:v3:PRPA_IN201307UV02"
_HL7 = "urn:hl7-org:v3"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_NIL = {f"{{{_XSI}}}nil": "true"}
_hl7 = Vocabulary(_HL7, None, {"xsi": _XSI})


class Existence(enum.StrEnum):
    """What TD0.2 says of a patient's DMP."""

    ACTIVE = "active"
    NONE = "none"
    CLOSED = "closed"


def existence_request(ins: Ins, settings: Dmp, now: datetime) -> bytes:
    """The body of the question; processingCode D for a test INS, P [K] for a real one."""
    message = _hl7(
        "PRPA_IN201307UV02",
        _hl7("id", root=f"{settings.editor_oid}.1", extension=str(uuid.uuid4())),
        _hl7("creationTime", value=now.astimezone(UTC).strftime("%Y%m%d%H%M%S")),
        _hl7("interactionId", root="2.16.840.1.113883.1.6", extension="PRPA_IN201307UV02"),
        _hl7("processingCode", code="D" if ins.oid in INS_TEST else "P"),
        _hl7("processingModeCode", code="T"),
        _hl7("acceptAckCode", code="AL"),
        _hl7("receiver", _device(DMP_SYSTEM, "DMP"), typeCode="RCV"),
        _hl7("sender", _device(settings.editor_oid, settings.lps_name), typeCode="SND"),
        _hl7("attentionLine", _NIL),
        _hl7("controlActProcess", _question(ins, settings), classCode="CACT", moodCode="EVN"),
        ITSVersion="XML_1.0",
    )
    return etree.tostring(message, encoding="UTF-8")


def read_existence(response: HttpResponse, ins: Ins) -> Existence:
    """What the answer says; raises one of FromDmp. An answer about another patient is not believed."""
    message = read_answer(response, feed=False)
    if message.tag != f"{{{_HL7}}}PRPA_IN201308UV02":
        refuse(QueryUnreadable("not a PRPA_IN201308UV02"), response)
    code = _code(message, ".//{*}queryAck/{*}queryResponseCode").upper()
    if code == "NF":
        return Existence.NONE
    if code != "OK":
        refuse(RefusedUnknown(f"queryResponseCode {code[:8]}"), response)
    patient = message.find(".//{*}registrationEvent/{*}subject1/{*}patient")
    if patient is None:
        refuse(QueryUnreadable("OK without a patient"), response)
    named = {identifier.get("extension") for identifier in patient.iterfind("{*}id") if identifier.get("root") == ins.oid}
    if named and ins.matricule not in named:
        refuse(QueryUnreadable("another patient"), response)
    state = _code(patient, "{*}statusCode").lower()
    if state not in ("active", "terminated"):
        refuse(RefusedUnknown(f"patient status {state[:16]}"), response)
    return Existence.ACTIVE if state == "active" else Existence.CLOSED


def _device(oid: str, name: str) -> etree._Element:
    return _hl7("device", _hl7("id", root=oid), _hl7("softwareName", name), classCode="DEV", determinerCode="INSTANCE")


def _question(ins: Ins, settings: Dmp) -> list[etree._Element]:
    asked = _hl7("patientIdentifier", _hl7("value", root=ins.oid, extension=ins.matricule), _hl7("semanticsText", "Patient.id"))
    return [
        _hl7("reasonCode", code="TEST_EXST", codeSystem="1.2.250.1.213.1.1.4.11", displayName="Test d'existence de dossier"),
        _hl7(
            "queryByParameter",
            _hl7("queryId", root=f"{settings.editor_oid}.2", extension=str(uuid.uuid4())),
            _hl7("statusCode", code="new"),
            _hl7("parameterList", _hl7("dataSource", _NIL), asked),
        ),
    ]


def _code(parent: etree._Element, path: str) -> str:
    found = parent.find(path)
    return "" if found is None else found.get("code", "")
