"""The SMTP session against aiosmtpd and against servers that misbehave."""

from __future__ import annotations

import asyncio
import ssl

import msgspec
import pytest
from blockbuster import BlockBuster

from gateway.kernel.errors import ErrorClass, RelaisError
from gateway.model.delivery import Phase
from gateway.wire.operator_line import OperatorLine
from gateway.wire.smtp import Accepted, SmtpSession
from gateway.wire.smtp_errors import (
    ClientRefused,
    MailDeferred,
    MailRefused,
    OperatorFault,
    OperatorTlsRefused,
    OperatorUnavailable,
    RecipientDeferred,
    RecipientRefused,
    SenderRefused,
    SmtpFault,
    SmtpOutcomeUnknown,
    StartTlsMissing,
    TooLargeForOperator,
)
from tests.wire.smtp_peer import CUT, CUT_STORED, Operator, operating, talking
from tests.wire.tls_peer import client_context, server_context

SENDER, RECIPIENT = "relais@tilleuls.mssante.test", "dr.martin@medecin.mssante.test"
WORDS = "<quelqu.un@tilleuls.mssante.test>"
MAIL = b"Subject: essai\r\n\r\n.ligne\r\n..deux\r\ntexte.\r\n.\r\nfin\r\n"


async def no_journal(_phase: Phase) -> None:
    return None


async def send_once(operator: Operator, mail: bytes = MAIL) -> Accepted:
    session = await SmtpSession.open(operator.endpoint(), client_context())
    try:
        return await session.send(mail, sender=SENDER, recipient=RECIPIENT, on_phase=no_journal)
    finally:
        await session.quit()


async def test_bytes_arrive_as_they_left_and_the_answer_is_kept(no_blocking: BlockBuster) -> None:
    async with operating() as operator:
        accepted = await send_once(operator)
    assert operator.mails[0].content == MAIL
    assert (operator.mails[0].sender, operator.mails[0].recipients) == (SENDER, (RECIPIENT,))
    assert accepted == Accepted(code=250, text="2.0.0 Ok: queued as 4XQ00001", queue_id="4XQ00001")


@pytest.mark.parametrize("mail", [b".", b".\r\n", b"\r\n.\r\n", b"a\r\n..\r\n.b", b"x" * 900 + b"\r\n", b"a\r\n" * 200_000])
async def test_dots_and_ends_of_any_mail(mail: bytes) -> None:
    async with operating() as operator:
        await send_once(operator, mail)
    assert operator.mails[0].content == (mail if mail.endswith(b"\r\n") else mail + b"\r\n")


