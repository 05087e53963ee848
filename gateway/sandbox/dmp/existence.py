"""TD0.2: whether an INS has a DMP, and whether it is open (dmp.md 1.7).

It never gives traits: names come back as NON RENSEIGNE, as the real service may. The form of a NF answer is [K].
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime

from lxml import etree

from gateway.sandbox.dmp.refusals import SoapRefusal
from gateway.sandbox.dmp.vihf import V3

ACTION = "urn:hl7-org:v3:PRPA_IN201307UV02"
ANSWER_ACTION = "urn:hl7-org:v3:PRPA_IN201308UV02"
_DMP_SYSTEM = "1.2.250.1.213.4.1.1.1"
_REASONS = "1.2.250.1.213.1.1.4.11"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"


def judge_existence(body: etree._Element, token_patient: tuple[str, str], dmp_of: Callable[[tuple[str, str]], str], now: datetime) -> str:
    """The PRPA_IN201308UV02 body; raises SoapRefusal (`dmp.existence.*`) for another message."""
    checks = {
        "message": body.tag == f"{{{V3}}}PRPA_IN201307UV02" and body.get("ITSVersion") == "XML_1.0",
        "interaction": _value(body, "interactionId", "extension") == "PRPA_IN201307UV02",
        "processing": _value(body, "processingCode", "code") in {"D", "T", "P"},
        "processing-mode": _value(body, "processingModeCode", "code") == "T",
        "accept": _value(body, "acceptAckCode", "code") == "AL",
        "receiver": _value(body, "receiver/device/id", "root") == _DMP_SYSTEM,
        "sender": _value(body, "sender/device/id", "root") != "",
        "reason": (_value(body, f"{_ACT}/reasonCode", "code"), _value(body, f"{_ACT}/reasonCode", "codeSystem")) == ("TEST_EXST", _REASONS),
        "query-status": _value(body, f"{_QUERY}/statusCode", "code") == "new",
        "semantics": (body.findtext(_path(f"{_IDENTIFIER}/semanticsText")) or "").strip() == "Patient.id",
    }
    for rule, holds in checks.items():
        if not holds:
            raise SoapRefusal(f"dmp.existence.{rule}", "La demande de test d'existence est mal formée")
    asked = (_value(body, f"{_IDENTIFIER}/value", "extension"), _value(body, f"{_IDENTIFIER}/value", "root"))
    if asked != token_patient:
        raise SoapRefusal("dmp.existence.patient", "L'INS demandé n'est pas celui du jeton VIHF")
    return _answer(body, asked, dmp_of(asked), now)


_ACT = "controlActProcess"
_QUERY = f"{_ACT}/queryByParameter"
_IDENTIFIER = f"{_QUERY}/parameterList/patientIdentifier"


def _path(path: str) -> str:
    return "/".join(f"{{{V3}}}{name}" for name in path.split("/"))


def _value(body: etree._Element, path: str, name: str) -> str:
    found = body.findall(_path(path))
    return found[0].get(name, "") if len(found) == 1 else ""


def _answer(body: etree._Element, patient: tuple[str, str], dmp: str, now: datetime) -> str:
    known = dmp != "none"
    return (
        f'<PRPA_IN201308UV02 xmlns="{V3}" xmlns:xsi="{_XSI}" ITSVersion="XML_1.0"><id root="{uuid.uuid4()}"/>'
        f'<creationTime value="{now:%Y%m%d%H%M%S}"/><interactionId root="2.16.840.1.113883.1.6" extension="PRPA_IN201308UV02"/>'
        f'<processingCode code="{_value(body, "processingCode", "code")}"/><processingModeCode code="T"/><acceptAckCode code="NE"/>'
        f'<receiver typeCode="RCV"><device classCode="DEV" determinerCode="INSTANCE">{_same_id(body, "sender/device/id")}</device>'
        "</receiver>"
        '<sender typeCode="SND"><device classCode="DEV" determinerCode="INSTANCE">'
        f'<id root="{_DMP_SYSTEM}"/><softwareName>DMP</softwareName></device></sender>'
        f"{_attention_lines() if known else ''}"
        f'<acknowledgement typeCode="AA"><targetMessage>{_same_id(body, "id")}</targetMessage></acknowledgement>'
        f'<controlActProcess classCode="CACT" moodCode="EVN"><reasonCode code="TEST_EXST" codeSystem="{_REASONS}"/>'
        f"{_subject(patient, dmp) if known else ''}"
        f'<queryAck>{_same_id(body, f"{_QUERY}/queryId", "queryId")}<queryResponseCode code="{"OK" if known else "NF"}"/></queryAck>'
        "</controlActProcess></PRPA_IN201308UV02>"
    )


def _same_id(body: etree._Element, path: str, name: str = "id") -> str:
    element = etree.Element(name)
    for key in ("root", "extension"):
        if _value(body, path, key):
            element.set(key, _value(body, path, key))
    return etree.tostring(element, encoding="unicode")


def _attention_lines() -> str:
    return (
        '<attentionLine><keyWordText code="AUTORISATION" codeSystem="1.2.250.1.213.4.1.2.6.1"/>'
        '<value xsi:type="CV" code="INEXISTANTE" codeSystem="1.2.250.1.213.4.1.2.6.2"/></attentionLine>'
        '<attentionLine><keyWordText code="STATUT_MT" codeSystem="1.2.250.1.213.4.1.2.6.3"/>'
        '<value xsi:type="BL" value="false"/></attentionLine>'
    )


def _subject(patient: tuple[str, str], dmp: str) -> str:
    status = "active" if dmp == "active" else "terminated"
    return (
        '<subject typeCode="SUBJ" contextConductionInd="false"><registrationEvent classCode="REG" moodCode="EVN">'
        '<statusCode code="completed"/><subject1 typeCode="SBJ"><patient classCode="PAT">'
        f'<id root="{patient[1]}" extension="{patient[0]}"/><statusCode code="{status}"/>'
        '<patientPerson classCode="PSN" determinerCode="INSTANCE"><name><given>NON RENSEIGNE</given>'
        "<family>NON RENSEIGNE</family></name></patientPerson>"
        f"{_observation('COMPTE_INTERNET_OUVERT', '1.2.250.1.213.4.1.2.9')}{_observation('RATTACHEMENT_ENS', '1.2.250.1.213.4.1.2.3')}"
        '</patient></subject1><custodian typeCode="CST"><assignedEntity classCode="ASSIGNED">'
        f'<id root="{_DMP_SYSTEM}"/></assignedEntity></custodian></registrationEvent></subject>'
    )


def _observation(code: str, system: str) -> str:
    return (
        '<subjectOf typeCode="SBJ"><administrativeObservation classCode="OBS" moodCode="EVN">'
        f'<code code="{code}" codeSystem="{system}"/><value xsi:type="BL" value="true"/></administrativeObservation></subjectOf>'
    )
