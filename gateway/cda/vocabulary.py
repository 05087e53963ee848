"""The small words of a CDA header: identifiers, codes, periods, absent values. Everything longer is built of them.

Source: cda_signing.md sections 1 to 1.4.
"""

from __future__ import annotations

from datetime import datetime

from lxml import etree

from gateway.cda.names import EXTENSION_MARK, HL7
from gateway.cda.stamp import write_stamp
from gateway.kernel.concept import Concept
from gateway.xml.build import Vocabulary

V3 = Vocabulary(HL7)
"""Writes elements of `urn:hl7-org:v3` as the default namespace."""


def coded(name: str, concept: Concept) -> etree._Element:
    """`<name code displayName codeSystem/>`; the label is left out when empty."""
    return V3(name, code=concept.code, displayName=concept.label or None, codeSystem=concept.system)


def joined_id(name: str, text: str) -> etree._Element:
    """`<name root extension?/>` of an identifier written `root` or `root^extension`."""
    root, _, extension = text.partition(EXTENSION_MARK)
    return V3(name, root=root, extension=extension or None)


def period(start: datetime, stop: datetime | None, path: str) -> etree._Element:
    """`<effectiveTime><low/><high/>?</effectiveTime>`; raises CdaInvalid for a naive instant."""
    high = V3("high", value=write_stamp(stop, path)) if stop is not None else None
    return V3("effectiveTime", V3("low", value=write_stamp(start, path)), high)
