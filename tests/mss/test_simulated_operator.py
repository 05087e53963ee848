"""Our mails against the shipped simulator: it judges each rule of the national specification with code of its own."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from gateway.mss.compose import compose
from gateway.mss.send import PatientMailboxRefused
from gateway.sandbox.certificate_profiles import AUTH_CLI
from gateway.sandbox.run import Sandbox
from gateway.trust.identity import TlsIdentity
from gateway.trust.tls import client_context
from gateway.wire.smtp_errors import RecipientRefused, SenderRefused, SmtpOutcomeUnknown
from tests.mss.letters import CORSICAN, PATIENT, PROFESSIONAL, SENDER, SPACE, clinical, draft
from tests.mss.operators import client, hand_over
from tests.trust.pki import STRUCTURE
from tests.xds.documents import OLD_ID


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(tmp_path / "sandbox") as running:
        await running.open_mailbox(SENDER, STRUCTURE)
        yield running


@pytest.fixture
def context(sandbox: Sandbox) -> ssl.SSLContext:
    issued = sandbox.pki.issue(AUTH_CLI, struct_id=STRUCTURE, organisation="MSP DES TILLEULS", common_name="relais.tilleuls.test")
    key = load_pem_private_key(issued.key_pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    identity = TlsIdentity(key, issued.certificate, tuple(load_pem_x509_certificates(issued.chain_pem)))
    return client_context(identity, sandbox.pki.anchors_pem)


def port_of(sandbox: Sandbox) -> int:
    return int(sandbox.addresses["smtp"]["port"])


@pytest.mark.parametrize(
    "changes",
    [
        {"recipient": PROFESSIONAL},
        {"recipient": PATIENT},
        {"recipient": PATIENT, "may_reply": False, "read_receipt": True},
        {"about": clinical(qualified=False), "recipient": PROFESSIONAL},
        {"about": clinical(replaces=OLD_ID), "recipient": PROFESSIONAL},
        {"about": clinical(family="D'ARTAGNAN-ÉLÉONOR & CIE", given="Zoë"), "recipient": PROFESSIONAL},
        {"pdf": b"%PDF-1.4\n" + bytes(range(256)) * 4000, "recipient": PROFESSIONAL},
    ],
)
@pytest.mark.parametrize("external", [False, True])
async def test_mss19_no_rule_is_broken(sandbox: Sandbox, context: ssl.SSLContext, changes: dict[str, Any], external: bool) -> None:
    one = draft(**changes)
    mail = compose(one)
    accepted = await hand_over(client(port_of(sandbox), context, sasl_external=external), mail, recipient=one.recipient)
    assert accepted.code == 250
    received = sandbox.home / "received" / "mss"
    assert (received / "000001.eml").read_bytes() == mail
    assert msgspec.json.decode((received / "000001.json").read_bytes())["failed_rules"] == []
    (held,) = await sandbox.mail_ledger()
    assert (held["message_id"], held["times_received"]) == (one.message_id, 1)


async def test_mss16_the_same_message_id_and_bytes_are_one_mail(sandbox: Sandbox, context: ssl.SSLContext) -> None:
    sandbox.faults.arm("mss", "lost_answer", 1, {})
    mail = compose(draft())
    one = client(port_of(sandbox), context)
    with pytest.raises(SmtpOutcomeUnknown):
        await hand_over(one, mail)
    await hand_over(client(port_of(sandbox), context), mail)
    (held,) = await sandbox.mail_ledger()
    assert held["times_received"] == 2


async def test_mss13_unknown_mailboxes_are_refused_one_by_one(sandbox: Sandbox, context: ssl.SSLContext) -> None:
    unknown, stranger = f"inconnu@medecin.{SPACE}", f"{CORSICAN.matricule}@patient.{SPACE}"
    for mail, recipient, kind in (
        (compose(draft(recipient=unknown)), unknown, RecipientRefused),
        (compose(draft(clinical(ins=CORSICAN), recipient=stranger)), stranger, PatientMailboxRefused),
    ):
        with pytest.raises(kind):
            await hand_over(client(port_of(sandbox), context), mail, recipient=recipient)
    assert await sandbox.mail_ledger() == []


async def test_a_mailbox_of_another_structure_is_refused(sandbox: Sandbox, context: ssl.SSLContext) -> None:
    await sandbox.open_mailbox(SENDER, "10B0999999")
    with pytest.raises(SenderRefused):
        await hand_over(client(port_of(sandbox), context), compose(draft()))
