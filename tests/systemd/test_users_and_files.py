"""The users and folders of a box, made by systemd's own tools in an empty root."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import msgspec
import pytest

from firmware.devices.settings import read_settings
from tests.shared import missing
from tests.systemd.unit import FOLDER, SERVICES, UNITS, service, settings
from tests.tools import need_tool


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty root, with the users first: folders belong to them."""
    place = tmp_path_factory.mktemp("root")
    for folder in ("etc", "var/lib", "run", "usr/lib/relais"):
        (place / folder).mkdir(parents=True)
    (place / "usr/lib/relais/devices.toml").write_bytes((FOLDER / "devices.toml").read_bytes())
    _done("systemd-sysusers", f"--root={place}", str(FOLDER / "sysusers.d/relais.conf"))
    if os.geteuid() == 0:
        _done("systemd-tmpfiles", "--create", f"--root={place}", str(FOLDER / "tmpfiles.d/relais.conf"))
    return place


def _done(program: str, *arguments: str) -> str:
    done = subprocess.run([need_tool(program), *arguments], capture_output=True, text=True, timeout=60, check=False)
    said = [line for line in done.stderr.splitlines() if not line.startswith("Creating ")]
    assert (done.returncode, said) == (0, [])
    return done.stdout


def _users(root: Path) -> dict[str, list[str]]:
    return {fields[0]: fields for fields in (line.split(":") for line in (root / "etc/passwd").read_text().splitlines())}


def test_users_keep_their_numbers_from_one_version_to_the_next(root: Path) -> None:
    users = _users(root)
    assert {name: users[name][2] for name in users} == {"relais": "960", "relais-devices": "961", "relais-egress": "962"}
    assert {fields[6] for fields in users.values()} == {"/usr/sbin/nologin"}
    assert all(line.split(":")[1].startswith("!") for line in (root / "etc/shadow").read_text().splitlines())


def test_groups_let_the_gateway_reach_the_devices_and_nobody_else(root: Path) -> None:
    groups = {fields[0]: fields[3] for fields in (line.split(":") for line in (root / "etc/group").read_text().splitlines())}
    assert groups["relais-devices"] == "relais"
    assert groups["dialout"] == "relais-devices"
    assert groups["tss"] == "relais"
    assert groups["relais"] == groups["relais-egress"] == ""


def test_every_user_and_group_of_a_unit_exists(root: Path) -> None:
    names = set(_users(root)) | {line.split(":")[0] for line in (root / "etc/group").read_text().splitlines()}
    for name in SERVICES:
        unit = service(name)
        if unit.get("DynamicUser") != ["yes"]:
            assert {*unit.get("User", []), *unit.get("Group", []), *unit.get("SupplementaryGroups", [])} <= names
    socket = settings(UNITS / "relais-egress.socket", "Socket")
    assert {*socket["SocketUser"], *socket["SocketGroup"]} <= names


def test_folders_belong_to_who_uses_them(root: Path) -> None:
    if os.geteuid() != 0:
        missing("only root makes folders of other users")
    wanted = {"var/lib/relais": (960, 0o700), "var/lib/relais-devices": (961, 0o700), "var/lib/relais-secrets": (0, 0o700)}
    for name, (owner, mode) in wanted.items():
        found = (root / name).stat()
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (owner, mode), name
    assert (root / "run/credstore.encrypted").readlink() == Path("/var/lib/relais-secrets")
    copied = (root / "var/lib/relais-devices/devices.toml").stat()
    assert (copied.st_uid, stat.S_IMODE(copied.st_mode)) == (961, 0o600)


def test_the_device_process_takes_its_settings_and_lets_the_gateway_in() -> None:
    told = read_settings(FOLDER / "devices.toml")
    assert told.uids == {0, 960}
    assert told.scanner_memory is not None
    assert str(told.scanner_memory.parent) == f"/var/lib/{service('relais-devices.service')['StateDirectory'][0]}"
    assert msgspec.toml.decode((FOLDER / "devices.toml").read_bytes())["panel"] == {"kind": "usb"}


def test_udev_rules_are_whole_lines() -> None:
    """The form alone: this version of udev has no checker of files, and what it does with a device is seen on a box."""
    text = (FOLDER / "udev/60-relais.rules").read_text(encoding="utf-8")
    for line in (one for one in text.splitlines() if one and not one.startswith("#")):
        for part in line.split(", "):
            key, _, value = part.partition('"')
            assert value.endswith('"')
            assert key.endswith(("==", "=", "+=", "!="))
