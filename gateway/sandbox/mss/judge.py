"""The operator's judgement of one mail: the ids of all the rules it breaks.

Never touches the network nor the store. Rules live in header_rules, document_rules, entry_rules and subject_rules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.sandbox.mss.document_rules import failed_documents
from gateway.sandbox.mss.header_rules import failed_headers, failed_texts
from gateway.sandbox.mss.reading import MailUnreadable, read_mail


@dataclass(frozen=True, slots=True)
class MailJudgement:
    """What the operator makes of a mail: its Message-ID (empty when it has none), its digest, the rules it breaks."""

    message_id: str
    sha256: str
    failed_rules: tuple[str, ...]


def judge_mail(content: bytes, sender: str, recipients: Sequence[str]) -> MailJudgement:
    """Judge the exact bytes received after DATA; never raises for what a sender sent."""
    digest = hashlib.sha256(content).hexdigest()
    try:
        mail = read_mail(content)
    except MailUnreadable:
        return MailJudgement("", digest, ("mss.header.unreadable",))
    failed = [*failed_headers(mail, sender, recipients), *failed_texts(mail), *failed_documents(mail, recipients)]
    return MailJudgement(mail.one("message-id"), digest, tuple(dict.fromkeys(failed)))
