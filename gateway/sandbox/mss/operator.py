"""The simulated MSSanté operator: who may connect, send and be sent to; what is stored; which accident happens when.

Never relays a mail. Source: mssante.md 1.2 (STARTTLS, mutual TLS of an applicative mailbox), 7 (answers), 8 (cases).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from cryptography import x509
from cryptography.x509.oid import NameOID

from gateway.sandbox.capture import CaptureFolder, Received, certificate_text
from gateway.sandbox.faults import Armed, FaultBoard
from gateway.sandbox.lane import Lane
from gateway.sandbox.mss.judge import MailJudgement, judge_mail
from gateway.sandbox.mss.ledger import MailLedger
from gateway.sandbox.mss.mailboxes import in_trust_space, is_patient, is_professional_mailbox, matricule_of

SERVICE: Final = "mss"
_LOG = logging.getLogger(__name__)
_ACCEPTED: Final = "250 2.0.0 Message pris en charge"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorOptions:
    """What differs from one operator to another; defaults are the common ones (mssante.md 1.2, 1.6)."""

    size: int = 10_000_000
    """Limit announced in EHLO, bytes."""
    strict: bool = True
    """Refuse (554) a mail that breaks a rule; otherwise only note it."""
    sasl_external: Literal["off", "optional", "required"] = "optional"
    """A SASL EXTERNAL step after mutual TLS: no source says whether there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A mail whose final dot was read."""

    content: bytes
    sender: str
    recipients: tuple[str, ...]
    client_certificate: bytes


class MssOperator:
    """Policy of the operator. `ledger`, `reset`, `add_patient`, `open_mailbox` and `store` run in the lane."""

    def __init__(
        self,
        mails: MailLedger,
        *,
        capture: CaptureFolder,
        faults: FaultBoard,
        lane: Lane,
        now: Callable[[], datetime],
        options: OperatorOptions,
    ) -> None:
        self.options = options
        self.lane = lane
        self._mails = mails
        self._capture = capture
        self._faults = faults
        self._now = now

    def accident(self, *names: str, phase: str = "") -> Armed | None:
        """The next armed fault among `names`, used up."""
        return self._faults.take(SERVICE, names, phase)

    async def refusal_of_sender(self, sender: str, certificate: bytes | None) -> str | None:
        """SMTP refusal of MAIL, None when the mailbox belongs to the certificate's structure."""
        structure = structure_of(certificate)
        if structure is None:
            return "530 5.7.0 Certificat client ORG AUTH_CLI attendu"
        if await self.lane.run(self._mails.owner, sender) != structure:
            return "553 5.7.1 Cette boite n'appartient pas a la structure du certificat"
        return None

    async def refusal_of_recipient(self, recipient: str) -> str | None:
        """SMTP refusal of RCPT, None when there is such a mailbox."""
        if is_patient(recipient):
            matricule = matricule_of(recipient)
            known = matricule is not None and await self.lane.run(self._mails.knows_patient, matricule)
        else:
            known = is_professional_mailbox(recipient) or await self.lane.run(self._mails.owner, recipient) is not None
            if not known and not in_trust_space(recipient):
                return "550 5.1.2 Domaine absent de l'espace de confiance"
        return None if known else "550 5.1.1 Boite inconnue"

    async def submit(self, mail: Submitted, fault: Armed | None) -> str | None:
        """Judge, keep the evidence, store; the SMTP answer, None when the connection must die without one."""
        return await self.lane.run(self._submitted, mail, fault)

    def ledger(self) -> list[dict[str, Any]]:
        """See control.Simulated."""
        return self._mails.listing()

    def reset(self, *, ledger: bool = False) -> None:
        """See control.Simulated."""
        if ledger:
            self._mails.forget_mails()

    def add_patient(self, patient: dict[str, Any]) -> None:
        """See control.Simulated. Mon espace santé holds both: a patient without DMP has no mailbox either."""
        self._mails.set_patient(patient["ins"]["matricule"], has_mailbox=patient["dmp"] == "active")

    def fault(self, name: str, count: int, **options: Any) -> bool:  # noqa: ARG002 - all its faults are the server's
        """See control.Simulated."""
        return False

    def open_mailbox(self, mailbox: str, structure: str) -> None:
        """See control.MailboxOpener."""
        self._mails.open_mailbox(mailbox, structure)

    def _submitted(self, mail: Submitted, fault: Armed | None) -> str | None:
        judgement = judge_mail(mail.content, mail.sender, mail.recipients)
        reused = self._mails.has_other_bytes(judgement.message_id, judgement.sha256)
        failed = (*judgement.failed_rules, "mss.message-id.reused") if reused else judgement.failed_rules
        answer, stored = self._outcome(failed, fault)
        note = Received(
            time=self._now(),
            client_certificate=certificate_text(mail.client_certificate),
            status=int(answer[:3]) if answer and answer[:3].isdigit() else None,
            failed_rules=failed,
            fault=fault.name if fault else None,
            envelope={"sender": mail.sender, "recipients": list(mail.recipients)},
        )
        self._capture.keep(mail.content, note)
        if stored:
            self._store(judgement, mail.recipients)
        return answer

    def _outcome(self, failed: Sequence[str], fault: Armed | None) -> tuple[str | None, bool]:
        """Answer (None: none) and whether the mail is stored."""
        name = fault.name if fault else None
        if name in _REFUSALS_AFTER_DATA:
            return _REFUSALS_AFTER_DATA[name], False
        if name == "cut_before_commit":
            return None, False
        refused = bool(failed) and self.options.strict
        answer: str | None = f"554 5.6.0 Message refuse: {' '.join(failed)}"[:500] if refused else _ACCEPTED
        if fault is not None and name == "garbage":
            return "\\x00 <<< maintenance", fault.commits and not refused
        if name in ("lost_answer", "cut_after_final_dot"):
            answer = None
        return answer, not refused

    def _store(self, judgement: MailJudgement, recipients: Sequence[str]) -> None:
        self._mails.receive(judgement.message_id, judgement.sha256, recipients)


_REFUSALS_AFTER_DATA: Final = {
    "451_data": "451 4.3.0 Reessayez plus tard",
    "552_data": "552 5.3.4 Message trop volumineux",
    "554_data": "554 5.7.1 Message refuse par la politique de securite",
}

AFTER_DATA_FAULTS: Final = (*_REFUSALS_AFTER_DATA, "lost_answer", "cut_after_final_dot", "cut_before_commit", "garbage", "slow")


def structure_of(certificate: bytes | None) -> str | None:
    """Struct_IdNat in the OU of a DER certificate, None without certificate or without exactly one OU."""
    if certificate is None:
        return None
    units = x509.load_der_x509_certificate(certificate).subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    return str(units[0].value) if len(units) == 1 else None
