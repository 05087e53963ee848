"""Which certificates an error speaks against: what a service says of ours, never an outage, never our own refusal of theirs."""

from __future__ import annotations

import pytest

from gateway.dmp.errors import CertificateRefused, DmpUnavailable, FormerSignatureRefused, StructureMismatch
from gateway.flow.certificates.indictment import accused_by, accused_by_insi, suspected_by
from gateway.ins.errors import InsiAccessRefused, InsiTlsRefused, InsiUnavailable
from gateway.kernel.errors import RelaisError
from gateway.model.delivery import Channel
from gateway.trust.errors import CertificateExpired, KeyUnavailable, OwnSignatureInvalid, RevocationListStale
from gateway.trust.roles import Role
from gateway.wire.http import AnswerLost, PeerUnreachable, TlsRefused
from gateway.wire.smtp_errors import ClientRefused, OperatorTlsRefused, OperatorUnavailable, StartTlsMissing
from gateway.wire.smtp_reply import SmtpReply

CONNECTION, BOTH, MAIL = {Role.AUTH_CLI}, {Role.AUTH_CLI, Role.SIGN}, {Role.AUTH_CLI, Role.MAILBOX}


def client_refused(*, answered: bool) -> ClientRefused:
    error = ClientRefused("auth 535 5.7.8" if answered else "EXTERNAL not offered")
    error.reply = SmtpReply(code=535, text="5.7.8 no") if answered else None
    return error


@pytest.mark.parametrize(
    ("error", "channel", "roles"),
    [
        (TlsRefused("SSLV3_ALERT_CERTIFICATE_REVOKED"), Channel.DMP, CONNECTION),
        (TlsRefused("TLSV1_ALERT_UNKNOWN_CA"), Channel.DMP, CONNECTION),
        (TlsRefused("CERTIFICATE_VERIFY_FAILED"), Channel.DMP, set()),
        (TlsRefused("WRONG_VERSION_NUMBER"), Channel.DMP, set()),
        (TlsRefused("TLSV1_ALERT_INTERNAL_ERROR"), Channel.DMP, set()),
        (PeerUnreachable("ConnectError"), Channel.DMP, set()),
        (AnswerLost("ReadError"), Channel.DMP, set()),
        (DmpUnavailable("503"), Channel.DMP, set()),
        (CertificateRefused("fault"), Channel.DMP, BOTH),
        (StructureMismatch("fault"), Channel.DMP, BOTH),
        (FormerSignatureRefused("fault"), Channel.DMP, set()),
        (OwnSignatureInvalid("value"), Channel.DMP, {Role.SIGN}),
        (CertificateExpired(role=Role.SIGN, structure="S", date="x"), Channel.DMP, {Role.SIGN}),
        (KeyUnavailable("gone", role="de connexion", structure="S"), Channel.DMP, set()),
        (OperatorTlsRefused("handshake SSLV3_ALERT_CERTIFICATE_EXPIRED"), Channel.MSS, MAIL),
        (OperatorTlsRefused("handshake certificate verify code 10"), Channel.MSS, set()),
        (OperatorTlsRefused("ehlo under tls EOF"), Channel.MSS, set()),
        (StartTlsMissing("not offered"), Channel.MSS, set()),
        (OperatorUnavailable("connect"), Channel.MSS, set()),
        (client_refused(answered=True), Channel.MSS, MAIL),
        (client_refused(answered=False), Channel.MSS, set()),
        (RevocationListStale(), Channel.MSS, set()),
    ],
    ids=lambda one: f"{one.code}-{one.technical}" if isinstance(one, RelaisError) else None,
)
def test_who_is_accused(error: RelaisError, channel: Channel, roles: set[Role]) -> None:
    assert accused_by(error, channel) == roles


@pytest.mark.parametrize(
    ("error", "roles"),
    [
        (InsiAccessRefused("desir_560"), {Role.INSI_AUTO}),
        (InsiTlsRefused("SSLV3_ALERT_CERTIFICATE_REVOKED"), {Role.INSI_AUTO}),
        (InsiTlsRefused("CERTIFICATE_VERIFY_FAILED"), set()),
        (InsiUnavailable("503"), set()),
        (CertificateExpired(role=Role.INSI_MANU, structure="S", date="x"), {Role.INSI_MANU}),
    ],
)
def test_who_is_accused_by_insi(error: RelaisError, roles: set[Role]) -> None:
    assert accused_by_insi(error, Role.INSI_AUTO) == roles


def test_a_session_that_ends_without_a_word_is_only_a_suspicion() -> None:
    assert suspected_by(OperatorTlsRefused("ehlo under tls EOF"), Channel.MSS) == MAIL
    assert suspected_by(TlsRefused("UNEXPECTED_EOF"), Channel.DMP) == CONNECTION
    assert suspected_by(StartTlsMissing("not offered"), Channel.MSS) == set()
    assert suspected_by(PeerUnreachable("x"), Channel.DMP) == set()
