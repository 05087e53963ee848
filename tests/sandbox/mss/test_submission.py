"""The submission port seen by smtplib and openssl: STARTTLS, client certificate, exact bytes, every accident."""

from __future__ import annotations

import asyncio
import hashlib
import json
import smtplib
import ssl
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox.certificate_profiles import AUTH_CLI
from gateway.sandbox.mss.operator import OperatorOptions
from gateway.sandbox.run import Sandbox
from tests.sandbox.conftest import MAILBOX, STRUCTURE, Identity, client_context, written
from tests.sandbox.mss.stranger import PATIENT, PROFESSIONAL, Letter
from tests.tools import need_tool

SECOND = "dr.durand@medecin.sandbox.mssante.fr"
THIRD = "pharmacie@pharmacien.sandbox.mssante.fr"
DEATHS = (smtplib.SMTPServerDisconnected, ConnectionError, ssl.SSLError)


@dataclass(frozen=True, slots=True)
class Submitter:
    """smtplib in a thread, and what the sandbox kept."""

    sandbox: Sandbox
    identities: dict[str, Identity]

    def session(self, identity: str | None = "auth_cli") -> smtplib.SMTP:
        client = smtplib.SMTP("127.0.0.1", self.sandbox.addresses["smtp"]["port"], local_hostname="relais.test", timeout=10)
        try:
            client.starttls(context=client_context(self.sandbox.pki, self.identities[identity] if identity else None))
            client.ehlo()
        except BaseException:
            client.close()
            raise
        return client

    def send(self, letter: Letter | None = None, sender: str = MAILBOX, identity: str = "auth_cli") -> dict[str, tuple[int, bytes]]:
        letter = letter or Letter()
        with self.session(identity) as client:
            return client.sendmail(sender, list(letter.recipients), letter.rendered())

    async def sent(self, letter: Letter | None = None, **options: Any) -> dict[str, tuple[int, bytes]]:
        return await asyncio.to_thread(self.send, letter, **options)

    def note(self, number: int) -> dict[str, Any]:
        values: dict[str, Any] = json.loads((self.received / f"{number:06d}.json").read_bytes())
        return values

    @property
    def received(self) -> Path:
        return self.sandbox.home / "received" / "mss"

    async def ledger(self) -> list[dict[str, Any]]:
        return await self.sandbox.mail_ledger()


@pytest.fixture
def submitter(sandbox: Sandbox, identities: dict[str, Identity]) -> Submitter:
    return Submitter(sandbox, dict(identities))


async def test_a_mail_is_kept_to_the_byte_then_counted(submitter: Submitter) -> None:
    letter = Letter(recipients=(PROFESSIONAL, PATIENT))
    assert await submitter.sent(letter) == {}
    raw = letter.rendered()
    assert b"\r\n.point" in raw
    assert (submitter.received / "000001.eml").read_bytes() == raw
    note = submitter.note(1)
    assert (note["status"], note["failed_rules"], note["envelope"]) == (250, [], {"sender": MAILBOX, "recipients": [PROFESSIONAL, PATIENT]})
    assert note["client_certificate"].encode() == submitter.identities["auth_cli"].issued.cert_pem
    row = {"message_id": "<0001@cabinet-parc.sandbox.mssante.fr>", "sha256": hashlib.sha256(raw).hexdigest(), "times_received": 1}
    assert await submitter.ledger() == [{**row, "recipient": PROFESSIONAL}, {**row, "recipient": PATIENT}]


async def test_mss16_the_same_mail_again_is_one_logical_mail(submitter: Submitter) -> None:
    await submitter.sent()
    await submitter.sent()
    (row,) = await submitter.ledger()
    assert row["times_received"] == 2


async def test_the_same_message_id_with_other_bytes_is_refused(submitter: Submitter) -> None:
    await submitter.sent()
    with pytest.raises(smtplib.SMTPDataError, match=r"mss\.message-id\.reused"):
        await submitter.sent(Letter(body=b"autre\r\n"))
    assert submitter.note(2)["failed_rules"] == ["mss.message-id.reused"]


