"""A key that the box holds, with its certificate and issuers: how it is written under the seal, and read back.

A software key is its PKCS#8; a token's is where it is and its PIN, empty once refused. Shows neither in repr.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from typing_extensions import override

from gateway.trust.certificate import load_certificate, to_der
from gateway.trust.token import Pin, TokenPlace

_TOKEN = b"token\0"
"""Before what stands for the key of a token; PKCS#8 begins with 0x30."""


class TokenKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that stays in its token."""

    place: TokenPlace
    pin: str

    @override
    def __repr__(self) -> str:
        return f"TokenKey({self.place.label})"

    @property
    def code(self) -> Pin | None:
        """The PIN; None once it was refused."""
        return Pin(self.pin) if self.pin else None


Key = rsa.RSAPrivateKey | TokenKey


class Held(NamedTuple):
    """One certificate of a role, its key, and its issuers, root last."""

    key: Key
    certificate: x509.Certificate
    issuers: tuple[x509.Certificate, ...]

    @override
    def __repr__(self) -> str:
        return f"Held({self.certificate.serial_number:x})"

    def same_as(self, other: Held) -> bool:
        """True when nothing that matters to who uses it changed."""
        tokens = isinstance(self.key, TokenKey) or isinstance(other.key, TokenKey)
        return self.certificate == other.certificate and (not tokens or self.key == other.key)


def packed(held: Held) -> bytes:
    """What goes under the seal."""
    if isinstance(held.key, TokenKey):
        key = _TOKEN + msgspec.msgpack.encode(held.key)
    else:
        key = held.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return msgspec.msgpack.encode((key, to_der(held.certificate), [to_der(one) for one in held.issuers]))


def unpacked(data: bytes) -> Held:
    """What came from under the seal; raises ValueError, MsgspecError or CertificateMalformed."""
    key, leaf, issuers = msgspec.msgpack.decode(data, type=tuple[bytes, bytes, list[bytes]])
    return Held(_key(key), load_certificate(leaf), tuple(map(load_certificate, issuers)))


def _key(data: bytes) -> Key:
    if data.startswith(_TOKEN):
        return msgspec.msgpack.decode(data[len(_TOKEN) :], type=TokenKey)
    # Checked when it was imported and authenticated by the seal since: checking it again costs 50 to 100 ms.
    key = load_der_private_key(data, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("not an RSA key")  # noqa: TRY004 - a damaged record, like the other causes
    return key
