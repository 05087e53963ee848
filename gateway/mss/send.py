"""The operator of one mailbox, as the queue sees it: hand one frozen mail over, or say why not by a typed error.

Never retries (flow does, by the class of the error), never alters a byte, never says "delivered": 250 is a hand-over (design, rule 7).
Sources: mssante.md 1.2, 7.1, 7.3.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable

import msgspec

from gateway.kernel.config import Mailbox, Mss
from gateway.model.delivery import Phase

OnPhase = Callable[[Phase], Awaitable[None]]


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The operator took responsibility (will live in gateway.wire.smtp and stay importable from here)."""

    code: int
    text: str
    queue_id: str | None


class OperatorClient:
    """One mailbox at its operator's submission port. Keep it for the life of the process and close it at the end."""

    def __init__(self, mailbox: Mailbox, settings: Mss, context: ssl.SSLContext, *, connect_seconds: float = 10.0) -> None:
        raise NotImplementedError

    async def send(self, mail: bytes, *, sender: str, recipient: str, on_phase: OnPhase) -> Accepted:
        """Hand the mail over to one recipient; `on_phase` is awaited with Phase.ENVELOPE before MAIL and Phase.DATA before DATA.

        A stale session that dies before the content is replaced at once: `on_phase` may then be called again with the same phases.
        Raises OperatorFault subclasses (the lane), RecipientRefused, RecipientDeferred, MailRefused, MailDeferred, TooLargeForOperator
        (this delivery only), SmtpOutcomeUnknown.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """End the idle sessions."""
        raise NotImplementedError
