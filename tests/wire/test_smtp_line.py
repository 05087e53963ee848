"""Sessions kept for a burst, replaced when stale, closed when idle."""

from __future__ import annotations

import asyncio

import pytest

from gateway.model.delivery import Phase
from gateway.wire.operator_line import OperatorLine
from gateway.wire.smtp_errors import OperatorUnavailable, RecipientRefused, SmtpOutcomeUnknown, TooLargeForOperator
from tests.wire.smtp_peer import CUT, CUT_STORED, Operator, operating
from tests.wire.tls_peer import client_context

SENDER, RECIPIENT = "relais@tilleuls.mssante.test", "dr.martin@medecin.mssante.test"
MAIL = b"Subject: essai\r\n\r\ntexte\r\n"


async def no_journal(_phase: Phase) -> None:
    return None


async def post(line: OperatorLine, mail: bytes = MAIL) -> None:
    await line.send(mail, sender=SENDER, recipient=RECIPIENT, on_phase=no_journal)


async def settle(operator: Operator) -> None:
    for _ in range(200):
        if all(session.transport is None or session.transport.is_closing() for session in operator.sessions):
            return
        await asyncio.sleep(0.01)
    pytest.fail("a session stayed open")


async def test_one_session_serves_a_burst() -> None:
    async with operating() as operator:
        line = OperatorLine(operator.endpoint(), client_context())
        for _ in range(5):
            await post(line)
        await line.close()
        await settle(operator)
    assert (len(operator.mails), operator.connections) == (5, 1)


async def test_mails_at_the_same_time_have_a_session_each() -> None:
    async with operating() as operator:
        line = OperatorLine(operator.endpoint(), client_context())
        await asyncio.gather(post(line), post(line))
        await post(line)
        await line.close()
    assert (len(operator.mails), operator.connections) == (3, 2)


async def test_a_session_is_renewed_after_its_burst() -> None:
    async with operating() as operator:
        line = OperatorLine(operator.endpoint(), client_context(), burst=2)
        for _ in range(5):
            await post(line)
        await line.close()
    assert (len(operator.mails), operator.connections) == (5, 3)


async def test_an_idle_session_is_closed() -> None:
    async with operating() as operator:
        line = OperatorLine(operator.endpoint(), client_context(), idle_seconds=0.05)
        await post(line)
        await settle(operator)
        await post(line)
        await line.close()
    assert (len(operator.mails), operator.connections) == (2, 2)


async def test_a_session_the_operator_closed_is_replaced_at_once() -> None:
    async with operating() as operator:
        line = OperatorLine(operator.endpoint(), client_context())
        await post(line)
        operator.hang_up()
        await asyncio.sleep(0.05)
        await post(line)
        await line.close()
    assert (len(operator.mails), operator.connections) == (2, 2)


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("accident", [CUT, "421 4.4.2 trop longtemps"])
async def test_a_stale_session_that_dies_before_the_content_is_replaced_at_once(step: str, accident: str) -> None:
    async with operating() as operator:
        line = OperatorLine(operator.endpoint(), client_context())
        await post(line)
        operator.plan(step, accident)
        await post(line)
        await line.close()
    assert (len(operator.mails), operator.connections) == (2, 2)


async def test_a_fresh_session_that_dies_is_not_tried_again() -> None:
    async with operating() as operator:
        line = OperatorLine(operator.endpoint(), client_context())
        await post(line)
        operator.plan("MAIL", CUT, CUT)
        with pytest.raises(OperatorUnavailable):
            await post(line)
        await line.close()
    assert (len(operator.mails), operator.connections) == (1, 2)


@pytest.mark.parametrize("accident", [CUT, CUT_STORED])
async def test_content_that_left_is_never_repeated_here(accident: str) -> None:
    async with operating() as operator:
        line = OperatorLine(operator.endpoint(), client_context())
        await post(line)
        operator.plan("content", accident)
        with pytest.raises(SmtpOutcomeUnknown):
            await post(line)
        assert len(operator.mails) == 1 + (accident == CUT_STORED)
        await line.close()
    assert operator.connections == 1


async def test_a_dismissal_after_the_content_is_not_repeated_here() -> None:
    async with operating() as operator:
        line = OperatorLine(operator.endpoint(), client_context())
        await post(line)
        operator.plan("content", "421 4.3.2 arret")
        with pytest.raises(OperatorUnavailable):
            await post(line)
        await line.close()
    assert (len(operator.mails), operator.connections) == (1, 1)


async def test_a_refused_recipient_leaves_the_session_clean() -> None:
    async with operating(Operator(size=100_000)) as operator:
        line = OperatorLine(operator.endpoint(), client_context())
        operator.plan("RCPT", "550 5.1.1 inconnue")
        with pytest.raises(RecipientRefused):
            await post(line)
        with pytest.raises(TooLargeForOperator):
            await post(line, b"x\r\n" * 100_000)
        await post(line)
        await line.close()
    assert (len(operator.mails), operator.connections) == (1, 1)
    assert operator.mails[0].recipients == (RECIPIENT,)


async def test_a_cancelled_mail_ends_its_session() -> None:
    async with operating() as operator:
        line = OperatorLine(operator.endpoint(), client_context())
        reached = asyncio.Event()

        async def stuck(_phase: Phase) -> None:
            reached.set()
            await asyncio.sleep(3600)

        task = asyncio.create_task(line.send(MAIL, sender=SENDER, recipient=RECIPIENT, on_phase=stuck))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await post(line)
        await line.close()
    assert (len(operator.mails), operator.connections) == (1, 2)


async def test_the_announced_size_is_known_after_the_first_session() -> None:
    async with operating(Operator(size=1234)) as operator:
        line = OperatorLine(operator.endpoint(), client_context())
        assert line.size_limit is None
        await post(line)
        await line.close()
    assert line.size_limit == 1234
