"""GET /epoch: which box serves this home, signed by the key of its LAN authority; what a box that was replaced asks of its successor."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency as Given

from gateway.api.callers import actor_of
from gateway.api.operations import Answer, Operation
from gateway.flow.relay import Relay
from gateway.trust.epoch import SignedEpoch

EPOCH_OPERATIONS = (
    Operation(
        method="get",
        path="/epoch",
        name="readEpoch",
        tag="Boîtier",
        summary="Quel boîtier est en service, signé par l'autorité locale : demandé par un boîtier qui vérifie qu'il n'a pas été remplacé",
        answers={200: Answer(what="L'époque du boîtier", schemas=("SignedEpoch",))},
        refusals=(400, 429, 503),
        anonymous=True,
    ),
)


@get("/epoch", sync_to_thread=True)
def read_epoch(request: Request[Any, Any, Any], relay: Given[Relay]) -> SignedEpoch:
    """Needs no token: random names and a number. Raises LanKeyUnavailable, ParameterInvalid."""
    actor_of(request)
    return relay.fence.statement()
