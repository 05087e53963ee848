"""What becomes of a mail handed to an operator: cases 12 to 16 and 26 of mssante.md section 8."""

from __future__ import annotations

import pytest

from gateway.kernel.errors import ErrorClass
from gateway.model.delivery import Phase
from gateway.mss.address import MailboxInvalid
from gateway.mss.compose import compose
from gateway.mss.send import Accepted, OperatorFault, PatientMailboxRefused, SmtpFault
from gateway.wire.smtp_errors import (
    MailDeferred,
    OperatorUnavailable,
    RecipientDeferred,
    RecipientRefused,
    SmtpOutcomeUnknown,
    SmtpPermanent,
    SmtpTransient,
    TooLargeForOperator,
)
from tests.mss.letters import PATIENT, PROFESSIONAL, SENDER, draft, parsed
from tests.mss.operators import Journal, client, hand_over
from tests.wire.smtp_peer import CUT, CUT_STORED, Operator, operating

MAIL = compose(draft())
BOTH = [Phase.ENVELOPE, Phase.DATA]


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("greeting", []),
        ("EHLO", []),
        ("secure EHLO", []),
        ("MAIL", BOTH[:1]),
        ("RCPT", BOTH[:1]),
        ("DATA", BOTH),
        ("content", BOTH),
    ],
)
async def test_mss12_421_at_each_phase_stops_the_lane_and_loses_nothing(step: str, told: list[Phase]) -> None:
    journal = Journal()
    async with operating() as operator:
        operator.plan(step, "421 4.3.2 arret du service")
        with pytest.raises(OperatorUnavailable) as caught:
            await hand_over(client(operator.port), MAIL, journal=journal)
        assert operator.mails == []
        await hand_over(client(operator.port), MAIL)
    assert isinstance(caught.value, OperatorFault)
    assert caught.value.error_class is ErrorClass.TRANSIENT
    assert journal.phases == told
    assert [mail.content for mail in operator.mails] == [MAIL]


async def test_mss13_three_recipients_three_states() -> None:
    recipients = [PROFESSIONAL, "inconnu@medecin.test", "occupe@medecin.test"]
    mails = [compose(draft(recipient=one, message_id=f"<{index}@tilleuls.test>")) for index, one in enumerate(recipients)]
    outcomes: list[Accepted | SmtpFault] = []
    async with operating() as operator:
        operator.plan("RCPT", "250 2.1.5 OK", "550 5.1.1 inconnue", "451 4.2.1 occupee")
        one = client(operator.port)
        for mail, recipient in zip(mails, recipients, strict=True):
            try:
                outcomes.append(await one.send(mail, sender=SENDER, recipient=recipient, on_phase=Journal().enter))
            except SmtpFault as fault:
                outcomes.append(fault)
        await one.close()
    assert [type(outcome) for outcome in outcomes] == [Accepted, RecipientRefused, RecipientDeferred]
    assert not any(isinstance(outcome, OperatorFault) for outcome in outcomes)
    assert (RecipientRefused.error_class, RecipientDeferred.error_class) == (ErrorClass.PERMANENT, ErrorClass.TRANSIENT)
    assert [mail.recipients for mail in operator.mails] == [(PROFESSIONAL,)]
    assert operator.connections == 1


@pytest.mark.parametrize("step", ["MAIL", "DATA", "content"])
async def test_mss14_552_is_a_mail_too_large(step: str) -> None:
    async with operating() as operator:
        operator.plan(step, "552 5.3.4 trop gros")
        with pytest.raises(TooLargeForOperator) as caught:
            await hand_over(client(operator.port), MAIL)
    assert isinstance(caught.value, SmtpPermanent)
    assert (caught.value.code, caught.value.facts["limit_bytes"]) == ("mail-too-large", 10_000_000)
    assert operator.mails == []


async def test_mss15_the_same_bytes_go_again() -> None:
    async with operating() as operator:
        operator.plan("content", "451 4.3.0 plus tard")
        one = client(operator.port)
        with pytest.raises(MailDeferred) as caught:
            await one.send(MAIL, sender=SENDER, recipient=PROFESSIONAL, on_phase=Journal().enter)
        await hand_over(one, MAIL)
    assert isinstance(caught.value, SmtpTransient)
    assert [mail.content for mail in operator.mails] == [MAIL]
    assert parsed(operator.mails[0].content)["Message-ID"] == draft().message_id


@pytest.mark.parametrize(("accident", "received"), [(CUT_STORED, 2), (CUT, 1)])
async def test_mss16_a_cut_after_the_final_dot_is_unknown_and_one_mail_for_the_receiver(accident: str, received: int) -> None:
    journal = Journal()
    async with operating() as operator:
        operator.plan("content", accident)
        one = client(operator.port)
        with pytest.raises(SmtpOutcomeUnknown) as caught:
            await one.send(MAIL, sender=SENDER, recipient=PROFESSIONAL, on_phase=journal.enter)
        await hand_over(one, MAIL)
    assert caught.value.error_class is ErrorClass.UNKNOWN
    assert journal.phases == BOTH
    assert len(operator.mails) == received
    assert {(parsed(mail.content)["Message-ID"], mail.content) for mail in operator.mails} == {(draft().message_id, MAIL)}


async def test_mss26_a_mail_over_the_announced_size_is_not_begun() -> None:
    journal = Journal()
    async with operating(Operator(size=len(MAIL) - 1)) as operator:
        one = client(operator.port)
        with pytest.raises(TooLargeForOperator) as caught:
            await hand_over(one, MAIL, journal=journal)
    assert journal.phases == []
    assert caught.value.facts["limit_bytes"] == one.size_limit == len(MAIL) - 1


async def test_mss26_a_mail_of_exactly_the_announced_size_leaves() -> None:
    async with operating(Operator(size=len(MAIL))) as operator:
        await hand_over(client(operator.port), MAIL)
    assert [mail.content for mail in operator.mails] == [MAIL]


async def test_mss26_without_limit_nothing_is_too_large() -> None:
    large = compose(draft(pdf=b"%PDF-1.4\n" + bytes(9_000_000)))
    async with operating(Operator(size=None)) as operator:
        await hand_over(client(operator.port), large)
    assert [mail.content for mail in operator.mails] == [large]


async def test_a_closed_patient_mailbox_is_told_as_such() -> None:
    mail = compose(draft(recipient=PATIENT))
    async with operating() as operator:
        operator.plan("RCPT", f"550 5.2.1 <{PATIENT}> fermee")
        with pytest.raises(PatientMailboxRefused) as caught:
            await hand_over(client(operator.port), mail, recipient=PATIENT)
    assert caught.value.code == "patient-mailbox-refused"
    assert caught.value.reply is not None
    assert "279035121518989" not in f"{caught.value!r}{caught.value.technical}{caught.value.facts}{caught.value.explanation}"


@pytest.mark.parametrize("recipient", ["patient", "a@b.test>\r\nDATA", "a b@c.test"])
async def test_a_recipient_that_is_no_address_is_refused_before_any_connection(recipient: str) -> None:
    async with operating() as operator:
        with pytest.raises(MailboxInvalid):
            await hand_over(client(operator.port), MAIL, recipient=recipient)
    assert operator.connections == 0
