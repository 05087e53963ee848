"""The SOAP 1.2 envelope of an INSi call: addressing, the two contexts, an assertion when a card signed one (insi.md 1.3).

No To, no ReplyTo, no timestamp, no signature of the body: the certificate of the connection, or the assertion, is the identity. Body and
assertion are placed as the bytes they are, so that a signature inside stays good.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from lxml import etree

from gateway.ins.contexts import Caller, Coverage, bam_context, lps_context
from gateway.ins.criteria import Software
from gateway.wire.soap import ADDRESSING, SECURITY, SOAP
from gateway.xml.build import Vocabulary

_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_ASSERTION = b"<?relais assertion?>"
_BODY = b"<?relais body?>"

_soap = Vocabulary(SOAP, "soap", {"wsa": ADDRESSING})
_wsa = Vocabulary(ADDRESSING, "wsa")
_wsse = Vocabulary(SECURITY, "wsse")


def new_message_id() -> str:
    """A fresh wsa:MessageID, `uuid:` and a UUID (not `urn:uuid:`); one per attempt, echoed by faults."""
    return f"uuid:{uuid.uuid4()}"


def content_type(action: str) -> str:
    """The Content-Type of a call; `action` as a parameter is allowed by SOAP 1.2, whether it is looked at is not known [K]."""
    return f'application/soap+xml;charset=utf-8;action="{action}"'


def envelope(
    action: str,
    *,
    message_id: str,
    moment: datetime,
    sender: str,
    software: Software,
    installation: str,
    body: bytes,
    coverage: Coverage | None = None,
    assertion: bytes | None = None,
    name_prefix: str = "urn:lps:",
) -> bytes:
    """The whole envelope, UTF-8; `body` and `assertion` are elements without XML declaration. Raises XmlTextInvalid.

    `sender` is the OU of the client certificate, or the NameID of the assertion in card mode. wsse:Security is left out without assertion.
    """
    caller = Caller(sender=sender, software=software, installation=installation, name_prefix=name_prefix)
    whole = _soap(
        "Envelope",
        _soap(
            "Header",
            _wsa("Action", action),
            _wsa("MessageID", message_id),
            _security() if assertion is not None else None,
            bam_context(str(uuid.uuid4()), moment, sender, coverage),
            lps_context(str(uuid.uuid4()), moment, caller),
        ),
        _soap("Body", etree.ProcessingInstruction("relais", "body")),
    )
    head, _, tail = etree.tostring(whole, encoding="UTF-8").partition(_BODY)
    if assertion is not None:
        before, _, after = head.partition(_ASSERTION)
        head = b"".join((before, assertion, after))
    return b"".join((_DECLARATION, head, body, tail))


def _security() -> etree._Element:
    return _wsse("Security", etree.ProcessingInstruction("relais", "assertion"))
