"""Reads multipart/related XOP packages (MTOM) byte by byte, CRLF only unless told otherwise.

It never touches the bytes of a part: hash and size are computed on them (dmp.md section 5).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from gateway.sandbox.dmp.refusals import SoapRefusal

_PARAMETER = re.compile(r';\s*([A-Za-z0-9!#$&^_.+-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]+)')
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")


@dataclass(frozen=True, slots=True)
class ContentType:
    """A media type in lower case and its parameters, names in lower case."""

    media: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """One body part: its Content-ID without angle brackets, its media type, its bytes untouched."""

    content_id: str
    content_type: ContentType
    body: bytes


@dataclass(frozen=True, slots=True)
class Package:
    """A root part and the others by Content-ID."""

    root: Part
    parts: Mapping[str, Part]


def read_content_type(value: str | None) -> ContentType:
    """Media type and parameters of a Content-Type header; an absent header gives an empty media type."""
    media, _, _ = (value or "").partition(";")
    found = _PARAMETER.findall(value or "")
    parameters = {name.lower(): re.sub(r"\\(.)", r"\1", raw[1:-1]) if raw.startswith('"') else raw for name, raw in found}
    return ContentType(media.strip().lower(), parameters)


def read_package(declared: ContentType, body: bytes, *, strict: bool) -> Package:
    """The parts of an MTOM message; raises SoapRefusal (`dmp.mtom.*`) when it is not one (EX_2.1-1260)."""
    wanted = {"type": "application/xop+xml", "start-info": "application/soap+xml"}
    if declared.media != "multipart/related" or any(declared.parameters.get(k, "").lower() != v for k, v in wanted.items()):
        raise SoapRefusal("dmp.mtom.content-type", "Le message n'est pas au format MTOM attendu")
    boundary = declared.parameters.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise SoapRefusal("dmp.mtom.boundary", "La frontière du message MTOM est absente ou invalide")
    parts = [_read_part(raw, newline) for raw, newline in _split(body, boundary.encode("ascii"), strict=strict)]
    by_id = {part.content_id: part for part in parts}
    if len(by_id) != len(parts) or "" in by_id:
        raise SoapRefusal("dmp.mtom.content-id", "Un Content-ID est absent ou répété dans le message MTOM")
    start = declared.parameters.get("start", "")
    root = by_id.pop(start.removeprefix("<").removesuffix(">"), None)
    if root is None:
        raise SoapRefusal("dmp.mtom.start", "La partie racine du message MTOM est introuvable")
    _check_root(root)
    return Package(root, by_id)


def content_id_of(href: str) -> str | None:
    """The Content-ID named by an xop:Include reference (`cid:` and percent-encoding, RFC 2392); None for another scheme."""
    return unquote(href[4:]) if href.lower().startswith("cid:") else None


def _check_root(root: Part) -> None:
    kind = root.content_type
    if kind.media != "application/xop+xml" or kind.parameters.get("type", "").lower() != "application/soap+xml":
        raise SoapRefusal("dmp.mtom.root", "La partie racine du message MTOM n'est pas une enveloppe SOAP 1.2")


def _split(body: bytes, boundary: bytes, *, strict: bool) -> list[tuple[bytes, bytes]]:
    delimiter = b"--" + boundary
    newline = b"\r\n"
    if not strict and body.startswith(delimiter + b"\n"):
        newline = b"\n"
    start = 0 if body.startswith(delimiter) else body.find(newline + delimiter)
    if start < 0:
        raise SoapRefusal("dmp.mtom.delimiter", "Les parties du message MTOM ne sont pas séparées comme annoncé")
    position = body.index(delimiter, start) + len(delimiter)
    parts: list[tuple[bytes, bytes]] = []
    while not body.startswith(b"--", position):
        if not body.startswith(newline, position):
            raise SoapRefusal("dmp.mtom.crlf", "Les lignes du message MTOM ne se terminent pas par CR LF")
        following = body.find(newline + delimiter, position)
        if following < 0:
            raise SoapRefusal("dmp.mtom.unterminated", "Le message MTOM est incomplet")
        parts.append((body[position + len(newline) : following], newline))
        position = following + len(newline) + len(delimiter)
    return parts


def _read_part(raw: bytes, newline: bytes) -> Part:
    head, separator, body = raw.partition(newline * 2)
    if not separator:
        raise SoapRefusal("dmp.mtom.headers", "Une partie du message MTOM n'a pas d'en-têtes lisibles")
    headers: dict[str, str] = {}
    for line in head.split(newline):
        name, colon, value = line.partition(b":")
        if not colon or b"\n" in line:
            raise SoapRefusal("dmp.mtom.headers", "Une partie du message MTOM n'a pas d'en-têtes lisibles")
        headers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
    if headers.get("content-transfer-encoding", "binary").lower() not in {"binary", "8bit"}:
        raise SoapRefusal("dmp.mtom.encoding", "Une partie du message MTOM n'est pas transmise en binaire")
    identifier = headers.get("content-id", "")
    if not (identifier.startswith("<") and identifier.endswith(">")):
        raise SoapRefusal("dmp.mtom.content-id", "Un Content-ID est absent ou répété dans le message MTOM")
    return Part(identifier[1:-1], read_content_type(headers.get("content-type")), body)
