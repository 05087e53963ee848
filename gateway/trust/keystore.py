"""The key store: the certificates of every structure of the box, checked once at import, sealed on the disk, loaded once.

One sealed file per structure, role and slot (`slots`) under `home/keys`; a file that cannot be read disables that role of that structure
and nothing else. What is asked without a slot is the certificate in use.
A private key never leaves: what goes out is a Signer, or a TlsIdentity for the TLS library; that of SIGN may stay in a PKCS#11 token, of
which the file holds the place and the PIN. Sources: dossiers cda_signing.md 4.4 (box
rule), stack.md section 4 (load a key once); design, rules 11 and 12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.kernel.clock import Clock, SystemClock
from gateway.trust import certificate as certificates
from gateway.trust.boxkey import BoxKeyUnavailable
from gateway.trust.certificate import CertificateSummary, Environment
from gateway.trust.chain import read_authorities
from gateway.trust.errors import CertificateMalformed, EnvironmentMismatch, KeyUnavailable
from gateway.trust.fitness import Bench, check_period, judge
from gateway.trust.held import Held, TokenKey, packed, unpacked
from gateway.trust.identity import TlsIdentity
from gateway.trust.pkcs12_file import OpenedFile, open_pkcs12
from gateway.trust.refusals import CertificateAlreadyInUse
from gateway.trust.revocation import read_list
from gateway.trust.roles import Role, check_role
from gateway.trust.sealing import BlobDamaged
from gateway.trust.signer import Signer
from gateway.trust.slots import Slot, Slots
from gateway.trust.software_signer import SoftwareSigner
from gateway.trust.token import Pin, TokenPlace, module_of
from gateway.trust.token_errors import TokenRoleRefused
from gateway.trust.token_signer import TokenSigner
from gateway.trust.vault import Vault

_Place = tuple[str, Role, Slot]
Opener = Callable[[bytes, str], OpenedFile]


class KeyStore:
    """Keys of all structures under one home; with an `environment`, serves keys of that environment alone."""

    def __init__(self, home: Path, vault: Vault, clock: Clock | None = None, environment: Environment | None = None) -> None:
        self._slots = Slots(home / "keys")
        self._vault = vault
        self._clock = clock or SystemClock()
        self._environment = environment
        self._loaded: dict[_Place, Held] = {}
        self._lent: set[str] = set()
        """Structures whose AUTH_CLI serves their mailbox."""

    def import_pkcs12(
        self,
        structure_id: str,
        role: Role,
        data: bytes,
        passphrase: str,
        *,
        environment: Environment,
        anchors: bytes,
        crls: Sequence[bytes] = (),
        slot: Slot = Slot.CURRENT,
        opener: Opener = open_pkcs12,
    ) -> CertificateSummary:
        """Check a .p12 against its role, structure, environment and authorities (PEM), then seal it in the place of what that slot held.

        `opener`: `open_confined` for a file that a stranger may have made. Raises one of `errors` or `refusals` (PassphraseWrong,
        CertificateNotForSigning, AuthorityOutOfDate...); nothing is kept then.
        """
        self._slots.path(structure_id, role)
        opened = opener(data, passphrase)
        bench = self._bench(structure_id, role, environment, anchors, crls)
        verdict = judge(opened.certificate, opened.others, bench)
        return self._take(structure_id, role, slot, Held(opened.key, opened.certificate, verdict.issuers))

    async def import_token(
        self,
        structure_id: str,
        role: Role,
        library: str,
        label: str,
        pin: str,
        *,
        environment: Environment,
        anchors: bytes,
        crls: Sequence[bytes] = (),
        slot: Slot = Slot.CURRENT,
    ) -> CertificateSummary:
        """Hold the signing key of a PKCS#11 token, found by its label, as `import_pkcs12` holds one: same checks, and a signature tried.

        The PIN is presented once, now, and kept sealed for the openings to come. Raises as `import_pkcs12`, one of `token_errors`, or
        OwnSignatureInvalid; nothing is kept then.
        """
        self._slots.path(structure_id, role)
        if role is not Role.SIGN:
            raise TokenRoleRefused
        place, leaf = await module_of(library).find(label, Pin(pin), structure=structure_id)
        verdict = judge(leaf, (), self._bench(structure_id, role, environment, anchors, crls))
        held = Held(TokenKey(place=place, pin=pin), leaf, verdict.issuers)
        await self._signer_of(held, structure_id).sign(b"relais", "sha256")
        return self._take(structure_id, role, slot, held)

    def promote(self, structure_id: str, role: Role, fingerprint: str | None = None) -> CertificateSummary:
        """The next certificate comes into use, the one in use becomes the former; what is in use now. `fingerprint`: that one and no other.

        Raises KeyUnavailable when no readable next one waits, or not that one, CertificateExpired, EnvironmentMismatch; nothing has moved
        then. Cut at any instant, the role has a key, and asking again finishes the move.
        """
        sealed, following = self._opened(structure_id, role, Slot.NEXT)
        told = certificates.summary(following.certificate, structure_id, role, Slot.CURRENT)
        if fingerprint not in (None, told.fingerprint):
            raise KeyUnavailable("another one waits", role=role, structure=structure_id)
        self._check_environment(following.certificate, structure_id)
        check_period(following.certificate, structure_id, role, self._clock.now())
        again = following.certificate == self._in_use(structure_id, role)
        self._move(structure_id, role, lambda: self._slots.promote(structure_id, role, sealed, again=again))
        return told

    def restore_former(self, structure_id: str, role: Role) -> CertificateSummary:
        """The former certificate comes back into use, the one it takes over from waits as next (unless another one waits): what is in use.

        Raises KeyUnavailable when no readable former one is kept, CertificateExpired, EnvironmentMismatch; nothing has moved then.
        """
        former = self._read(structure_id, role, Slot.FORMER)
        self._check_environment(former.certificate, structure_id)
        check_period(former.certificate, structure_id, role, self._clock.now())
        self._move(structure_id, role, lambda: self._slots.restore(structure_id, role))
        return certificates.summary(former.certificate, structure_id, role, Slot.CURRENT)

    def drop_next(self, structure_id: str, role: Role) -> None:
        """Erase the next certificate; does nothing when none waits."""
        self._erase(structure_id, role, Slot.NEXT)

    def signer(self, structure_id: str, slot: Slot = Slot.CURRENT) -> Signer:
        """The signer of a structure (role SIGN); raises KeyUnavailable, EnvironmentMismatch. Expiry shows when it signs."""
        held = self._hold(structure_id, Role.SIGN, slot)
        self._check_environment(held.certificate, structure_id)
        return self._signer_of(held, structure_id)

    def tls_identity(self, structure_id: str, role: Role = Role.AUTH_CLI, slot: Slot = Slot.CURRENT) -> TlsIdentity:
        """What the structure shows to a national service; raises KeyUnavailable, CertificateExpired, EnvironmentMismatch, or
        CertificateWrongPurpose for a certificate that is not of that role. AUTH_CLI serves MAILBOX while no certificate of its own is held.
        """
        role = self.serving(structure_id, role, slot)
        held = self._hold(structure_id, role, slot)
        check_role(held.certificate, role)
        self._check_environment(held.certificate, structure_id)
        check_period(held.certificate, structure_id, role, self._clock.now())
        if isinstance(held.key, TokenKey):
            raise KeyUnavailable("in a token", role=role, structure=structure_id)
        return TlsIdentity(held.key, held.certificate, held.issuers)

    def serving(self, structure_id: str, role: Role, slot: Slot = Slot.CURRENT) -> Role:
        """The role whose certificate serves that one: itself, or AUTH_CLI in place of a MAILBOX of which no file is there.

        A MAILBOX certificate that is expired or does not open is not replaced: whoever ordered one wants no other shown.
        """
        if role is not Role.MAILBOX or any(self._slots.path(structure_id, role, one).exists() for one in (slot, Slot.CURRENT)):
            return role
        self._lent.add(structure_id)
        return Role.AUTH_CLI

    def certificate(self, structure_id: str, role: Role, slot: Slot = Slot.CURRENT) -> bytes:
        """DER of a held certificate; raises KeyUnavailable."""
        return certificates.to_der(self._hold(structure_id, role, slot).certificate)

    def issuers(self, structure_id: str, role: Role, slot: Slot = Slot.CURRENT) -> tuple[bytes, ...]:
        """DER of the authorities above a held certificate, its issuer first, the root last; raises KeyUnavailable."""
        return tuple(certificates.to_der(one) for one in self._hold(structure_id, role, slot).issuers)

    def check_environment(self) -> None:
        """Raises EnvironmentMismatch when one readable certificate is not of the environment given (design, rule 12)."""
        for slot in Slot:
            for structure, _role, held in self._everything(slot):
                if held is not None:
                    self._check_environment(held.certificate, structure)

    def summaries(self, slot: Slot = Slot.CURRENT) -> tuple[CertificateSummary, ...]:
        """Every readable certificate of a slot, by structure and role; those that cannot be read are left out (`unreadable` names them)."""
        return tuple(
            certificates.summary(held.certificate, structure, role, slot)
            for structure, role, held in self._everything(slot)
            if held is not None
        )

    def unreadable(self, slot: Slot = Slot.CURRENT) -> tuple[tuple[str, Role], ...]:
        """Structure and role of each sealed file of a slot that does not open."""
        return tuple((structure, role) for structure, role, held in self._everything(slot) if held is None)

    def refresh(self) -> frozenset[str]:
        """Take what another process has put on the disk since; the structures of which a key in use changed or went away.

        A file that does not open any more changes nothing: the key in use stays until the next start.
        """
        changed: set[str] = set()
        for place, held in list(self._loaded.items()):
            structure, role, slot = place
            if not self._slots.path(structure, role, slot).exists():
                self._loaded.pop(place, None)
            else:
                try:
                    found = self._read(structure, role, slot)
                except KeyUnavailable:
                    continue
                if found.same_as(held):
                    continue
                self._loaded[place] = found
            if slot is Slot.CURRENT:
                changed.add(structure)
        own = {structure for structure in self._lent if self._slots.path(structure, Role.MAILBOX).exists()}
        self._lent -= own
        return frozenset(changed | own)

    def erase(self, structure_id: str, role: Role, slot: Slot) -> None:
        """Erase what a slot holds; with the one in use the whole role goes, next and former included. Raises KeyUnavailable."""
        if slot is Slot.CURRENT:
            self.forget(structure_id, role)
        else:
            self._erase(structure_id, role, slot)

    def forget(self, structure_id: str, role: Role) -> None:
        """Erase a role of a structure, next and former included; does nothing when there is none."""
        for slot in (Slot.NEXT, Slot.FORMER, Slot.CURRENT):
            self._erase(structure_id, role, slot)

    def _bench(self, structure: str, role: Role, environment: Environment, anchors: bytes, crls: Sequence[bytes]) -> Bench:
        return Bench(
            structure=structure,
            role=role,
            environment=environment,
            authorities=read_authorities(anchors),
            lists=tuple(read_list(crl) for crl in crls),
            now=self._clock.now(),
        )

    def _take(self, structure: str, role: Role, slot: Slot, held: Held) -> CertificateSummary:
        used = self._in_use(structure, role)
        if slot is Slot.NEXT and held.certificate == used:
            raise CertificateAlreadyInUse
        self._keep(structure, role, slot, held, replacing=slot is Slot.CURRENT and used not in (None, held.certificate))
        return certificates.summary(held.certificate, structure, role, slot)

    def _signer_of(self, held: Held, structure: str) -> Signer:
        key, chain = held.key, tuple(certificates.to_der(one) for one in held.issuers)
        if isinstance(key, rsa.RSAPrivateKey):
            return SoftwareSigner(key, held.certificate, chain, clock=self._clock, structure=structure, role=Role.SIGN)

        def refused(place: TokenPlace = key.place) -> None:
            self._erase_pin(structure, place)

        return TokenSigner(key.place, key.code, held.certificate, chain, clock=self._clock, structure=structure, refused=refused)

    def _erase_pin(self, structure: str, place: TokenPlace) -> None:
        """A refused PIN is kept nowhere: the machine cannot try it again, after a restart either."""
        for slot in Slot:
            try:
                held = self._read(structure, Role.SIGN, slot)
            except KeyUnavailable:
                continue
            if isinstance(held.key, TokenKey) and held.key.place == place:
                self._keep(structure, Role.SIGN, slot, held._replace(key=TokenKey(place=place, pin="")))

    def _everything(self, slot: Slot) -> Iterator[tuple[str, Role, Held | None]]:
        for structure, role in self._slots.held(slot):
            try:
                yield structure, role, self._hold(structure, role, slot)
            except KeyUnavailable:
                yield structure, role, None

    def _in_use(self, structure: str, role: Role) -> x509.Certificate | None:
        try:
            return self._read(structure, role, Slot.CURRENT).certificate
        except KeyUnavailable:
            return None

    def _move(self, structure: str, role: Role, move: Callable[[], None]) -> None:
        try:
            move()
        except OSError as problem:
            raise KeyUnavailable(f"not moved: {type(problem).__name__}", role=role, structure=structure) from None
        finally:
            for slot in Slot:
                self._loaded.pop((structure, role, slot), None)

    def _erase(self, structure: str, role: Role, slot: Slot) -> None:
        self._loaded.pop((structure, role, slot), None)
        try:
            self._slots.erase(structure, role, slot)
        except OSError as problem:
            raise KeyUnavailable(f"not erased: {type(problem).__name__}", role=role, structure=structure) from None

    def _check_environment(self, leaf: x509.Certificate, structure: str) -> None:
        found = certificates.environment_of(leaf)
        if self._environment is not None and found != self._environment:
            raise EnvironmentMismatch(environment=self._environment, structure=structure, found=found)

    def _keep(self, structure: str, role: Role, slot: Slot, held: Held, *, replacing: bool = False) -> None:
        sealed = self._vault.seal_small(packed(held), key_context(structure, role))
        try:
            self._slots.write(structure, role, slot, sealed, keep_former=replacing)
        except OSError as problem:
            raise KeyUnavailable(f"not written: {type(problem).__name__}", role=role, structure=structure) from None
        if replacing:
            self._loaded.pop((structure, role, Slot.FORMER), None)
        self._loaded[structure, role, slot] = held

    def _hold(self, structure: str, role: Role, slot: Slot) -> Held:
        held = self._loaded.get((structure, role, slot))
        if held is None:
            held = self._loaded[structure, role, slot] = self._read(structure, role, slot)
        return held

    def _read(self, structure: str, role: Role, slot: Slot) -> Held:
        return self._opened(structure, role, slot)[1]

    def _opened(self, structure: str, role: Role, slot: Slot) -> tuple[bytes, Held]:
        try:
            sealed = self._slots.read(structure, role, slot)
            return sealed, unpacked(self._vault.open_small(sealed, key_context(structure, role)))
        except (OSError, ValueError, BlobDamaged, BoxKeyUnavailable, CertificateMalformed, msgspec.MsgspecError) as problem:
            raise KeyUnavailable(type(problem).__name__, role=role, structure=structure) from None


def key_context(structure: str, role: Role) -> bytes:
    """The same for the three slots: a move is a rename, not another sealing."""
    return f"key:{structure}:{role}".encode()
