"""From an empty home and the first partition to a first document in the DMP, with nobody there, by the command of the page."""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.init import mailbox_of
from tests.rig.processes import QUICK, ROOT, STRUCTURE, Gateway, Sandbox, environment

pytestmark = pytest.mark.slow
PAGE = ROOT / "docs/integrateur/installation.md"
CODE = "le code de l'installateur 4711"
MOST_SECONDS = 300


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    one = Sandbox(tmp_path / "sandbox")
    one.start()
    try:
        yield one
    finally:
        one.stop()


def fill(partition: Path, sandbox: Sandbox) -> set[bytes]:
    """The first partition as an installer leaves it: sheet, authorities, certificate files. Its secrets."""
    partition.mkdir()
    asked = {"structure": STRUCTURE, "organisation": "CABINET DU PORT", "mailbox": mailbox_of(STRUCTURE)}
    answer: dict[str, Any] = sandbox.control("/enrol", asked)
    model = Gateway(partition.parent / "model")
    model.enrol(sandbox, settings=QUICK)
    (partition / "anchors.pem").write_text(answer["ca"] + answer["chain"])
    lines = ["[first_boot]", 'anchors = "anchors.pem"', f'homologation = "{answer["homologation"]}"', f'operator_code = "{CODE}"']
    lines += ["first_document = true"]
    secrets = {CODE.encode(), answer["homologation"].encode()}
    for role in ("auth_cli", "sign", "insi_manu", "insi_auto"):
        (partition / f"{role}.p12").write_bytes(base64.b64decode(answer[role]["p12"]))
        lines += [
            "",
            "[[first_boot.certificates]]",
            f'role = "{role}"',
            f'file = "{role}.p12"',
            f'passphrase = "{answer[role]["passphrase"]}"',
        ]
        secrets.add(answer[role]["passphrase"].encode())
    settings = (model.home / "relais.toml").read_text("utf-8")
    (partition / "relais.toml").write_text("\n".join([settings.rstrip(), "", *lines, ""]), encoding="utf-8")
    return secrets


def first_boot(home: Path, partition: Path) -> subprocess.CompletedProcess[str]:
    [line] = [one.strip() for one in PAGE.read_text("utf-8").splitlines() if one.startswith("    relais-provision ")]
    words = line.replace("boitier", str(home)).replace("partition/", f"{partition}/").split()
    command = [sys.executable, "-m", "provisioning", *words[1:]]
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=MOST_SECONDS, check=False)


def test_an_empty_home_sends_its_first_document_with_nobody_there(sandbox: Sandbox, tmp_path: Path) -> None:
    home, partition = tmp_path / "box", tmp_path / "partition"
    secrets = fill(partition, sandbox)
    began = time.monotonic()
    done = first_boot(home, partition)
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < MOST_SECONDS
    [document] = sandbox.control("/ledger/dmp")
    assert (document["status"], document["times_committed"]) == ("Approved", 1)
    assert "Premier document : remis." in done.stdout
    assert done.stdout.count("les services appelés l'acceptent") == 4
    assert "✗" not in done.stdout

    assert {one.name for one in partition.iterdir()} == {"relais.toml", "relais.toml.resultat.txt", "anchors.pem"}
    left = b"".join(one.read_bytes() for one in partition.iterdir()) + (done.stdout + done.stderr).encode()
    assert not any(secret in left for secret in secrets)
    again = first_boot(home, partition)
    assert (again.returncode, "déjà installé" in again.stdout) == (0, True)
    assert len(sandbox.control("/ledger/dmp")) == 1
