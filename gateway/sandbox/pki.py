"""The sandbox's imitation of IGC-Santé on disk: root, ORGANISATIONS authority, leaves, revocation list, all under `home/pki/`.

Made at the first start, reused afterwards; private keys are files of mode 0600. Never keeps the private key of a certificate it issued,
except the simulated services' own. Source: dossier cda_signing.md 4.4.

Files: `root.pem`, `organisations.pem`, `crl.pem`, `crl.der`, `trust.pem` (authorities and list together, as OpenSSL wants them),
`issued.json`, and the keys.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.sandbox.authority import Authority, LeafRequest, key_to_pem, new_key
from gateway.sandbox.certificate_profiles import (
    LOOPBACK_NAMES,
    SERVER,
    LeafProfile,
    organisation_subject,
)
from gateway.sandbox.durable import write_atomically
from gateway.sandbox.problems import SandboxHomeDamaged

ROOT_NAME: Final = "RELAIS BAC A SABLE AC RACINE ELEMENTAIRE"
ORGANISATIONS_NAME: Final = "RELAIS BAC A SABLE AC ELEMENTAIRE ORGANISATIONS"
FOREIGN_NAME: Final = "AUTRE IGC BAC A SABLE AC RACINE"

_LEAF_LIFE = timedelta(days=3 * 365 + 31)
_BACKDATING = timedelta(hours=1)
_CRL_LIFE = timedelta(days=30)

Issuer = Literal["organisations", "foreign"]


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A leaf with its private key (PKCS#8 PEM) and the certificates between it and the root, issuer first, root left out."""

    cert_pem: bytes
    key_pem: bytes
    chain_pem: bytes

    @property
    def certificate(self) -> x509.Certificate:
        """The leaf, parsed."""
        return x509.load_pem_x509_certificate(self.cert_pem)

    @property
    def serial(self) -> int:
        """Serial number of the leaf."""
        return self.certificate.serial_number


class IssuedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the authority remembers of a leaf."""

    serial: str
    """Hexadecimal, lower case, without prefix."""
    role: str
    structure: str
    not_after: datetime
    revoked_at: datetime | None = None


class _Index(msgspec.Struct, kw_only=True):
    crl_number: int = 0
    issued: list[IssuedRecord] = []


class Pki:
    """The authorities, what they issued and what they revoked. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        """Open `folder`, making the hierarchy when it is not there yet. Raises OSError, SandboxHomeDamaged."""
        self.folder = folder
        self.revision = 0
        """Grows with each revocation list: whoever caches a TLS context compares it."""
        self._lock = threading.RLock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        now = datetime.now(UTC)
        self._root = self._kept("root", lambda: Authority.root(ROOT_NAME, now))
        self._organisations = self._kept("organisations", lambda: self._root.subordinate(ORGANISATIONS_NAME, now))
        self._index = self._loaded_index()
        self.publish_crl()

    @property
    def root_pem(self) -> bytes:
        """The root, the only certificate a client should trust."""
        return _pem(self._root.certificate)

    @property
    def chain_pem(self) -> bytes:
        """The issuing authority, to be sent along with a leaf."""
        return _pem(self._organisations.certificate)

    @property
    def anchors_pem(self) -> bytes:
        """Root and issuing authority: what a judge builds chains with."""
        return self.root_pem + self.chain_pem

    @property
    def crl_pem(self) -> bytes:
        """The current revocation list, PEM."""
        return (self.folder / "crl.pem").read_bytes()

    @property
    def crl_der(self) -> bytes:
        """The current revocation list, DER, as IGC-Santé publishes it."""
        return (self.folder / "crl.der").read_bytes()

    @property
    def trust_file(self) -> Path:
        """Root, issuing authority and revocation list in one PEM file."""
        return self.folder / "trust.pem"

    def issue(
        self,
        profile: LeafProfile,
        *,
        struct_id: str,
        organisation: str,
        common_name: str,
        department: str = "Paris (75)",
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        alternative_names: Sequence[str] | None = None,
        issuer: Issuer = "organisations",
        revocation_url: str | None = None,
    ) -> IssuedCertificate:
        """A new RSA-2048 leaf; by default valid from an hour ago for three years and a month, loopback names for SERVER.

        `issuer="foreign"` signs with an authority nobody trusts. Variants of key usage: `dataclasses.replace` on a profile.
        """
        start = not_before or datetime.now(UTC) - _BACKDATING
        names = alternative_names if alternative_names is not None else (LOOPBACK_NAMES if profile.name == SERVER.name else ())
        request = LeafRequest(
            profile=profile,
            subject=organisation_subject(struct_id, organisation, profile.common_name or common_name, department),
            not_before=start,
            not_after=not_after or max(start, datetime.now(UTC)) + _LEAF_LIFE,
            alternative_names=names,
            revocation_url=revocation_url,
        )
        key = new_key()
        with self._lock:
            authority = self._foreign() if issuer == "foreign" else self._organisations
            certificate = authority.leaf(request, key.public_key())
            if issuer == "organisations":
                self._remember(certificate, profile, struct_id)
        return IssuedCertificate(_pem(certificate), key_to_pem(key), _pem(authority.certificate))

    def revoke(
        self,
        *,
        serial: int | None = None,
        structure: str | None = None,
        role: str | None = None,
    ) -> list[str]:
        """Revoke by serial number, or every certificate of a structure (and role); publishes a new list. The serials, hexadecimal."""
        wanted = None if serial is None else f"{serial:x}"
        now = datetime.now(UTC).replace(microsecond=0)
        revoked: list[str] = []
        with self._lock:
            for position, record in enumerate(self._index.issued):
                named = record.serial == wanted if wanted else record.structure == structure and role in (None, record.role)
                if named and record.revoked_at is None:
                    self._index.issued[position] = msgspec.structs.replace(record, revoked_at=now)
                    revoked.append(record.serial)
            if revoked:
                self.publish_crl()
        return revoked

    def is_revoked(self, serial: int) -> bool:
        """True when the sandbox revoked that serial number."""
        wanted = f"{serial:x}"
        return any(record.serial == wanted and record.revoked_at is not None for record in self._index.issued)

    def publish_crl(self, next_update: datetime | None = None) -> None:
        """Sign and write a new revocation list, valid thirty days unless said otherwise (a past date makes an expired list)."""
        with self._lock:
            now = datetime.now(UTC).replace(microsecond=0)
            revoked = {int(record.serial, 16): record.revoked_at for record in self._index.issued if record.revoked_at}
            self._index.crl_number += 1
            crl = self._organisations.revocation_list(
                revoked,
                number=self._index.crl_number,
                now=now,
                next_update=next_update or now + _CRL_LIFE,
            )
            pem = crl.public_bytes(Encoding.PEM)
            self._save_index()
            write_atomically(self.folder / "crl.pem", pem)
            write_atomically(self.folder / "crl.der", crl.public_bytes(Encoding.DER))
            write_atomically(self.trust_file, self.anchors_pem + pem)
            self.revision += 1

    def _loaded_index(self) -> _Index:
        path = self.folder / "issued.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=_Index) if path.exists() else _Index()
        except msgspec.MsgspecError as error:
            raise SandboxHomeDamaged(str(error)) from error

    def _kept(self, name: str, make: Callable[[], Authority]) -> Authority:
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        if certificate.exists() and key.exists():
            try:
                return Authority.loaded(certificate.read_bytes(), key.read_bytes())
            except ValueError as error:
                raise SandboxHomeDamaged(f"{name}: {error}") from error
        authority = make()
        write_atomically(key, key_to_pem(authority.key), private=True)
        write_atomically(certificate, _pem(authority.certificate))
        return authority

    def _foreign(self) -> Authority:
        return self._kept("foreign", lambda: Authority.root(FOREIGN_NAME, datetime.now(UTC)))

    def _remember(self, certificate: x509.Certificate, profile: LeafProfile, struct_id: str) -> None:
        record = IssuedRecord(
            serial=f"{certificate.serial_number:x}",
            role=profile.name,
            structure=struct_id,
            not_after=certificate.not_valid_after_utc,
        )
        self._index.issued.append(record)
        self._save_index()

    def _save_index(self) -> None:
        write_atomically(
            self.folder / "issued.json",
            msgspec.json.format(msgspec.json.encode(self._index), indent=1),
        )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)
