"""The own rules of Relais on any CDA, made or received: always run, with or without the official schemas.

Written apart from the builder, from the table of cda_signing.md section 1, so that one catches the other's mistakes. Well below a
millisecond for a header; the schematrons are too heavy for the box (section 0, point 4).
"""

from __future__ import annotations

from lxml import etree

from gateway.cda import checks_body
from gateway.cda.checks_acts import check_acts, check_encounter
from gateway.cda.checks_document import check_description, check_identification
from gateway.cda.checks_order import check_order
from gateway.cda.checks_patient import check_patient
from gateway.cda.checks_people import check_people
from gateway.cda.checks_prolog import check_prolog
from gateway.cda.errors import CdaInvalid
from gateway.cda.finding import Finding
from gateway.cda.reading import find_document, parse_cda

__all__ = ["Finding", "check_body", "check_document", "check_header"]


def check_document(data: bytes) -> list[Finding]:
    """All own rules on a whole CDA, wrapped or not; empty when none is broken. Raises XmlMalformed and its kin."""
    try:
        root = parse_cda(data)
        document, _ = find_document(root)
    except CdaInvalid as problem:
        return [Finding(str(problem.facts["rule"]), problem.field or "ClinicalDocument", str(problem.facts["reason"]))]
    return [*check_prolog(root), *check_header(document), *check_body(document)]


def check_header(document: etree._Element) -> list[Finding]:
    """The header rules on a ClinicalDocument element, in the order of the header's parts."""
    return [
        *check_order(document),
        *check_identification(document),
        *check_description(document),
        *check_patient(document),
        *check_people(document),
        *check_acts(document),
        *check_encounter(document),
    ]


def check_body(document: etree._Element) -> list[Finding]:
    """The body rules on a ClinicalDocument element."""
    return list(checks_body.check_body(document))
