"""What the box shows an MQTT broker: the password of its user, or a client certificate with its key. Sealed by the vault, never in clear on
the disk; the authorities of the broker are a plain file.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from gateway.kernel.errors import RelaisError
from gateway.trust.certificate import load_certificates
from gateway.trust.errors import CertificateMalformed, ChainUntrusted, KeyUnavailable
from gateway.trust.identity import TlsIdentity
from gateway.trust.pkcs12_file import open_pkcs12
from gateway.trust.secret_file import keep_secret, read_secret
from gateway.trust.tls import TlsContext, client_context
from gateway.trust.vault import Vault

PASSWORD = "mqtt-password"  # noqa: S105 - the name of a sealed file
IDENTITY = "mqtt-identity"


def keep_broker_identity(home: Path, vault: Vault, pkcs12: bytes, passphrase: str) -> x509.Certificate:
    """Seal a client certificate and its key; raises what `open_pkcs12` does, OSError."""
    opened = open_pkcs12(pkcs12, passphrase)
    key = opened.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = b"".join(one.public_bytes(Encoding.PEM) for one in (opened.certificate, *opened.others))
    keep_secret(home, vault, IDENTITY, (key + chain).decode())
    return opened.certificate


def broker_identity(home: Path, vault: Vault) -> TlsIdentity | None:
    """The client certificate to show, None when none is kept; raises KeyUnavailable, BlobDamaged."""
    kept = read_secret(home, vault, IDENTITY)
    if kept is None:
        return None
    try:
        key = load_pem_private_key(kept.encode(), None)
        certificate, *issuers = load_certificates(kept.encode())
    except (ValueError, TypeError) as problem:
        raise KeyUnavailable(type(problem).__name__, role="MQTT", structure="du boîtier") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise KeyUnavailable("kind", role="MQTT", structure="du boîtier")
    return TlsIdentity(key, certificate, tuple(issuers))


def broker_certificates(home: Path, vault: Vault, authorities: str) -> tuple[x509.Certificate | None, tuple[x509.Certificate, ...]]:
    """The client certificate shown to the broker and the authorities it is recognised by; what is not there or not readable is left out."""
    try:
        identity = broker_identity(home, vault)
    except RelaisError:
        identity = None
    try:
        known = load_certificates((home / authorities).read_bytes())
    except (OSError, ValueError, CertificateMalformed):
        known = ()
    return (identity.certificate if identity is not None else None), known


def broker_context(home: Path, vault: Vault, authorities: str) -> TlsContext:
    """TLS towards the broker, its name checked; certificates made by hand for a LAN need not be RFC 5280 to the letter.

    Raises ChainUntrusted when the file of authorities is missing or unreadable, KeyUnavailable, BlobDamaged.
    """
    try:
        anchors = (home / authorities).read_bytes()
    except (OSError, ValueError) as problem:
        raise ChainUntrusted(type(problem).__name__, reason="le fichier des autorités du serveur MQTT manque ou est illisible") from None
    context = client_context(broker_identity(home, vault), anchors, strict=False)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
