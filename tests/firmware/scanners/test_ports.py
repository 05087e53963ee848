"""Which lines are scanners, and who is who: by USB serial number and interface, whatever the kernel calls them."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from firmware.scanners.ports import MAKERS, Port, PortFacts, ScannerRules, found, ports_of


class Facts(msgspec.Struct, kw_only=True):
    """What the system tells of a line."""

    device: str = "/dev/ttyACM0"
    vid: int | None = 0x0C2E
    pid: int | None = 0x0B61
    serial_number: str | None = "SN-0001"
    location: str | None = "1-1.2"
    manufacturer: str | None = "Honeywell"
    product: str | None = "Voyager 1450g"


NO_RULES = ScannerRules()


def one(facts: PortFacts, rules: ScannerRules = NO_RULES) -> Port:
    [port] = ports_of([facts], rules)
    return port


def test_the_name_the_kernel_gives_is_not_the_identity() -> None:
    first, again = one(Facts()), one(Facts(device="/dev/ttyACM7", location="2-4.1"))
    assert first.id == again.id
    assert (first.path, again.path) == ("/dev/ttyACM0", "/dev/ttyACM7")
    assert first.name == "Honeywell Voyager 1450g"


def test_an_identifier_is_opaque_and_fits_an_address() -> None:
    port = one(Facts(serial_number="5551234 / éà?"))
    assert re.fullmatch(r"scanner-[0-9a-f]{10}", port.id)


@pytest.mark.parametrize("change", [{"serial_number": "SN-0002"}, {"pid": 0x0B62}, {"vid": 0x05E0}, {"location": "1-1.2:1.2"}])
def test_another_serial_number_product_maker_or_interface_is_another_scanner(change: dict[str, object]) -> None:
    assert one(Facts()).id != one(msgspec.structs.replace(Facts(), **change)).id


def test_an_interface_is_known_again_in_another_plug() -> None:
    assert one(Facts(location="1-1.2:1.0")).id == one(Facts(location="3-2:1.0")).id


def test_without_a_serial_number_the_place_of_the_plug_tells() -> None:
    here, there = one(Facts(serial_number=None)), one(Facts(serial_number=None, location="1-1.3"))
    assert here.id != there.id
    assert here.id == one(Facts(serial_number=None, device="/dev/ttyUSB3")).id


def test_two_scanners_with_one_serial_number_are_never_taken_for_each_other() -> None:
    """Nor is one of them alone, once they were met together."""
    alone = one(Facts())
    pair = ports_of([Facts(), Facts(device="/dev/ttyACM1", location="1-1.3")], NO_RULES)
    assert len({one.id for one in pair} | {alone.id}) == 3
    assert {one.shared for one in pair} == {alone.id}
    [later] = ports_of([Facts(device="/dev/ttyACM1", location="1-1.3")], NO_RULES, {alone.id})
    assert later.id == pair[1].id


def test_only_lines_of_makers_of_scanners_are_opened_by_themselves() -> None:
    assert all(one(Facts(vid=maker)).used for maker in MAKERS)
    adapter = one(Facts(vid=0x10C4, product="CP2102 USB to UART Bridge"))
    assert not adapter.used
    assert one(Facts(vid=0x10C4), ScannerRules(lines=(one(Facts(vid=0x10C4)).id,))).used
    assert one(Facts(vid=0x10C4), ScannerRules(lines=("/dev/ttyACM0",))).used


def test_what_is_ignored_is_not_there() -> None:
    assert ports_of([Facts()], ScannerRules(ignored=("/dev/ttyACM0",))) == ()
    assert ports_of([Facts()], ScannerRules(ignored=(one(Facts()).id,))) == ()


def test_lines_that_are_not_usb_are_taken_only_when_configured(tmp_path: Path) -> None:
    real, link = tmp_path / "ttyS0", tmp_path / "by-id"
    real.touch()
    link.symlink_to(real)
    assert ports_of([Facts(device=str(real), vid=None)], NO_RULES) == ()
    [port] = ports_of([], ScannerRules(lines=(str(link), str(tmp_path / "absent"))))
    assert (port.name, port.path, port.used) == ("by-id", str(link), True)


def test_a_usb_line_configured_by_its_path_keeps_its_identity_and_is_there_once(tmp_path: Path) -> None:
    real, link = tmp_path / "ttyUSB0", tmp_path / "usb-Maker_Adapter-if00-port0"
    real.touch()
    link.symlink_to(real)
    facts = Facts(device=str(real), vid=0x0403)
    [port] = ports_of([facts], ScannerRules(lines=(str(link),)))
    assert port.used
    assert port.id == one(facts).id


def test_a_name_is_clean_and_short() -> None:
    assert one(Facts(manufacturer="A\x1b[31m\n", product="B" * 200)).name == ("A [31m " + "B" * 200)[:60]
    assert one(Facts(manufacturer=None, product=None)).name == "ttyACM0"


def test_the_machine_is_asked_for_real() -> None:
    assert all(port.path.startswith("/dev/") and Path(port.path).exists() for port in found(NO_RULES))
