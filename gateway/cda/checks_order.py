"""Header rules on the set of elements: which may be there, how often, in which order, and which may not be null.

Source: cda_signing.md section 1, the table ("!" forbids nullFlavor; its order is the schema's).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from lxml import etree

from gateway.cda.finding import Finding

_HL7 = "{urn:hl7-org:v3}"
_MANY = 10_000
_ELEMENTS: dict[str, tuple[int, int, bool]] = {
    # name: least, most, never null
    "realmCode": (1, 1, True),
    "typeId": (1, 1, True),
    "templateId": (3, _MANY, True),
    "id": (1, 1, True),
    "code": (1, 1, True),
    "title": (1, 1, True),
    "effectiveTime": (1, 1, True),
    "confidentialityCode": (1, 1, True),
    "languageCode": (1, 1, True),
    "setId": (1, 1, True),
    "versionNumber": (1, 1, True),
    "recordTarget": (1, 1, True),
    "author": (1, _MANY, True),
    "dataEnterer": (0, 1, False),
    "informant": (0, _MANY, False),
    "custodian": (1, 1, True),
    "informationRecipient": (0, _MANY, False),
    "legalAuthenticator": (1, 1, True),
    "authenticator": (0, _MANY, False),
    "participant": (0, _MANY, False),
    "inFulfillmentOf": (0, _MANY, False),
    "documentationOf": (1, _MANY, True),
    "relatedDocument": (0, 1, False),
    "authorization": (0, _MANY, False),
    "componentOf": (1, 1, True),
    "component": (1, 1, False),
}
_RANK = {name: rank for rank, name in enumerate(_ELEMENTS)}


def check_order(document: etree._Element) -> Iterator[Finding]:
    """Findings `header-order`, `header-element`, `cardinality`, `two-patients`, `null-flavor`."""
    counts: Counter[str] = Counter()
    rank = 0
    for child in document.iterchildren("*"):
        tag = str(child.tag)
        name = tag.removeprefix(_HL7)
        if name not in _RANK:
            if tag.startswith(_HL7):
                yield Finding("header-element", "ClinicalDocument", "l'en-tête contient un élément qui n'y a pas sa place")
            continue
        counts[name] += 1
        if _RANK[name] < rank:
            yield Finding("header-order", name, f"l'élément {name} n'est pas à sa place dans l'en-tête")
        rank = max(rank, _RANK[name])
        if _ELEMENTS[name][2] and child.get("nullFlavor") is not None:
            yield Finding("null-flavor", name, f"l'élément {name} doit être renseigné")
    yield from _cardinalities(counts)


def _cardinalities(counts: Counter[str]) -> Iterator[Finding]:
    for name, (least, most, _) in _ELEMENTS.items():
        if counts[name] < least:
            yield Finding("cardinality", name, f"l'élément {name} est absent de l'en-tête")
        elif counts[name] > most and name == "recordTarget":
            yield Finding("two-patients", name, "le document désigne plus d'un patient")
        elif counts[name] > most:
            yield Finding("cardinality", name, f"l'élément {name} est présent trop de fois")
