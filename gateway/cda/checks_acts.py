"""Header rules on what was done and where: acts and their performers, orders, encounter and facility.

Source: cda_signing.md sections 1.3 and 1.4; JDV_J02 and JDV_J04 through the nomenclature.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from gateway.cda.checks_people import is_in
from gateway.cda.finding import Finding
from gateway.cda.nodes import children, first
from gateway.nomenclature import codes

_ACT = "documentationOf/serviceEvent"
_ENCOUNTER = "componentOf/encompassingEncounter"
_PROFESSIONALS = "1.2.250.1.71.4.2.1"
_INSTANT = re.compile(r"[0-9]{8,14}(\.[0-9]+)?([+-][0-9]{4})?")
_ATTENDANCE = frozenset({"ADM", "ATND", "CON", "DIS", "REF", "RESP"})


def check_acts(document: etree._Element) -> Iterator[Finding]:
    """Findings on documentationOf and inFulfillmentOf; the first act is the main one and bears more."""
    for rank, node in enumerate(children(document, "documentationOf")):
        events = list(children(node, "serviceEvent"))
        if len(events) != 1 or events[0].get("nullFlavor") is not None:
            yield Finding("service-event", _ACT, "un acte documenté n'est pas décrit")
        elif rank == 0:
            yield from _main_act(events[0])
        for event in events:
            yield from _act_code(event)
    for node in children(document, "inFulfillmentOf"):
        if len(list(children(node, "order", "id"))) != 1:
            yield Finding("order-id", "inFulfillmentOf/order/id", "une prescription suivie doit avoir un identifiant et un seul")


def check_encounter(document: etree._Element) -> Iterator[Finding]:
    """Findings on componentOf: period, attending professionals, facility type."""
    encounter = first(document, "componentOf", "encompassingEncounter")
    if encounter is None:
        return
    if first(encounter, "effectiveTime") is None:
        yield Finding("encounter-time", f"{_ENCOUNTER}/effectiveTime", "la période de la prise en charge est absente")
    for node in children(encounter, "encounterParticipant"):
        if node.get("typeCode") not in _ATTENDANCE:
            yield Finding("encounter-participant", f"{_ENCOUNTER}/encounterParticipant", "le rôle d'un intervenant n'est pas reconnu")
    for name in ("responsibleParty", "encounterParticipant"):
        identifiers = [one for one in children(encounter, name, "assignedEntity", "id") if one.get("nullFlavor") is None]
        if any(one.get("root") != _PROFESSIONALS or not one.get("extension") for one in identifiers):
            yield Finding("person-id", f"{_ENCOUNTER}/{name}", "un intervenant n'a pas d'identifiant national de professionnel")
    facility = first(encounter, "location", "healthCareFacility", "code")
    if facility is None or not is_in(codes.facility_type, facility):
        path = f"{_ENCOUNTER}/location/healthCareFacility/code"
        yield Finding("facility", path, "le type de structure est absent ou n'est pas dans la nomenclature nationale JDV_J02")


def _main_act(event: etree._Element) -> Iterator[Finding]:
    low = first(event, "effectiveTime", "low")
    if low is None or not _INSTANT.fullmatch(low.get("value") or ""):
        yield Finding("service-start", f"{_ACT}/effectiveTime/low", "le début de l'acte principal est absent ou mal écrit")
    high = first(event, "effectiveTime", "high")
    if high is not None and high.get("nullFlavor") is None and not _INSTANT.fullmatch(high.get("value") or ""):
        yield Finding("service-stop", f"{_ACT}/effectiveTime/high", "la fin de l'acte principal est mal écrite")
    path = f"{_ACT}/performer"
    performer = first(event, "performer")
    entity = first(performer, "assignedEntity")
    if performer is None or entity is None or performer.get("typeCode") != "PRF":
        yield Finding("performer", path, "l'exécutant de l'acte principal est absent")
        return
    if first(entity, "id") is None:
        yield Finding("performer-id", f"{path}/assignedEntity/id", "l'exécutant de l'acte principal n'a pas d'identifiant")
    setting = first(entity, "representedOrganization", "standardIndustryClassCode")
    if setting is None or not is_in(codes.practice_setting, setting):
        what = "le cadre d'exercice de l'exécutant est absent ou n'est pas dans la nomenclature nationale JDV_J04"
        yield Finding("practice-setting", f"{path}/assignedEntity/representedOrganization/standardIndustryClassCode", what)


def _act_code(event: etree._Element) -> Iterator[Finding]:
    code = first(event, "code")
    if code is not None and code.get("nullFlavor") is None and not (code.get("code") and code.get("codeSystem")):
        yield Finding("act-code", f"{_ACT}/code", "le code d'un acte est incomplet")
