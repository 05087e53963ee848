"""TLS contexts: TLS 1.2 at least, the configured authorities and no other, strict chains on every Python.

The key reaches OpenSSL through an anonymous memory file, encrypted under a passphrase that lives for that call: never a path on the disk.
A peer found in the last good revocation list of its authority is refused at the end of the handshake, before any byte of ours; OpenSSL's
own list check is not used, because it refuses everybody once a list is past its next update. Sources: dossiers dmp.md section 5,
cda_signing.md 4.4, stack.md section 15.
"""

from __future__ import annotations

import os
import secrets
import ssl
from collections.abc import Sequence

from cryptography import x509
from typing_extensions import override

from gateway.trust.certificate import structures_of
from gateway.trust.chain import read_authorities
from gateway.trust.errors import ChainUntrusted, KeyUnavailable
from gateway.trust.identity import TlsIdentity
from gateway.trust.revocation import read_list, signed_by

__all__ = ["TlsContext", "TlsIdentity", "client_context", "server_context"]

_REVOKED_CODE = 23
"""X509_V_ERR_CERT_REVOKED of OpenSSL."""


class _CheckedObject(ssl.SSLObject):
    @override
    def do_handshake(self) -> None:
        """Raises SSLCertVerificationError as well for a certificate on the lists heeded at this instant."""
        super().do_handshake()
        _refuse_revoked(self.getpeercert(True), self.context)


class _CheckedSocket(ssl.SSLSocket):
    @override
    def do_handshake(self, block: bool = False) -> None:
        """As `_CheckedObject.do_handshake`; the socket is closed before it raises."""
        try:
            super().do_handshake(block)
            _refuse_revoked(self.getpeercert(True), self.context)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except OSError:
            self.close()  # not every library does
            raise


class TlsContext(ssl.SSLContext):
    """An SSLContext that also knows which certificates are revoked, and can be given a new identity or new lists while it serves."""

    sslobject_class = _CheckedObject
    sslsocket_class = _CheckedSocket
    lists: tuple[x509.CertificateRevocationList, ...] = ()
    """Those believed. Searched at each handshake, never unrolled: a national list holds many thousands of lines."""

    def show(self, identity: TlsIdentity) -> None:
        """Present this identity from the next handshake on; raises KeyUnavailable."""
        passphrase = secrets.token_hex(32).encode()
        memory = os.memfd_create("relais", os.MFD_CLOEXEC)
        try:
            with os.fdopen(os.dup(memory), "wb") as file:
                file.write(identity.encrypted_pem(passphrase))
            self.load_cert_chain(f"/proc/self/fd/{memory}", password=passphrase)
        except (OSError, ssl.SSLError, ValueError) as problem:
            owner = ", ".join(structures_of(identity.certificate)) or "locale"
            raise KeyUnavailable(type(problem).__name__, role="de connexion", structure=owner) from None
        finally:
            os.close(memory)

    def heed(self, crls: Sequence[bytes], anchors_pem: bytes) -> None:
        """Refuse what these lists (PEM or DER) revoke; one that no configured authority signed is ignored. Raises RevocationListRefused."""
        authorities = read_authorities(anchors_pem).all
        self.lists = tuple(one for one in map(read_list, crls) if any(a.subject == one.issuer and signed_by(one, a) for a in authorities))


def client_context(
    identity: TlsIdentity | None, anchors_pem: bytes, *, crls: Sequence[bytes] = (), check_hostname: bool = True, strict: bool = True
) -> TlsContext:
    """For a connection to one service: its chain must end at `anchors_pem`, its name must match, `identity` is shown when asked for.

    `strict` is RFC 5280 to the letter, as Python 3.13 does by default; to be relaxed for a named remote only. Raises ChainUntrusted,
    KeyUnavailable or RevocationListRefused.
    """
    context = TlsContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = check_hostname
    context.verify_mode = ssl.CERT_REQUIRED
    _trust(context, anchors_pem, crls, strict=strict)
    if identity is not None:
        context.show(identity)
    return context


def server_context(
    identity: TlsIdentity, *, client_anchors_pem: bytes | None = None, crls: Sequence[bytes] = (), require_client: bool = False
) -> TlsContext:
    """For the LAN: `identity` is shown; with `client_anchors_pem` a client certificate is asked for, and `require_client` insists.

    Raises ChainUntrusted, KeyUnavailable or RevocationListRefused.
    """
    context = TlsContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if client_anchors_pem is not None:
        context.verify_mode = ssl.CERT_REQUIRED if require_client else ssl.CERT_OPTIONAL
        _trust(context, client_anchors_pem, crls, strict=True)
    elif require_client:
        raise ChainUntrusted("no client anchors", reason="aucune autorité n'est configurée pour les postes")
    context.show(identity)
    return context


def _trust(context: TlsContext, anchors_pem: bytes, crls: Sequence[bytes], *, strict: bool) -> None:
    read_authorities(anchors_pem)
    try:
        context.load_verify_locations(cadata=anchors_pem.decode("ascii"))
    except (ssl.SSLError, ValueError) as problem:
        raise ChainUntrusted(type(problem).__name__, reason="le fichier des autorités est illisible") from None
    if strict:
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.heed(crls, anchors_pem)


def _refuse_revoked(shown: bytes | None, context: ssl.SSLContext) -> None:
    if shown is None or not isinstance(context, TlsContext) or not context.lists:
        return
    certificate = x509.load_der_x509_certificate(shown)
    own = (one for one in context.lists if one.issuer == certificate.issuer)
    if any(one.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None for one in own):
        refusal = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate revoked")
        refusal.verify_code, refusal.verify_message = _REVOKED_CODE, "certificate revoked"
        raise refusal