async def test_several_mails_go_through_one_connection(submitter: Submitter) -> None:
    def burst() -> None:
        with submitter.session() as client:
            for number in range(3):
                letter = Letter(headers={"Message-ID": f"<{number}@cabinet-parc.sandbox.mssante.fr>"})
                client.sendmail(MAILBOX, [PROFESSIONAL], letter.rendered())

    await asyncio.to_thread(burst)
    assert len(await submitter.ledger()) == 3


async def test_a_rule_broken_refuses_the_mail_and_names_it(submitter: Submitter) -> None:
    with pytest.raises(smtplib.SMTPDataError, match=r"554.*mss\.header\.nil"):
        await submitter.sent(Letter(headers={"X-MSS-NIL": None}))
    assert (submitter.note(1)["status"], submitter.note(1)["failed_rules"]) == (554, ["mss.header.nil"])
    assert await submitter.ledger() == []


async def test_mss01_nothing_is_said_in_clear(submitter: Submitter) -> None:
    def in_clear() -> tuple[int, bytes]:
        with smtplib.SMTP("127.0.0.1", submitter.sandbox.addresses["smtp"]["port"], timeout=10) as client:
            client.ehlo()
            assert client.has_extn("starttls")
            assert not client.has_extn("auth")
            return client.mail(MAILBOX)

    assert (await asyncio.to_thread(in_clear))[0] == 530


async def test_size_is_announced_and_held(submitter: Submitter) -> None:
    def announced() -> str:
        with submitter.session() as client:
            return client.esmtp_features["size"]

    assert await asyncio.to_thread(announced) == "10000000"
    with pytest.raises(smtplib.SMTPSenderRefused) as caught:
        await submitter.sent(Letter(body=b"x" * 70 + b"\r\n" + (b"y" * 998 + b"\r\n") * 10_100))
    assert caught.value.smtp_code == 552

    def unannounced() -> tuple[int, bytes]:
        with submitter.session() as client:
            client.mail(MAILBOX)
            client.rcpt(PROFESSIONAL)
            return client.data(b"x\r\n" * 4_000_000)

    assert (await asyncio.to_thread(unannounced))[0] == 552
    assert list(submitter.received.iterdir()) == []


@pytest.mark.parametrize("variant", ["none", "expired", "foreign", "revoked", "sign"])
async def test_mss07_without_a_good_certificate_no_session(submitter: Submitter, variant: str, tmp_path: Path) -> None:
    pki = submitter.sandbox.pki
    root = pki.root_pem
    if variant in ("expired", "foreign", "revoked"):
        start = submitter.identities["auth_cli"].issued.certificate.not_valid_before_utc
        issued = pki.issue(
            AUTH_CLI,
            struct_id=STRUCTURE,
            organisation="CABINET DU PARC",
            common_name="relais.test",
            not_before=start if variant == "expired" else None,
            not_after=start if variant == "expired" else None,
            issuer="foreign" if variant == "foreign" else "organisations",
        )
        if variant == "revoked":
            pki.revoke(serial=issued.serial)
        submitter.identities[variant] = written(issued, tmp_path / "wrong.pem")

    def session() -> None:
        client = submitter.session(None if variant == "none" else variant)
        try:
            client.mail(MAILBOX)
        finally:
            client.close()

    with pytest.raises((*DEATHS, smtplib.SMTPException)):
        await asyncio.to_thread(session)
    assert pki.root_pem == root
    assert await submitter.sent() == {}


async def test_a_mailbox_of_another_structure_may_not_send(submitter: Submitter) -> None:
    with pytest.raises(smtplib.SMTPSenderRefused) as caught:
        await submitter.sent(identity="other")
    assert caught.value.smtp_code == 553


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        ("inconnu.martin@medecin.sandbox.mssante.fr", b"5.1.1"),
        ("dr.martin@gmail.test", b"5.1.2"),
        ("279035121518980@patient.sandbox.mssante.fr", b"5.1.1"),
        ("153078987658514@patient.sandbox.mssante.fr", b"5.1.1"),
        ("181016322075140@patient.sandbox.mssante.fr", b"5.1.1"),
    ],
    ids=["no mailbox", "outside the space", "wrong key", "wrong key too", "no Mon espace santé"],
)
async def test_unknown_recipients_are_refused(submitter: Submitter, recipient: str, code: bytes) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        await submitter.sent(Letter(recipients=(recipient,)))
    ((status, text),) = caught.value.recipients.values()
    assert status == 550
    assert text.startswith(code)


