"""Every unit is read by systemd without a word, and exposes no more than its limit (image.md 5)."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from gateway.kernel.config import Devices
from gateway.kernel.home import Home
from gateway.trust.boxkey_custody import CREDENTIAL
from tests.rig.processes import ROOT
from tests.systemd.unit import FOLDER, SERVICES, UNITS, calls_allowed, service, settings
from tests.tools import need_tool

LIMITS = {"relais.service": 10, "relais-devices.service": 10, "relais-first-boot.service": 24}
"""Tenths of a point: 1.0 for what reads what the LAN sends, and for what needs no network; 1.6 for the others.

The first boot is above: root for the partition that root alone reads, on the host's network to learn its own address. It serves nobody."""
OTHERS = 16
NEWER = {
    "RestartSteps": 254, "RestartMaxDelaySec": 254, "MemoryZSwapMax": 253, "OpenFile": 253, "ExtensionDirectories": 253,
    "ImportCredential": 254, "PrivatePIDs": 257, "ProtectHostname=private": 257, "RestrictFileSystems": 250, "MemoryPressureWatch": 254,
    "SurviveFinalKillSignal": 255, "PassFileDescriptorsToExec": 256, "AcceptFileDescriptors": 256, "DeferTrigger": 257,
}  # fmt: skip
"""Keys of which systemd 252, which judges here, knows nothing: used in a unit, they would pass for misspelt ones."""


def _run(program: str, *arguments: str, more: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **(more or {})}
    return subprocess.run([need_tool(program), *arguments], capture_output=True, text=True, timeout=60, check=False, env=environment)


def _exposure(path: Path, limit: int) -> subprocess.CompletedProcess[str]:
    return _run("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={limit}", str(path))


@pytest.mark.parametrize("name", SERVICES)
def test_exposure(name: str) -> None:
    done = _exposure(UNITS / name, LIMITS.get(name, OTHERS))
    assert done.returncode == 0, done.stdout[-200:] + done.stderr


def test_the_page_says_what_is_measured_of_every_service() -> None:
    page = (ROOT / "docs/integrateur/services.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(relais[a-z-]*\.service)` \| ([0-9],[0-9]) \| ([0-9],[0-9]) \|", page, re.MULTILINE)
    assert sorted(name for name, _, _ in told) == SERVICES
    for name, figure, limit in told:
        said = _exposure(UNITS / name, 100).stdout
        assert f"{figure.replace(',', '.')} " in said.rpartition(f"{name}: ")[2], name
        assert int(limit.replace(",", "")) == LIMITS.get(name, OTHERS)


def test_the_measure_can_fail(tmp_path: Path) -> None:
    text = (UNITS / "relais.service").read_text(encoding="utf-8")
    loose = tmp_path / "relais.service"
    loose.write_text(text.replace("PrivateNetwork=yes\n", "").replace("IPAddressDeny=any\n", ""), encoding="utf-8")
    assert _exposure(loose, LIMITS["relais.service"]).returncode == 1


