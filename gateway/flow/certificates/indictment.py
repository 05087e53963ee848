"""Which certificates an error speaks against: only what a service says of ours, never an outage nor our own refusal of theirs.

Sources: dmp.md 5, insi.md 3.7 (desir_560, refused handshake), mssante.md 1.2.
"""

from __future__ import annotations

from gateway.dmp.errors import CertificateRefused, StructureMismatch
from gateway.ins.errors import InsiAccessRefused, InsiTlsRefused
from gateway.kernel.errors import RelaisError
from gateway.model.delivery import Channel
from gateway.trust.errors import KeyUnavailable, OwnSignatureInvalid
from gateway.trust.roles import Role
from gateway.wire.http import TlsRefused
from gateway.wire.smtp_errors import ClientRefused, OperatorTlsRefused, StartTlsMissing

_ALERTS = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED", "HANDSHAKE_FAILURE", "DECRYPT_ERROR")
"""Words of the TLS alerts by which a server refuses a client's certificate, in OpenSSL's reasons."""


def accused_by(error: RelaisError, channel: Channel) -> frozenset[Role]:
    """Roles of the structure that an error of a delivery speaks against; empty for anything else than a matter of certificates."""
    match error:
        case OwnSignatureInvalid():
            return frozenset({Role.SIGN})
        case KeyUnavailable():
            return _named(error)
        case CertificateRefused() | StructureMismatch():
            return frozenset({Role.AUTH_CLI, Role.SIGN})
        case TlsRefused() | OperatorTlsRefused() if is_their_alert(error):
            return frozenset({Role.AUTH_CLI} if channel is Channel.DMP else {Role.AUTH_CLI, Role.MAILBOX})
        case ClientRefused() if error.reply is not None:
            return frozenset({Role.AUTH_CLI, Role.MAILBOX})
        case _:
            return frozenset()


def suspected_by(error: RelaisError, channel: Channel) -> frozenset[Role]:
    """Roles that an error may speak against, or not: a TLS session that ended without a word. To be tried beside the former certificate."""
    if not isinstance(error, TlsRefused | OperatorTlsRefused) or isinstance(error, StartTlsMissing):
        return frozenset()
    return frozenset({Role.AUTH_CLI} if channel is Channel.DMP else {Role.AUTH_CLI, Role.MAILBOX})


def accused_by_insi(error: RelaisError, role: Role) -> frozenset[Role]:
    """The same for a call to INSi made with the certificate of that role."""
    if isinstance(error, KeyUnavailable):
        return _named(error)
    refused = isinstance(error, InsiAccessRefused) or (isinstance(error, InsiTlsRefused) and is_their_alert(error))
    return frozenset({role}) if refused else frozenset()


def is_their_alert(error: RelaisError) -> bool:
    """True when the peer said by a TLS alert that it does not want our certificate."""
    return "ALERT" in error.technical and any(word in error.technical for word in _ALERTS)


def _named(error: RelaisError) -> frozenset[Role]:
    role = error.facts.get("role")
    return frozenset({Role(str(role))}) if role in tuple(Role) else frozenset()