async def test_openssl_completes_starttls_and_sees_the_chain(submitter: Submitter) -> None:
    identity = str(submitter.identities["auth_cli"].file)
    address = f"127.0.0.1:{submitter.sandbox.addresses['smtp']['port']}"
    command = [need_tool("openssl"), "s_client", "-starttls", "smtp", "-connect", address, "-verify_return_error", "-x509_strict"]
    command += ["-CAfile", str(submitter.sandbox.pki.folder / "root.pem"), "-cert", identity, "-key", identity, "-crlf"]

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, input="QUIT\n", capture_output=True, text=True, check=False, timeout=20)

    finished = await asyncio.to_thread(run)
    assert "Verify return code: 0 (ok)" in finished.stdout


class TestSaslExternal:
    async def test_the_certificate_may_speak_after_auth(self, submitter: Submitter) -> None:
        def external() -> tuple[int, int]:
            with submitter.session() as client:
                assert client.esmtp_features["auth"].split() == ["EXTERNAL"]
                accepted = client.docmd("AUTH", "EXTERNAL =")[0]
                return accepted, client.mail(MAILBOX)[0]

        assert await asyncio.to_thread(external) == (235, 250)

    async def test_another_structures_mailbox_is_not_authorised(self, submitter: Submitter) -> None:
        def external() -> int:
            with submitter.session("other") as client:
                return client.docmd("AUTH", "EXTERNAL cmVsYWlzQGNhYmluZXQtcGFyYy5zYW5kYm94Lm1zc2FudGUuZnI=")[0]

        assert await asyncio.to_thread(external) == 535

    @pytest.mark.parametrize(("mode", "expected"), [("required", 530), ("off", 250)])
    async def test_the_step_is_a_setting(self, home: Path, identities: dict[str, Identity], mode: Any, expected: int) -> None:
        async with Sandbox(home, operator=OperatorOptions(sasl_external=mode)) as sandbox:
            await sandbox.open_mailbox(MAILBOX, STRUCTURE)

            def mail() -> tuple[int, bool]:
                with Submitter(sandbox, identities).session() as client:
                    return client.mail(MAILBOX)[0], client.has_extn("auth")

            assert await asyncio.to_thread(mail) == (expected, mode == "required")


async def test_a_lenient_operator_notes_and_accepts(home: Path, identities: dict[str, Identity]) -> None:
    async with Sandbox(home, operator=OperatorOptions(strict=False)) as sandbox:
        await sandbox.open_mailbox(MAILBOX, STRUCTURE)
        submitter = Submitter(sandbox, identities)
        assert await submitter.sent(Letter(headers={"X-MSS-NIL": None})) == {}
        assert submitter.note(1)["failed_rules"] == ["mss.header.nil"]
        assert len(await submitter.ledger()) == 1


REFUSALS: dict[str, tuple[type[smtplib.SMTPException], int]] = {
    "421_mail": (smtplib.SMTPSenderRefused, 421),
    "552_mail": (smtplib.SMTPSenderRefused, 552),
    "busy": (smtplib.SMTPSenderRefused, 451),
    "421_rcpt": (smtplib.SMTPRecipientsRefused, 421),
    "451_rcpt": (smtplib.SMTPRecipientsRefused, 451),
    "550_rcpt": (smtplib.SMTPRecipientsRefused, 550),
    "421_data": (smtplib.SMTPDataError, 421),
    "451_data": (smtplib.SMTPDataError, 451),
    "552_data": (smtplib.SMTPDataError, 552),
    "554_data": (smtplib.SMTPDataError, 554),
    "421_greeting": (smtplib.SMTPConnectError, 421),
    "unavailable": (smtplib.SMTPConnectError, 421),
}


