"""Who holds the box key: a systemd credential, the TPM, a passphrase, or a file of the home; found by what is there, or imposed.

`box.key` is the plain file. `box.key.tpm` holds what the TPM sealed, `box.key.recovery` the same key under a passphrase, because a key
bound to PCRs does not open after an update of the firmware (cards.md 5.2). `box.key.passphrase` is the same kind of file where there is no
TPM. Nothing weaker is ever used when something stronger is there and refuses. Sources: dossiers cards.md 5.2, image.md 6.
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from firmware.tpm import SealedSecret, Tpm, TpmFault, TpmMissing, TpmRefused
from gateway.kernel.config import BoxKey
from gateway.trust import sealing
from gateway.trust.boxkey import BOX_KEY_BYTES, BoxKeySource, BoxKeyUnavailable, FileBoxKey
from gateway.trust.boxkey_faults import (
    BoxKeyCredentialMissing,
    BoxKeyPassphraseNeeded,
    BoxKeyPassphraseShort,
    BoxKeyPassphraseWrong,
    BoxKeyTpmMissing,
    BoxKeyTpmRefused,
)
from gateway.trust.files import sync_folder, write_durably
from gateway.trust.sealing import BlobDamaged

CREDENTIAL = "relais-box-key"
PASSPHRASE_CREDENTIAL = "relais-box-passphrase"  # noqa: S105 - the name of a credential
LEAST_PASSPHRASE = 14
_CONTEXT = b"relais box key"
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 1 << 16, 8, 1
"""64 MB and a fraction of a second."""

Kind = Literal["credential", "tpm", "passphrase", "file"]
Ask = Callable[[], str | None]
"""Whoever can be asked for the passphrase; None when nobody can."""


class _Wrapped(msgspec.Struct, frozen=True, kw_only=True):
    """A key under a passphrase, as it is stored (JSON, base64)."""

    n: int
    r: int
    p: int
    salt: bytes
    sealed: bytes


class CredentialBoxKey:
    """The key as systemd hands it over: a file of `$CREDENTIALS_DIRECTORY`, in memory, decrypted by systemd itself."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def load(self) -> bytes:
        """The 32 bytes; raises BoxKeyCredentialMissing, BoxKeyUnavailable."""
        if self._folder is None or not _handed_over(self._folder, CREDENTIAL):
            raise BoxKeyCredentialMissing
        return FileBoxKey(self._folder / CREDENTIAL).load()


class PassphraseBoxKey:
    """The key in a file that a passphrase opens: scrypt, then authenticated encryption."""

    def __init__(self, path: Path, ask: Ask) -> None:
        self._path = path
        self._ask = ask

    def load(self) -> bytes:
        """The 32 bytes; raises BoxKeyPassphraseNeeded, BoxKeyPassphraseWrong, BoxKeyUnavailable."""
        try:
            wrapped = msgspec.json.decode(self._path.read_bytes(), type=_Wrapped)
        except (OSError, msgspec.DecodeError) as problem:
            raise BoxKeyUnavailable(type(problem).__name__, reason="le fichier de la clé est absent ou abîmé") from None
        passphrase = self._ask()
        if not passphrase:
            raise BoxKeyPassphraseNeeded
        try:
            return _whole(sealing.unseal(_stretched(passphrase, wrapped), wrapped.sealed, _CONTEXT))
        except (BlobDamaged, ValueError):
            raise BoxKeyPassphraseWrong from None

    def write(self, key: bytes, passphrase: str) -> None:
        """Protect a key, in place of what the file held, durably; raises BoxKeyPassphraseShort, BoxKeyUnavailable."""
        if len(passphrase) < LEAST_PASSPHRASE:
            raise BoxKeyPassphraseShort(least=LEAST_PASSPHRASE)
        wrapped = _Wrapped(n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P, salt=secrets.token_bytes(16), sealed=b"")
        sealed = sealing.seal(_stretched(passphrase, wrapped), key, _CONTEXT, sealing.preferred_algorithm())
        _write(self._path, msgspec.json.encode(msgspec.structs.replace(wrapped, sealed=sealed)))


