"""Where the box may go: what its settings name, and the lists of authorities; never the practice's network by a name that lies."""

from __future__ import annotations

import pytest

from gateway.egress.protocol import Place, place_of
from gateway.egress.rules import Rules, rules_of
from gateway.kernel.config import Bus, Configuration, Dmp, Insi, Listener, Mailbox, Professional, Structure

ANYWHERE = "0.0.0.0"  # noqa: S104 - what the box listens on, and must not be asked for
RULES = rules_of(
    Configuration(
        listener=Listener(host=ANYWHERE, port=443),
        dmp=Dmp(url="https://DMP.test/si-dmp-server/v2/services"),
        insi=Insi(url="https://insi.test:8443/lps"),
        bus=Bus(host="192.168.1.9", port=1883, tls=False),
        structures=(
            Structure(
                id="S", name="http://", patient_root="1.2", source_id="1.3", professionals=(Professional(id="8", family="F", given="G"),),
                mailbox=Mailbox(address="a@b.test", display_name="Cabinet", reply_to="c@b.test", host="mx.test"),
            ),
        ),
    )
)  # fmt: skip


def test_every_address_of_the_settings_and_no_other() -> None:
    named = {("dmp.test", 443), ("insi.test", 8443), ("mx.test", 587), ("192.168.1.9", 1883), ("relais.local", 443)}
    assert {(one.host, one.port) for one in RULES.named} == named


@pytest.mark.parametrize(
    ("host", "port", "allowed"),
    [
        ("dmp.test", 443, True),
        ("dmp.test", 8443, False),
        ("insi.test", 443, False),
        ("elsewhere.test", 443, False),
        ("elsewhere.test", 80, True),
        (ANYWHERE, 443, False),
        ("127.0.0.1", 443, False),
        ("192.168.1.9", 1883, True),
        ("192.168.1.9", 22, False),
    ],
)
def test_places(host: str, port: int, allowed: bool) -> None:
    assert RULES.allows(Place(host, port)) is allowed


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "192.168.1.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "::1", "fe80::1%eth0", "fd00::1"]
)
def test_a_name_that_leads_to_the_practice_is_followed_only_when_a_setting_says_it(address: str) -> None:
    assert not RULES.allows_address(Place("elsewhere.test", 80), address)
    assert RULES.allows_address(Place("mx.test", 587), address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2a00:1450:4007::1"])
def test_lists_are_fetched_from_public_addresses(address: str) -> None:
    assert RULES.allows_address(Place("elsewhere.test", 80), address)


def test_an_address_mapped_into_ipv6_is_judged_for_what_it_is() -> None:
    assert not Rules(frozenset()).allows_address(Place("elsewhere.test", 80), "::ffff:192.168.1.1")


@pytest.mark.parametrize(
    "line",
    [b"", b"\n", b"a\n", b"a 0\n", b"a 65536\n", b"a 80", b"a  80\n", b"a 80 \n", b" 80\n", b"\xe9 80\n", b"a 80\nb 80\n", b"a\x00 80\n"],
)
def test_what_is_no_place(line: bytes) -> None:
    assert place_of(line) is None


@pytest.mark.parametrize("place", [Place("dmp.test", 443), Place("2001:db8::1", 587), Place("127.0.0.1", 1)])
def test_a_place_is_read_as_it_is_written(place: Place) -> None:
    assert place_of(place.line) == place
