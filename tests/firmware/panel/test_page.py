"""The page for installers says what the program does: pins, times, commands, settings."""

from __future__ import annotations

import re
import subprocess

import msgspec
import pytest

from firmware.panel.choice import PanelRules
from firmware.panel.leds import LedNames
from tests.firmware.panel.builds import BOARD, ROOT
from tests.tools import need_tool

PAGE = (ROOT / "docs/integrateur/panneau.md").read_text("utf-8")
PICO = {"GP0": 1, "GP1": 2, "GP2": 4, "GP3": 5, "GP4": 6, "GP5": 7, "GP6": 9, "GP7": 10}
"""Where the pins of the chip are on the board that the page describes (Raspberry Pi Pico datasheet, figure of the pinout)."""


def defined(file: str, name: str) -> int:
    found = re.search(rf"#define {name} (\d+)u", (BOARD / file).read_text("utf-8"))
    assert found is not None, name
    return int(found[1])


def test_pins_are_those_of_the_program() -> None:
    rows = dict(re.findall(r"^\| (\d+) \| (GP\d)", PAGE, re.MULTILINE))
    assert {name: int(pin) for pin, name in rows.items()} == PICO
    lamp = defined("src/board.c", "PIN_LAMP")
    used = {"voyant vert": lamp, "voyant bleu": lamp + 1, "voyant orange": lamp + 2, "voyant rouge": lamp + 3}
    used |= {"bouton": defined("src/board.c", "PIN_BUTTON"), "remise à zéro": defined("src/board.c", "PIN_RESET")}
    for what, pin in used.items():
        assert re.search(rf"\| GP{pin} \| {what}", PAGE), what


def test_times_are_those_of_the_program() -> None:
    assert defined("include/button.h", "BUTTON_SHORT_MS") == 2000
    assert defined("include/button.h", "BUTTON_HELD_MS") == 10_000
    assert defined("include/button.h", "BUTTON_STUCK_MS") == 20_000
    assert defined("include/watchdog.h", "WATCHDOG_PULSE_MS") == 500
    assert defined("include/watchdog.h", "WATCHDOG_UPDATE_MS") == 15 * 60_000
    assert (defined("include/watchdog.h", "WATCHDOG_LEAST_S"), defined("include/watchdog.h", "WATCHDOG_MOST_S")) == (10, 3600)


@pytest.mark.parametrize("command", re.findall(r"^    (make .+)$", PAGE, re.MULTILINE))
def test_commands_are_true(command: str) -> None:
    done = subprocess.run([need_tool("make"), "-n", *command.split()[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "firmware/panel/board" in done.stdout
    assert "build/panel.uf2" in done.stdout
    assert ("--serial RELAIS-00042" in done.stdout) is ("SERIAL" in command)


def test_settings_are_true() -> None:
    blocks = re.findall(r"```toml\n(\[panel\].+?)```", PAGE, re.DOTALL)
    line, kernel = (msgspec.convert(msgspec.toml.decode(block)["panel"], PanelRules) for block in blocks)
    assert line == PanelRules(kind="line", line="/dev/serial0")
    assert kernel.leds == LedNames(green="ACT", red="PWR")
    assert (kernel.kind, kernel.key_code) == ("kernel", 408)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"kind": "usb", "lamps": 4}, PanelRules)
