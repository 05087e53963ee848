"""What the gateway tells the device process it starts is what that process reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.devices.settings import read_settings
from gateway.flow.devices.process import write_device_settings
from gateway.kernel.config import Devices


def test_the_settings_are_those_of_relais_toml(tmp_path: Path) -> None:
    wanted = Devices(
        start="gateway",
        token_library="/opt/lib.so",
        token_environment={"OPENSC_CONF": "/x"},
        vitale_command=("/opt/vitale", "--json"),
        scanner_lines=("/dev/ttyS0",),
        panel="kernel",
    )
    read = read_settings(write_device_settings(tmp_path, wanted))
    assert read.cards.token is not None
    assert (read.cards.token.library, dict(read.cards.token.environment)) == ("/opt/lib.so", {"OPENSC_CONF": "/x"})
    assert read.cards.vitale_plug_in is not None
    assert read.cards.vitale_plug_in.command == ("/opt/vitale", "--json")
    assert (read.scanners.lines, read.panel.kind) == (("/dev/ttyS0",), "kernel")
    assert read.scanner_memory == tmp_path / "scanners.json"


def test_what_is_not_set_is_left_out(tmp_path: Path) -> None:
    read = read_settings(write_device_settings(tmp_path, Devices(start="gateway")))
    assert (read.cards.token, read.cards.vitale_plug_in, read.panel.kind) == (None, None, "none")


@pytest.mark.parametrize(
    ("settings", "socket"),
    [
        (Devices(), None),
        (Devices(start="gateway"), "home/devices.sock"),
        (Devices(start="service"), "/run/relais-devices/socket"),
        (Devices(start="service", socket="/run/x"), "/run/x"),
    ],
)
def test_where_the_process_listens(settings: Devices, socket: str | None) -> None:
    assert settings.socket_in(Path("home")) == (Path(socket) if socket is not None else None)
