"""What every mail must carry in its headers, and how its text must be written.

Never looks inside an attachment. Source: mssante.md 1.6 (requirement ids beside each rule); the form of the product number is [K]:
any token is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from gateway.sandbox.mss.mailboxes import is_patient, matricule_of
from gateway.sandbox.mss.reading import Mail

_MESSAGE_ID = re.compile(r"<[!#$%&'*+/=?^_`{|}~0-9A-Za-z.-]+@[0-9A-Za-z.-]+>")
_PRODUCT = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
_CODES = re.compile(r"[0-9A-Za-z_-]+(,[0-9A-Za-z_-]+)*")
_LINE_LIMIT: Final = 998


def failed_headers(mail: Mail, sender: str, recipients: Sequence[str]) -> Iterator[str]:
    """Ids of the header rules this mail breaks; `sender` and `recipients` are the envelope's."""
    if not _MESSAGE_ID.fullmatch(mail.one("message-id")):
        yield "mss.header.message-id"  # ECO.2.2.1
    if not _has_dated(mail):
        yield "mss.header.date"
    yield from _failed_people(mail, sender, recipients)
    if not _PRODUCT.fullmatch(mail.one("x-mss-nil")):
        yield "mss.header.nil"  # ECO.2.4.3: all mails
    if any(byte > 0x7E for byte in mail.header_block):
        yield "mss.header.ascii"
    closing = mail.values("x-mss-mes")
    if closing and (closing != ["FIN"] or not all(is_patient(recipient) for recipient in recipients)):
        yield "mss.header.mes"  # ECO.2.2.8
    yield from _failed_document_headers(mail, recipients)


def failed_texts(mail: Mail) -> Iterator[str]:
    """Ids of the rules on lines, MIME version, body and charset."""
    if mail.one("mime-version") != "1.0":
        yield "mss.mime.version"
    if not mail.raw.count(b"\r\n") == mail.raw.count(b"\r") == mail.raw.count(b"\n"):
        yield "mss.mime.bare-newline"
    if max(map(len, mail.raw.split(b"\r\n"))) > _LINE_LIMIT:
        yield "mss.mime.line-length"
    if mail.is_report:
        return
    if not any(text.get_content_type() == "text/plain" for text in mail.texts):
        yield "mss.mime.body"  # ECO.2.2.4
    if any((text.get_content_charset() or "us-ascii") != "utf-8" for text in mail.texts):
        yield "mss.mime.charset"  # ECO.2.2.3


def _failed_people(mail: Mail, sender: str, recipients: Sequence[str]) -> Iterator[str]:
    authors = mail.addresses("from")
    if len(authors) != 1 or not authors[0].display_name.strip():
        yield "mss.header.from-label"  # ECO.2.2.7
    if [author.addr_spec.lower() for author in authors] != [sender.lower()]:
        yield "mss.header.from-sender"
    named = {address.addr_spec.lower() for name in ("to", "cc") for address in mail.addresses(name)}
    if not mail.addresses("to") or not {recipient.lower() for recipient in recipients} <= named:
        yield "mss.header.to"
    if not mail.is_report and not mail.addresses("reply-to"):
        yield "mss.header.reply-to"  # ECO.2.2.5: applicative mailboxes name an address read by humans


def _failed_document_headers(mail: Mail, recipients: Sequence[str]) -> Iterator[str]:
    qualified = mail.values("x-mss-ins")
    if (mail.attachments and not mail.is_report and not qualified) or qualified not in ([], ["O"], ["N"]):
        yield "mss.header.ins"  # ECO.2.4.2
    archives = any(a.name.upper() == "IHE_XDM.ZIP" for a in mail.attachments)
    codes = mail.values("x-mss-codecda")
    if bool(codes) != archives or (codes and not _CODES.fullmatch(mail.one("x-mss-codecda"))):
        yield "mss.header.codecda"  # ECO.2.4.1: only with an archive
    for recipient in recipients:
        if is_patient(recipient) and (matricule_of(recipient) is None or (mail.attachments and qualified != ["O"])):
            yield "mss.patient.qualified"  # ECO.2.2.6: a patient's address comes from a qualified INS only


def _has_dated(mail: Mail) -> bool:
    headers = mail.message.get_all("date", [])
    moment = getattr(headers[0], "datetime", None) if len(headers) == 1 else None
    return moment is not None and moment.tzinfo is not None
