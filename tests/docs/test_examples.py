"""The examples of the documentation, run as a reader would run them: both clients, the vendor's guide, the tour of the README."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.walkthrough import differences, read_blocks, run
from tests.ports import free_port
from tests.rig.caller import Workstation, request
from tests.rig.processes import QUICK, ROOT, Gateway, Sandbox, running
from tests.tools import need_tool

CLIENT = ROOT / "examples" / "client"
DOCUMENTS = ROOT / "examples" / "documents"
GUIDE = ROOT / "docs" / "editeur" / "guide.md"
SANDBOX = ROOT / "docs" / "editeur" / "bac-a-sable.md"
ESIGNSANTE = ROOT / "docs" / "editeur" / "esignsante.md"
README = ROOT / "README.md"
COMPARED = QUICK.replace("compare_text = false", "compare_text = true")
"""As on a box: the examples are the documents of their patients."""

pytestmark = pytest.mark.xdist_group("docs")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Gateway]]:
    with running(tmp_path_factory.mktemp("examples"), settings=COMPARED) as both:
        yield both


@pytest.fixture
def desk(tmp_path: Path, place: tuple[Sandbox, Gateway]) -> Path:
    """A folder as a vendor has it: a document of this test's own, its description, the token."""
    described = request(deliver={"dmp": True, "patient_mail": {"send": True}, "professionals": []})
    described["patient"]["local_id"] = "P-1042"
    (tmp_path / "ordonnance.json").write_text(json.dumps(described))
    for name in ("ordonnance.pdf", "certificat.pdf", "lettre-adressage.pdf"):
        shutil.copyfile(DOCUMENTS / name, tmp_path / name)
    (tmp_path / "jeton").write_text(f"{place[1].token}\n")
    return tmp_path


def client(gateway: Gateway, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = str(CLIENT / "python_client.py")
    command = [sys.executable, program, "--api", gateway.facts["api"], "--ca", gateway.facts["ca"], "--token-file", "jeton"]
    return subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_the_python_client_sends_waits_and_keeps_the_proof(place: tuple[Sandbox, Gateway], desk: Path) -> None:
    done = client(place[1], desk, "ordonnance.pdf", "ordonnance.json", "--proof", "preuve.zip")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"Document [0-9a-f-]{36} : done\n  dmp : delivered\n  mss : delivered\n", done.stdout)
    with zipfile.ZipFile(desk / "preuve.zip") as proof:
        assert json.loads(proof.read("recepisse.json"))["state"] == "done"
        assert proof.read("01-original") == (desk / "ordonnance.pdf").read_bytes()


def test_the_python_client_tells_a_refusal(place: tuple[Sandbox, Gateway], desk: Path) -> None:
    (desk / "faux.pdf").write_bytes(b"not a PDF")
    refused = client(place[1], desk, "faux.pdf", "ordonnance.json")
    assert refused.returncode == 2
    assert "[document-not-pdf]" in refused.stderr


