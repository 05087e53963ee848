"""Certificates of invented card holders, by any authority: several values in one level of the name, and the private extensions.

Shape: a published test card (insi.md 2.2) and cards.md 1.5. Keys are made anew at each run.
"""

from __future__ import annotations

import datetime as dt
import functools

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from firmware.protocol import KeyUse
from tests.rig.cards.holder import usage

CARD_TYPE, PROFESSION, CATEGORY = (x509.ObjectIdentifier(f"1.2.250.1.71.1.2.{number}") for number in (2, 7, 1))
DOCTOR = "899700366240"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Whose card."""

    id: str = DOCTOR
    family: str = "MOREL"
    given: str = "CAMILLE"
    title: str = "Médecin"
    profession: int = 10
    card_type: int = 0
    category: int | None = None
    """Table G01: 80, 82 and 83 are of test."""


@functools.cache
def new_key(name: str) -> rsa.RSAPrivateKey:
    """The key of that name, the same for a whole run."""
    del name
    return rsa.generate_private_key(65537, 2048)


def issuer_named(name: str) -> x509.Name:
    """The name of an authority of invented cards."""
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"), x509.NameAttribute(NameOID.COMMON_NAME, name)])


TEST_ISSUER, REAL_ISSUER = issuer_named("TEST AC IGC-SANTE FORT PERSONNES"), issuer_named("AC IGC-SANTE FORT PERSONNES")


def card_certificate(
    person: Person, use: KeyUse, key: rsa.RSAPrivateKey, *, issuer: x509.Name = TEST_ISSUER, issuer_key: rsa.RSAPrivateKey | None = None
) -> bytes:
    """A certificate of that use, DER."""
    values = {NameOID.GIVEN_NAME: person.given, NameOID.COMMON_NAME: person.id, NameOID.SURNAME: person.family}
    levels = [
        [x509.NameAttribute(NameOID.COUNTRY_NAME, "FR")],
        [x509.NameAttribute(NameOID.TITLE, person.title)],
        [x509.NameAttribute(oid, value) for oid, value in values.items()],
    ]
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.RelativeDistinguishedName(level) for level in levels]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=900))
        .add_extension(usage(use), critical=True)
    )
    numbers = {CARD_TYPE: person.card_type, PROFESSION: person.profession, CATEGORY: person.category}
    for oid, number in numbers.items():
        if number is not None:
            made = made.add_extension(x509.UnrecognizedExtension(oid, bytes((2, 1, number))), critical=False)
    if issuer_key is not None:
        made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    return made.sign(issuer_key or new_key("authority"), hashes.SHA256()).public_bytes(Encoding.DER)
