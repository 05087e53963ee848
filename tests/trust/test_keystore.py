"""The key store: what it lets in, what it refuses and why, and what is found on the disk afterwards."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import traceback
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from gateway.kernel.clock import FrozenClock
from gateway.kernel.errors import ConfigurationFault, ErrorClass
from gateway.trust import errors
from gateway.trust.certificate import CertificateSummary, load_certificate
from gateway.trust.chain import read_authorities
from gateway.trust.fitness import Bench, judge
from gateway.trust.keystore import KeyStore
from gateway.trust.lan import LanAuthority
from gateway.trust.refusals import CertificateWeakDigest
from gateway.trust.roles import Role
from gateway.trust.slots import Slot
from gateway.trust.vault import open_vault
from tests.tools import need_tool
from tests.trust.pki import AUTH_CLI, NOW, PASSPHRASE, SERVER, SIGN, STRUCTURE, Leaf, Pki, new_key, shared_leaf, shared_pki

PKI = shared_pki()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOW)


@pytest.fixture
def store(tmp_path: Path, clock: FrozenClock) -> KeyStore:
    return KeyStore(tmp_path, open_vault(tmp_path, create=True), clock)


def import_(store: KeyStore, leaf: Leaf, role: Role = Role.SIGN, *, structure: str = STRUCTURE, pki: Pki = PKI) -> CertificateSummary:
    return store.import_pkcs12(structure, role, leaf.pkcs12(), PASSPHRASE, environment="test", anchors=pki.anchors_pem)


async def test_an_imported_key_signs_after_a_restart(tmp_path: Path, clock: FrozenClock, store: KeyStore) -> None:
    leaf = shared_leaf(SIGN)
    shown = import_(store, leaf)
    assert shown.subject == f"CN=relais.tilleuls.test,OU={STRUCTURE},O=MAISON DE SANTE DES TILLEULS,ST=Rhône (69),C=FR"
    again = KeyStore(tmp_path, open_vault(tmp_path), clock)
    signer = again.signer(STRUCTURE)
    leaf.key.public_key().verify(await signer.sign(b"lot", "sha256"), b"lot", PKCS1v15(), SHA256())
    assert signer.certificate == leaf.der
    assert signer.chain == leaf.chain_der
    assert again.summaries() == (shown,)


def test_both_roles_and_two_structures_live_apart(store: KeyStore) -> None:
    import_(store, shared_leaf(SIGN))
    import_(store, shared_leaf(AUTH_CLI), Role.AUTH_CLI)
    import_(store, shared_leaf(SIGN, "10B0000001"), structure="10B0000001")
    assert [(one.structure_id, one.role) for one in store.summaries()] == [
        ("10B0000001", "sign"),
        (STRUCTURE, "auth_cli"),
        (STRUCTURE, "sign"),
    ]
    assert store.tls_identity(STRUCTURE).der == shared_leaf(AUTH_CLI).der
    with pytest.raises(errors.KeyUnavailable):
        store.tls_identity("10B0000001")
    store.forget("10B0000001", Role.SIGN)
    with pytest.raises(errors.KeyUnavailable) as missing:
        store.signer("10B0000001")
    assert "10B0000001" in missing.value.explanation.what


def test_a_root_only_anchor_is_enough_when_the_file_has_its_chain(store: KeyStore) -> None:
    store.import_pkcs12(STRUCTURE, Role.SIGN, shared_leaf(SIGN).pkcs12(), PASSPHRASE, environment="test", anchors=PKI.root_pem)
    bare = shared_leaf(SIGN).pkcs12(with_chain=False)
    with pytest.raises(errors.ChainUntrusted):
        store.import_pkcs12(STRUCTURE, Role.SIGN, bare, PASSPHRASE, environment="test", anchors=PKI.root_pem)


def _elliptic() -> bytes:
    leaf = shared_leaf(SIGN)
    return pkcs12.serialize_key_and_certificates(b"x", ec.generate_private_key(ec.SECP256R1()), None, [leaf.certificate], NoEncryption())


REFUSED: list[tuple[str, Callable[[], Leaf], Role, type[ConfigurationFault]]] = [
    ("auth_cli as sign", lambda: shared_leaf(AUTH_CLI), Role.SIGN, errors.CertificateWrongPurpose),
    ("sign as auth_cli", lambda: shared_leaf(SIGN), Role.AUTH_CLI, errors.CertificateWrongPurpose),
    ("server as auth_cli", lambda: shared_leaf(SERVER), Role.AUTH_CLI, errors.CertificateWrongPurpose),
    ("other structure", lambda: shared_leaf(SIGN, "10B0000002"), Role.SIGN, errors.CertificateWrongStructure),
    (
        "expired",
        lambda: PKI.issue(SIGN, not_before=NOW - timedelta(days=90), not_after=NOW - timedelta(days=1)),
        Role.SIGN,
        errors.CertificateExpired,
    ),
    ("key period over", lambda: PKI.issue(SIGN, private_key_until=NOW - timedelta(hours=1)), Role.SIGN, errors.CertificateExpired),
    ("not yet", lambda: PKI.issue(SIGN, not_before=NOW + timedelta(days=1)), Role.SIGN, errors.CertificateNotYetValid),
    ("other authority", lambda: Pki.create("TILLEULS").issue(SIGN), Role.SIGN, errors.ChainUntrusted),
    ("production", lambda: Pki.create(test=False).issue(SIGN), Role.SIGN, errors.CertificateWrongEnvironment),
]


@pytest.mark.parametrize(("make", "role", "expected"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_an_unfit_certificate_is_refused_and_nothing_is_kept(
    tmp_path: Path, store: KeyStore, make: Callable[[], Leaf], role: Role, expected: type[ConfigurationFault]
) -> None:
    with pytest.raises(expected) as refusal:
        import_(store, make(), role)
    assert refusal.value.error_class is ErrorClass.CONFIGURATION
    told = refusal.value.explanation
    assert "{" not in told.what + told.gesture
    assert store.summaries() == ()
    assert not list(tmp_path.glob("keys/**/*.sealed"))


def test_a_test_certificate_is_refused_in_production(store: KeyStore) -> None:
    with pytest.raises(errors.CertificateWrongEnvironment):
        store.import_pkcs12(STRUCTURE, Role.SIGN, shared_leaf(SIGN).pkcs12(), PASSPHRASE, environment="production", anchors=PKI.anchors_pem)


def test_a_revoked_certificate_is_refused(store: KeyStore) -> None:
    pki = Pki.create("REVOQUANTE")
    leaf = pki.issue(SIGN)
    pki.revoke(leaf, NOW - timedelta(days=2))
    with pytest.raises(errors.CertificateRevoked) as refusal:
        store.import_pkcs12(
            STRUCTURE, Role.SIGN, leaf.pkcs12(), PASSPHRASE, environment="test", anchors=pki.anchors_pem, crls=[pki.crl_der()]
        )
    assert f"{NOW - timedelta(days=2):%d/%m/%Y}" in refusal.value.explanation.what


@pytest.mark.parametrize(
    ("data", "passphrase", "expected"),
    [
        (lambda: shared_leaf(SIGN).pkcs12(), "faux", errors.PassphraseWrong),
        (lambda: shared_leaf(SIGN).pkcs12(), "", errors.PassphraseWrong),
        (lambda: shared_leaf(SIGN).pkcs12()[:-30], PASSPHRASE, errors.Pkcs12Unreadable),
        (lambda: shared_leaf(SIGN).pem, PASSPHRASE, errors.Pkcs12Unreadable),
        (lambda: b"", PASSPHRASE, errors.Pkcs12Unreadable),
        (lambda: b"\x30" * 2_000_000, PASSPHRASE, errors.Pkcs12Unreadable),
        (_elliptic, "", errors.CertificateMalformed),
    ],
    ids=["wrong passphrase", "no passphrase", "cut", "PEM", "empty", "huge", "elliptic key"],
)
def test_a_file_that_does_not_open_says_why(
    store: KeyStore, data: Callable[[], bytes], passphrase: str, expected: type[ConfigurationFault]
) -> None:
    with pytest.raises(expected) as refusal:
        store.import_pkcs12(STRUCTURE, Role.SIGN, data(), passphrase, environment="test", anchors=PKI.anchors_pem)
    said = "".join(traceback.format_exception(refusal.value)) + repr(refusal.value.facts)
    assert PASSPHRASE not in said
    assert "faux" not in repr(refusal.value)


@pytest.mark.conformity
def test_a_key_of_another_certificate_is_refused(tmp_path: Path, store: KeyStore) -> None:
    leaf, other = shared_leaf(SIGN), new_key()
    (tmp_path / "c.pem").write_bytes(leaf.pem)
    (tmp_path / "k.pem").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key_only = pkcs12.serialize_key_and_certificates(b"x", other, None, [leaf.certificate], NoEncryption())
    with pytest.raises(errors.KeyMismatch):
        store.import_pkcs12(STRUCTURE, Role.SIGN, key_only, "", environment="test", anchors=PKI.anchors_pem)


@pytest.mark.conformity
@pytest.mark.parametrize("options", [[], ["-legacy"]], ids=["modern", "legacy 3DES and RC2"])
def test_files_that_openssl_writes_are_read(tmp_path: Path, store: KeyStore, options: list[str]) -> None:
    leaf = shared_leaf(SIGN)
    (tmp_path / "in.pem").write_bytes(leaf.key_pem + leaf.pem + leaf.chain_pem)
    command = [need_tool("openssl"), "pkcs12", "-export", *options, "-in", "in.pem", "-out", "out.p12", "-passout", f"pass:{PASSPHRASE}"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "in.pem").unlink()
    data = (tmp_path / "out.p12").read_bytes()
    shown = store.import_pkcs12(STRUCTURE, Role.SIGN, data, PASSPHRASE, environment="test", anchors=PKI.root_pem)
    assert shown.serial == f"{leaf.certificate.serial_number:x}"


async def test_a_signer_stops_at_the_end_of_the_private_key_period(store: KeyStore, clock: FrozenClock) -> None:
    import_(store, PKI.issue(SIGN, not_before=NOW - timedelta(days=1), private_key_until=NOW + timedelta(days=30)))
    signer = store.signer(STRUCTURE)
    clock.advance(29 * 86_400)
    assert await signer.sign(b"x", "sha256")
    assert store.summaries()[0].days_left(clock.now()) == 1
    clock.advance(2 * 86_400)
    with pytest.raises(errors.CertificateExpired) as refusal:
        await signer.sign(b"x", "sha256")
    assert isinstance(refusal.value, errors.KeyUnavailable)
    clock.advance(-40 * 86_400)
    with pytest.raises(errors.CertificateNotYetValid):
        await signer.sign(b"x", "sha256")


def test_an_expired_tls_identity_is_not_given(store: KeyStore, clock: FrozenClock) -> None:
    import_(store, PKI.issue(AUTH_CLI, not_after=NOW + timedelta(days=10)), Role.AUTH_CLI)
    assert store.tls_identity(STRUCTURE).issuers == (PKI.issuing,)
    clock.advance(11 * 86_400)
    with pytest.raises(errors.CertificateExpired):
        store.tls_identity(STRUCTURE)


def test_a_damaged_file_disables_that_role_only(tmp_path: Path, clock: FrozenClock, store: KeyStore) -> None:
    import_(store, shared_leaf(SIGN))
    import_(store, shared_leaf(AUTH_CLI), Role.AUTH_CLI)
    damaged = tmp_path / "keys" / STRUCTURE / "sign.sealed"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\0")
    again = KeyStore(tmp_path, open_vault(tmp_path), clock)
    assert [one.role for one in again.summaries()] == ["auth_cli"]
    assert again.unreadable() == ((STRUCTURE, Role.SIGN),)
    with pytest.raises(errors.KeyUnavailable):
        again.signer(STRUCTURE)


def test_a_sealed_key_moved_to_another_structure_does_not_open(tmp_path: Path, clock: FrozenClock, store: KeyStore) -> None:
    import_(store, shared_leaf(SIGN))
    moved = tmp_path / "keys" / "10B0000009" / "sign.sealed"
    moved.parent.mkdir()
    moved.write_bytes((tmp_path / "keys" / STRUCTURE / "sign.sealed").read_bytes())
    with pytest.raises(errors.KeyUnavailable):
        KeyStore(tmp_path, open_vault(tmp_path), clock).signer("10B0000009")


def test_a_structure_name_never_leaves_the_folder(store: KeyStore) -> None:
    for name in ("../evil", "a/b", "", "."):
        with pytest.raises(errors.CertificateWrongStructure):
            store.signer(name)


def test_a_second_import_replaces_the_first(store: KeyStore) -> None:
    import_(store, shared_leaf(SIGN))
    fresh = PKI.issue(SIGN)
    import_(store, fresh)
    assert store.signer(STRUCTURE).certificate == fresh.der
    assert len(store.summaries()) == 1


def test_no_private_key_lies_in_clear_in_the_home(tmp_path: Path, store: KeyStore) -> None:
    sign, client = shared_leaf(SIGN), shared_leaf(AUTH_CLI)
    import_(store, sign)
    import_(store, client, Role.AUTH_CLI)
    LanAuthority(tmp_path, open_vault(tmp_path)).identity(["relais.local"], NOW)
    numbers = [leaf.key.private_numbers() for leaf in (sign, client)]
    secrets = [value.to_bytes(length, "big") for one in numbers for value, length in ((one.d, 256), (one.p, 128), (one.q, 128))]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 6
    for path in files:
        content = path.read_bytes()
        assert b"PRIVATE KEY" not in content
        assert not any(secret in content for secret in secrets)
        if path.name != "lan-ca.pem":
            assert path.stat().st_mode & 0o777 == 0o600
            assert b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01" not in content, "the OID of RSA: a key or certificate in clear"
    assert (tmp_path / "keys" / STRUCTURE).stat().st_mode & 0o777 == 0o700


def test_what_holds_a_key_neither_shows_nor_leaves(store: KeyStore) -> None:
    import_(store, shared_leaf(SIGN))
    import_(store, shared_leaf(AUTH_CLI), Role.AUTH_CLI)
    modulus = str(shared_leaf(SIGN).key.private_numbers().d)
    for held in (store.signer(STRUCTURE), store.tls_identity(STRUCTURE)):
        assert modulus not in repr(held)
        assert "PRIVATE" not in repr(held)
        with pytest.raises(TypeError):
            pickle.dumps(held)


def test_keys_of_another_environment_are_served_to_nobody(tmp_path: Path, clock: FrozenClock, store: KeyStore) -> None:
    import_(store, shared_leaf(SIGN))
    import_(store, shared_leaf(AUTH_CLI), Role.AUTH_CLI)
    same = KeyStore(tmp_path, open_vault(tmp_path), clock, environment="test")
    same.check_environment()
    assert same.signer(STRUCTURE).certificate == shared_leaf(SIGN).der
    production = KeyStore(tmp_path, open_vault(tmp_path), clock, environment="production")
    for ask in (production.check_environment, lambda: production.signer(STRUCTURE), lambda: production.tls_identity(STRUCTURE)):
        with pytest.raises(errors.EnvironmentMismatch) as refusal:
            ask()
        assert refusal.value.explanation.what.count("production") == 1
        assert STRUCTURE in refusal.value.explanation.what


def test_a_certificate_signed_with_a_procedure_that_nobody_knows_is_refused_in_words() -> None:
    known, unknown = bytes.fromhex("06092a864886f70d01010b"), bytes.fromhex("06092a864886f70d01017f")
    leaf = load_certificate(shared_leaf(SIGN).der.replace(known, unknown))
    bench = Bench(structure=STRUCTURE, role=Role.SIGN, environment="test", authorities=read_authorities(PKI.anchors_pem), lists=(), now=NOW)
    with pytest.raises(CertificateWeakDigest) as refusal:
        judge(leaf, (), bench)
    assert "inconnu" in refusal.value.explanation.what


def test_a_folder_that_somebody_copied_beside_the_keys_stops_nothing(tmp_path: Path, store: KeyStore) -> None:
    import_(store, shared_leaf(SIGN))
    shutil.copytree(tmp_path / "keys" / STRUCTURE, tmp_path / "keys" / f"{STRUCTURE}.old")
    assert [one.structure_id for one in store.summaries()] == [STRUCTURE]
    assert store.unreadable() == ()
    store.check_environment()


def test_only_the_certificate_that_was_asked_for_comes_into_use(store: KeyStore) -> None:
    tried, swapped = PKI.issue(SIGN), PKI.issue(SIGN)
    import_(store, shared_leaf(SIGN))
    for leaf in (tried, swapped):
        store.import_pkcs12(STRUCTURE, Role.SIGN, leaf.pkcs12(), PASSPHRASE, environment="test", anchors=PKI.anchors_pem, slot=Slot.NEXT)
    with pytest.raises(errors.KeyUnavailable):
        store.promote(STRUCTURE, Role.SIGN, sha256(tried.der).hexdigest())
    assert store.certificate(STRUCTURE, Role.SIGN) == shared_leaf(SIGN).der
    store.promote(STRUCTURE, Role.SIGN, sha256(swapped.der).hexdigest())
    assert store.certificate(STRUCTURE, Role.SIGN) == swapped.der
