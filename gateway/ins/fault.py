"""A fault of INSi as a value, whatever its form: the one of 2022, that of 2025, or the next (insi.md 0.6, 3.7).

Read by namespace and name, never by prefix, order or pattern, and never validated: the service itself does not follow its schema
(`fatal` for `fatale`). Says nothing of what a fault means: that is `error_table`.
"""

from __future__ import annotations

import re

import msgspec
from lxml import etree
from typing_extensions import override

from gateway.wire.soap import SOAP, SOAP_1_1

SIRAM = "urn:siram"

_SOAP_12 = {"s": SOAP, "siram": SIRAM}
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_SEVERITIES = {"fatal": "fatale", "error": "erreur", "warning": "avertissement", "info": "information"}
_UNREACHABLE = "siram_40"
_LONGEST = 2000
_STRING = etree.XPath("string()")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What a fault says. Codes are words or empty; texts are of the service and for the encrypted record only."""

    siram: str
    """Code of the framework, for instance siram_40."""
    code: str
    """Code of the detail, for instance insi_102."""
    severity: str
    """information, avertissement, erreur or fatale."""
    text: str
    """Technical label of the detail, blanks folded."""
    message_id: str | None
    """The call it answers, when the service says so."""
    reason: str
    """What the service would have a person read, blanks folded."""
    sender: bool
    """The request is to blame. Never with siram_40: the same outage came as Receiver in 2022 and comes as Sender since."""

    @override
    def __repr__(self) -> str:
        return f"Fault({self.siram} {self.code} {self.severity})"


def read_fault(element: etree._Element) -> Fault:
    """The fault of a SOAP body's first element, 1.2 or 1.1; what is missing is empty."""
    if element.tag == f"{{{SOAP_1_1}}}Fault":
        return _fault(element, code=_word(element.find("faultcode")), subcode="", reason=element.find("faultstring"))
    code = _word(element.find("s:Code/s:Value", _SOAP_12))
    subcodes = [_word(value) for value in element.iterfind("s:Code//s:Subcode/s:Value", _SOAP_12)]
    known = [one for one in subcodes if one.startswith("siram_")] or subcodes[-1:]
    return _fault(element, code=code, subcode=known[0] if known else "", reason=element.find("s:Reason/s:Text", _SOAP_12))


def is_fault(element: etree._Element) -> bool:
    """True for a Fault of SOAP 1.2 or 1.1."""
    return element.tag in (f"{{{SOAP}}}Fault", f"{{{SOAP_1_1}}}Fault")


def text_of(node: etree._Element | None) -> str:
    """Every character of an element, comments left out, outer blanks removed; empty for None."""
    return "" if node is None else str(_STRING(node)).strip()


def _fault(element: etree._Element, *, code: str, subcode: str, reason: etree._Element | None) -> Fault:
    error = element.find(".//siram:Erreur", _SOAP_12)
    severity = _attribute(error, "severite").lower()
    return Fault(
        siram=subcode,
        code=_safe(_attribute(error, "code")),
        severity=_safe(_SEVERITIES.get(severity, severity)),
        text=_folded(text_of(error)),
        message_id=_attribute(error, "messageID")[:100] or None,
        reason=_folded(text_of(reason)),
        sender=code in ("Sender", "Client") and subcode != _UNREACHABLE,
    )


def _attribute(error: etree._Element | None, name: str) -> str:
    return "" if error is None else str(error.get(name, "")).strip()


def _word(node: etree._Element | None) -> str:
    return _safe(text_of(node).rpartition(":")[2])


def _safe(word: str) -> str:
    return word if _WORD.fullmatch(word) else ""


def _folded(text: str) -> str:
    return " ".join(text[:_LONGEST].split())