class TpmBoxKey:
    """The key that the TPM of this board gives back as long as its PCRs are those of the sealing."""

    def __init__(self, path: Path, tpm: Tpm) -> None:
        self._path = path
        self._tpm = tpm

    def load(self) -> bytes:
        """The 32 bytes; raises BoxKeyTpmRefused, BoxKeyTpmMissing, BoxKeyUnavailable."""
        try:
            sealed = msgspec.json.decode(self._path.read_bytes(), type=SealedSecret)
        except (OSError, msgspec.DecodeError) as problem:
            raise BoxKeyUnavailable(type(problem).__name__, reason="le fichier scellé par la puce est absent ou abîmé") from None
        try:
            return _whole(self._tpm.unseal(sealed))
        except TpmFault as problem:
            raise _told(problem) from None

    def write(self, key: bytes, pcrs: str) -> None:
        """Seal a key under the PCRs as they stand, and see that it opens; raises BoxKeyTpmMissing, BoxKeyUnavailable."""
        former = self._stored()
        try:
            sealed = self._tpm.seal(key, pcrs)
            opened = self._tpm.unseal(sealed)
        except TpmFault as problem:
            raise _told(problem) from None
        if not secrets.compare_digest(opened, key):
            raise BoxKeyUnavailable("seal", reason="la puce de sécurité n'a pas rendu ce qui lui a été confié")
        _write(self._path, msgspec.json.encode(sealed))
        if former is not None:
            with contextlib.suppress(TpmFault):  # a little of the chip's memory is lost, nothing else
                self._tpm.forget(former)

    def forget(self) -> bool:
        """Have the TPM make the key unreadable for ever, copies included; False when it could not, or it was sealed before it could."""
        stored = self._stored()
        if stored is None:
            return False
        try:
            return self._tpm.forget(stored)
        except TpmFault:
            return False

    def _stored(self) -> SealedSecret | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=SealedSecret)
        except (OSError, msgspec.MsgspecError):
            return None


class Custody:
    """The places of one home, and the moves between them. A move cut anywhere leaves a key that opens, and is finished by asking again."""

    def __init__(self, home: Path, settings: BoxKey | None = None, ask: Ask | None = None) -> None:
        self._home = home
        self._settings = settings or BoxKey()
        self._ask = ask or ask_at_start
        given = os.environ.get("CREDENTIALS_DIRECTORY")
        self._credentials = Path(given) if given else None

    @property
    def kind(self) -> Kind:
        """Where the key is looked for: what the settings impose, else the strongest place where something is."""
        if self._settings.custody != "auto":
            return self._settings.custody
        if self._credentials is not None and _handed_over(self._credentials, CREDENTIAL):
            return "credential"
        if self._tpm_file.exists():
            return "tpm"
        return "passphrase" if self._passphrase_file.exists() else "file"

    @property
    def recoverable(self) -> bool:
        """True when a copy under a passphrase is there for the day the TPM refuses."""
        return self._recovery_file.exists()

    @property
    def exposed(self) -> bool:
        """True when the key lies in clear beside the place where it is protected: a move was cut, or somebody put it back."""
        return self.kind != "file" and bool(self._plain_files())

    def source(self) -> BoxKeySource:
        """Whoever holds the key."""
        match self.kind:
            case "credential":
                return CredentialBoxKey(self._credentials)
            case "tpm":
                return self._tpm()
            case "passphrase":
                return PassphraseBoxKey(self._passphrase_file, self._ask)
        return FileBoxKey(self._home / "box.key")

    def to_tpm(self, passphrase: str) -> None:
        """Seal the key in the TPM, with a recovery copy under `passphrase`, then erase the weaker copies. Raises BoxKeyUnavailable."""
        self._check_allowed("tpm")
        key = self.source().load()
        PassphraseBoxKey(self._recovery_file, self._ask).write(key, passphrase)
        self._tpm().write(key, self._settings.pcrs)
        self._erase(*self._plain_files(), self._passphrase_file)

    def to_passphrase(self, passphrase: str) -> None:
        """Protect the key by `passphrase`, then erase the plain file. Raises BoxKeyUnavailable."""
        self._check_allowed("passphrase")
        key = self.source().load()
        PassphraseBoxKey(self._passphrase_file, self._ask).write(key, passphrase)
        self._erase(*self._plain_files())

    def recover(self, passphrase: str) -> None:
        """Open the recovery copy and seal the key anew under the PCRs of today. Raises BoxKeyPassphraseWrong, BoxKeyUnavailable."""
        key = PassphraseBoxKey(self._recovery_file, lambda: passphrase).load()
        self._tpm().write(key, self._settings.pcrs)

    def _check_allowed(self, kind: Kind) -> None:
        """Once the key has moved, a box whose settings impose another place would not start."""
        if self._settings.custody not in ("auto", kind):
            raise BoxKeyUnavailable("imposed", reason="relais.toml impose un autre endroit (« box_key.custody »)")

    def _tpm(self) -> TpmBoxKey:
        return TpmBoxKey(self._tpm_file, Tpm(self._settings.tpm))

    @property
    def _tpm_file(self) -> Path:
        return self._home / "box.key.tpm"

    @property
    def _recovery_file(self) -> Path:
        return self._home / "box.key.recovery"

    @property
    def _passphrase_file(self) -> Path:
        return self._home / "box.key.passphrase"

    def _plain_files(self) -> list[Path]:
        """The plain key, and the draft that a cut may leave of it (`FileBoxKey.create`)."""
        return [path for path in (self._home / "box.key", *self._home.glob(f".box.key.{'?' * 16}")) if path.exists()]

    def _erase(self, *paths: Path) -> None:
        """A flash card may keep the old blocks: a box that was ever started on a plain file is worth a new card (docs/adr)."""
        for path in paths:
            path.unlink(missing_ok=True)
        sync_folder(self._home)