@pytest.mark.parametrize("fault", REFUSALS)
async def test_mss12_mss14_mss15_a_refusal_on_order_then_the_same_mail_passes(submitter: Submitter, fault: str) -> None:
    kind, code = REFUSALS[fault]
    submitter.sandbox.faults.arm("mss", fault, 1, {})
    with pytest.raises(kind) as caught:
        await submitter.sent()
    found = caught.value.args[0]
    assert (next(iter(found.values()))[0] if isinstance(found, dict) else found) == code
    assert await submitter.ledger() == []
    assert await submitter.sent() == {}
    (row,) = await submitter.ledger()
    assert row["times_received"] == 1


async def test_mss12_421_at_ehlo(submitter: Submitter) -> None:
    submitter.sandbox.faults.arm("mss", "421_ehlo", 1, {})

    def greet() -> int:
        client = smtplib.SMTP("127.0.0.1", submitter.sandbox.addresses["smtp"]["port"], timeout=10)
        try:
            return client.ehlo()[0]
        finally:
            client.close()

    assert await asyncio.to_thread(greet) == 421
    assert await submitter.sent() == {}


async def test_mss13_mixed_recipients_are_answered_one_by_one(submitter: Submitter) -> None:
    submitter.sandbox.faults.arm("mss", "mixed_rcpt", 1, {})
    refused = await submitter.sent(Letter(recipients=(PROFESSIONAL, SECOND, THIRD)))
    assert {recipient: code for recipient, (code, _) in refused.items()} == {SECOND: 550, THIRD: 451}
    assert [row["recipient"] for row in await submitter.ledger()] == [PROFESSIONAL]


async def test_mss01_starttls_may_be_withheld(submitter: Submitter) -> None:
    submitter.sandbox.faults.arm("mss", "no_starttls", 1, {})

    def in_clear() -> tuple[bool, int, int]:
        with smtplib.SMTP("127.0.0.1", submitter.sandbox.addresses["smtp"]["port"], timeout=10) as client:
            client.ehlo()
            return client.has_extn("starttls"), client.docmd("STARTTLS")[0], client.mail(MAILBOX)[0]

    assert await asyncio.to_thread(in_clear) == (False, 502, 530)


@pytest.mark.parametrize("fault", ["lost_answer", "cut_after_final_dot"])
async def test_mss16_a_cut_after_the_final_dot_comes_after_the_storage(submitter: Submitter, fault: str) -> None:
    submitter.sandbox.faults.arm("mss", fault, 1, {})
    with pytest.raises(DEATHS):
        await submitter.sent()
    assert len(await submitter.ledger()) == 1
    assert (submitter.note(1)["status"], submitter.note(1)["fault"]) == (None, fault)


async def test_a_cut_before_the_commit_stores_nothing(submitter: Submitter) -> None:
    submitter.sandbox.faults.arm("mss", "cut_before_commit", 1, {})
    with pytest.raises(DEATHS):
        await submitter.sent()
    assert await submitter.ledger() == []
    assert (submitter.received / "000001.eml").read_bytes() == Letter().rendered()


async def test_a_reset_in_mid_body_stores_nothing(submitter: Submitter) -> None:
    submitter.sandbox.faults.arm("mss", "reset_mid_body", 1, {})
    with pytest.raises(DEATHS):
        await submitter.sent(Letter(body=(b"y" * 900 + b"\r\n") * 5_000))
    assert await submitter.ledger() == []


async def test_connections_may_be_refused(submitter: Submitter) -> None:
    submitter.sandbox.faults.arm("mss", "refuse_connection", 2, {})
    for _ in range(2):
        with pytest.raises(DEATHS):
            await submitter.sent()
    assert await submitter.sent() == {}


async def test_garbage_comes_in_place_of_the_answer(submitter: Submitter) -> None:
    submitter.sandbox.faults.arm("mss", "garbage", 1, {})
    with pytest.raises(smtplib.SMTPException):
        await submitter.sent()
    assert len(await submitter.ledger()) == 1


