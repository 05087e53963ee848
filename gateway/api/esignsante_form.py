"""The forms and the header of esignsante's clients, read as that service reads them: unknown fields ignored, one secret, lists by comma.

Who sends is known by the usual token or certificate before anything is read; a client that cannot send one puts the workstation's token in
`secret`, and is known once its form is read, one such form at a time. Source: cda_signing.md 4.2.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Request

from gateway.api.callers import caller_of, caller_of_secret, is_anonymous
from gateway.api.parts import BodyTooSlow, ContentTypeRefused, PartMissing, Several, Sink, Small, read_parts
from gateway.api.problems import ParameterInvalid
from gateway.flow.caller import Caller
from gateway.flow.relay import Relay
from gateway.flow.signing.esignsante import Check, OpenidToken, Order, ProofRequest, ProofWanted
from gateway.kernel.config import Limits
from gateway.trust.report import SignatureFormat

NUMBER_PATTERN = r"^[0-9]{1,18}$"
NAME_PATTERN = r"^[a-zA-Z_0-9\-]{0,200}$"
TAG_PATTERN = r"^[ -~\u00a0-\ud7ff]{0,200}$"
TOKEN_HEADER = "X-OpenidToken"  # noqa: S105 - a header's name
FORMS: dict[str, SignatureFormat] = {"xmldsig": "xmldsig", "xadesbaselineb": "xades", "padesbaselineb": "pades"}
"""The forms by their names in a path."""
_TEXTS = ("secret", "idSignConf", "idVerifSignConf", "idVerifCertConf", "idProofConf", "requestId", "proofTag", "applicantId")
_TEXT_BYTES = 1_000
_SIGNERS_BYTES = 4_000
_MOST_SIGNERS = 10
_MOST_TOKENS = 10
_STRANGER_SECONDS = 60.0
"""For the whole form of whoever is known at its end only: the place is not held by drops."""
_NUMBER, _NAME, _TAG = (re.compile(pattern) for pattern in (NUMBER_PATTERN, NAME_PATTERN, TAG_PATTERN))
_SIGNER = re.compile(r"[ -~\u00a0-\ud7ff]{1,200}")
_ACCESS = re.compile(r"[\x21-\x7e]{1,8192}")
_MEDIA_TYPE = re.compile(r"[\x20-\x7e]{0,200}")


class _Token(msgspec.Struct, frozen=True):
    """What the header carries; the two answers as texts, or as the JSON they are."""

    accessToken: str  # noqa: N815 - the names of the header
    introspectionResponse: str | dict[str, Any]  # noqa: N815
    userInfo: str | dict[str, Any]  # noqa: N815


@dataclass(frozen=True, slots=True)
class EsignsanteForm:
    """A form that was read, and who sent it."""

    caller: Caller
    file: bytes
    media_type: str
    texts: Mapping[str, bytes]
    signers: tuple[bytes, ...]
    header: tuple[str, ...]
    path: str

    def number(self, field: str) -> int:
        """A configuration's number; raises PartMissing, ParameterInvalid."""
        text = self._text(field)
        if not _NUMBER.fullmatch(text):
            raise ParameterInvalid(field=field)
        return int(text)

    def order(self) -> Order:
        """What to sign; raises PartMissing, ParameterInvalid."""
        number, signers = self.number("idSignConf"), self._signers()
        return Order(number=number, data=self.file, media_type=self.media_type, signers=signers, form=self._form())

    def check(self, field: str = "idVerifSignConf", *, kind: str | None = None) -> Check:
        """What to verify, by the set of rules that `field` names, with a proof when its `kind` is said; raises as `order`."""
        number = self.number(field)
        wanted = ProofWanted(number=self.number("idProofConf"), request=self.proof(kind)) if kind is not None else None
        return Check(verification=number, data=self.file, form=self._form(), proof=wanted)

    def proof(self, kind: str) -> ProofRequest:
        """What the proof says of the request; raises PartMissing, ParameterInvalid."""
        request_id, tag, applicant = self._text("requestId"), self._text("proofTag"), self._text("applicantId")
        for field, pattern, text in (("requestId", _TAG, request_id), ("proofTag", _TAG, tag), ("applicantId", _NAME, applicant)):
            if not pattern.fullmatch(text):
                raise ParameterInvalid(field=field)
        return msgspec.convert(
            {
                "kind": kind,
                "operation": self.path,
                "request_id": request_id,
                "tag": tag,
                "applicant": applicant,
                "tokens": _tokens(self.header),
            },
            ProofRequest,
        )

    def _form(self) -> SignatureFormat:
        """By the last word of the path; certificates have none."""
        return FORMS.get(self.path.rpartition("/")[2].removesuffix("withproof"), "xades")

    def _text(self, field: str) -> str:
        if field not in self.texts:
            raise PartMissing(field=field)
        return _decoded(self.texts[field], field)

    def _signers(self) -> tuple[str, ...]:
        said = [_decoded(one, "signers") for one in self.signers]
        if len(said) == 1:
            said = said[0].split(",")
        named = tuple(one.strip() for one in said if one.strip())
        if len(named) > _MOST_SIGNERS or not all(_SIGNER.fullmatch(one) for one in named):
            raise ParameterInvalid(field="signers")
        return named