def _handed_over(folder: Path, name: str) -> bool:
    """Raises BoxKeyUnavailable: a folder that cannot be looked into must never send the box to a weaker place."""
    try:
        return (folder / name).exists()
    except OSError as problem:
        raise BoxKeyUnavailable(type(problem).__name__, reason="le dossier où le système la remet ne peut pas être lu") from None


def ask_at_start() -> str | None:
    """The passphrase: a systemd credential when there is one, else whoever sits at the terminal; None when there is nobody."""
    given = os.environ.get("CREDENTIALS_DIRECTORY")
    if given and _handed_over(Path(given), PASSPHRASE_CREDENTIAL):
        return Path(given, PASSPHRASE_CREDENTIAL).read_text(encoding="utf-8").rstrip("\r\n")
    return getpass.getpass("Mot de passe du boîtier : ") if sys.stdin is not None and sys.stdin.isatty() else None


def _stretched(passphrase: str, wrapped: _Wrapped) -> bytes:
    """Bounds first: the file is not authenticated before the key is made."""
    if not (1 << 14 <= wrapped.n <= 1 << 20 and wrapped.r == _SCRYPT_R and wrapped.p == _SCRYPT_P):
        raise BoxKeyUnavailable("scrypt", reason="le fichier de la clé est abîmé")
    memory = 256 * wrapped.n * wrapped.r
    return hashlib.scrypt(
        passphrase.encode(), salt=wrapped.salt, n=wrapped.n, r=wrapped.r, p=wrapped.p, maxmem=memory, dklen=sealing.KEY_BYTES
    )


def _whole(key: bytes) -> bytes:
    if len(key) != BOX_KEY_BYTES:
        raise BoxKeyUnavailable("size", reason="la clé n'a pas la taille attendue")
    return key


def _write(path: Path, data: bytes) -> None:
    try:
        write_durably(path, data)
    except OSError as problem:
        raise BoxKeyUnavailable(type(problem).__name__, reason="le fichier de la clé ne peut pas être écrit") from None


def _told(problem: TpmFault) -> BoxKeyUnavailable:
    match problem:
        case TpmRefused():
            return BoxKeyTpmRefused(problem.technical)
        case TpmMissing():
            return BoxKeyTpmMissing(problem.technical)
    return BoxKeyUnavailable(problem.technical, reason="la puce de sécurité a échoué")