async def test_a_slow_operator_stores_first(submitter: Submitter) -> None:
    submitter.sandbox.faults.arm("mss", "slow", 1, {"seconds": 0.4})
    before = time.monotonic()
    assert await submitter.sent() == {}
    assert time.monotonic() - before >= 0.4
    assert len(await submitter.ledger()) == 1


@pytest.mark.parametrize("fault", ["certificate_expired", "certificate_foreign", "certificate_other_host", "tls_1_1"])
async def test_mss02_to_mss06_a_careful_client_refuses_this_server(submitter: Submitter, fault: str) -> None:
    submitter.sandbox.faults.arm("mss", fault, 1, {})
    with pytest.raises(ssl.SSLError):
        await submitter.sent()
    assert await submitter.sent() == {}


async def test_what_follows_the_end_of_a_mail_closes_the_connection(submitter: Submitter) -> None:
    def smuggle() -> tuple[int, bytes]:
        with submitter.session() as client:
            client.mail(MAILBOX)
            client.rcpt(PROFESSIONAL)
            client.docmd("DATA")
            client.send(b"a: b\r\n\r\nx\r\n.\r\nMAIL FROM:<evil@medecin.sandbox.mssante.fr>\r\n")
            answer = client.getreply()
            with pytest.raises(smtplib.SMTPServerDisconnected):
                client.getreply()
            return answer

    assert (await asyncio.to_thread(smuggle))[0] == 421
    assert await submitter.ledger() == []


@pytest.mark.parametrize(
    ("ending", "kept"),
    [(b"\n.\n", b"\n.\n"), (b"\r\n.\n", b"\r\n\n"), (b"\n.\r\n", b"\n.\r\n"), (b"\r.\r", b"\r.\r")],
    ids=["LF.LF", "CRLF.LF", "LF.CRLF", "CR.CR"],
)
async def test_only_crlf_dot_crlf_ends_a_mail(submitter: Submitter, ending: bytes, kept: bytes) -> None:
    def send() -> int:
        with submitter.session() as client:
            client.mail(MAILBOX)
            client.rcpt(PROFESSIONAL)
            client.docmd("DATA")
            client.send(b"a: b\r\n\r\nx" + ending + b"still the mail\r\n.\r\n")
            return client.getreply()[0]

    assert await asyncio.to_thread(send) == 554
    assert (submitter.received / "000001.eml").read_bytes() == b"a: b\r\n\r\nx" + kept + b"still the mail\r\n"


@pytest.mark.parametrize("pieces", [1, 3, 7])
async def test_the_end_is_found_however_the_bytes_arrive(submitter: Submitter, pieces: int) -> None:
    def send() -> int:
        raw = b"..a: b\r\n\r\n...\r\n.\r\n"
        with submitter.session() as client:
            client.mail(MAILBOX)
            client.rcpt(PROFESSIONAL)
            client.docmd("DATA")
            for start in range(0, len(raw), pieces):
                client.send(raw[start : start + pieces])
            return client.getreply()[0]

    assert await asyncio.to_thread(send) == 554
    assert (submitter.received / "000001.eml").read_bytes() == b".a: b\r\n\r\n..\r\n"


async def test_an_empty_mail_is_judged_too(submitter: Submitter) -> None:
    def send() -> int:
        with submitter.session() as client:
            client.mail(MAILBOX)
            client.rcpt(PROFESSIONAL)
            client.docmd("DATA")
            client.send(b".\r\n")
            return client.getreply()[0]

    assert await asyncio.to_thread(send) == 554
    assert (submitter.received / "000001.eml").read_bytes() == b""


async def test_stopping_ends_open_conversations(home: Path, identities: dict[str, Identity]) -> None:
    async with Sandbox(home) as sandbox:
        client = await asyncio.to_thread(Submitter(sandbox, identities).session)
    with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
        await asyncio.to_thread(client.docmd, "NOOP")
    client.close()
