"""Who can read a backup: whoever has the recovery phrase, and not the box that made it.

The phrase, stretched by scrypt, is an X25519 private key; the box keeps the public half alone (`backup.json`). Each backup is sealed under
a key agreed between a fresh key pair, thrown away, and that public half: a stolen box opens none of its own backups.
"""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.trust.files import write_durably
from provisioning.backup.errors import BackupDamaged, PhraseMissing, PhraseWrong
from provisioning.backup.phrase import RecoveryPhrase

_N, _R, _P = 1 << 15, 8, 1
"""32 MB and a tenth of a second: the phrase has 140 bits, nothing rests on this."""
_PURPOSE = b"relais backup 1"


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """The public half and how the phrase gives the other (base64 in JSON). `sheet` is printed with the phrase and tells phrases apart."""

    public: bytes
    salt: bytes
    n: int = _N
    r: int = _R
    p: int = _P

    @property
    def sheet(self) -> str:
        """Eight hexadecimal digits of the public half."""
        return hashlib.sha256(self.public).hexdigest()[:8]


def recipient_of(phrase: RecoveryPhrase) -> Recipient:
    """The recipient whose backups that phrase opens."""
    blank = Recipient(public=b"", salt=secrets.token_bytes(16))
    return msgspec.structs.replace(blank, public=_private(phrase, blank).public_key().public_bytes_raw())


def read_recipient(home: Path) -> Recipient:
    """That of a box; raises PhraseMissing."""
    try:
        return msgspec.json.decode((home / "backup.json").read_bytes(), type=Recipient)
    except (OSError, msgspec.MsgspecError) as problem:
        raise PhraseMissing(type(problem).__name__) from None


def keep_recipient(home: Path, recipient: Recipient) -> None:
    """Write that of a box; raises OSError."""
    write_durably(home / "backup.json", msgspec.json.encode(recipient))


def fresh_key(recipient: Recipient) -> tuple[bytes, bytes]:
    """A key for one backup, and the public bytes from which the phrase finds it again."""
    own = X25519PrivateKey.generate()
    ephemeral = own.public_key().public_bytes_raw()
    shared = own.exchange(X25519PublicKey.from_public_bytes(recipient.public))
    return _stream_key(shared, ephemeral, recipient.public), ephemeral


def found_key(phrase: RecoveryPhrase, recipient: Recipient, ephemeral: bytes) -> bytes:
    """The key of a backup; raises PhraseWrong, BackupDamaged. Bounds come first: a header is not authenticated before its key is made."""
    if not (1 << 14 <= recipient.n <= 1 << 20 and recipient.n & (recipient.n - 1) == 0 and (recipient.r, recipient.p) == (_R, _P)):
        raise BackupDamaged("scrypt")
    own = _private(phrase, recipient)
    if own.public_key().public_bytes_raw() != recipient.public:
        raise PhraseWrong(sheet=recipient.sheet)
    try:
        shared = own.exchange(X25519PublicKey.from_public_bytes(ephemeral))
    except ValueError:
        raise BackupDamaged("ephemeral") from None
    return _stream_key(shared, ephemeral, recipient.public)


def _private(phrase: RecoveryPhrase, recipient: Recipient) -> X25519PrivateKey:
    memory = 256 * recipient.n * recipient.r
    seed = hashlib.scrypt(phrase.secret, salt=recipient.salt, n=recipient.n, r=recipient.r, p=recipient.p, maxmem=memory, dklen=32)
    return X25519PrivateKey.from_private_bytes(seed)


def _stream_key(shared: bytes, ephemeral: bytes, public: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE + ephemeral + public).derive(shared)
