"""Readers and cards: list, pairing with the workstation that asks, what a card says, and what it signs (cards.md 6).

A PIN comes in the body alone. Every call about a card names its insertion.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from litestar import Request, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, QueryParameter

from firmware.protocol import KeyUse
from gateway.api.address import one_of
from gateway.api.bodies import read_json
from gateway.api.problems import ParameterInvalid
from gateway.api.secret_body import secret_json
from gateway.flow.caller import Caller
from gateway.flow.cards.request import ReaderPairingBody, SignBody, SituationsBody, VitaleReadBody
from gateway.flow.cards.views import (
    CardCertificateView,
    CardView,
    HolderView,
    PlugInView,
    ReaderView,
    SignedView,
    SituationsView,
    VitaleView,
)
from gateway.flow.relay import Relay
from gateway.kernel.config import Limits

SIGN_BYTES = 4_000_000
"""Of a body that says what to sign."""
USES: tuple[Literal["auth", "sign"], ...] = ("auth", "sign")
INSERTION_PATTERN = r"^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$"
_INSERTION = re.compile(INSERTION_PATTERN)
_CARD = "/readers/{reader_id:str}/card"

Insertion = Annotated[str | None, QueryParameter(max_length=36)]
Use = Annotated[str | None, QueryParameter(max_length=4)]


@get("/readers")
async def list_readers(relay: Given[Relay], caller: Given[Caller]) -> tuple[ReaderView, ...]:
    """Every reader of the box, as it stands for the caller's workstation."""
    return await relay.cards.readers(caller)


@post("/readers/{reader_id:str}/pairing", status_code=200)
async def pair_reader(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller], reader_id: FromPath[str]
) -> ReaderView:
    """The reader stands beside the caller's workstation, or beside none."""
    body = await read_json(request, limits, ReaderPairingBody)
    return await relay.cards.pair(caller, reader_id, paired=body.paired)


@get(_CARD)
async def read_card(relay: Given[Relay], caller: Given[Caller], reader_id: FromPath[str]) -> CardView:
    """The card that is in the reader."""
    return await relay.cards.card(caller, reader_id)


@get(_CARD + "/certificates")
async def list_card_certificates(
    relay: Given[Relay], caller: Given[Caller], reader_id: FromPath[str], insertion_id: Insertion = None, use: Use = None
) -> tuple[CardCertificateView, ...]:
    """The certificates of a CPx."""
    wanted = one_of(USES, use, "use")
    return await relay.cards.certificates(caller, reader_id, _named(insertion_id), KeyUse(wanted) if wanted else None)


@get(_CARD + "/holder")
async def read_holder(relay: Given[Relay], caller: Given[Caller], reader_id: FromPath[str], insertion_id: Insertion = None) -> HolderView:
    """Whose CPx it is."""
    return await relay.cards.holder(caller, reader_id, _named(insertion_id))


@post(_CARD + "/situations", status_code=200)
async def read_situations(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller], reader_id: FromPath[str]
) -> SituationsView:
    """What the PIN uncovers of a CPx."""
    async with secret_json(request, limits, SituationsBody) as body:
        return await relay.cards.situations(caller, reader_id, body)


@post(_CARD + "/sign", status_code=200)
async def sign_by_card(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller], reader_id: FromPath[str]
) -> SignedView:
    """Signatures of the card, all with one PIN."""
    async with secret_json(request, limits, SignBody, most=SIGN_BYTES) as body:
        return await relay.cards.sign(caller, reader_id, body)


@get(_CARD + "/vitale")
async def read_vitale(relay: Given[Relay], caller: Given[Caller], reader_id: FromPath[str], insertion_id: Insertion = None) -> VitaleView:
    """The free files of a Vitale card."""
    return await relay.cards.vitale(caller, reader_id, _named(insertion_id))


@post(_CARD + "/vitale/read", status_code=200)
async def read_vitale_licensed(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller], reader_id: FromPath[str]
) -> PlugInView:
    """What the licensed part reads of a Vitale card, as it gives it."""
    return await relay.cards.read_vitale(caller, reader_id, await read_json(request, limits, VitaleReadBody))


def _named(insertion: str | None) -> str:
    if insertion is None or _INSERTION.fullmatch(insertion) is None:
        raise ParameterInvalid(field="insertion_id")
    return insertion
