"""The operator of one mailbox, as the queue sees it: hand one frozen mail over, or say why not by a typed error.

Never retries (flow does, by the class of the error), never alters a byte, never says "delivered": 250 is a hand-over (design, rule 7).
An `OperatorFault` concerns the lane, any other error this delivery alone. Sources: mssante.md 1.2, 3, 7.1, 7.3.
"""

from __future__ import annotations

import ssl

from gateway.kernel.config import Mailbox, Mss
from gateway.mss.address import domain_of, is_patient_mailbox, normal_mailbox
from gateway.wire.operator_line import OperatorLine
from gateway.wire.smtp import Accepted, Endpoint, OnPhase
from gateway.wire.smtp_errors import OperatorFault, RecipientRefused, SmtpFault, SmtpOutcomeUnknown

__all__ = ["Accepted", "OnPhase", "OperatorClient", "OperatorFault", "PatientMailboxRefused", "SmtpFault", "SmtpOutcomeUnknown"]


class PatientMailboxRefused(RecipientRefused):
    """A citizen's mailbox that is closed or does not exist: tells something of the person, so is told to the practice only."""

    code = "patient-mailbox-refused"
    what = "La messagerie Mon espace santé de ce patient n'existe pas, ou le patient l'a fermée."
    gesture = "Remettez le document au patient par un autre moyen."


class OperatorClient:
    """One mailbox at its operator's submission port. Keep it for the life of the process and close it at the end."""

    def __init__(self, mailbox: Mailbox, settings: Mss, context: ssl.SSLContext, *, connect_seconds: float = 10.0) -> None:
        """`context` presents the structure's AUTH_CLI certificate and trusts the configured authorities only."""
        self._settings = settings
        self._line = OperatorLine(
            Endpoint(
                host=mailbox.host,
                port=mailbox.port,
                name=mailbox.tls_name or mailbox.host,
                client_name=domain_of(mailbox.address),
                sasl_external=mailbox.sasl_external,
                connect_seconds=connect_seconds,
                answer_seconds=settings.answer_seconds,
            ),
            context,
        )

    @property
    def size_limit(self) -> int | None:
        """Largest mail in bytes, as the operator announced last; None before the first session, or without limit."""
        return self._line.size_limit

    async def send(self, mail: bytes, *, sender: str, recipient: str, on_phase: OnPhase) -> Accepted:
        """Hand the mail over to one recipient; `on_phase` is awaited with Phase.ENVELOPE before MAIL and Phase.DATA before DATA.

        A stale session that dies before the content is replaced at once: `on_phase` may then be called again with the same phases.
        Raises OperatorFault subclasses (the lane), SmtpTransient and SmtpPermanent subclasses (this delivery only; TooLargeForOperator
        among them), SmtpOutcomeUnknown, MailboxInvalid.
        """
        for address in (sender, recipient):
            normal_mailbox(address)
        try:
            return await self._line.send(mail, sender=sender, recipient=recipient, on_phase=on_phase)
        except RecipientRefused as refusal:
            if not is_patient_mailbox(recipient, self._settings.patient_domain):
                raise
            closed = PatientMailboxRefused(refusal.technical)
            closed.reply = refusal.reply
            raise closed from None

    async def close(self) -> None:
        """End the idle sessions."""
        await self._line.close()
