"""Revocation lists: what an authority says of the certificates it issued, by the last good list.

A list is believed when the authority signed it; past its next update it is still used, because a revocation does not go away, and said
to be stale. An authority may have several, each for some of its certificates: each has its own file and its own age, and what any of them
revokes is revoked. Deltas and indirect lists are refused: nothing known publishes them over HTTP. Fetching is somebody else's work.
Source: dossier cda_signing.md 4.4 (download daily, keep the last good one, warn after nextUpdate).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.trust.certificate import UNREADABLE, distinguished_name, extension, rsa_public_key
from gateway.trust.chain import Authorities
from gateway.trust.errors import CertificateMalformed, RevocationListRefused
from gateway.trust.files import private_folder, write_durably
from gateway.trust.list_scope import covers, names, scope_of

LARGEST_LIST = 16_000_000
"""Bytes; nobody's list is that long."""
_ADDRESS = ".address"


@dataclass(frozen=True, slots=True)
class Revocation:
    """What the lists say of one certificate. `known` is False when no list of its authority is held."""

    known: bool
    revoked_at: datetime | None = None
    list_issued: datetime | None = None
    stale: bool = False
    next_update: datetime | None = None


@lru_cache(maxsize=32)
def read_list(data: bytes) -> x509.CertificateRevocationList:
    """A full revocation list, PEM or DER; raises RevocationListRefused."""
    load = x509.load_pem_x509_crl if data.lstrip().startswith(b"-----BEGIN") else x509.load_der_x509_crl
    try:
        loaded = load(data)
        critical = [one.value for one in loaded.extensions if one.critical]
        _ = loaded.issuer, loaded.last_update_utc, loaded.next_update_utc
    except UNREADABLE as problem:
        raise RevocationListRefused(type(problem).__name__, reason="elle est illisible") from None
    for value in critical:
        plain = isinstance(value, x509.IssuingDistributionPoint) and not (value.indirect_crl or value.only_some_reasons)
        if not plain:
            raise RevocationListRefused("critical extension", reason="elle est partielle")
    return loaded


def revocation_of(
    certificate: x509.Certificate, issuer: x509.Certificate, lists: Iterable[x509.CertificateRevocationList], at: datetime
) -> Revocation:
    """What the newest lists of that issuer say at `at`; a list that the issuer did not sign counts for nothing.

    Revoked when one of them says so; known when one of them speaks of that certificate, and its dates are told.
    """
    own = _newest(one for one in lists if one.issuer == issuer.subject and signed_by(one, issuer))
    entries = [one.get_revoked_certificate_by_serial_number(certificate.serial_number) for one in own]
    said = [one for one, entry in zip(own, entries, strict=True) if entry is not None or covers(one, certificate)]
    if not said:
        return Revocation(known=False)
    newest = max(said, key=lambda one: one.last_update_utc)
    since = [entry.revocation_date_utc for entry in entries if entry is not None and entry.revocation_date_utc <= at]
    return Revocation(
        known=True,
        revoked_at=min(since, default=None),
        list_issued=newest.last_update_utc,
        stale=is_stale(newest, at),
        next_update=newest.next_update_utc,
    )


def _newest(lists: Iterable[x509.CertificateRevocationList]) -> list[x509.CertificateRevocationList]:
    """One of each scope."""
    found: dict[bytes, x509.CertificateRevocationList] = {}
    for one in sorted(lists, key=_age):
        found[scope_of(one)] = one
    return list(found.values())


def is_stale(held: x509.CertificateRevocationList, at: datetime) -> bool:
    """True past the next update it announced, or when it announced none."""
    return held.next_update_utc is None or at > held.next_update_utc


def stale_lists(
    lists: Iterable[x509.CertificateRevocationList], authorities: Authorities, at: datetime
) -> tuple[x509.CertificateRevocationList, ...]:
    """Those past their next update whose authority may still vouch for somebody: configured, and not over itself."""
    alive = {one.subject for one in authorities.all if at <= one.not_valid_after_utc}
    return tuple(one for one in lists if one.issuer in alive and is_stale(one, at))


