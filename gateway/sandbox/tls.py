"""TLS contexts of the simulated services: mutual TLS 1.2+, chain to the sandbox's authorities, leaf checked against the revocation list.

Faulty variants (expired, revoked, foreign, other host, TLS 1.1) let a client prove that it refuses them.
Source: dossiers mssante.md 1.2, 8 (cases 2 to 7) and dmp.md 5. Sessions are never resumed, so that a revocation bites at once.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from typing_extensions import override

from gateway.sandbox.certificate_profiles import SERVER
from gateway.sandbox.durable import write_atomically
from gateway.sandbox.pki import IssuedCertificate, Issuer, Pki

_STRUCTURE = "3" + "0" * 14
_NORMAL = "normal"
_OBSOLETE = "tls_1_1"

TLS_FAULTS: Final = ("certificate_expired", "certificate_revoked", "certificate_foreign", "certificate_other_host", _OBSOLETE)


CONNECTION: ContextVar[socket.socket | None] = ContextVar("connection", default=None)
"""The socket under the handshake about to begin, set by whoever serves it."""


class _AlertingObject(ssl.SSLObject):
    """asyncio throws away the alert of a handshake that fails; real servers send it, and clients tell a refusal from a cut by it."""

    outgoing: ssl.MemoryBIO
    plug: socket.socket | None

    @override
    def do_handshake(self) -> None:
        """Sends the alert that tells why before it raises."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError:
            with contextlib.suppress(OSError):
                if self.plug is not None:
                    self.plug.send(self.outgoing.read())
            raise


class _AlertingContext(ssl.SSLContext):
    sslobject_class = _AlertingObject

    @override
    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *arguments: Any, **options: Any) -> ssl.SSLObject:
        """The object, with what it needs to send its alert by itself."""
        made = super().wrap_bio(incoming, outgoing, *arguments, **options)
        if isinstance(made, _AlertingObject):
            made.outgoing, made.plug = outgoing, CONNECTION.get()
        return made


class ServerTls:
    """Server-side contexts, one per variant, rebuilt when the revocation list changes. Used from one thread."""

    def __init__(self, pki: Pki, *, asks_client: bool = True) -> None:
        """`asks_client`: mutual TLS; without it, the client shows nothing."""
        self._pki = pki
        self._asks_client = asks_client
        self._contexts: dict[str, tuple[int, ssl.SSLContext]] = {}

    def context(self, fault: str | None = None) -> ssl.SSLContext:
        """Context of a service, or of one of TLS_FAULTS. Raises OSError."""
        variant = fault or _NORMAL
        known = self._contexts.get(variant)
        if known is None or known[0] != self._pki.revision:
            known = (self._pki.revision, self._build(variant))
            self._contexts[variant] = known
        return known[1]

    def _build(self, variant: str) -> ssl.SSLContext:
        certificate_name = _NORMAL if variant == _OBSOLETE else variant
        certificate, key = self._pki.folder / f"server-{certificate_name}.pem", self._pki.folder / f"server-{certificate_name}.key"
        if not (certificate.exists() and key.exists()):
            issued = _VARIANTS[certificate_name](self._pki)
            write_atomically(key, issued.key_pem, private=True)
            write_atomically(certificate, issued.cert_pem + issued.chain_pem)
        context = _AlertingContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(self._pki.trust_file)
        context.verify_mode = ssl.CERT_REQUIRED if self._asks_client else ssl.CERT_NONE
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF | ssl.VERIFY_X509_STRICT
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        _set_versions(context, obsolete=variant == _OBSOLETE)
        return context


def _set_versions(context: ssl.SSLContext, *, obsolete: bool) -> None:
    if not obsolete:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1


def _issue(
    pki: Pki, *, not_before: datetime | None = None, not_after: datetime | None = None, issuer: Issuer = "organisations"
) -> IssuedCertificate:
    return pki.issue(
        SERVER,
        struct_id=_STRUCTURE,
        organisation="RELAIS BAC A SABLE",
        common_name="relais-bac-a-sable.test",
        not_before=not_before,
        not_after=not_after,
        issuer=issuer,
    )


def _expired(pki: Pki) -> IssuedCertificate:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return _issue(pki, not_before=yesterday - timedelta(days=30), not_after=yesterday)


def _revoked(pki: Pki) -> IssuedCertificate:
    issued = _issue(pki)
    pki.revoke(serial=issued.serial)
    return issued


def _other_host(pki: Pki) -> IssuedCertificate:
    return pki.issue(
        SERVER, struct_id=_STRUCTURE, organisation="AILLEURS", common_name="ailleurs.test", alternative_names=("ailleurs.test",)
    )


_VARIANTS: Final[dict[str, Callable[[Pki], IssuedCertificate]]] = {
    _NORMAL: _issue,
    "certificate_expired": _expired,
    "certificate_revoked": _revoked,
    "certificate_foreign": lambda pki: _issue(pki, issuer="foreign"),
    "certificate_other_host": _other_host,
}
