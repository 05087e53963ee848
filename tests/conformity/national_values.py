"""The official value sets and tables, read from where they lie: which code is known in which system, under which label."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache

from lxml import etree

from tests.shared import need

Coded = tuple[str, str]
"""(code, coding system)."""
DOCUMENT_TYPES = ("jdv", "JDV_J07_XdsTypeCode_CISIS.xml")
SCHEMES = {
    "urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a": ("tables", "classcode_TRE_A03.csv"),
    "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983": DOCUMENT_TYPES,
    "urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f": ("jdv", "JDV_J08_XdsConfidentialityCode_CISIS.xml"),
    "urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d": ("tables", "formatcode_JDV_J60_DMP.csv"),
    "urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1": ("jdv", "JDV_J02_XdsHealthcareFacilityTypeCode_CISIS.xml"),
    "urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead": ("jdv", "JDV_J04_XdsPracticeSettingCode_CISIS.xml"),
}
"""Classification scheme of a document entry to its value set."""
SPECIALTIES = ("jdv", "JDV_J01_XdsAuthorSpecialty_CISIS.xml")


@cache
def labels(folder: str, name: str) -> dict[Coded, str]:
    """Every concept of a value set and its label."""
    path = need("data", "dmp", folder, name)
    if path.suffix == ".xml":
        concepts = etree.parse(str(path)).iter("{urn:ihe:iti:svs:2008}Concept")
        return {(str(one.get("code")), str(one.get("codeSystem"))): str(one.get("displayName")) for one in concepts}
    with path.open(encoding="utf-8", newline="") as lines:
        return {(row[0], row[1]): row[2] for row in csv.reader(lines) if len(row) > 2}


@cache
def class_of_type() -> dict[Coded, str]:
    """Class of each document type (ASS_X04)."""
    with need("data", "dmp", "tables", "typecode_classcode.csv").open(encoding="utf-8", newline="") as lines:
        return {(row["typeCode"], row["typeCodingScheme"]): row["classCode"] for row in csv.DictReader(lines)}


def unknown_codes(entry: etree._Element) -> Iterator[str]:
    """What the classifications of a document entry say that the value sets do not: unknown codes, other labels, another class."""
    rim = "{urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0}"
    seen: dict[str, Coded] = {}
    for one in entry.iterfind(f"{rim}Classification"):
        scheme = str(one.get("classificationScheme"))
        if scheme not in SCHEMES:
            continue
        coded = (str(one.get("nodeRepresentation")), str(one.findtext(f"{rim}Slot/{rim}ValueList/{rim}Value")))
        named = one.find(f"{rim}Name/{rim}LocalizedString")
        label = named.get("value") if named is not None else None
        seen[scheme] = coded
        official = labels(*SCHEMES[scheme]).get(coded)
        if official is None or " ".join(official.split()) != label:
            yield f"{coded}: {label!r} instead of {official!r}"
    kind, nature = (seen.get(f"urn:uuid:{scheme}") for scheme in (_TYPE, _CLASS))
    if kind is None or nature is None or class_of_type().get(kind) != nature[0]:
        yield f"class {nature} of type {kind}"
    if set(seen) != set(SCHEMES):
        yield f"no code of {set(SCHEMES) - set(seen)}"


_TYPE = "f0306f51-975f-434e-a61c-c59651d33983"
_CLASS = "41a5887f-8865-4c09-adf7-e362475b143a"