@pytest.mark.parametrize("mail", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\n.\n\r\n", b"\n"])
async def test_a_bare_line_ending_never_leaves(mail: bytes) -> None:
    async with operating() as operator:
        with pytest.raises(MailRefused):
            await send_once(operator, mail)
    assert operator.mails == []


@pytest.mark.parametrize("address", ["a b@c.test", "a@b.test>\r\nRCPT TO:<x@y.test", "é@c.test", "", "a@b.test\r\n"])
async def test_an_address_cannot_become_a_command(address: str) -> None:
    async with operating() as operator:
        session = await SmtpSession.open(operator.endpoint(), client_context())
        with pytest.raises(MailRefused):
            await session.send(MAIL, sender=SENDER, recipient=address, on_phase=no_journal)
        with pytest.raises(MailRefused):
            await session.send(MAIL, sender=address, recipient=RECIPIENT, on_phase=no_journal)
        await session.quit()
    assert operator.mails == []


async def test_a_phase_is_journalled_before_its_step() -> None:
    async with operating() as operator:
        operator.plan("MAIL", "250 OK")
        session = await SmtpSession.open(operator.endpoint(), client_context())
        seen: list[tuple[str, int, int]] = []

        async def note(phase: Phase) -> None:
            await asyncio.sleep(0.02)
            envelope = operator.sessions[0].envelope
            assert envelope is not None
            seen.append((phase, len(operator.faults["MAIL"]), len(envelope.rcpt_tos)))

        await session.send(MAIL, sender=SENDER, recipient=RECIPIENT, on_phase=note)
        await session.quit()
    assert seen == [("envelope", 1, 0), ("data", 0, 1)]


async def test_nothing_is_said_when_the_phase_cannot_be_journalled() -> None:
    class JournalBroken(RelaisError):
        pass

    async def broken(phase: Phase) -> None:
        if phase is Phase.DATA:
            raise JournalBroken

    async with operating() as operator:
        line = OperatorLine(operator.endpoint(), client_context())
        with pytest.raises(JournalBroken):
            await line.send(MAIL, sender=SENDER, recipient=RECIPIENT, on_phase=broken)
        await line.close()
    assert operator.mails == []


STEPS: list[tuple[str, str, type[SmtpFault]]] = [
    ("greeting", "554 5.3.2 pas de service", ClientRefused),
    ("greeting", "450 4.3.2 plus tard", OperatorUnavailable),
    ("greeting", CUT, OperatorUnavailable),
    ("EHLO", CUT, OperatorUnavailable),
    ("secure EHLO", CUT, OperatorTlsRefused),
    ("MAIL", "553 5.7.1 pas votre boite", SenderRefused),
    ("MAIL", "550 5.1.0 inconnu", SenderRefused),
    ("MAIL", "530 5.7.0 authentification", ClientRefused),
    ("MAIL", "451 4.3.2 occupe", OperatorUnavailable),
    ("MAIL", "555 5.5.4 parametres", MailRefused),
    ("MAIL", CUT, OperatorUnavailable),
    ("RCPT", "550 5.1.1 inconnue", RecipientRefused),
    ("RCPT", "551 5.1.6 partie", RecipientRefused),
    ("RCPT", "552 5.2.2 pleine", RecipientRefused),
    ("RCPT", "552 5.3.4 trop gros", TooLargeForOperator),
    ("RCPT", "450 4.2.1 plus tard", RecipientDeferred),
    ("RCPT", "452 4.2.2 pleine", RecipientDeferred),
    ("RCPT", "599 bizarre", RecipientRefused),
    ("RCPT", "499 bizarre", RecipientDeferred),
    ("RCPT", CUT, OperatorUnavailable),
    ("DATA", "451 4.3.0 plus tard", MailDeferred),
    ("DATA", "554 5.5.1 personne", MailRefused),
    ("DATA", CUT, OperatorUnavailable),
    ("DATA", "250 quoi", OperatorUnavailable),
    ("content", "451 4.3.0 plus tard", MailDeferred),
    ("content", "554 5.7.1 virus", MailRefused),
    ("content", "354 encore", SmtpOutcomeUnknown),
    ("content", "\x00 <<< maintenance", SmtpOutcomeUnknown),
    ("content", CUT, SmtpOutcomeUnknown),
    ("content", CUT_STORED, SmtpOutcomeUnknown),
]


@pytest.mark.parametrize(("step", "answer", "kind"), STEPS)
async def test_every_answer_has_its_type(step: str, answer: str, kind: type[SmtpFault]) -> None:
    async with operating() as operator:
        operator.plan(step, answer if answer in (CUT, CUT_STORED) else f"{answer} {WORDS}")
        line = OperatorLine(operator.endpoint(), client_context())
        with pytest.raises(SmtpFault) as caught:
            await line.send(MAIL, sender=SENDER, recipient=RECIPIENT, on_phase=no_journal)
        await line.close()
    assert type(caught.value) is kind
    assert len(operator.mails) == (answer == CUT_STORED)
    explanation = caught.value.explanation
    for text in (explanation.what, explanation.gesture, caught.value.technical, str(caught.value)):
        assert text
        assert WORDS not in text
    if answer[:1] in "45":
        assert caught.value.reply is not None
        assert WORDS in caught.value.reply.text
        assert answer[:3] in caught.value.technical


async def test_the_text_of_the_server_stays_out_of_what_is_logged() -> None:
    async with operating() as operator:
        operator.plan("RCPT", f"550 5.1.1 <{RECIPIENT}>: inconnu")
        with pytest.raises(RecipientRefused) as caught:
            await send_once(operator)
    assert caught.value.technical == "rcpt 550 5.1.1"
    assert caught.value.reply is not None
    assert RECIPIENT in caught.value.reply.text
    assert RECIPIENT not in repr(caught.value) + str(caught.value.facts)


async def test_sasl_external_after_mutual_tls() -> None:
    async with operating(Operator(external=True)) as operator:
        with pytest.raises(ClientRefused):
            await send_once(operator)
        session = await SmtpSession.open(operator.endpoint(sasl_external=True), client_context())
        await session.send(MAIL, sender=SENDER, recipient=RECIPIENT, on_phase=no_journal)
        await session.quit()
    assert len(operator.mails) == 1
    async with operating() as bare:
        with pytest.raises(ClientRefused):
            await SmtpSession.open(bare.endpoint(sasl_external=True), client_context())


async def test_a_context_that_checks_nothing_is_refused() -> None:
    lax = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    lax.check_hostname = False
    lax.verify_mode = ssl.CERT_NONE
    async with operating() as operator:
        for context in (lax, client_context(hostname=False)):
            with pytest.raises(OperatorTlsRefused):
                await SmtpSession.open(operator.endpoint(), context)
    assert operator.connections == 0


async def test_bytes_in_clear_after_starttls_are_never_read_under_tls() -> None:
    async def inject(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 operateur.test\r\n")
        await reader.readline()
        writer.write(b"250-operateur.test\r\n250 STARTTLS\r\n")
        await reader.readline()
        writer.write(b"220 2.0.0 Ready\r\n250 injecte\r\n")
        await writer.drain()
        await reader.read()

    async with talking(inject) as endpoint:
        with pytest.raises(OperatorTlsRefused) as caught:
            await SmtpSession.open(endpoint, client_context())
    assert "clear" in caught.value.technical


@pytest.mark.parametrize("noise", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\xfe\r\n", b"220", b"220-a\r\n" * 200, b"9" * 100_000])
async def test_what_is_no_smtp_server_is_unavailable(noise: bytes) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(noise)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    async with talking(babble) as endpoint:
        with pytest.raises(OperatorUnavailable):
            await SmtpSession.open(endpoint, client_context())


async def test_a_silent_server_is_unavailable_in_bounded_time() -> None:
    async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with talking(silence) as endpoint:
        with pytest.raises(OperatorUnavailable) as caught:
            await SmtpSession.open(msgspec.structs.replace(endpoint, answer_seconds=0.1), client_context())
    assert caught.value.error_class is ErrorClass.TRANSIENT


async def test_no_server_at_all_is_unavailable() -> None:
    async with operating() as operator:
        endpoint = operator.endpoint()
    with pytest.raises(OperatorUnavailable):
        await SmtpSession.open(endpoint, client_context())
    with pytest.raises(OperatorUnavailable):
        await SmtpSession.open(operator.endpoint(host="operateur.invalid"), client_context())


async def test_a_cut_in_the_middle_of_the_content_is_unknown() -> None:
    context = server_context()

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 operateur.test\r\n")
        await reader.readline()
        writer.write(b"250-operateur.test\r\n250 STARTTLS\r\n")
        await reader.readline()
        writer.write(b"220 2.0.0 Ready\r\n")
        await writer.start_tls(context)
        for answer in (b"250 operateur.test\r\n", b"250 OK\r\n", b"250 OK\r\n", b"354 go\r\n"):
            await reader.readline()
            writer.write(answer)
        await reader.readexactly(100_000)
        writer.transport.abort()

    async with talking(cut) as endpoint:
        session = await SmtpSession.open(endpoint, client_context())
        with pytest.raises(SmtpOutcomeUnknown):
            await session.send(b"x" * 998 + b"\r\n" + b"y\r\n" * 3_000_000, sender=SENDER, recipient=RECIPIENT, on_phase=no_journal)
        assert not session.alive


def test_the_lane_and_the_delivery_are_told_apart_by_type() -> None:
    lane = {kind for _, _, kind in STEPS if issubclass(kind, OperatorFault)} | {StartTlsMissing}
    assert lane == {OperatorUnavailable, OperatorTlsRefused, ClientRefused, SenderRefused, StartTlsMissing}
    assert {kind.error_class for kind in lane} == {ErrorClass.TRANSIENT, ErrorClass.CONFIGURATION}
