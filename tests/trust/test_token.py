"""The signing key of a structure held in a real PKCS#11 token in software, behind the same port as a software key."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512

from gateway.kernel.clock import FrozenClock
from gateway.trust import errors, token_errors
from gateway.trust.keystore import KeyStore
from gateway.trust.lot import LotDocument, sign_lot
from gateway.trust.lot_check import verify_lot
from gateway.trust.refusals import AuthoritySignatureFalse
from gateway.trust.roles import Role
from gateway.trust.signer import DigestName
from gateway.trust.slots import Slot
from gateway.trust.token import module_of
from gateway.trust.vault import open_vault
from tests.tools import need_tool
from tests.trust.pki import AUTH_CLI, NOW, PASSPHRASE, SIGN, STRUCTURE, Pki, shared_leaf, shared_pki
from tests.trust.softhsm import PIN, library, new_token, plug, restart_module, unplug

pytestmark = [pytest.mark.conformity, pytest.mark.xdist_group("softhsm")]
PKI = shared_pki()


@pytest.fixture
async def label() -> AsyncIterator[str]:
    """A label of its own; its session is closed at the end, so that the next test may look at its readers again."""
    name = f"relais {uuid4().hex[:8]}"
    yield name
    await module_of(library()).release(name)


def opened(home: Path, clock: FrozenClock | None = None) -> KeyStore:
    return KeyStore(home, open_vault(home, create=True), clock or FrozenClock(NOW))


async def enrol(store: KeyStore, label: str, pin: str = PIN, slot: Slot = Slot.CURRENT) -> None:
    await store.import_token(STRUCTURE, Role.SIGN, library(), label, pin, environment="test", anchors=PKI.anchors_pem, slot=slot)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_ten_thousand_signatures_asked_at_once_all_verify(tmp_path: Path, label: str) -> None:
    leaf = shared_leaf(SIGN)
    new_token(label, leaf, tmp_path)
    await enrol(opened(tmp_path), label)
    store = opened(tmp_path)
    public = leaf.key.public_key()
    assert (store.signer(STRUCTURE).certificate, store.signer(STRUCTURE).chain) == (leaf.der, leaf.chain_der)

    async def sign_some(worker: int) -> list[tuple[bytes, bytes]]:
        signer = store.signer(STRUCTURE)
        return [(data, await signer.sign(data, "sha256")) for data in (f"{worker}/{number}".encode() for number in range(100))]

    made = [pair for pairs in await asyncio.gather(*(sign_some(worker) for worker in range(100))) for pair in pairs]
    assert len(made) == 10_000
    assert len({signature for _, signature in made}) == 10_000
    for data, signature in made:
        public.verify(signature, data, PKCS1v15(), SHA256())
    _openssl_agrees(tmp_path, made[:: len(made) // 20])


def _openssl_agrees(folder: Path, made: list[tuple[bytes, bytes]]) -> None:
    (folder / "leaf.pem").write_bytes(shared_leaf(SIGN).pem)
    openssl = need_tool("openssl")
    public = subprocess.run([openssl, "x509", "-in", "leaf.pem", "-pubkey", "-noout"], cwd=folder, check=True, capture_output=True)
    (folder / "public.pem").write_bytes(public.stdout)
    for data, signature in made:
        (folder / "signature").write_bytes(signature)
        command = [openssl, "dgst", "-sha256", "-verify", "public.pem", "-signature", "signature"]
        said = subprocess.run(command, cwd=folder, input=data, capture_output=True, check=False)
        assert said.stdout.strip() == b"Verified OK"


@pytest.mark.parametrize(("name", "digest"), [("sha1", SHA1()), ("sha256", SHA256()), ("sha384", SHA384()), ("sha512", SHA512())])  # noqa: S303
async def test_each_digest_is_that_of_the_software_key(
    tmp_path: Path, label: str, name: DigestName, digest: SHA1 | SHA256 | SHA384 | SHA512
) -> None:
    leaf = shared_leaf(SIGN)
    new_token(label, leaf, tmp_path)
    store = opened(tmp_path)
    await enrol(store, label)
    assert await store.signer(STRUCTURE).sign(b"lot", name) == leaf.key.sign(b"lot", PKCS1v15(), digest)


async def test_a_lot_is_sealed_through_the_token_as_through_a_file(tmp_path: Path, label: str) -> None:
    new_token(label, shared_leaf(SIGN), tmp_path)
    store = opened(tmp_path)
    await enrol(store, label)
    documents = [LotDocument(unique_id="1.2.3", data=b"<ClinicalDocument/>")]
    signer = store.signer(STRUCTURE)
    signed = await sign_lot(submission_set_id="1.2.4", documents=documents, signer=signer, now=NOW, digest="sha256", xades="1.1.1")
    verify_lot(signed, documents, "1.2.4", certificate=signer.certificate)


async def test_a_wrong_pin_is_presented_once_and_keeps_nothing(tmp_path: Path, label: str) -> None:
    new_token(label, shared_leaf(SIGN), tmp_path)
    store = opened(tmp_path)
    with pytest.raises(token_errors.TokenPinRefused) as refusal:
        await enrol(store, label, "0000-faux")
    assert "0000-faux" not in f"{refusal.value!r}{refusal.value.explanation}{refusal.value.facts}"
    assert store.summaries() == ()
    assert not (tmp_path / "keys").exists()


async def test_a_pin_that_became_wrong_is_never_tried_twice_even_by_a_new_process(tmp_path: Path, label: str) -> None:
    new_token(label, shared_leaf(SIGN), tmp_path)
    await enrol(opened(tmp_path), label)
    await module_of(library()).release(label)
    _change_pin(label)
    restart_module()
    store = opened(tmp_path)
    signer = store.signer(STRUCTURE)
    other, elsewhere = store.signer(STRUCTURE), opened(tmp_path)
    for attempt in (signer, signer, other, store.signer(STRUCTURE), elsewhere.signer(STRUCTURE), opened(tmp_path).signer(STRUCTURE)):
        with pytest.raises(token_errors.TokenPinRefused):
            await attempt.sign(b"x", "sha256")
    assert elsewhere.refresh() == frozenset()
    assert _wrong_pins_left(label) == "one try was spent"
    record = open_vault(tmp_path).open_small((tmp_path / "keys" / STRUCTURE / "sign.sealed").read_bytes(), f"key:{STRUCTURE}:sign".encode())
    assert PIN.encode() not in record, "erased for good"
    await enrol(store, label, _NEW_PIN)
    assert await store.signer(STRUCTURE).sign(b"x", "sha256")


async def test_a_try_spent_by_somebody_else_stops_the_machine_before_it_spends_another(tmp_path: Path, label: str) -> None:
    new_token(label, shared_leaf(SIGN), tmp_path)
    store = opened(tmp_path)
    await enrol(store, label)
    await module_of(library()).release(label)
    _spoil(label)
    restart_module()
    with pytest.raises(token_errors.TokenTriesLow):
        await store.signer(STRUCTURE).sign(b"x", "sha256")
    await enrol(store, label)
    assert await store.signer(STRUCTURE).sign(b"x", "sha256"), "a person presented the right one"


async def test_a_token_that_is_pulled_out_is_absent_until_it_is_back(tmp_path: Path, label: str) -> None:
    token = new_token(label, shared_leaf(SIGN), tmp_path)
    store = opened(tmp_path)
    await enrol(store, label)
    await module_of(library()).release(label)
    away = unplug(token)
    signer = store.signer(STRUCTURE)
    for _ in range(2):
        with pytest.raises(token_errors.TokenAbsent) as refusal:
            await signer.sign(b"x", "sha256")
        assert STRUCTURE in refusal.value.explanation.what
    plug(away)
    assert await signer.sign(b"x", "sha256")


async def test_a_token_pulled_out_in_the_middle_gives_a_typed_error_and_serves_again(tmp_path: Path, label: str) -> None:
    token = new_token(label, shared_leaf(SIGN), tmp_path)
    store = opened(tmp_path)
    await enrol(store, label)
    signer = store.signer(STRUCTURE)
    assert await signer.sign(b"x", "sha256")
    away = unplug(token)
    results = await asyncio.gather(*(signer.sign(b"x", "sha256") for _ in range(20)), return_exceptions=True)
    assert all(isinstance(one, bytes | errors.KeyUnavailable) for one in results)
    assert any(isinstance(one, errors.KeyUnavailable) for one in results)
    plug(away)
    assert await signer.sign(b"x", "sha256")


async def test_what_a_token_may_not_do_is_said(tmp_path: Path, label: str) -> None:
    store = opened(tmp_path)
    with pytest.raises(token_errors.TokenRoleRefused):
        await store.import_token(STRUCTURE, Role.AUTH_CLI, library(), label, PIN, environment="test", anchors=PKI.anchors_pem)
    with pytest.raises(token_errors.TokenAbsent):
        await enrol(store, label)
    with pytest.raises(token_errors.TokenModuleMissing):
        await store.import_token(STRUCTURE, Role.SIGN, "/nulle/part.so", label, PIN, environment="test", anchors=PKI.anchors_pem)
    new_token(label, None, tmp_path)
    with pytest.raises(token_errors.TokenKeyMissing):
        await enrol(store, label)
    assert store.summaries() == ()


async def test_the_certificate_of_a_token_passes_the_same_checks(tmp_path: Path, label: str) -> None:
    new_token(label, Pki.create("TILLEULS").issue(SIGN), tmp_path)
    store = opened(tmp_path)
    with pytest.raises(AuthoritySignatureFalse):
        await enrol(store, label)
    assert store.summaries() == ()


async def test_a_token_keeps_the_periods_and_shows_nothing(tmp_path: Path, label: str) -> None:
    clock = FrozenClock(NOW)
    new_token(label, PKI.issue(SIGN, private_key_until=NOW + timedelta(days=3)), tmp_path)
    store = opened(tmp_path, clock)
    await enrol(store, label)
    signer = store.signer(STRUCTURE)
    assert await signer.sign(b"x", "sha256")
    assert PIN not in repr(signer)
    with pytest.raises(TypeError):
        pickle.dumps(signer)
    assert PIN.encode() not in (tmp_path / "keys" / STRUCTURE / "sign.sealed").read_bytes()
    clock.advance(4 * 86_400)
    with pytest.raises(errors.CertificateExpired):
        await signer.sign(b"x", "sha256")


async def test_a_token_waits_as_the_next_certificate_and_takes_over_from_a_file(tmp_path: Path, label: str) -> None:
    following = PKI.issue(SIGN)
    new_token(label, following, tmp_path)
    store = opened(tmp_path)
    store.import_pkcs12(STRUCTURE, Role.SIGN, shared_leaf(SIGN).pkcs12(), PASSPHRASE, environment="test", anchors=PKI.anchors_pem)
    await enrol(store, label, slot=Slot.NEXT)
    assert await store.signer(STRUCTURE, Slot.NEXT).sign(b"x", "sha256")
    store.promote(STRUCTURE, Role.SIGN)
    assert store.signer(STRUCTURE).certificate == following.der
    assert await store.signer(STRUCTURE).sign(b"x", "sha256")
    store.restore_former(STRUCTURE, Role.SIGN)
    assert store.signer(STRUCTURE).certificate == shared_leaf(SIGN).der


def test_without_a_token_the_library_is_not_even_loaded(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.import_pkcs12(STRUCTURE, Role.SIGN, shared_leaf(SIGN).pkcs12(), PASSPHRASE, environment="test", anchors=PKI.anchors_pem)
    store.import_pkcs12(STRUCTURE, Role.AUTH_CLI, shared_leaf(AUTH_CLI).pkcs12(), PASSPHRASE, environment="test", anchors=PKI.anchors_pem)
    program = (
        "import asyncio, sys; from pathlib import Path;"
        "from gateway.trust.keystore import KeyStore; from gateway.trust.vault import open_vault;"
        f"home = Path({str(tmp_path)!r}); store = KeyStore(home, open_vault(home));"
        f"asyncio.run(store.signer({STRUCTURE!r}).sign(b'x', 'sha256')); sys.exit(any(name.startswith('pkcs11') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


_NEW_PIN = "9-Nouveau-9"
_OTHER_PROCESS = """
import sys, pkcs11
library, label, act = sys.argv[1:]
old, new = sys.stdin.read().splitlines()
token = pkcs11.lib(library).get_token(token_label=label)
if act == "change":
    with token.open(rw=True, user_pin=old) as session:
        session.set_pin(old, new)
elif act == "spoil":
    try:
        token.open(user_pin=new)
    except pkcs11.PinIncorrect:
        print("refused")
else:
    flags, names = token.flags, pkcs11.TokenFlag
    low, last = flags & names.USER_PIN_COUNT_LOW, flags & (names.USER_PIN_FINAL_TRY | names.USER_PIN_LOCKED)
    print("one try was spent" if low and not last else f"flags {flags}")
"""


def _elsewhere(label: str, act: str) -> str:
    command = [sys.executable, "-c", _OTHER_PROCESS, library(), label, act]
    said = subprocess.run(command, input=f"{PIN}\n{_NEW_PIN}\n", text=True, capture_output=True, check=True, timeout=60)
    return said.stdout.strip()


def _change_pin(label: str) -> None:
    _elsewhere(label, "change")


def _spoil(label: str) -> None:
    assert _elsewhere(label, "spoil") == "refused"


def _wrong_pins_left(label: str) -> str:
    return _elsewhere(label, "look")
