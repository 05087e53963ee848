"""A multipart/form-data body, read as it arrives: each part goes to its own sink, nothing is held twice (contract section 3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from litestar import Request
from litestar.exceptions import InternalServerException
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from gateway.flow.allowance import Share
from gateway.flow.upload import BodyTooLarge
from gateway.kernel.errors import Refused

_MULTIPART = "multipart/form-data"
_JSON = ("", "application/json", "text/plain")
"""Media types of a part that holds JSON; many form libraries give it none, or text/plain."""
_MOST_PARTS = 64
_AROUND = 65_536
"""What boundaries and part headers may add to the parts themselves."""


class BodyMalformed(Refused):
    """The body is not the multipart that was announced."""

    code = "body-malformed"
    status = 400
    title = "Envoi mal formé"
    what = "Le corps de la demande n'est pas un formulaire « multipart/form-data » complet."
    gesture = "Faites corriger l'envoi par l'éditeur, puis renvoyez le document."


class ContentTypeRefused(Refused):
    """The request is not a multipart form, or its JSON part says that it is something else."""

    code = "content-type-refused"
    status = 415
    title = "Type de demande refusé"
    what = "Cette demande doit être un formulaire « multipart/form-data », et sa partie « request » du JSON."
    gesture = "Faites corriger par l'éditeur le type indiqué."


class BodyTooSlow(Refused):
    """Nothing of the body has come for too long."""

    code = "body-too-slow"
    status = 408
    title = "Envoi interrompu"
    who = "le secrétariat"
    what = "L'envoi s'est arrêté en chemin : plus rien n'est arrivé depuis trop longtemps."
    gesture = "Vérifiez le réseau du poste, puis renvoyez le document."


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


class PartTooLarge(BodyTooLarge):
    """A part other than the document is over its limit."""

    what = "Une partie de la demande dépasse la taille acceptée, qui est de {limit_kb} ko."
    gesture = "Réduisez la partie indiquée, ou faites corriger l'envoi par l'éditeur."


class Sink(Protocol):
    """Where the bytes of a part go; raises BodyTooLarge past its limit."""

    def write(self, chunk: bytes | bytearray) -> None:
        """Take the next bytes."""
        ...


class Small:
    """A part kept whole, up to a limit."""

    def __init__(self, limit: int, field: str, share: Share | None = None) -> None:
        self._limit = limit
        self._share = share
        self._field = field
        self._content = bytearray()

    def write(self, chunk: bytes | bytearray) -> None:
        """Append; raises PartTooLarge, TooMuchAtOnce when all bodies together are over theirs."""
        if len(self._content) + len(chunk) > self._limit:
            raise PartTooLarge(field=self._field, limit_kb=max(1, self._limit // 1000))
        if self._share is not None:
            self._share.take(len(chunk))
        self._content += chunk

    def content(self) -> bytes:
        """What was received."""
        return bytes(self._content)

    def give(self) -> bytes:
        """What was received, no longer kept here."""
        content = bytes(self._content)
        self._content = bytearray()
        return content

    @property
    def held(self) -> bytearray:
        """What was received, where it stands: for whoever wipes it."""
        return self._content

    def wipe(self) -> None:
        """Overwrite what was received."""
        self._content[:] = bytes(len(self._content))


class Several:
    """The values of a part that may come several times, each and all together up to a limit."""

    def __init__(self, limit: int, field: str) -> None:
        self._limit = limit
        self._field = field
        self._values: list[bytearray] = []
        self._size = 0

    def begin(self) -> None:
        """One more value."""
        self._values.append(bytearray())

    def write(self, chunk: bytes | bytearray) -> None:
        """Append to the last value; raises PartTooLarge."""
        self._size += len(chunk)
        if self._size > self._limit:
            raise PartTooLarge(field=self._field, limit_kb=max(1, self._limit // 1000))
        self._values[-1] += chunk

    def values(self) -> tuple[bytes, ...]:
        """What was received, in order."""
        return tuple(bytes(one) for one in self._values)


async def read_parts(
    request: Request[Any, Any, Any],
    sinks: Mapping[str, Sink],
    *,
    required: tuple[str, ...],
    limit: int,
    patience: float,
    others: Sink | None = None,
) -> dict[str, str]:
    """Read the whole body into the sinks; returns the media type of each part received, parts in any order.

    Parts of another name are refused, or go to `others`; a part comes once, but for a `Several`. `limit` bounds the parts taken together,
    announced or not; `patience` the seconds without a byte. Raises ContentTypeRefused, BodyTooLarge, BodyTooSlow, BodyMalformed,
    PartMissing, PartUnexpected, and whatever a sink refuses.
    """
    boundary = _boundary(request.headers.get("content-type", ""))
    check_announced(request.headers.get("content-length", ""), limit)
    received = await _feed(bounded(steady(request.stream(), patience), limit), boundary, sinks, others)
    for name in required:
        if name not in received:
            raise PartMissing(field=name)
    return received


def check_json(media_type: str, field: str) -> None:
    """Raises ContentTypeRefused for a part that says it is no JSON."""
    if media_type.partition(";")[0].strip().lower() not in _JSON:
        raise ContentTypeRefused(field=field)


def _boundary(header: str) -> str:
    kind, options = parse_options_header(header)
    boundary = str(options.get("boundary") or "")
    if kind.lower() != _MULTIPART or not boundary or not boundary.isprintable() or not boundary.isascii():
        raise ContentTypeRefused(field="Content-Type")
    return boundary


def check_announced(announced: str, limit: int) -> None:
    """Raises BodyTooLarge for a length that is over the limit before anything is read."""
    if announced.isascii() and announced.isdigit() and int(announced) > limit + _AROUND:
        raise _too_large(limit)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(field="file", limit_mb=max(1, limit // 1_000_000))


async def steady(stream: AsyncIterator[bytes], patience: float) -> AsyncIterator[bytes]:
    """The same stream; raises BodyTooSlow after `patience` seconds without a byte."""
    while True:
        try:
            async with asyncio.timeout(patience):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise BodyTooSlow from None
        if chunk is None:
            return
        yield chunk


async def bounded(stream: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """The same stream without empty chunks; raises BodyTooLarge past the limit, BodyMalformed when the caller hung up."""
    seen = 0
    try:
        async for chunk in stream:
            seen += len(chunk)
            if seen > limit + _AROUND:
                raise _too_large(limit)
            if chunk:
                yield chunk
    except InternalServerException:  # the framework's word for a caller who hung up
        raise BodyMalformed("caller gone") from None


async def _feed(stream: AsyncIterator[bytes], boundary: str, sinks: Mapping[str, Sink], others: Sink | None) -> dict[str, str]:
    received: dict[str, str] = {}
    current: Sink | None = None
    try:
        most = len(sinks) + 1 if others is None else _MOST_PARTS
        with PushMultipartParser(boundary, max_segment_count=most) as parser:
            async for chunk in stream:
                for event in parser.parse(chunk):
                    if isinstance(event, MultipartSegment):
                        current = _sink_for(event, sinks, received, others)
                    elif event and current is not None:
                        current.write(event)
    except (MultipartError, UnicodeError) as problem:
        raise BodyMalformed(type(problem).__name__) from None
    return received


def _sink_for(segment: MultipartSegment, sinks: Mapping[str, Sink], received: dict[str, str], others: Sink | None) -> Sink:
    name = segment.name or ""
    found = sinks.get(name)
    if found is None and others is not None:
        return others
    if isinstance(found, Several):
        found.begin()
    elif found is None or name in received:
        raise PartUnexpected(field=name if name in sinks else None)
    received[name] = segment.content_type or ""
    return found
