"""A multipart/form-data body, read as it arrives: each part goes to its own sink, nothing is held twice (contract section 3)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from litestar import Request
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from gateway.flow.upload import BodyTooLarge
from gateway.kernel.errors import Refused, RelaisError

_DRAIN_BYTES = 64_000_000
"""How much of a refused body is read and thrown away, so that the caller gets the answer rather than a broken pipe."""


class BodyMalformed(Refused):
    """The body is not the multipart that was announced."""

    code = "body-malformed"
    status = 400
    title = "Envoi mal formé"
    what = "Le corps de la demande n'est pas un formulaire « multipart/form-data » complet."
    gesture = "Faites corriger l'envoi par l'éditeur, puis renvoyez le document."


class ContentTypeRefused(Refused):
    """The request is not a multipart form."""

    code = "content-type-refused"
    status = 415
    title = "Type de demande refusé"
    what = "Cette demande doit être un formulaire « multipart/form-data »."
    gesture = "Faites corriger l'en-tête Content-Type par l'éditeur."


class PartMissing(Refused):
    """A compulsory part is absent."""

    code = "part-missing"
    status = 400
    title = "Partie manquante"
    what = "Il manque une partie du formulaire."
    gesture = "Ajoutez la partie indiquée, puis renvoyez."


class PartUnexpected(Refused):
    """A part that the contract does not know, or the same one twice."""

    code = "part-unexpected"
    status = 400
    title = "Partie inattendue"
    what = "Le formulaire contient une partie inconnue ou répétée."
    gesture = "Retirez la partie indiquée, puis renvoyez."


class Sink(Protocol):
    """Where the bytes of a part go; raises BodyTooLarge past its limit."""

    def write(self, chunk: bytes | bytearray) -> None:
        """Take the next bytes."""
        ...


class Small:
    """A part kept whole, up to a limit."""

    def __init__(self, limit: int, field: str) -> None:
        self._limit = limit
        self._field = field
        self.content = bytearray()

    def write(self, chunk: bytes | bytearray) -> None:
        """Append; raises BodyTooLarge."""
        if len(self.content) + len(chunk) > self._limit:
            raise BodyTooLarge(field=self._field, limit_mb=max(1, self._limit // 1_000_000))
        self.content += chunk


async def read_parts(
    request: Request[Any, Any, Any], sinks: Mapping[str, Sink], *, required: tuple[str, ...], limit: int
) -> dict[str, str]:
    """Read the whole body into the sinks; returns the media type of each part received.

    Raises ContentTypeRefused, BodyMalformed, PartMissing, PartUnexpected, BodyTooLarge; a refused body is drained first.
    """
    boundary = _boundary(request.headers.get("content-type", ""))
    _check_announced(request, limit)
    stream = request.stream()
    try:
        received = await _feed(stream, boundary, sinks)
    except RelaisError:
        await _drain(stream)
        raise
    for name in required:
        if name not in received:
            raise PartMissing(field=name)
    return received


def _boundary(header: str) -> str:
    kind, options = parse_options_header(header)
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise ContentTypeRefused(field="Content-Type")
    return str(options["boundary"])


def _check_announced(request: Request[Any, Any, Any], limit: int) -> None:
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit + _DRAIN_BYTES:
        raise BodyTooLarge(field="file", limit_mb=max(1, limit // 1_000_000))


async def _feed(stream: AsyncIterator[bytes], boundary: str, sinks: Mapping[str, Sink]) -> dict[str, str]:
    received: dict[str, str] = {}
    current: Sink | None = None
    try:
        with PushMultipartParser(boundary, max_segment_count=len(sinks) + 1) as parser:
            async for chunk in stream:
                if not chunk:
                    continue
                for event in parser.parse(chunk):
                    if isinstance(event, MultipartSegment):
                        current = _sink_for(event, sinks, received)
                    elif event and current is not None:
                        current.write(event)
    except MultipartError as problem:
        raise BodyMalformed(type(problem).__name__) from None
    return received


def _sink_for(segment: MultipartSegment, sinks: Mapping[str, Sink], received: dict[str, str]) -> Sink:
    name = segment.name or ""
    if name not in sinks or name in received:
        raise PartUnexpected(field=name[:64] if name.isprintable() else None)
    received[name] = segment.content_type or ""
    return sinks[name]


async def _drain(stream: AsyncIterator[bytes]) -> None:
    seen = 0
    async for chunk in stream:
        seen += len(chunk)
        if seen > _DRAIN_BYTES:
            return
