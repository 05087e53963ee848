"""SOAP 1.2 envelopes with WS-Addressing 1.0, and an assertion in wsse:Security when there is one (dmp.md section 1.3).

The body and the assertion come as bytes and are placed in the envelope as they are: a signature over them stays good, and a frozen body
is the same on every try. Reading is tolerant: a plain envelope or a multipart one, SOAP 1.2 or, for old front ends, 1.1.
Never decides what a fault means: that is the business of the service's own room.
"""

from __future__ import annotations

import uuid
from urllib.parse import unquote

from lxml import etree

from gateway.kernel.errors import RelaisError, TransientFault
from gateway.wire.mtom import is_multipart, read_mtom
from gateway.xml.build import clean_text
from gateway.xml.errors import XmlMalformed
from gateway.xml.parse import parse

SOAP = "http://www.w3.org/2003/05/soap-envelope"
SOAP_1_1 = "http://schemas.xmlsoap.org/soap/envelope/"
ADDRESSING = "http://www.w3.org/2005/08/addressing"
SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
ANONYMOUS = ADDRESSING + "/anonymous"
CONTENT_TYPE = "application/soap+xml; charset=UTF-8"

_ASSERTION = b"<?relais assertion?>"
_BODY = b"<?relais body?>"


class AnswerUnreadable(TransientFault):
    """The peer answered something that is not a SOAP envelope with a body."""

    code = "answer-unreadable"
    what = "Le service a renvoyé une réponse illisible."
    gesture = "Aucune action : l'envoi reprendra tout seul. Si cela dure, prévenez votre installateur."


class SoapFault(RelaisError):
    """The peer answered a fault. `reason` is free text of the peer: it may name a patient, so it is in no message and no log."""

    code = "soap-fault"
    title = "Demande refusée par le service"

    def __init__(self, fault_code: str, subcode: str, reason: str) -> None:
        super().__init__(f"SOAP fault {fault_code}")
        self.fault_code = fault_code
        self.subcode = subcode
        self.reason = reason


def new_message_id() -> str:
    """A fresh WS-Addressing MessageID, `urn:uuid:` form."""
    return f"urn:uuid:{uuid.uuid4()}"


def write_envelope(*, action: str, to: str, message_id: str, body: bytes, assertion: bytes | None = None) -> bytes:
    """The envelope, UTF-8 without XML declaration; `body` and `assertion` are elements without declaration, placed verbatim."""
    envelope = etree.Element(_soap("Envelope"), nsmap={"soap": SOAP, "wsa": ADDRESSING})
    header = etree.SubElement(envelope, _soap("Header"))
    _addressing(header, "Action", action).set(_soap("mustUnderstand"), "true")
    _addressing(header, "MessageID", message_id)
    _addressing(etree.SubElement(header, f"{{{ADDRESSING}}}ReplyTo"), "Address", ANONYMOUS)
    _addressing(header, "To", to)
    if assertion is not None:
        security = etree.SubElement(header, f"{{{SECURITY}}}Security", nsmap={"wsse": SECURITY})
        security.append(etree.ProcessingInstruction("relais", "assertion"))
    etree.SubElement(envelope, _soap("Body")).append(etree.ProcessingInstruction("relais", "body"))
    head, _, tail = etree.tostring(envelope, encoding="UTF-8").partition(_BODY)
    if assertion is not None:
        before, _, after = head.partition(_ASSERTION)
        head = b"".join((before, assertion, after))
    return b"".join((head, body, tail))


def read_envelope(data: bytes, content_type: str = "", *, max_bytes: int = 16_000_000) -> etree._Element:
    """The first element of the Body; raises SoapFault for a fault, AnswerUnreadable for anything that is no envelope."""
    try:
        root = parse(read_mtom(content_type, data)[0].data if is_multipart(content_type) else data, max_bytes=max_bytes)
    except (XmlMalformed, TransientFault) as problem:
        raise AnswerUnreadable(problem.code) from None
    for namespace in (SOAP, SOAP_1_1):
        if root.tag != f"{{{namespace}}}Envelope":
            continue
        content = root.find(f"{{{namespace}}}Body/{{*}}*")
        if content is None:
            raise AnswerUnreadable("empty body")
        if content.tag == f"{{{namespace}}}Fault":
            raise _fault(content) if namespace == SOAP else _old_fault(content)
        return content
    raise AnswerUnreadable("no envelope")


def included_part(href: str) -> str:
    """The Content-ID that an `xop:Include` points at (`cid:` address, percent signs undone)."""
    return unquote(href.removeprefix("cid:"))


def _fault(fault: etree._Element) -> SoapFault:
    where = {"s": SOAP}
    subcodes = [_local(value) for value in fault.iterfind("s:Code//s:Subcode/s:Value", where)]
    reason = " ".join(_text(text) for text in fault.iterfind("s:Reason/s:Text", where))
    return SoapFault(_local(fault.find("s:Code/s:Value", where)), subcodes[-1] if subcodes else "", reason)


def _old_fault(fault: etree._Element) -> SoapFault:
    return SoapFault(_local(fault.find("faultcode")), "", _text(fault.find("faultstring")))


def _local(value: etree._Element | None) -> str:
    return _text(value).rpartition(":")[2]


def _text(node: etree._Element | None) -> str:
    return "" if node is None else "".join(str(piece) for piece in node.itertext()).strip()


def _soap(name: str) -> str:
    return f"{{{SOAP}}}{name}"


def _addressing(parent: etree._Element, name: str, text: str) -> etree._Element:
    made = etree.SubElement(parent, f"{{{ADDRESSING}}}{name}")
    made.text = clean_text(text)
    return made
