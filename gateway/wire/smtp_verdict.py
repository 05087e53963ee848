"""From an unwelcome SMTP answer and the step it came at to a typed error: the table of mssante.md 7.1, nothing else.

Never does I/O. By first digit where the table is silent: 4yz passes by itself, 5yz does not.
"""

from __future__ import annotations

import enum

from gateway.wire.smtp_errors import (
    ClientRefused,
    MailDeferred,
    MailRefused,
    OperatorUnavailable,
    RecipientDeferred,
    RecipientRefused,
    SenderRefused,
    SmtpFault,
    SmtpOutcomeUnknown,
    StartTlsMissing,
    TooLargeForOperator,
)
from gateway.wire.smtp_reply import SmtpReply

_SENDER_CODES = frozenset({550, 551, 553})
_UNAUTHENTICATED = frozenset({530, 534, 535, 538})
_TOO_LARGE = "5.3.4"


class Step(enum.StrEnum):
    """Where in the conversation an answer came."""

    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    SECURE_EHLO = "ehlo under tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"
    RSET = "rset"


def fault_of(step: Step, reply: SmtpReply, size_limit: int | None = None) -> SmtpFault:
    """The error that this answer stands for; its `reply` is the answer, its `technical` the step and the status alone."""
    fault = _fault(step, reply, f"{step} {reply.status}", size_limit)
    fault.reply = reply
    return fault


def _fault(step: Step, reply: SmtpReply, technical: str, size_limit: int | None) -> SmtpFault:
    if reply.code == 421:
        return OperatorUnavailable(technical)
    if reply.code // 100 not in (4, 5):
        return SmtpOutcomeUnknown(technical) if step is Step.CONTENT else OperatorUnavailable(technical)
    if reply.code in _UNAUTHENTICATED:
        return ClientRefused(technical)
    if reply.code // 100 == 4:
        return _passing(step, technical)
    if _is_too_large(step, reply):
        return TooLargeForOperator(technical, limit_bytes=size_limit)
    return _lasting(step, reply, technical)


def _passing(step: Step, technical: str) -> SmtpFault:
    if step is Step.RCPT:
        return RecipientDeferred(technical)
    if step in (Step.DATA, Step.CONTENT):
        return MailDeferred(technical)
    return OperatorUnavailable(technical)


def _is_too_large(step: Step, reply: SmtpReply) -> bool:
    """552 speaks of the mail, but at RCPT of the recipient's full mailbox, unless the status says otherwise."""
    if step not in (Step.MAIL, Step.RCPT, Step.DATA, Step.CONTENT):
        return False
    return reply.enhanced == _TOO_LARGE or (reply.code == 552 and step is not Step.RCPT)


def _lasting(step: Step, reply: SmtpReply, technical: str) -> SmtpFault:
    if step is Step.STARTTLS:
        return StartTlsMissing(technical)
    if step is Step.RCPT:
        return RecipientRefused(technical)
    if step is Step.MAIL and (reply.code in _SENDER_CODES or (reply.enhanced or "").startswith(("5.1.", "5.7."))):
        return SenderRefused(technical)
    if step in (Step.MAIL, Step.DATA, Step.CONTENT):
        return MailRefused(technical)
    return ClientRefused(technical)
