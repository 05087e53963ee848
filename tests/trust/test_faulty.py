"""Every faulty certificate is refused with its own code and its own words, nothing is kept, and the good ones please OpenSSL too.

The same table holds on every Python: the verdict is the product's own, and X509_STRICT (the rule of Python 3.13) judges the good ones.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import cast

import pytest

from gateway.kernel.clock import FrozenClock
from gateway.kernel.errors import ConfigurationFault, ErrorClass
from gateway.trust.certificate import Environment
from gateway.trust.errors import CertificateWrongEnvironment
from gateway.trust.keystore import KeyStore
from gateway.trust.refusals import CertificateAlreadyInUse
from gateway.trust.roles import Role
from gateway.trust.slots import Slot
from gateway.trust.vault import open_vault
from tests.tools import need_tool
from tests.trust.faulty import FAULTY
from tests.trust.pki import AUTH_CLI, NOW, PASSPHRASE, SIGN, STRUCTURE, Leaf, Pki, shared_leaf, shared_pki


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path, open_vault(tmp_path, create=True), FrozenClock(NOW))


def refusal_of(store: KeyStore, folder: Path, name: str) -> ConfigurationFault:
    fault = FAULTY[name]
    path = folder / f"{name}.p12"
    path.write_bytes(fault.data())
    with pytest.raises(ConfigurationFault) as refusal:
        store.import_pkcs12(
            STRUCTURE,
            fault.role,
            path.read_bytes(),
            fault.passphrase,
            environment=cast(Environment, fault.environment),
            anchors=fault.anchors(),
            crls=fault.lists(),
        )
    return refusal.value


@pytest.mark.parametrize("name", FAULTY)
def test_each_fault_has_its_own_code_and_keeps_nothing(tmp_path: Path, store: KeyStore, name: str) -> None:
    refusal = refusal_of(store, tmp_path, name)
    assert refusal.code == FAULTY[name].code
    assert refusal.error_class is ErrorClass.CONFIGURATION
    told = refusal.explanation
    assert "…" not in told.what + told.gesture
    assert "{" not in told.what + told.gesture
    assert told.what.endswith(".")
    assert PASSPHRASE not in f"{told}{refusal!r}{refusal.facts}"
    assert not (tmp_path / "keys").exists()


def test_every_fault_is_told_in_other_words(tmp_path: Path, store: KeyStore) -> None:
    told = {name: refusal_of(store, tmp_path, name) for name in FAULTY}
    assert len(told) >= 30
    # One sentence per fault; files whose fault is the same one share it on purpose.
    same = {
        frozenset({"insi-auto-pour-manu", "nom-libre-pour-insi"}),
        frozenset({"serveur-pour-se-connecter", "sans-usage-etendu"}),
        frozenset({"autorite-inconnue", "chaine-coupee"}),
    }
    by_words: dict[str, set[str]] = {}
    for name, refusal in told.items():
        by_words.setdefault(refusal.explanation.what, set()).add(name)
    assert {frozenset(names) for names in by_words.values() if len(names) > 1} == same
    assert all(refusal.explanation.gesture for refusal in told.values())


def _good() -> list[tuple[str, Leaf, Role, Pki]]:
    pki = shared_pki()
    return [
        ("sign", shared_leaf(SIGN), Role.SIGN, pki),
        ("auth_cli", shared_leaf(AUTH_CLI), Role.AUTH_CLI, pki),
        ("mailbox", pki.issue(AUTH_CLI, common_name="boite.tilleuls.test"), Role.MAILBOX, pki),
        ("insi_manu", pki.issue(AUTH_CLI, common_name="INSI-MANU"), Role.INSI_MANU, pki),
        ("insi_auto", pki.issue(AUTH_CLI, common_name="INSI-AUTO"), Role.INSI_AUTO, pki),
    ]


@pytest.mark.conformity
@pytest.mark.parametrize(("leaf", "role", "pki"), [case[1:] for case in _good()], ids=[case[0] for case in _good()])
def test_good_certificates_are_taken_and_openssl_agrees_to_the_letter(
    tmp_path: Path, store: KeyStore, leaf: Leaf, role: Role, pki: Pki
) -> None:
    lists = (pki.crl_der(),)
    shown = store.import_pkcs12(STRUCTURE, role, leaf.pkcs12(), PASSPHRASE, environment="test", anchors=pki.anchors_pem, crls=lists)
    assert (shown.role, shown.environment) == (role, "test")
    (tmp_path / "anchors.pem").write_bytes(pki.anchors_pem + pki.crl_pem())
    (tmp_path / "leaf.pem").write_bytes(leaf.pem)
    purpose = ["-purpose", "smimesign"] if role is Role.SIGN else ["-purpose", "sslclient"]
    command = [need_tool("openssl"), "verify", "-x509_strict", "-crl_check", "-no-CApath", "-CAfile", "anchors.pem", *purpose, "leaf.pem"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr


def test_a_production_certificate_is_taken_in_production_alone(store: KeyStore) -> None:
    pki = Pki.create("REELLE", test=False)
    data = pki.issue(SIGN).pkcs12()
    with pytest.raises(CertificateWrongEnvironment):
        store.import_pkcs12(STRUCTURE, Role.SIGN, data, PASSPHRASE, environment="test", anchors=pki.anchors_pem)
    shown = store.import_pkcs12(STRUCTURE, Role.SIGN, data, PASSPHRASE, environment="production", anchors=pki.anchors_pem)
    assert shown.environment == "production"


def test_the_one_in_use_is_not_taken_as_the_next(store: KeyStore) -> None:
    leaf = shared_leaf(SIGN)
    pki = shared_pki()
    store.import_pkcs12(STRUCTURE, Role.SIGN, leaf.pkcs12(), PASSPHRASE, environment="test", anchors=pki.anchors_pem)
    with pytest.raises(CertificateAlreadyInUse):
        store.import_pkcs12(STRUCTURE, Role.SIGN, leaf.pkcs12(), PASSPHRASE, environment="test", anchors=pki.anchors_pem, slot=Slot.NEXT)


def test_a_mailbox_without_a_certificate_of_its_own_shows_that_of_connections(tmp_path: Path, store: KeyStore) -> None:
    pki, clock = shared_pki(), FrozenClock(NOW)
    store.import_pkcs12(STRUCTURE, Role.AUTH_CLI, shared_leaf(AUTH_CLI).pkcs12(), PASSPHRASE, environment="test", anchors=pki.anchors_pem)
    assert store.serving(STRUCTURE, Role.MAILBOX) is Role.AUTH_CLI
    assert store.tls_identity(STRUCTURE, Role.MAILBOX).der == shared_leaf(AUTH_CLI).der
    own = pki.issue(AUTH_CLI, common_name="boite.tilleuls.test")
    other = KeyStore(tmp_path, open_vault(tmp_path), clock)
    other.import_pkcs12(STRUCTURE, Role.MAILBOX, own.pkcs12(), PASSPHRASE, environment="test", anchors=pki.anchors_pem)
    assert store.refresh() == {STRUCTURE}, "the connections of the mailbox change"
    assert store.refresh() == frozenset()
    assert store.tls_identity(STRUCTURE, Role.MAILBOX).der == own.der
    assert store.tls_identity(STRUCTURE).der == shared_leaf(AUTH_CLI).der
