"""Whose card it is, read from its certificates and its free objects; and whether it is a card of TEST. Pure.

The subject has several values in one level of its name, and older cards have other forms (cards.md 1.5): every value is looked for wherever
it stands, and what is not there is None. The numbers of the private extensions are known from memory [K], so each is read leniently and
none is needed.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from firmware.protocol import CardCertificate, CardObject, KeyUse
from gateway.flow.cards.views import CardCertificateView, CardObjectView, HolderView
from gateway.trust.certificate import distinguished_name, environment_of, load_certificate
from gateway.trust.errors import CertificateMalformed

_CATEGORIES: Final = tuple(x509.ObjectIdentifier(f"1.2.250.1.71.1.2.{number}") for number in (1, 2, 3))
"""Card id, category or type, type or number: sources differ on which is which [K]; a category of test is unlike any other value."""
_TYPE: Final = x509.ObjectIdentifier("1.2.250.1.71.1.2.2")
_FUTURE: Final = x509.ObjectIdentifier("1.2.250.1.71.1.2.5")
_PROFESSION: Final = x509.ObjectIdentifier("1.2.250.1.71.1.2.7")
_OF_TEST: Final = frozenset({80, 82, 83, 0x80, 0x82, 0x83})
"""Table G01, as a number or as two decimal digits packed in a byte (cards.md 1.1)."""
_TYPES: Final = {0: "CPS", 1: "CPF", 2: "CDE ou CPE", 3: "CDA ou CPA"}
_INFO: Final = "CPS_INFO_PS"


def certificate_of(certificates: Iterable[CardCertificate], use: KeyUse) -> x509.Certificate | None:
    """The certificate of that use, chosen by the device process by its KeyUsage; None when the card has none that can be read."""
    for one in certificates:
        if one.use is use:
            try:
                return load_certificate(one.der)
            except CertificateMalformed:
                continue
    return None


def any_certificate(certificates: Iterable[CardCertificate]) -> x509.Certificate | None:
    """That of the signature, else that of authentication: both bear the same name."""
    held = tuple(certificates)
    return certificate_of(held, KeyUse.SIGN) or certificate_of(held, KeyUse.AUTH)


def is_test_card(certificate: x509.Certificate) -> bool:
    """True when the issuer says TEST, or a private extension one of the categories 80, 82, 83 (cards.md 1.1)."""
    return environment_of(certificate) == "test" or any(number_of(certificate, one) in _OF_TEST for one in _CATEGORIES)


def national_id(certificate: x509.Certificate) -> str | None:
    """PS_IdNat: the CN, wherever it stands in the name."""
    return _value(certificate, NameOID.COMMON_NAME)


def expires(certificates: Iterable[CardCertificate]) -> datetime | None:
    """The end of the card: that of its first certificate to end."""
    ends = [one.not_valid_after_utc for use in KeyUse if (one := certificate_of(certificates, use)) is not None]
    return min(ends, default=None)


def holder_view(certificates: tuple[CardCertificate, ...], objects: tuple[CardObject, ...]) -> HolderView:
    """Everything that is free to read about the holder."""
    found = any_certificate(certificates)
    shown = tuple(object_view(one) for one in objects)
    if found is None:
        return HolderView(test=False, specialty=_specialty(objects), objects=shown)
    profession = number_of(found, _PROFESSION)
    future, kind = number_of(found, _FUTURE), number_of(found, _TYPE)
    return HolderView(
        id=national_id(found),
        family=_value(found, NameOID.SURNAME),
        given=_value(found, NameOID.GIVEN_NAME),
        title=_value(found, NameOID.TITLE),
        profession=str(profession) if profession is not None else None,
        future_profession=str(future) if future is not None else None,
        specialty=_specialty(objects),
        card_type=_TYPES.get(kind) if kind is not None else None,
        test=is_test_card(found),
        issuer=_value_of(found.issuer, NameOID.COMMON_NAME),
        expires=expires(certificates),
        objects=shown,
    )


def certificate_view(use: KeyUse, der: bytes) -> CardCertificateView | None:
    """A certificate of the card; None for one that cannot be read."""
    try:
        found = load_certificate(der)
    except CertificateMalformed:
        return None
    return CardCertificateView(
        use=use.value,
        certificate=base64.b64encode(der).decode(),
        subject=distinguished_name(found.subject),
        issuer=distinguished_name(found.issuer),
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
        test=is_test_card(found),
    )


def object_view(one: CardObject) -> CardObjectView:
    """An object as it is stored."""
    return CardObjectView(label=one.label, base64=base64.b64encode(one.value).decode())


def number_of(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> int | None:
    """The number in a private extension: a DER INTEGER, or digits in a string; None when there is none."""
    try:
        found = certificate.extensions.get_extension_for_oid(oid).value
    except (x509.ExtensionNotFound, ValueError):
        return None
    der = found.value if isinstance(found, x509.UnrecognizedExtension) else b""
    if len(der) < 3 or der[1] != len(der) - 2:
        return None
    content = der[2:]
    if der[0] == _INTEGER:
        return int.from_bytes(content, signed=len(content) > 1)
    text = content.decode("ascii", errors="ignore")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


_INTEGER = 2
_MOST_DIGITS = 3


def _specialty(objects: Iterable[CardObject]) -> str | None:
    """The last four characters of CPS_INFO_PS [S]; None when they are no code."""
    value = next((one.value for one in objects if one.label == _INFO), b"")
    text = value[-4:].decode("ascii", errors="ignore")
    return text if len(text) == 4 and text.isalnum() else None


def _value(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str | None:
    return _value_of(certificate.subject, oid)


def _value_of(name: x509.Name, oid: x509.ObjectIdentifier) -> str | None:
    found = name.get_attributes_for_oid(oid)
    return str(found[0].value) if found else None
