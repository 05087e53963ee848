"""Current, next and former certificate of a role: moved, moved back, and cut at every step of a move."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.kernel.clock import FrozenClock
from gateway.trust.errors import CertificateExpired, CertificateWrongStructure, EnvironmentMismatch, KeyUnavailable
from gateway.trust.keystore import KeyStore
from gateway.trust.roles import Role
from gateway.trust.slots import Slot
from gateway.trust.vault import open_vault
from tests.trust.pki import AUTH_CLI, NOW, PASSPHRASE, SIGN, STRUCTURE, Leaf, Pki, shared_leaf, shared_pki

PKI = shared_pki()
USED, FOLLOWING, THIRD = shared_leaf(SIGN), PKI.issue(SIGN), PKI.issue(SIGN)
_CUT = 77


def opened(home: Path, clock: FrozenClock | None = None) -> KeyStore:
    home.mkdir(exist_ok=True)
    return KeyStore(home, open_vault(home, create=True), clock or FrozenClock(NOW), environment="test")


def place(store: KeyStore, leaf: Leaf, slot: Slot, role: Role = Role.SIGN) -> None:
    shown = store.import_pkcs12(STRUCTURE, role, leaf.pkcs12(), PASSPHRASE, environment="test", anchors=PKI.anchors_pem, slot=slot)
    assert shown.slot == slot


def standing(home: Path, role: Role = Role.SIGN) -> dict[Slot, bytes]:
    """What a fresh process finds in each slot."""
    store = opened(home)
    assert not any(store.unreadable(slot) for slot in Slot)
    return {slot: store.certificate(STRUCTURE, role, slot) for slot in Slot if any(one.role == role for one in store.summaries(slot))}


async def test_the_next_one_waits_comes_into_use_and_gives_way_again(tmp_path: Path) -> None:
    store = opened(tmp_path)
    place(store, USED, Slot.CURRENT)
    place(store, FOLLOWING, Slot.NEXT)
    assert (store.signer(STRUCTURE).certificate, store.signer(STRUCTURE, Slot.NEXT).certificate) == (USED.der, FOLLOWING.der)
    assert await store.signer(STRUCTURE, Slot.NEXT).sign(b"x", "sha256")
    assert [one.slot for one in store.summaries(Slot.NEXT)] == ["next"]
    assert len(store.summaries()) == 1
    shown = store.promote(STRUCTURE, Role.SIGN)
    assert (shown.slot, shown.serial) == ("current", f"{FOLLOWING.certificate.serial_number:x}")
    assert store.signer(STRUCTURE).certificate == FOLLOWING.der
    assert standing(tmp_path) == {Slot.CURRENT: FOLLOWING.der, Slot.FORMER: USED.der}
    assert store.restore_former(STRUCTURE, Role.SIGN).serial == f"{USED.certificate.serial_number:x}"
    assert store.signer(STRUCTURE).certificate == USED.der
    assert standing(tmp_path) == {Slot.CURRENT: USED.der, Slot.NEXT: FOLLOWING.der}
    store.drop_next(STRUCTURE, Role.SIGN)
    store.drop_next(STRUCTURE, Role.SIGN)
    assert standing(tmp_path) == {Slot.CURRENT: USED.der}


def test_a_third_certificate_that_waits_is_not_pushed_out_by_a_return(tmp_path: Path) -> None:
    store = opened(tmp_path)
    place(store, USED, Slot.CURRENT)
    place(store, FOLLOWING, Slot.NEXT)
    store.promote(STRUCTURE, Role.SIGN)
    place(store, THIRD, Slot.NEXT)
    store.restore_former(STRUCTURE, Role.SIGN)
    assert standing(tmp_path) == {Slot.CURRENT: USED.der, Slot.NEXT: THIRD.der}


def test_the_first_certificate_may_come_by_the_next_slot(tmp_path: Path) -> None:
    store = opened(tmp_path)
    place(store, USED, Slot.NEXT)
    with pytest.raises(KeyUnavailable):
        store.signer(STRUCTURE)
    store.promote(STRUCTURE, Role.SIGN)
    assert standing(tmp_path) == {Slot.CURRENT: USED.der}


def test_moves_that_lead_nowhere_move_nothing(tmp_path: Path) -> None:
    clock = FrozenClock(NOW)
    store = opened(tmp_path, clock)
    place(store, PKI.issue(SIGN, not_after=NOW + timedelta(days=5)), Slot.CURRENT)
    before = standing(tmp_path)
    for move in (store.promote, store.restore_former):
        with pytest.raises(KeyUnavailable):
            move(STRUCTURE, Role.SIGN)
        with pytest.raises(CertificateWrongStructure):
            move("../evil", Role.SIGN)
    place(store, FOLLOWING, Slot.NEXT)
    store.promote(STRUCTURE, Role.SIGN)
    clock.advance(6 * 86_400)
    with pytest.raises(CertificateExpired):
        store.restore_former(STRUCTURE, Role.SIGN)
    assert standing(tmp_path)[Slot.FORMER] == before[Slot.CURRENT]
    damaged = tmp_path / "keys" / STRUCTURE / "sign.next.sealed"
    damaged.write_bytes(b"not a key")
    with pytest.raises(KeyUnavailable):
        store.promote(STRUCTURE, Role.SIGN)
    assert store.signer(STRUCTURE).certificate == FOLLOWING.der
    assert store.unreadable(Slot.NEXT) == ((STRUCTURE, Role.SIGN),)
    assert store.unreadable() == ()


def test_a_next_certificate_of_another_environment_stops_the_box_like_the_one_in_use(tmp_path: Path) -> None:
    production = Pki.create(test=False)
    other = KeyStore(tmp_path, open_vault(tmp_path, create=True), FrozenClock(NOW))
    place(other, USED, Slot.CURRENT)
    leaf = production.issue(SIGN).pkcs12()
    other.import_pkcs12(STRUCTURE, Role.SIGN, leaf, PASSPHRASE, environment="production", anchors=production.anchors_pem, slot=Slot.NEXT)
    store = opened(tmp_path)
    for ask in (store.check_environment, lambda: store.promote(STRUCTURE, Role.SIGN), lambda: store.signer(STRUCTURE, Slot.NEXT)):
        with pytest.raises(EnvironmentMismatch):
            ask()
    assert store.signer(STRUCTURE).certificate == USED.der


def test_what_another_process_moves_is_seen_and_a_next_one_alone_changes_nothing_in_use(tmp_path: Path) -> None:
    store, other = opened(tmp_path), opened(tmp_path)
    place(store, USED, Slot.CURRENT)
    place(other, FOLLOWING, Slot.NEXT)
    assert store.certificate(STRUCTURE, Role.SIGN, Slot.NEXT) == FOLLOWING.der
    place(other, THIRD, Slot.NEXT)
    assert store.refresh() == frozenset()
    assert store.certificate(STRUCTURE, Role.SIGN, Slot.NEXT) == THIRD.der
    other.promote(STRUCTURE, Role.SIGN)
    assert store.refresh() == {STRUCTURE}
    assert store.certificate(STRUCTURE, Role.SIGN) == THIRD.der
    with pytest.raises(KeyUnavailable):
        store.certificate(STRUCTURE, Role.SIGN, Slot.NEXT)


def test_forgetting_a_role_leaves_none_of_its_keys_and_all_of_the_others(tmp_path: Path) -> None:
    store = opened(tmp_path)
    place(store, shared_leaf(AUTH_CLI), Slot.CURRENT, Role.AUTH_CLI)
    place(store, USED, Slot.CURRENT)
    place(store, FOLLOWING, Slot.NEXT)
    store.promote(STRUCTURE, Role.SIGN)
    place(store, THIRD, Slot.NEXT)
    store.forget(STRUCTURE, Role.SIGN)
    assert [path.name for path in (tmp_path / "keys" / STRUCTURE).iterdir()] == ["auth_cli.sealed"]


def _cut_at(step: int, act: Callable[[], object]) -> bool:
    """Run `act` in a child that dies at once at its `step`-th operation on files; False when it ended before."""
    child = os.fork()
    if child == 0:
        count = 0

        def hook(event: str, _arguments: object) -> None:
            nonlocal count
            if event in ("open", "os.rename", "os.remove", "os.mkdir"):
                count += 1
                if count == step:
                    os._exit(_CUT)

        sys.addaudithook(hook)
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == _CUT


def _cuts(home: Path, move: str) -> list[dict[Slot, bytes]]:
    """Every state that a move cut at any instant leaves behind, finished each time by asking again; the last one is the whole move."""
    left: list[dict[Slot, bytes]] = []
    store = opened(home / "before")
    place(store, USED, Slot.CURRENT)
    place(store, FOLLOWING, Slot.NEXT)
    if move == "restore_former":
        store.promote(STRUCTURE, Role.SIGN)
    for step in range(1, 60):
        here = shutil.copytree(home / "before", home / str(step))
        cut = _cut_at(step, lambda here=here: getattr(opened(here), move)(STRUCTURE, Role.SIGN))  # type: ignore[misc]
        left.append(standing(here))
        if not cut:
            return left
        try:
            getattr(opened(here), move)(STRUCTURE, Role.SIGN)
        except KeyUnavailable:
            assert left[-1][Slot.CURRENT] == (FOLLOWING.der if move == "promote" else USED.der), "refused only once it was done"
        left.append(standing(here))
    raise AssertionError("the move never ends")


def test_a_promotion_cut_anywhere_leaves_a_key_in_use_and_is_finished_by_asking_again(tmp_path: Path) -> None:
    left = _cuts(tmp_path, "promote")
    done = {Slot.CURRENT: FOLLOWING.der, Slot.FORMER: USED.der}
    assert left[-1] == done
    assert all(one == done for one in left[1:-1:2])
    assert len({tuple(one) for one in left[:-1:2]}) >= 3, "before, with the copy, and after"
    assert all(one[Slot.CURRENT] in (USED.der, FOLLOWING.der) for one in left)
    assert all(FOLLOWING.der in one.values() and USED.der in one.values() for one in left)


def test_a_return_cut_anywhere_leaves_a_key_in_use_and_is_finished_by_asking_again(tmp_path: Path) -> None:
    left = _cuts(tmp_path, "restore_former")
    done = {Slot.CURRENT: USED.der, Slot.NEXT: FOLLOWING.der}
    assert left[-1] == done
    assert all(one == done for one in left[1:-1:2])
    assert all(one[Slot.CURRENT] in (USED.der, FOLLOWING.der) for one in left)
    assert all(FOLLOWING.der in one.values() and USED.der in one.values() for one in left)


def test_a_promotion_after_a_return_cut_half_way_keeps_the_former_one(tmp_path: Path) -> None:
    store = opened(tmp_path)
    place(store, USED, Slot.CURRENT)
    place(store, FOLLOWING, Slot.NEXT)
    store.promote(STRUCTURE, Role.SIGN)
    folder = tmp_path / "keys" / STRUCTURE
    (folder / "sign.next.sealed").write_bytes((folder / "sign.sealed").read_bytes())
    store.promote(STRUCTURE, Role.SIGN)
    assert standing(tmp_path) == {Slot.CURRENT: FOLLOWING.der, Slot.FORMER: USED.der}
