"""The HTTP client seam. Real: `wire.http_client`; scripted: `wire.http_scripted`.

What matters to the queue is not the library's exception but whether the request may have left: that is in the error's class.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from gateway.kernel.errors import ConfigurationFault, OutcomeUnknown, TransientFault


class PeerUnreachable(TransientFault):
    """No connection was made: nothing was sent."""

    code = "peer-unreachable"
    what = "Le service distant ne répond pas : il est en panne, ou la ligne Internet est coupée."
    gesture = "Aucune action : l'envoi reprendra tout seul dès que le service répondra."


class TlsRefused(ConfigurationFault):
    """The TLS session was refused, by us (their chain, name, date) or by them (our certificate)."""

    code = "tls-refused"
    what = "La connexion sécurisée avec le service a été refusée : un certificat est expiré, révoqué ou inattendu."
    gesture = "Demandez à votre installateur de vérifier les certificats de la structure et l'heure du boîtier."


class AnswerLost(OutcomeUnknown):
    """The request was at least partly sent and no complete answer came."""

    code = "answer-lost"


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `body` may be large: it is sent as it is, never copied."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class HttpResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One complete answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class HttpPort(Protocol):
    """One remote peer's client: pooled connections, one TLS context, for the life of the process."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Raises PeerUnreachable, TlsRefused or AnswerLost. Any HTTP status is an answer."""
        ...

    async def close(self) -> None:
        """End the pooled connections."""
        ...
