"""The rules on a real kernel: what the LAN reaches of the box, and where the box gets, user by user."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.egress.ports import main, ports_of, told
from gateway.egress.protocol import Place
from gateway.egress.rules import Rules
from tests.shared import missing
from tests.systemd.lan import BOX, BOX6, BOX_PUBLIC, NEIGHBOUR, NEIGHBOUR6, STRANGER, Side, cable
from tests.systemd.unit import FOLDER, service
from tests.tools import need_tool

EGRESS, GATEWAY, DEVICES, DNS, NTP = 962, 960, 961, 1053, 1123
DEFINED = ("--define", f"dns={DNS}", "--define", f"ntp={NTP}")
RULES = FOLDER / "nftables/relais.nft"
OPEN = Rules(frozenset({Place("dmp.test", 443), Place("mx.test", 587)}))


def _checked(text: str) -> subprocess.CompletedProcess[str]:
    command = [need_tool("unshare"), "--net", need_tool("nft"), *DEFINED, "--check", "--file", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)


def test_nft_takes_the_rules_and_would_refuse_others() -> None:
    text = RULES.read_text(encoding="utf-8")
    done = _checked(text)
    if "Operation not permitted" in done.stderr:
        missing("no network namespace can be made here")
    assert (done.returncode, done.stderr) == (0, "")
    assert _checked(text.replace("policy drop", "policy perhaps")).returncode == 1


def test_the_unit_gives_the_users_that_the_rules_ask_for() -> None:
    command = service("relais-firewall.service")["ExecStart"][0]
    assert command == "/usr/sbin/nft --define dns=systemd-resolve --define ntp=_chrony --file /usr/lib/relais/relais.nft"
    assert "define egress = 962" in RULES.read_text(encoding="utf-8")


def test_the_ports_of_the_settings_and_that_of_lists() -> None:
    assert ports_of(OPEN) == (80, 443, 587)
    assert told((80, 443)) == "flush set inet relais services\nadd element inet relais services { 80, 443 }\n"


def test_settings_that_cannot_be_read_open_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "relais.toml").write_text("[dmp", encoding="utf-8")
    assert main([str(tmp_path / "relais.toml")]) == 2
    assert main([]) == 2
    assert capsys.readouterr() == ("", "configuration-invalid\nfile-not-named\n")


@pytest.fixture(scope="module")
def ends() -> Iterator[tuple[Side, Side]]:
    """The box, filtered as at start, and its neighbour; what they would reach without rules is seen first."""
    nft = need_tool("nft")
    with cable() as (box, neighbour):
        box.serve([22, 80, 443, 8443], [5353, 5354])
        neighbour.serve([22, 25, 80, 443, 587, 8443], [53, 123, 9999])
        assert neighbour.call((BOX, 22), (BOX6, 22), (BOX_PUBLIC, 8443)) == ["reached"] * 3
        assert box.call((NEIGHBOUR, 22), (NEIGHBOUR6, 22)) == ["reached"] * 2
        box.run(nft, *DEFINED, "--file", str(RULES))
        yield box, neighbour


def test_the_lan_reaches_the_two_ports_and_nothing_else(ends: tuple[Side, Side]) -> None:
    _, neighbour = ends
    places = [(host, port) for host in (BOX, BOX6) for port in (443, 8443, 22, 80)]
    assert neighbour.call(*places) == (["reached"] * 2 + ["TimeoutError"] * 2) * 2


def test_who_is_not_of_the_lan_reaches_nothing(ends: tuple[Side, Side]) -> None:
    _, neighbour = ends
    assert neighbour.call((BOX_PUBLIC, 443), (BOX_PUBLIC, 8443), source=STRANGER) == ["TimeoutError"] * 2


def test_names_are_asked_of_the_box_and_nothing_else_is(ends: tuple[Side, Side]) -> None:
    box, neighbour = ends
    neighbour.tell((BOX, 5354, "other"), (BOX, 5353, "mdns"))
    assert box.heard() == "heard mdns"


def test_nothing_leaves_before_the_settings_are_read_and_then_their_services_alone(ends: tuple[Side, Side]) -> None:
    box, _ = ends
    before = box.call((STRANGER, 443), user=EGRESS)
    box.run(need_tool("nft"), "--file", "-", said=told(ports_of(OPEN)))
    wanted = [(host, port) for host in (STRANGER, NEIGHBOUR6) for port in (443, 587, 80, 22, 25, 8443)]
    refused = "ConnectionRefusedError"
    assert (before, box.call(*wanted, user=EGRESS)) == ([refused], (["reached"] * 3 + [refused] * 3) * 2)
    box.run(need_tool("nft"), "--file", "-", said=told([80]))
    assert box.call((STRANGER, 443), (STRANGER, 80), user=EGRESS) == [refused, "reached"]


@pytest.mark.parametrize("user", [None, GATEWAY, DEVICES, DNS, NTP])
def test_nobody_but_the_way_out_reaches_a_service(ends: tuple[Side, Side], user: int | None) -> None:
    box, _ = ends
    box.run(need_tool("nft"), "--file", "-", said=told(ports_of(OPEN)))
    assert box.call((STRANGER, 443), (NEIGHBOUR6, 443), (NEIGHBOUR, 22), user=user) == ["ConnectionRefusedError"] * 3


def test_names_and_time_are_asked_by_those_whose_work_it_is(ends: tuple[Side, Side]) -> None:
    box, neighbour = ends
    for user, word in ((EGRESS, "way-out"), (GATEWAY, "gateway")):
        said = box.tell((STRANGER, 53, f"{word}-dns"), (STRANGER, 123, f"{word}-ntp"), (STRANGER, 9999, f"{word}-other"), user=user)
        assert said.count("refused") == 3
    assert "refused" in box.tell((STRANGER, 123, "dns-for-time"), user=DNS)
    box.tell((STRANGER, 53, "names"), user=DNS)
    assert neighbour.heard() == "heard names"
    box.tell((STRANGER, 123, "time"), user=NTP)
    assert neighbour.heard() == "heard time"


def test_the_box_hands_nothing_on(ends: tuple[Side, Side]) -> None:
    box, _ = ends
    chains = box.run(need_tool("nft"), "list", "chain", "inet", "relais", "forward")
    assert "policy drop" in chains


def test_loading_the_rules_again_leaves_one_set_of_them(ends: tuple[Side, Side]) -> None:
    box, neighbour = ends
    box.run(need_tool("nft"), *DEFINED, "--file", str(RULES))
    assert box.run(need_tool("nft"), "list", "tables").split() == ["table", "inet", "relais"]
    assert neighbour.call((BOX, 443), (BOX, 22)) == ["reached", "TimeoutError"]
