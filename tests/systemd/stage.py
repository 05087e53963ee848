"""A box started by a real systemd, in namespaces of its own: run by `test_real_systemd.py` as the first process of a new PID namespace.

It is systemd's manager of a user that runs the units here, as root: the same program and the same execution code, without the devices, the
limits and the lists of addresses that only the first process of a machine can set. `/etc` and `/var/lib` are seen through an overlay, and
`/run` is empty. Drop-ins change the interpreter, which is that of the tests, and the patience of the watchdog. Prints what was seen.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.end_to_end.scene import EXAMPLES, UNHURRIED, Scene
from tests.rig.processes import ROOT, Gateway, Sandbox
from tests.systemd.unit import FOLDER, SERVICES, service

HOME = Path("/var/lib/relais")
CREDENTIAL = Path("/var/lib/relais-secrets/relais-box-key")
PYTHON = "/opt/python/bin/python3"
WATCHDOG = 2
GRACE = "\n[factory_reset]\ngrace_seconds = 5\n"
CGROUPS = (Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))
INSTEAD = {
    "/usr/bin/python3 -I": f"{PYTHON} -P",
    "/usr/lib/relais/relais.nft": "/opt/relais/systemd/nftables/relais.nft",
}
MANAGER = """
umask 0
for group; do echo $$ > "$group"; done
exec /usr/lib/systemd/systemd --user --unit=basic.target
"""
"""In its control groups; with the mask of a first process, whose socket for notices every user may write to."""
_PATIENCE = 80.0


def groups_of(name: str) -> list[Path]:
    """The control groups of this stage, made when they are not there. Raises OSError where none can be made."""
    found = [one / name for one in CGROUPS if (one / "cgroup.procs").exists()]
    for one in found:
        one.mkdir(exist_ok=True)
    return found


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr}")
    return done.stdout.strip()


def until(fact: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not fact():
        if time.monotonic() > deadline:
            raise RuntimeError(f"it never happened: {what}")
        time.sleep(0.05)


def set_up(folder: Path) -> None:
    """What `make install`, sysusers and tmpfiles do to a system, in our own view of this one."""
    run("mount", "--make-rprivate", "/")
    run("mount", "--make-rshared", "/")  # among ourselves, as at the start of a machine: credentials are mounted by a helper
    run("ip", "link", "set", "lo", "up")
    run("mount", "-t", "tmpfs", "tmpfs", str(folder))
    for name in ("etc", "var/lib"):
        upper, work = folder / "upper" / name, folder / "work" / name
        upper.mkdir(parents=True)
        work.mkdir(parents=True)
        run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir=/{name},upperdir={upper},workdir={work}", f"/{name}")
    for name in ("run", "opt"):
        run("mount", "-t", "tmpfs", "tmpfs", f"/{name}")
    Path("/run/systemd/system").mkdir(parents=True)
    for name, source in (("python", sys.base_prefix), ("relais", str(ROOT)), ("site", sysconfig.get_path("purelib"))):
        Path("/opt", name).mkdir()
        run("mount", "--bind", source, f"/opt/{name}")
    run("make", "-s", "-C", str(FOLDER), "install", f"DESTDIR={folder / 'root'}")
    foreign = folder / "foreign.conf"
    foreign.write_text("u systemd-resolve - -\nu _chrony - -\n", encoding="utf-8")
    run("systemd-sysusers", str(FOLDER / "sysusers.d/relais.conf"), str(foreign))
    run("systemd-tmpfiles", "--create", str(FOLDER / "tmpfiles.d/relais.conf"))
    shutil.copy(FOLDER / "devices.toml", "/var/lib/relais-devices/devices.toml")
    shutil.chown("/var/lib/relais-devices/devices.toml", "relais-devices", "relais-devices")


def write_drop_ins(folder: Path) -> Path:
    """What differs from a box."""
    place = folder / "drop-ins"
    environment = "PYTHONPATH=/opt/relais:/opt/site LD_LIBRARY_PATH=/opt/python/lib PYTHONHOME=/opt/python"
    for name in SERVICES:
        unit = service(name)
        log = folder / f"{name}.log"
        lines = ["[Service]", f"Environment={environment}", f"StandardOutput=append:{log}", f"StandardError=append:{log}", "ExecStart="]
        commands = "\n".join(f"ExecStart={command}" for command in unit["ExecStart"])
        for there, here in INSTEAD.items():
            commands = commands.replace(there, here)
        lines.append(commands)
        if "WatchdogSec" in unit:
            lines += [f"WatchdogSec={WATCHDOG}", "RestartSec=100ms", "TimeoutAbortSec=2"]
        (place / f"{name}.d").mkdir(parents=True)
        (place / f"{name}.d/test.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


def enrol(folder: Path, sandbox: Sandbox) -> Gateway:
    """A home in its place, its key in the hands of systemd alone."""
    gateway = Gateway(HOME)
    gateway.enrol(sandbox, settings=f'{UNHURRIED}\n[devices]\nstart = "service"\n\n[box_key]\ncustody = "credential"\n{GRACE}')
    run("systemd-creds", "encrypt", "--with-key=host", f"--name={CREDENTIAL.name}", str(HOME / "box.key"), str(CREDENTIAL))
    (HOME / "box.key").unlink()
    run("chown", "-R", "relais:relais", str(HOME))
    return gateway


@contextlib.contextmanager
def manager(folder: Path, drop_ins: Path, group: str) -> Iterator[None]:
    """A manager of units, in a control group of its own."""
    units = f"{drop_ins}:{folder / 'root/usr/lib/systemd/system'}:"
    told = {**os.environ, "XDG_CONFIG_HOME": "/var/lib", "XDG_STATE_HOME": "/var/lib", "HOME": "/root", "SYSTEMD_UNIT_PATH": units}
    groups = [str(one / "cgroup.procs") for one in groups_of(group)]
    with (folder / "manager.log").open("wb") as log:
        process = subprocess.Popen(["/bin/sh", "-c", MANAGER, "sh", *groups], env=told, stdout=log, stderr=log)
        try:
            until(lambda: Path("/run/systemd/private").exists(), "the manager answers")
            yield
        finally:
            process.terminate()
            process.wait(60)


def property_of(unit: str, name: str) -> str:
    return run("systemctl", "--user", "show", "--property", name, "--value", unit)


def active(unit: str) -> bool:
    return property_of(unit, "ActiveState") == "active"


def seen_of(unit: str) -> dict[str, Any]:
    """What the kernel says of the main process of a unit."""
    place = Path("/proc", property_of(unit, "MainPID"))
    status = dict(line.split(":\t", 1) for line in (place / "status").read_text().splitlines() if ":\t" in line)
    return {
        "user": int(status["Uid"].split()[0]), "seccomp": int(status["Seccomp"]), "no_new_privileges": int(status["NoNewPrivs"]),
        "capabilities": int(status["CapBnd"], 16), "own_network": (place / "ns/net").readlink() != Path("/proc/self/ns/net").readlink(),
    }  # fmt: skip


def play(folder: Path, sandbox: Sandbox, gateway: Gateway) -> dict[str, Any]:
    """A day of this box."""
    seen: dict[str, Any] = {}
    run("systemctl", "--user", "start", "--no-block", "relais.target")
    until(lambda: active("relais.service"), "relais.service is active")
    gateway.facts = json.loads((HOME / "gateway.json").read_bytes())
    scene = Scene(sandbox, gateway)
    seen["api"] = gateway.facts["api"]
    ended = scene.sent(deliver={"dmp": True, "patient_mail": {"send": True}})
    seen["deliveries"] = sorted(one["state"] for one in ended["deliveries"])
    letter = scene.sent(file=(EXAMPLES / "courrier-non-pdfa.pdf").read_bytes(), deliver={"dmp": True})
    seen["converted"] = [one["state"] for one in letter["deliveries"]]
    until(lambda: scene.station.get("/status").json()["devices"]["answering"], "the devices are there")
    seen["processes"] = {name: seen_of(name) for name in ("relais.service", "relais-egress.service", "relais-devices.service")}
    listed = json.loads(run("nft", "--json", "list", "set", "inet", "relais", "services"))["nftables"]
    seen["ports"] = next(one["set"]["elem"] for one in listed if "set" in one)
    seen["dmp"] = sandbox.facts["dmp"]
    os.kill(int(property_of("relais.service", "MainPID")), signal.SIGSTOP)
    until(lambda: int(property_of("relais.service", "NRestarts")) >= 1 and active("relais.service"), "the watchdog restarts the gateway")
    after = scene.sent(deliver={"dmp": True})
    seen["after"] = [one["state"] for one in after["deliveries"]]
    seen["committed"] = len(sandbox.control("/ledger/dmp"))
    scene.station.close()
    run("systemctl", "--user", "stop", "relais.service")
    seen["result"] = property_of("relais.service", "Result")
    seen["told"] = (folder / "relais.service.log").read_text() + (folder / "relais-egress.service.log").read_text()
    seen["failed"] = run("systemctl", "--user", "list-units", "--failed", "--plain", "--no-legend")
    return seen


def erased() -> dict[str, Any]:
    """What is left once the button asked for a return to factory settings, the gateway handed over and the next start erased."""
    request = HOME / "factory-reset.json"
    request.write_text('{"id": "x", "requested_at": "2026-11-30T11:00:00Z", "told": true, "erases": true}', encoding="utf-8")
    shutil.chown(request, "relais", "relais")
    run("systemctl", "--user", "start", "--no-block", "relais.service")
    receipt = HOME / "effacement.txt"
    until(lambda: receipt.exists() and not (HOME / "erasure.json").exists(), "the box is erased")
    until(lambda: property_of("relais.service", "ActiveState") == "inactive", "a blank box is not served")
    return {
        "left": sorted(path.name for path in HOME.rglob("*")),
        "owner": receipt.stat().st_uid,
        "credential": CREDENTIAL.exists(),
        "receipt": receipt.read_text("utf-8"),
        "failed": run("systemctl", "--user", "list-units", "--failed", "--plain", "--no-legend"),
    }


def main(folder: Path, group: str) -> None:
    os.environ["XDG_RUNTIME_DIR"] = "/run"
    set_up(folder)
    drop_ins = write_drop_ins(folder)
    sandbox = Sandbox(folder / "sandbox")
    try:
        sandbox.start()
        gateway = enrol(folder, sandbox)
        with manager(folder, drop_ins, group):
            seen = play(folder, sandbox, gateway)
            print(json.dumps({**seen, "erased": erased()}))
    finally:
        sandbox.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
