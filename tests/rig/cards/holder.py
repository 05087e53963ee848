"""The two certificates of an invented card holder, as IGC-Santé makes them: same name, several values in one level, other usages.

Made anew at each run; no key is kept. Source: cards.md 1.5.
"""

from __future__ import annotations

import datetime as dt
import functools

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from firmware.protocol import KeyUse

SERIAL = bytes.fromhex("80250000012345678901")
_TITLE = NameOID.TITLE


class Pair:
    """A key and its certificate (DER)."""

    def __init__(self, key: rsa.RSAPrivateKey, certificate: bytes) -> None:
        self.key, self.certificate = key, certificate


@functools.cache
def key() -> rsa.RSAPrivateKey:
    """The key of the authority, and of whoever needs just a key."""
    return rsa.generate_private_key(65537, 2048)


@functools.cache
def holder(use: KeyUse) -> Pair:
    """The pair of that use."""
    own = rsa.generate_private_key(65537, 2048)
    return Pair(own, certificate(own, usage(use)))


def usage(use: KeyUse) -> x509.KeyUsage:
    """As on a CPS3: digitalSignature in both, nonRepudiation in one, keyEncipherment in the other."""
    signs = use is KeyUse.SIGN
    return x509.KeyUsage(
        digital_signature=True, content_commitment=signs, key_encipherment=not signs, data_encipherment=False, key_agreement=False,
        key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def authority_usage() -> x509.KeyUsage:
    """Of a certificate that signs others."""
    return x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False, key_agreement=False,
        key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def certificate(own: rsa.RSAPrivateKey, key_usage: x509.KeyUsage | None, *, days: int = 1000) -> bytes:
    """A certificate of that key, DER."""
    person = x509.RelativeDistinguishedName(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "899700218896"),
            x509.NameAttribute(NameOID.SURNAME, "ESSAI"),
            x509.NameAttribute(NameOID.GIVEN_NAME, "CAMILLE"),
        ]
    )
    levels = [[x509.NameAttribute(NameOID.COUNTRY_NAME, "FR")], [x509.NameAttribute(_TITLE, "Médecin")]]
    subject = x509.Name([*(x509.RelativeDistinguishedName(level) for level in levels), person])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "TEST AC PERSONNES")])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder(issuer, subject, own.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=days))
    if key_usage is not None:
        made = made.add_extension(key_usage, critical=True)
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.250.1.71.1.2.7"), b"\x0c\x0210")
    return made.add_extension(unknown, critical=False).sign(key(), hashes.SHA256()).public_bytes(Encoding.DER)