def _verified(folder: Path, *names: str) -> list[str]:
    """What systemd says of these units; what it says of Debian's own is theirs."""
    units = [str(folder / name) for name in names] or [str(path) for path in sorted(folder.iterdir()) if path.is_file()]
    done = _run("systemd-analyze", "verify", "--man=no", *units, more={"SYSTEMD_UNIT_PATH": f"{folder}:"})
    return [line for line in done.stderr.splitlines() if str(folder) in line or "relais" in line or done.returncode]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a system in which `make install` was run."""
    root = tmp_path_factory.mktemp("root")
    done = _run("make", "-s", "-C", str(FOLDER), "install", f"DESTDIR={root}")
    assert done.returncode == 0, done.stderr
    return root


def test_systemd_has_nothing_to_say(installed: Path) -> None:
    folder = installed / "usr/lib/systemd/system"
    assert _verified(folder) == []
    assert _verified(folder, "pcscd.service", "pcscd.socket") == []


@pytest.mark.parametrize(
    ("unit", "fault", "said"),
    [
        ("relais.service", "ProtectSytem=strict", "Unknown key 'ProtectSytem'"),
        ("relais.service", "MemoryMax=beaucoup", "Invalid memory limit 'beaucoup'"),
        ("relais.socket", "ListenStream=:port", "Failed to parse address"),
        ("pcscd.service.d/relais.conf", "SlowDown=yes", "Unknown key 'SlowDown'"),
    ],
)
def test_what_is_misspelt_is_seen(installed: Path, tmp_path: Path, unit: str, fault: str, said: str) -> None:
    folder = tmp_path / "system"
    subprocess.run(["cp", "-r", str(installed / "usr/lib/systemd/system"), str(folder)], check=True)
    path = folder / unit
    section = "[Socket]" if unit.endswith(".socket") else "[Service]"
    path.write_text(path.read_text(encoding="utf-8").replace(section, f"{section}\n{fault}", 1), encoding="utf-8")
    judged = "pcscd.service" if unit.startswith("pcscd") else unit
    assert any(said in line for line in _verified(folder, judged)), _verified(folder, judged)


@pytest.mark.parametrize("path", sorted(UNITS.rglob("*.*")), ids=lambda path: path.name)
def test_no_key_is_too_new_for_the_systemd_that_judges(path: Path) -> None:
    if path.is_file():
        assert not set(re.findall(r"^([A-Za-z]+)=", path.read_text(encoding="utf-8"), re.MULTILINE)) & set(NEWER)


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_started_is_there(name: str) -> None:
    """The modules that units name, found by the interpreter of the tests in the place of the box's."""
    for command in service(name)["ExecStart"]:
        for module in re.findall(r"python3 -I -m (\S+)", command):
            assert find_spec(module if module != "gateway" else "gateway.__main__") is not None
    assert sys.version_info >= (3, 11)


def test_units_and_program_agree_on_names() -> None:
    gateway, devices, egress = service("relais.service"), service("relais-devices.service"), service("relais-egress.service")
    socket = str(Devices(start="service").socket_in(Path("/var/lib/relais")))
    assert f"--socket {socket}" in devices["ExecStart"][0]
    assert gateway["LoadCredentialEncrypted"] == [CREDENTIAL]
    listening = settings(UNITS / "relais-egress.socket", "Socket")["ListenStream"]
    assert gateway["Environment"] == [f"RELAIS_EGRESS={listening[0]}"]
    kept = Home(Path("/var/lib/relais"))
    assert gateway["ReadOnlyPaths"] == [f"-{kept.configuration}"]
    assert egress["LoadCredential"] == [f"relais.toml:{kept.configuration}"]
    assert settings(UNITS / "relais.socket", "Socket")["ListenStream"] == ["443", "8443"]


def test_the_one_that_reads_the_lan_has_no_network_and_no_device_but_the_chip_of_its_key() -> None:
    unit = service("relais.service")
    assert (unit["PrivateNetwork"], unit["RestrictAddressFamilies"]) == (["yes"], ["AF_UNIX"])
    assert (unit["DevicePolicy"], unit["DeviceAllow"]) == (["closed"], ["/dev/tpmrm0 rw"])
    assert "adjtimex" in calls_allowed(unit), "or the clock would never be trusted"
    assert "clock_settime" not in calls_allowed(unit)


def test_who_checks_users_is_told_who_they_are() -> None:
    """In a user namespace the kernel names every other user nobody."""
    assert "PrivateUsers" not in service("relais-devices.service")


@pytest.mark.parametrize("name", ["relais.service", "relais-devices.service", "relais-egress.service"])
def test_who_hangs_is_started_again(name: str) -> None:
    unit = service(name)
    assert (unit["Type"], unit["NotifyAccess"], unit["Restart"]) == (["notify"], ["main"], ["always"])
    assert 20 <= int(unit["WatchdogSec"][0]) <= 120


def test_every_long_service_is_bounded() -> None:
    for name in ("relais.service", "relais-devices.service", "relais-egress.service"):
        unit = service(name)
        assert unit["Slice"] == ["relais.slice"]
        assert {"MemoryMax", "TasksMax"} <= set(unit)
    assert {"MemoryMax", "TasksMax"} <= set(settings(UNITS / "relais.slice", "Slice"))


def test_journald_knows_every_word() -> None:
    """It checks this file when it starts only: its own table of words is in the program."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(FOLDER / "journald.conf.d/relais.conf", encoding="utf-8")
    program = Path("/usr/lib/systemd/systemd-journald")
    known = program.read_bytes() if program.exists() else Path(need_tool("systemd-journald")).read_bytes()
    for name in parser["Journal"]:
        assert f"Journal.{name}".encode() in known, name
    assert b"Journal.SystemMaxUsed" not in known