def signed_by(held: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    """True when that authority signed the list and may sign lists."""
    usage = extension(issuer, x509.KeyUsage)
    if usage is not None and not usage.crl_sign:
        return False
    try:
        return held.is_signature_valid(rsa_public_key(issuer))
    except (*UNREADABLE, CertificateMalformed):
        return False


class RevocationLists:
    """The last good lists of each configured authority, one for each distribution point, kept in `home/crl` with their addresses.

    The address outlives our own certificates: a service may show one of an authority that signed ours before.
    """

    def __init__(self, home: Path, authorities: Authorities) -> None:
        self._folder = home / "crl"
        self._authorities = authorities

    def offer(self, data: bytes, address: str = "") -> datetime | None:
        """Keep a list that came from there, and say when the next is due.

        Raises RevocationListRefused when no authority signed it, or it is older than the one held for the same distribution point.
        """
        if len(data) > LARGEST_LIST:
            raise RevocationListRefused("size", reason="elle est trop grande")
        offered = read_list(data)
        issuer = next((one for one in self._authorities.all if one.subject == offered.issuer and signed_by(offered, one)), None)
        if issuer is None:
            raise RevocationListRefused("issuer", reason="aucune autorité configurée ne l'a signée")
        path = self._path(issuer, offered)
        held = self._read(path)
        if held is not None and _age(held) > _age(offered):
            raise RevocationListRefused("older", reason="elle est plus ancienne que celle que Relais possède")
        try:
            private_folder(self._folder)
            write_durably(path, offered.public_bytes(Encoding.DER))
            if address and address != _written(path.with_suffix(_ADDRESS)):
                write_durably(path.with_suffix(_ADDRESS), address.encode())
            self._forget_replaced(issuer, path, offered, address)
        except OSError as problem:
            raise RevocationListRefused(type(problem).__name__, reason="elle ne peut pas être enregistrée") from None
        return offered.next_update_utc

    def held(self) -> tuple[bytes, ...]:
        """Every list held of an authority that is configured, DER."""
        lists = (self._read(path) for path in self._paths())
        return tuple(one.public_bytes(Encoding.DER) for one in lists if one is not None)

    def addresses(self) -> tuple[str, ...]:
        """Where the lists held came from."""
        return tuple(dict.fromkeys(filter(None, (_written(path.with_suffix(_ADDRESS)) for path in self._paths()))))

    def mark(self) -> tuple[object, ...]:
        """Changes whenever a list held does; costs no reading."""
        found = ((path.name, path.stat()) for path in self._paths() if path.exists())
        return tuple((name, state.st_mtime_ns, state.st_size, state.st_ino) for name, state in found)

    def stale(self, at: datetime) -> tuple[str, ...]:
        """The names of the authorities whose list is past its next update: to be warned of."""
        return tuple(distinguished_name(one.issuer) for one in stale_lists(map(read_list, self.held()), self._authorities, at))

    def _forget_replaced(self, authority: x509.Certificate, path: Path, offered: x509.CertificateRevocationList, address: str) -> None:
        """Remove what came from the same address with another scope and is older: the authority publishes otherwise now.

        Only for a list that says it belongs there: what somebody swaps on the line makes nothing forgotten.
        """
        if not address or not names(offered, address):
            return
        for other in self._paths_of(authority):
            held = self._read(other)
            if other != path and held is not None and _written(other.with_suffix(_ADDRESS)) == address and _age(held) < _age(offered):
                other.unlink()
                other.with_suffix(_ADDRESS).unlink(missing_ok=True)

    def _path(self, authority: x509.Certificate, held: x509.CertificateRevocationList) -> Path:
        scope = scope_of(held)
        part = f"-{hashlib.sha256(scope).hexdigest()[:16]}" if scope else ""
        return self._folder / f"{_stem(authority)}{part}.crl"

    def _paths_of(self, authority: x509.Certificate) -> list[Path]:
        return sorted(self._folder.glob(f"{_stem(authority)}*.crl"))

    def _paths(self) -> list[Path]:
        return sorted({path for one in self._authorities.all for path in self._paths_of(one)})

    def _read(self, path: Path) -> x509.CertificateRevocationList | None:
        try:
            return read_list(path.read_bytes())
        except (OSError, RevocationListRefused):
            return None


def _stem(authority: x509.Certificate) -> str:
    return hashlib.sha256(authority.subject.public_bytes()).hexdigest()[:32]


def _written(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _age(one: x509.CertificateRevocationList) -> tuple[datetime, int]:
    """Of two lists of one authority the newer is the greater: by date, and by number within one second."""
    try:
        number = one.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        number = 0
    return one.last_update_utc, number


def certificate_lists(lists: Iterable[bytes]) -> tuple[x509.CertificateRevocationList, ...]:
    """These lists (PEM or DER) read; raises RevocationListRefused."""
    return tuple(read_list(bytes(data)) for data in lists)