@asynccontextmanager
async def received(request: Request[Any, Any, Any], relay: Relay, limits: Limits, most: int) -> AsyncIterator[EsignsanteForm]:
    """The form of this request, its file of `most` bytes at most; its bytes are counted until the block ends.

    Raises Unauthenticated, RateLimited, BodyTooSlow for a stranger's that takes a minute, and what `read_parts` does.
    """
    if is_anonymous(request):
        leave = relay.gate.take_stranger()
        try:
            async with _read(request, relay, limits, most, None) as form:
                yield form
        finally:
            leave()
        return
    async with _read(request, relay, limits, most, await caller_of(request, relay)) as form:
        yield form


@asynccontextmanager
async def _read(
    request: Request[Any, Any, Any], relay: Relay, limits: Limits, most: int, caller: Caller | None
) -> AsyncIterator[EsignsanteForm]:
    with relay.admission.share() as share:
        texts = {name: Small(_TEXT_BYTES, name, share) for name in _TEXTS}
        file, signers, ignored = Small(most, "file", share), Several(_SIGNERS_BYTES, "signers"), _Ignored()
        sinks: dict[str, Sink] = {**texts, "file": file, "signers": signers}
        whole, patience = most + limits.request_bytes, limits.body_idle_seconds
        try:
            async with asyncio.timeout(_STRANGER_SECONDS if caller is None else None):
                media = await read_parts(request, sinks, required=(), limit=whole, patience=patience, others=ignored)
        except TimeoutError:
            raise BodyTooSlow from None
        said = {name: sink.content() for name, sink in texts.items() if name in media}
        known = caller or await caller_of_secret(request, relay, said.get("secret", b"").decode("utf-8", "replace"))
        if "file" not in media:
            raise PartMissing(field="file")
        if not _MEDIA_TYPE.fullmatch(media["file"]):
            raise ContentTypeRefused(field="file")
        kind = media["file"] or "application/octet-stream"
        header = tuple(request.headers.getall(TOKEN_HEADER.lower(), []))
        yield EsignsanteForm(known, file.give(), kind, said, signers.values(), header, request.url.path)


class _Ignored:
    def write(self, chunk: bytes | bytearray) -> None:
        """Forget it."""


def _tokens(header: Sequence[str]) -> tuple[OpenidToken, ...]:
    """The header, repeated or parted by commas; raises ParameterInvalid, and repeats nothing of it."""
    said = [one.strip() for value in header for one in value.split(",") if one.strip()]
    if len(said) > _MOST_TOKENS:
        raise ParameterInvalid(field=TOKEN_HEADER)
    return tuple(_token(one) for one in said)


def _token(encoded: str) -> OpenidToken:
    try:
        read = msgspec.json.decode(base64.b64decode(encoded, validate=True), type=_Token)
    except (binascii.Error, msgspec.MsgspecError, UnicodeError, ValueError, RecursionError):
        raise ParameterInvalid(field=TOKEN_HEADER) from None
    if not _ACCESS.fullmatch(read.accessToken):
        raise ParameterInvalid(field=TOKEN_HEADER)
    return OpenidToken(access_token=read.accessToken, introspection=_written(read.introspectionResponse), user_info=_written(read.userInfo))


def _written(answer: str | dict[str, Any]) -> str:
    text = answer if isinstance(answer, str) else msgspec.json.encode(answer).decode()
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ParameterInvalid(field=TOKEN_HEADER) from None
    return text


def _decoded(data: bytes, field: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ParameterInvalid(field=field) from None
