"""The units under a real systemd: a key that it alone can decrypt, a document, a watchdog. What runs is in `stage.py`."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.end_to_end.scene import eventually
from tests.rig.processes import ROOT, environment
from tests.shared import missing
from tests.systemd.stage import groups_of
from tests.tools import need_tool

USERS = {"relais.service": 960, "relais-devices.service": 961, "relais-egress.service": 962}


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_documents_leave_a_box_under_systemd_whose_gateway_has_no_network(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        missing("only root makes namespaces and users")
    for tool in ("nft", "ip", "make", "gs", "systemctl", "systemd-creds", "systemd-sysusers", "systemd-tmpfiles"):
        need_tool(tool)
    folder = tmp_path / "stage"
    folder.mkdir()
    group = f"relais-{os.getpid()}"
    try:
        groups = groups_of(group)
    except OSError as problem:
        pytest.skip(f"this machine lets nobody make a control group ({type(problem).__name__}): systemd cannot run here")
    command = [need_tool("unshare"), "--mount", "--net", "--pid", "--fork", "--mount-proc", sys.executable, "-m", "tests.systemd.stage"]
    try:
        done = subprocess.run(
            [*command, str(folder), group], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=220, check=False
        )
    finally:
        eventually(lambda: all(_gone(one) for one in groups))
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["api"] == "https://127.0.0.1:443/api/v1"
    assert (seen["deliveries"], seen["converted"], seen["after"]) == (["delivered"] * 2, ["delivered"], ["delivered"])
    assert seen["committed"] == 3
    for name, user in USERS.items():
        held = {"user": user, "seccomp": 2, "no_new_privileges": 1, "capabilities": 0, "own_network": name != "relais-egress.service"}
        assert seen["processes"][name] == held
    assert {80, urlsplit(seen["dmp"]).port} <= set(seen["ports"])
    assert (seen["result"], seen["failed"]) == ("success", "")
    assert "Traceback" not in seen["told"]
    receipt = seen["erased"].pop("receipt")
    assert seen["erased"] == {"left": ["effacement.txt", "lock"], "owner": USERS["relais.service"], "credential": False, "failed": ""}
    assert "au bouton du boîtier" in receipt
    assert "Le fichier chiffré d'où venait la clé du boîtier a été écrasé puis effacé en premier" in receipt


def _gone(group: Path) -> bool:
    """Removed, deepest first; a group is busy for a moment after its last process."""
    for inner, _, _ in os.walk(group, topdown=False):
        with contextlib.suppress(OSError):
            Path(inner).rmdir()
    return not group.exists()
