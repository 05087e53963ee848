"""Certificates of a real box changed by the command line and by the API, and called with at the simulated services at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.end_to_end.certificate_files import certificate, issued, take
from tests.end_to_end.scene import ONLY_DMP, STRUCTURE, TO_DOCTOR, Scene
from tests.rig.caller import states
from tests.trust.pki import Leaf
from tests.trust.softhsm import PIN, library, new_token

pytestmark = pytest.mark.xdist_group("e2e-certificates")
ACTOR = {"Relais-Actor": "899700366240"}


def held(scene: Scene, slot: str) -> dict[str, str]:
    items = scene.station.get("/certificates").json()["items"]
    return {one["role"]: one["serial"] for one in items if one["slot"] == slot}


@pytest.mark.parametrize("role", ["auth_cli", "sign", "insi_manu", "insi_auto"])
def test_each_next_certificate_is_taken_by_the_command_line_and_accepted_by_its_services(scene: Scene, tmp_path: Path, role: str) -> None:
    done = take(scene, tmp_path, role)
    assert (done.code, done.err) == (0, "")
    assert "les services appelés l'acceptent" in done.out
    assert "essai réussi" in done.out
    assert role in held(scene, "next")
    home = scene.gateway.home
    assert role in certificate(home, "next").out
    promoted = certificate(home, "promote", "--structure", STRUCTURE, "--role", role)
    assert promoted.code == 0, promoted.err
    assert role in held(scene, "former")
    ended = scene.sent(deliver=ONLY_DMP | TO_DOCTOR)
    assert set(states(ended)) == {"delivered"}


@pytest.mark.parametrize(
    ("variant", "role", "code"),
    [
        ("expired", "sign", "certificate-expired"),
        ("not_yet_valid", "sign", "certificate-not-yet-valid"),
        ("foreign", "auth_cli", "authority-signature-false chain-untrusted"),
        ("wrong_usage", "auth_cli", "certificate-not-for-connections"),
        ("revoked", "sign", "certificate-revoked"),
    ],
)
def test_a_faulty_certificate_is_refused_at_the_command_line(scene: Scene, tmp_path: Path, variant: str, role: str, code: str) -> None:
    before = scene.station.get("/certificates").json()
    done = take(scene, tmp_path, role, variant=variant)
    assert done.code == 1
    assert any(f"({one})" in done.err for one in code.split()), done.err
    assert scene.station.get("/certificates").json() == before


@pytest.mark.parametrize(
    ("typed", "option"),
    [
        (("import", "--role", "sign"), "FICHIER.p12"),
        (("promote", "--role", "sign"), "--structure"),
        (("promote", "--structure", STRUCTURE), "--role"),
        (("erase", "--structure", STRUCTURE, "--role", "sign"), "--slot"),
        (("token", "--label", "x"), "--library"),
    ],
)
def test_an_option_that_is_missing_is_named(scene: Scene, typed: tuple[str, ...], option: str) -> None:
    done = certificate(scene.gateway.home, *typed)
    assert done.code == 1
    assert f"{option}." in done.err


def test_the_api_takes_one_while_a_service_is_down(scene: Scene) -> None:
    scene.sandbox.fault("dmp", "refuse_connection", count=0)
    data, passphrase = issued(scene, "auth_cli")
    order = json.dumps({"structure": STRUCTURE, "role": "auth_cli", "slot": "next", "passphrase": passphrase})
    parts = {"request": (None, order, "application/json"), "file": ("a.p12", data, "application/x-pkcs12")}
    answer = scene.station.post("/certificates", files=parts, headers=ACTOR)
    assert answer.status_code == 201, answer.text
    view = answer.json()
    assert view["outcome"] == "unreachable", view
    assert view["certificate"]["slot"] == "next"
    assert "auth_cli" in held(scene, "next")


@pytest.mark.conformity
def test_a_lot_is_sealed_by_a_token_in_a_real_box(scene: Scene, tmp_path: Path) -> None:
    home, label = scene.gateway.home, "relais bout en bout"
    new_token(label, _leaf(scene), tmp_path)
    place = ("token", "--structure", STRUCTURE, "--library", library(), "--label", label, "--slot", "current")
    running = certificate(home, *place, secret=PIN)
    assert "[gateway-must-stop]" in running.err
    scene.station.close()
    scene.gateway.stop()
    wrong = certificate(home, *place, secret="0000")
    assert "[signing-token-pin-refused]" in wrong.err
    taken = certificate(home, *place, secret=PIN)
    assert taken.code == 0, taken.err
    assert "Signature d'essai : essai réussi" in taken.out
    scene.restart()
    before = len(scene.sandbox.verdicts("dmp"))
    ended = scene.sent(deliver=ONLY_DMP)
    assert states(ended) == ["delivered"]
    assert not any(one.get("failed") or one.get("rules") for one in scene.sandbox.verdicts("dmp")[before:])
    assert held(scene, "current")["sign"] == f"{_leaf(scene).certificate.serial_number:x}"


_made: dict[int, Leaf] = {}


def _leaf(scene: Scene) -> Leaf:
    """One signing certificate of the sandbox's authority, its key in the clear for the token to be filled with."""
    from cryptography.hazmat.primitives.serialization import pkcs12

    if id(scene) not in _made:
        data, passphrase = issued(scene, "sign")
        key, leaf, others = pkcs12.load_key_and_certificates(data, passphrase.encode())
        _made[id(scene)] = Leaf(leaf, key, tuple(others))  # type: ignore[arg-type]
    return _made[id(scene)]
