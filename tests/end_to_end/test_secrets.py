"""No private key, passphrase or PIN of a box gets out: neither by a route, a page, a log, a proof, what is sent, a copy of its folder,
nor by a crash (contract: keys cannot be read out of the box). The search is shown to find what it looks for.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, pkcs12

from tests.end_to_end.certificate_files import certificate, issued
from tests.end_to_end.scene import ONLY_DMP, STRUCTURE, TO_DOCTOR, Scene, played
from tests.end_to_end.secrets_sought import found_in, found_under, needles_of_key, needles_of_words
from tests.rig.processes import ROOT, environment
from tests.tools import need_tool
from tests.web.visit import forms_of

pytestmark = [pytest.mark.xdist_group("e2e-secrets"), pytest.mark.slow]
ACTOR = "899700366240"
WORDS = "l'été, à Douarnenez : 36 bateaux"
WRONG = "l'hiver, à Quiberon : 12 bateaux"
ROLES = ("auth_cli", "sign", "insi_manu")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with played(tmp_path / "stage", services=tmp_path / "services") as one:
        yield one


def under_my_words(data: bytes, passphrase: str) -> tuple[bytes, rsa.RSAPrivateKey]:
    """The same certificate in a file protected by WORDS, and its key for the search."""
    key, leaf, others = pkcs12.load_key_and_certificates(data, passphrase.encode())
    assert isinstance(key, rsa.RSAPrivateKey)
    return pkcs12.serialize_key_and_certificates(b"x", key, leaf, others, BestAvailableEncryption(WORDS.encode())), key


def by_command(scene: Scene, folder: Path, role: str, data: bytes) -> bytes:
    path = folder / f"{role}.p12"
    path.write_bytes(data)
    place = ("import", str(path), "--structure", STRUCTURE, "--role", role)
    said = [certificate(scene.gateway.home, *place, secret=secret) for secret in (WRONG, WORDS)]
    path.unlink()
    assert [one.code for one in said] == [1, 0], said
    return "".join(one.out + one.err for one in said).encode()


def by_api(scene: Scene, role: str, data: bytes) -> bytes:
    said = b""
    for secret, status in ((WRONG, 422), (WORDS, 201)):
        order = json.dumps({"structure": STRUCTURE, "role": role, "passphrase": secret})
        parts = {"request": (None, order, "application/json"), "file": ("a.p12", data, "application/x-pkcs12")}
        answer = scene.station.post("/certificates", files=parts, headers={"Relais-Actor": ACTOR})
        assert answer.status_code == status, answer.text
        said += answer.content + str(answer.headers).encode()
    return said


def by_page(scene: Scene, role: str, data: bytes) -> bytes:
    said = b""
    with httpx.Client(base_url=scene.gateway.facts["web"], verify=False, timeout=60) as client:  # noqa: S501 - loopback
        client.post("/connexion", data={"jeton": scene.gateway.token})
        for secret in (WRONG, WORDS):
            form = next(one for one in forms_of(client.get("/certificats")) if one.action == "/certificats")
            fields = {**form.fields, "usage": role, "vous": ACTOR, "mot_de_passe": secret}
            sent = client.post(form.action, data=fields, files={"fichier": ("a.p12", data, "application/x-pkcs12")})
            said += sent.content + str(sent.headers).encode() + client.get("/certificats").content
    return said


def every_route(scene: Scene, receipt: dict[str, str]) -> bytes:
    """The answers of every GET of the API that ends, its paths filled with what the box has."""
    said = b""
    known = {"document_id": receipt["id"], "structure": STRUCTURE, "role": "sign", "local_id": "P-1"}
    paths = scene.station.get("/openapi.json").json()["paths"]
    for path, verbs in paths.items():
        if "get" in verbs and not path.endswith(("/events", "/card-events")) and path.startswith("/api/v1/"):
            filled = re.sub(r"\{(\w+)\}", lambda name: known.get(name.group(1), "1"), path.removeprefix("/api/v1"))
            said += scene.station.get(filled).content
    return said


def backed_up(scene: Scene, stick: Path) -> dict[bytes, str]:
    """Have the running box backed up there; what a backup must not betray either: its phrase, the box key, tokens, the patient."""
    stick.mkdir()
    place = ("--home", str(scene.gateway.home), "--to", str(stick))
    program = [sys.executable, "-m", "provisioning", "backup"]
    said = [
        subprocess.run([*program, action, *place], cwd=ROOT, capture_output=True, text=True, timeout=90, check=True).stdout
        for action in ("prepare", "run")
    ]
    [phrase] = re.findall(r"(?:[0-9A-Z]{5}-){6}[0-9A-Z]{5}", said[0])
    assert len(list(stick.glob("*.relais-sauvegarde"))) == 1
    key = (scene.gateway.home / "box.key").read_bytes()
    words = {"token": scene.gateway.token, "operator": (scene.gateway.home / "operator-token").read_text().strip(), "patient": "INVENTEE-"}
    needles = needles_of_words(phrase, "phrase") | {key: "box key", key.hex().encode(): "box key"}
    for name, text in words.items():
        needles |= needles_of_words(text, name)
    return needles


def test_nothing_of_a_key_or_a_passphrase_gets_out_of_a_box(scene: Scene, tmp_path: Path) -> None:
    needles = needles_of_words(WORDS, "passphrase") | needles_of_words(WRONG, "wrong passphrase")
    said = b""
    taking = {"auth_cli": lambda role, data: by_command(scene, tmp_path, role, data), "sign": lambda role, data: by_api(scene, role, data)}
    for role in ROLES:
        data, key = under_my_words(*issued(scene, role))
        needles |= needles_of_key(key, role)
        said += taking.get(role, lambda role, data: by_page(scene, role, data))(role, data)
        promoted = certificate(scene.gateway.home, "promote", "--structure", STRUCTURE, "--role", role)
        assert promoted.code == 0, promoted.err
    receipt = scene.sent(deliver=ONLY_DMP | TO_DOCTOR)
    proof = scene.station.get(f"/documents/{receipt['id']}/proof").content
    assert found_in(proof + every_route(scene, receipt) + said, needles) == set()
    pid = scene.gateway.process.pid if scene.gateway.process is not None else 0
    assert found_in(b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")), needles) == set()
    assert not [one for one in Path(f"/proc/{pid}/fd").iterdir() if "memfd:relais" in str(one.readlink())], "the memory file is closed"
    in_backups = backed_up(scene, tmp_path / "stage" / "stick")
    needles |= {needle: name for needle, name in in_backups.items() if name == "phrase"}
    assert found_under(tmp_path / "stage" / "stick", needles | in_backups) == {}
    scene.station.close()
    scene.gateway.stop()
    left = len(list(scene.gateway.home.rglob("*")))
    assert left > 10
    for folder in (tmp_path / "stage", tmp_path / "services" / "received"):
        assert found_under(folder, needles) == {}
    assert scene.gateway.log.stat().st_size > 0
    scene.restart()


def test_the_search_finds_a_key_however_it_is_written(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    needles = needles_of_key(key, "key") | needles_of_words(WORDS, "passphrase")
    numbers = key.private_numbers()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    traditional = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    written = {
        "pem": pem,
        "der": traditional,
        "one line of base64": b"x" + base64.b64encode(b"z" + traditional),
        "json": json.dumps({"key": pem.decode()}).encode(),
        "hexadecimal": traditional.hex().encode(),
        "upper case": traditional.hex().upper().encode(),
        "colons": ":".join(f"{one:02x}" for one in numbers.p.to_bytes(128, "big")).encode(),
        "decimal": str(numbers.d).encode(),
        "little endian": numbers.q.to_bytes(128, "little"),
        "words": WORDS.encode(),
        "words in JSON": json.dumps({"p": WORDS}).encode(),
        "words in base64": base64.b64encode(b"ab" + WORDS.encode() + b"c"),
        "words in a form": httpx.QueryParams({"p": WORDS}).__str__().replace("+", "%20").encode(),
        "words in hexadecimal": WORDS.encode().hex().encode(),
    }
    for name, content in written.items():
        assert found_in(b"before " + content + b" after", needles), name
        (tmp_path / name).write_bytes(content)
    assert set(found_under(tmp_path, needles)) == set(written)
    assert found_in(os.urandom(1_000_000), needles) == set()


_ABORTS = """
import os, resource, sys
sys.path.insert(0, {root!r})
{harden}
secret = bytes.fromhex(sys.stdin.read())
print("ready", flush=True)
os.abort()
"""


def _with_cores(most: str = "unlimited") -> list[str]:
    return [need_tool("prlimit"), f"--core={most}", "--"]


def _dumped(folder: Path, program: list[str], given: bytes | None) -> list[Path]:
    """Let a program that aborts leave a core where it stands; what it left."""
    folder.mkdir()
    subprocess.run([*_with_cores(), *program], input=given, cwd=folder, check=False, capture_output=True, timeout=60)
    return sorted(folder.glob("core*"))


def _dumps_here(folder: Path) -> bytes:
    """The core of a process without protection that holds a secret; skips where the kernel keeps none."""
    secret = os.urandom(64)
    program = [sys.executable, "-c", _ABORTS.format(root=str(ROOT), harden="")]
    try:
        cores = _dumped(folder, program, secret.hex().encode())
    except (subprocess.SubprocessError, ValueError, OSError):
        cores = []
    if not cores:
        pytest.skip("this kernel writes no core file where a program stands")
    assert secret in cores[0].read_bytes(), "a core does betray what a process holds"
    return secret


def test_a_crash_leaves_no_core(tmp_path: Path) -> None:
    _dumps_here(tmp_path / "unprotected")
    harden = "from firmware.process import harden_process; harden_process()"
    program = [sys.executable, "-c", _ABORTS.format(root=str(ROOT), harden=harden)]
    assert _dumped(tmp_path / "protected", program, os.urandom(64).hex().encode()) == []


def test_a_box_that_is_aborted_leaves_no_core(tmp_path: Path) -> None:
    _dumps_here(tmp_path / "unprotected")
    with played(tmp_path / "stage") as scene:
        scene.station.close()
        scene.gateway.stop()
        here = tmp_path / "crash"
        here.mkdir()
        ready = scene.gateway.home / "gateway.json"
        ready.unlink(missing_ok=True)

        command = [*_with_cores(), sys.executable, "-m", "gateway", "serve", "--home", str(scene.gateway.home)]
        process = subprocess.Popen(
            command,
            cwd=here,
            env=environment() | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while not ready.exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
        assert ready.exists()
        os.kill(process.pid, signal.SIGABRT)
        assert process.wait(30) == -signal.SIGABRT
        assert list(here.iterdir()) == []
        assert not list(scene.gateway.home.glob("core*"))
        scene.restart()


@pytest.mark.parametrize("command", [("certificate", "list"), ("boxkey", "show")])
def test_the_commands_that_hold_secrets_are_hardened_too(tmp_path: Path, command: tuple[str, str]) -> None:
    """The limit that the kernel reports of this process after the command has run in it."""
    program = (
        "import sys, resource; from gateway.__main__ import main;"
        f"main([*{command!r}, '--home', {str(tmp_path)!r}]);"
        "sys.exit(0 if resource.getrlimit(resource.RLIMIT_CORE) == (0, 0) else 9)"
    )

    whole = [*_with_cores("4096"), sys.executable, "-c", program]
    done = subprocess.run(whole, cwd=ROOT, check=False, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
