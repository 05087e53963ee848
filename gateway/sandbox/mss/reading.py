"""A mail taken apart with Python's own parser: headers, texts, attachments.

Never judges. The gateway's writer has no part in it (contract.md 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from email import policy
from email.headerregistry import Address, AddressHeader
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cached_property

_POLICY = policy.SMTP


class MailUnreadable(Exception):
    """Python's parser gives up on it. Stays inside the operator."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One attached file."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Mail:
    """A parsed mail and its exact bytes."""

    raw: bytes
    message: EmailMessage

    def values(self, name: str) -> list[str]:
        """Decoded values of a header, all occurrences."""
        return [str(value).strip() for value in self.message.get_all(name, [])]

    def one(self, name: str) -> str:
        """The value of a header that must stand once; empty when absent or repeated."""
        values = self.values(name)
        return values[0] if len(values) == 1 else ""

    def addresses(self, name: str) -> list[Address]:
        """Addresses of all occurrences of a header."""
        headers = self.message.get_all(name, [])
        return [address for header in headers if isinstance(header, AddressHeader) for address in header.addresses]

    @property
    def header_block(self) -> bytes:
        """The bytes before the first empty line."""
        return self.raw.partition(b"\r\n\r\n")[0]

    @property
    def is_report(self) -> bool:
        """True for a receipt or a bounce."""
        return bool(self.message.get_content_type() == "multipart/report")

    @cached_property
    def texts(self) -> list[EmailMessage]:
        """The text parts that are no attachments."""
        return [part for part in self._leaves() if not _is_attached(part)]

    @cached_property
    def attachments(self) -> list[Attachment]:
        """The attached files, decoded."""
        return [
            Attachment(part.get_filename() or "", part.get_content_type(), _content(part)) for part in self._leaves() if _is_attached(part)
        ]

    def _leaves(self) -> list[EmailMessage]:
        return [part for part in self.message.walk() if not part.is_multipart()]


def read_mail(raw: bytes) -> Mail:
    """Take a mail apart. Raises MailUnreadable."""
    try:
        message = BytesParser(EmailMessage, policy=_POLICY).parsebytes(raw)
        mail = Mail(raw, message)
        _ = mail.texts, mail.attachments
        for name in ("from", "to", "cc", "reply-to", "date", "subject", "message-id"):
            mail.values(name)
    # This parser is known to raise IndexError, AttributeError and others on odd input.
    except Exception as error:
        raise MailUnreadable from error
    return mail


def _is_attached(part: EmailMessage) -> bool:
    return part.get_content_disposition() == "attachment" or part.get_filename() is not None or part.get_content_maintype() != "text"


def _content(part: EmailMessage) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""