def test_the_python_client_says_that_the_box_is_away(place: tuple[Sandbox, Gateway], desk: Path) -> None:
    script = "import python_client as c, sys; c.patiently.__defaults__ = (0.0, 1.0); sys.exit(c.main(sys.argv[1:]))"
    command = [sys.executable, "-c", script, "--api", f"https://127.0.0.1:{free_port()}/api/v1", "--ca", place[1].facts["ca"]]
    environment = {**os.environ, "PYTHONPATH": str(CLIENT)}
    files = ["--token-file", "jeton", "ordonnance.pdf", "ordonnance.json"]
    away = subprocess.run([*command, *files], cwd=desk, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (away.returncode, away.stdout) == (3, "")
    assert "avec la même clé" in away.stderr


def test_the_python_client_says_what_waits(place: tuple[Sandbox, Gateway], desk: Path) -> None:
    text = (desk / "ordonnance.json").read_text()
    (desk / "validee.json").write_text(text.replace('"QUAL"', '"VALI"'))
    place[0].fault("insi", "down", 0)  # nobody qualifies the identity meanwhile
    done = client(place[1], desk, "ordonnance.pdf", "validee.json")
    place[0].control("/reset", {})
    assert done.returncode == 2
    assert "held (L'identité du patient n'est pas encore qualifiée" in done.stdout


def test_the_python_client_insists_with_the_same_key(place: tuple[Sandbox, Gateway], desk: Path) -> None:
    script = f"""
import python_client as c
from pathlib import Path
box = c.Relais({place[1].facts["api"]!r}, Path("jeton").read_text().strip(), Path({place[1].facts["ca"]!r}))
away = c.Relais("https://127.0.0.1:{free_port()}/api/v1", "x", Path({place[1].facts["ca"]!r}))
tries = []
def call():
    tries.append(1)
    target = away if len(tries) < 3 else box
    return target.send(Path("ordonnance.pdf").read_bytes(), "application/pdf", Path("ordonnance.json").read_bytes(), "insiste")
first = c.patiently(call, patience=20, pause=0.01)
second = box.send(Path("ordonnance.pdf").read_bytes(), "application/pdf", Path("ordonnance.json").read_bytes(), "insiste")
assert len(tries) == 3 and first["id"] == second["id"]
assert first["id"] in [one["id"] for one in box.documents(patient="P-1042", limit="1")]
"""
    environment = {**os.environ, "PYTHONPATH": str(CLIENT)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=desk, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("document", "exit_code"), [("ordonnance.pdf", 0), ("jeton", 2)])
def test_the_curl_client_sends(place: tuple[Sandbox, Gateway], desk: Path, document: str, exit_code: int) -> None:
    done = curl_client(place[1], desk, document, place[1].facts["api"])
    assert done.returncode == exit_code
    answer = json.loads(done.stdout)
    assert answer["code"] == "document-not-pdf" if exit_code else answer["deliveries"]


def test_the_curl_client_says_that_the_box_is_away(place: tuple[Sandbox, Gateway], desk: Path) -> None:
    assert curl_client(place[1], desk, "ordonnance.pdf", f"https://127.0.0.1:{free_port()}/api/v1").returncode == 3


def curl_client(gateway: Gateway, folder: Path, document: str, api: str) -> subprocess.CompletedProcess[str]:
    need_tool("curl")
    environment = {**os.environ, "RELAIS_API": api, "RELAIS_CA": gateway.facts["ca"], "RELAIS_JETON": "jeton", "RELAIS_ESSAIS": "0"}
    command = [need_tool("bash"), str(CLIENT / "envoyer.sh"), document, "ordonnance.json"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_vendors_guide_is_true(place: tuple[Sandbox, Gateway], desk: Path) -> None:
    need_tool("curl")
    gateway = place[1]
    (desk / "mon-cda.xml").write_bytes(_ready_cda(gateway))
    blocks = read_blocks(GUIDE)
    outputs = run(blocks, desk, API=gateway.facts["api"], CA=gateway.facts["ca"], JETON=gateway.token)
    wrong = differences(blocks, outputs)
    assert not wrong, "\n\n".join(wrong)


def test_the_page_of_the_sandbox_is_true(place: tuple[Sandbox, Gateway], desk: Path) -> None:
    need_tool("curl")
    gateway = place[1]
    assert client(gateway, desk, "ordonnance.pdf", "ordonnance.json").returncode == 0
    blocks = read_blocks(SANDBOX)
    known = {"API": gateway.facts["api"], "CA": gateway.facts["ca"], "JETON": gateway.token, "CONTROLE": place[0].facts["control"]}
    wrong = differences(blocks, run(blocks, desk, **known))
    assert not wrong, "\n\n".join(wrong)


def test_the_page_of_esignsante_is_true(place: tuple[Sandbox, Gateway], desk: Path) -> None:
    need_tool("curl")
    need_tool("xmlsec1")
    gateway = place[1]
    blocks = read_blocks(ESIGNSANTE)
    wrong = differences(blocks, run(blocks, desk, API=gateway.facts["api"], CA=gateway.facts["ca"], JETON=gateway.token))
    assert not wrong, "\n\n".join(wrong)


def test_the_tour_of_the_readme_is_true(tmp_path: Path) -> None:
    need_tool("curl")
    demo = tmp_path / "relais-demo-essai"
    sandbox, gateway = Sandbox(demo / "bac-a-sable"), Gateway(demo / "boitier")
    try:
        sandbox.start()
        for patient in json.loads((DOCUMENTS / "patients.json").read_bytes()):
            sandbox.control("/patients", patient)
        gateway.enrol(sandbox)
        gateway.start()
        for name in ("prescription-biologie", "prescription-kine"):
            (demo / "jeton").write_text(gateway.token)
            assert client(gateway, demo, str(DOCUMENTS / f"{name}.pdf"), str(DOCUMENTS / f"{name}.json")).returncode == 2
        blocks = read_blocks(README)
        wrong = differences(blocks, run(blocks, ROOT, TMPDIR=str(tmp_path)))
        assert not wrong, "\n\n".join(wrong)
    finally:
        gateway.stop()
        sandbox.stop()


def _ready_cda(gateway: Gateway) -> bytes:
    """A CDA as a vendor's own builder would make it: one of ours under another identifier."""
    workstation = Workstation(gateway)
    try:
        receipt = workstation.send((DOCUMENTS / "ordonnance.pdf").read_bytes(), key="modele").json()
        workstation.end_of(receipt["id"])
        cda = workstation.get(f"/documents/{receipt['id']}/cda").content
    finally:
        workstation.close()
    return cda.replace(receipt["document_unique_id"].encode(), b"2.25.90210")
