"""Mails as bytes: RFC 5322 headers, RFC 2047 and 2231 encodings, multipart/mixed, base64 spliced line by line (stack.md section 6).

Never uses EmailMessage, whose serialisation costs ten times more; never invents a boundary or a date: the same input gives the same
bytes. Every byte written is ASCII and every line ends in CRLF. A value that would open a new header line is refused.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import msgspec

from gateway.kernel.errors import PermanentFault
from gateway.wire.mime_header import FreeText, HeaderForbidden, HeaderValue, Named, checked_text, header_line

__all__ = ["Attachment", "FreeText", "HeaderForbidden", "HeaderValue", "Named", "encoded_length", "write_message"]

_CRLF = b"\r\n"
_COLUMNS = 76
_BYTES_PER_LINE = _COLUMNS // 4 * 3
_CHUNK = _BYTES_PER_LINE * 1024
_BOUNDARY = re.compile(r"=_[0-9A-Za-z]{8,64}")
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")
_PLAIN_NAME = re.compile(r"(?! )(?:[A-Za-z0-9!#$&'()+,;=@\[\]^_`{}~.-]| (?! )){1,60}(?<! )")
_NAME_PIECE = 54
"""Columns of one RFC 2231 segment, its `filename*NN*=` and separator left out."""


class BoundaryInvalid(PermanentFault):
    """A boundary that is not `=_` and 8 to 64 letters or digits could appear inside a part."""

    code = "mail-boundary-invalid"
    who = "votre installateur"
    what = "Le courriel n'a pas pu être préparé."
    gesture = "Signalez cette erreur à votre installateur : le document n'est pas en cause."


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """One attached file, sent byte for byte."""

    name: str
    media_type: str
    content: bytes


def write_message(headers: Sequence[tuple[str, HeaderValue]], text: str, attachments: Sequence[Attachment], *, boundary: str) -> bytes:
    """A whole mail: `headers` in order, then MIME ones, a text/plain UTF-8 part and the attachments.

    `boundary` is `=_` and 8 to 64 letters or digits: quoted-printable and base64 never write `=_`, so no part can hold it. Raises
    HeaderForbidden, BoundaryInvalid.
    """
    if not _BOUNDARY.fullmatch(boundary):
        raise BoundaryInvalid
    fence = f"--{boundary}".encode("ascii")
    parts = [header_line(name, value) for name, value in headers]
    parts += [b"MIME-Version: 1.0", f'Content-Type: multipart/mixed; boundary="{boundary}"'.encode("ascii"), b"", fence]
    parts += [b"Content-Type: text/plain; charset=utf-8", b"Content-Transfer-Encoding: quoted-printable", b"", _quoted_printable(text)]
    for attachment in attachments:
        parts += [fence, *_attachment_head(attachment), b"", *_base64_lines(attachment.content)]
    parts += [fence + b"--", b""]
    return _CRLF.join(parts)


def encoded_length(size: int) -> int:
    """Bytes of the base64 lines that carry `size` bytes, their CRLF included."""
    return -(-size // 3) * 4 + 2 * -(-size // _BYTES_PER_LINE)


def _quoted_printable(text: str) -> bytes:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    return binascii.b2a_qp(lines.encode("utf-8", "replace"), istext=True).replace(b"\n", _CRLF)


def _base64_lines(content: bytes) -> Iterator[bytes]:
    view = memoryview(content)
    for start in range(0, len(view), _CHUNK):
        encoded = binascii.b2a_base64(view[start : start + _CHUNK], newline=False)
        yield _CRLF.join([encoded[at : at + _COLUMNS] for at in range(0, len(encoded), _COLUMNS)])


def _attachment_head(attachment: Attachment) -> list[bytes]:
    if not _MEDIA_TYPE.fullmatch(attachment.media_type):
        raise HeaderForbidden("media type")
    return [
        f"Content-Type: {attachment.media_type}".encode("ascii"),
        b"Content-Transfer-Encoding: base64",
        b"Content-Disposition: attachment;" + _file_name(attachment.name),
    ]


def _file_name(name: str) -> bytes:
    """The filename parameter: quoted when plain ASCII and short, else RFC 2231 in segments that never cut a character."""
    if not name:
        raise HeaderForbidden("file name")
    if _PLAIN_NAME.fullmatch(checked_text(name, "file name")):
        return f'\r\n filename="{name}"'.encode("ascii")
    pieces = ["utf-8''"]
    for character in name:
        escaped = quote(character, safe="", errors="replace")
        if len(pieces[-1]) + len(escaped) > _NAME_PIECE:
            pieces.append("")
        pieces[-1] += escaped
    if len(pieces) == 1:
        return f"\r\n filename*={pieces[0]}".encode("ascii")
    return ";".join(f"\r\n filename*{index}*={piece}" for index, piece in enumerate(pieces)).encode("ascii")
