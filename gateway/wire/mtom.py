"""MTOM messages: a SOAP envelope and its binary parts in one multipart/related body (dmp.md section 5; stack.md section 6).

Written by joining bytes: CRLF delimiters, parts untouched. Never uses the `email` package, which rewrites line endings in binary parts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import msgspec

from gateway.kernel.errors import TransientFault

_PARAMETER = re.compile(r';\s*([a-zA-Z0-9!#$%&\'*+.^_`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))')
_MULTIPART = "multipart/"


class MultipartUnreadable(TransientFault):
    """A multipart answer that cannot be taken apart."""

    code = "answer-unreadable"
    what = "Le service a renvoyé une réponse illisible."
    gesture = "Aucune action : l'envoi reprendra tout seul. Si cela dure, prévenez votre installateur."


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A binary part; `content_id` without angle brackets."""

    content_id: str
    content_type: str
    data: bytes


class Multipart(msgspec.Struct, frozen=True, kw_only=True):
    """A body ready to be sent, and the Content-Type that goes with it."""

    content_type: str
    body: bytes


def write_mtom(envelope: bytes, parts: Sequence[Part], *, action: str, seed: str) -> Multipart:
    """The envelope as root and the parts after it; the same `seed` gives the same boundary and root id on every try."""
    boundary = _boundary(seed, parts)
    start = f"envelope.{boundary}@relais"
    chunks: list[bytes] = []
    root = 'application/xop+xml; charset=UTF-8; type="application/soap+xml"'
    for content_id, content_type, data in ((start, root, envelope), *((part.content_id, part.content_type, part.data) for part in parts)):
        head = f"--{boundary}\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{content_id}>\r\n\r\n"
        chunks += (head.encode("ascii"), data, b"\r\n")
    chunks.append(f"--{boundary}--\r\n".encode("ascii"))
    content_type = (
        f'multipart/related; type="application/xop+xml"; start="<{start}>"; start-info="application/soap+xml"; '
        f'boundary="{boundary}"; action="{action}"'
    )
    return Multipart(content_type=content_type, body=b"".join(chunks))


def is_multipart(content_type: str) -> bool:
    """True for any multipart media type."""
    return content_type.strip().lower().startswith(_MULTIPART)


def read_mtom(content_type: str, body: bytes) -> tuple[Part, ...]:
    """The parts, the root first (parameter `start`, else the first one); raises MultipartUnreadable. CRLF and LF are both read."""
    parameters = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(content_type)}
    boundary = parameters.get("boundary", "")
    if not is_multipart(content_type) or not boundary:
        raise MultipartUnreadable("no boundary")
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary.encode("utf-8", "replace")) + rb"(--)?[ \t]*(?:\r?\n|\Z)")
    marks = list(delimiter.finditer(body))
    end = next((index for index, mark in enumerate(marks) if mark.group(1)), None)
    if end is None or end == 0:
        raise MultipartUnreadable("no closing delimiter")
    parts = [_part(body[marks[index].end() : marks[index + 1].start()]) for index in range(end)]
    start = parameters.get("start", "").strip("<>")
    return tuple(sorted(parts, key=lambda part: part.content_id != start)) if start else tuple(parts)


def _part(raw: bytes) -> Part:
    separator = re.search(rb"\r?\n\r?\n", raw)
    if separator is None:
        raise MultipartUnreadable("a part without headers")
    headers: dict[str, str] = {}
    for line in re.sub(rb"\r?\n[ \t]+", b" ", raw[: separator.start()]).splitlines():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("content-transfer-encoding", "binary").lower() not in ("binary", "8bit", "7bit"):
        raise MultipartUnreadable("transfer encoding")
    return Part(
        content_id=headers.get("content-id", "").strip("<>"),
        content_type=headers.get("content-type", ""),
        data=raw[separator.end() :],
    )


def _boundary(seed: str, parts: Sequence[Part]) -> str:
    turn = 0
    while True:
        boundary = "relais" + hashlib.sha256(f"{seed}/{turn}".encode()).hexdigest()[:40]
        if not any(boundary.encode() in part.data for part in parts):
            return boundary
        turn += 1
