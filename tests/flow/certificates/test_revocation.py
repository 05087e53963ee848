"""Revocation lists: fetched where our own certificates say, believed when their authority signed them, kept when the next cannot be had."""

from __future__ import annotations

import base64
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from typing_extensions import override

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.certificates.alarms import Alarms
from gateway.flow.certificates.revocation import RevocationWatch
from gateway.journal.memory import MemoryStore
from gateway.kernel.clock import FrozenClock
from gateway.sandbox.certificate_profiles import AUTH_CLI
from gateway.sandbox.enrolment import Enrolment, EnrolRequest
from gateway.sandbox.pki import Pki
from gateway.trust.calendar_facts import CalendarFacts
from gateway.trust.chain import read_authorities
from gateway.trust.errors import KeyUnavailable
from gateway.trust.keystore import KeyStore
from gateway.trust.lan import LanAuthority
from gateway.trust.revocation import LARGEST_LIST, RevocationLists
from gateway.trust.roles import Role
from gateway.trust.slots import Slot
from gateway.trust.vault import open_vault
from gateway.wire.http import HttpRequest, HttpResponse, PeerUnreachable
from gateway.wire.http_scripted import ScriptedPort
from tests.tools import need_tool
from tests.trust.pki import shared_pki

STRUCTURE = "10B0152872"


class Watched:
    """A box enrolled with an authority, and a line on which that authority may answer."""

    def __init__(self, folder: Path) -> None:
        self.pki = Pki(folder / "pki")
        anchors = self.pki.anchors_pem
        keys = KeyStore(folder, open_vault(folder, create=True))
        enrolled: dict[str, Any] = Enrolment(self.pki, lambda: "http://lists.test").enrol(
            EnrolRequest(structure=STRUCTURE, organisation="CABINET")
        )
        for role in (Role.AUTH_CLI, Role.SIGN):
            packed = enrolled[role]
            keys.import_pkcs12(STRUCTURE, role, base64.b64decode(packed["p12"]), packed["passphrase"], environment="test", anchors=anchors)
        self.keys = keys
        self.lists = RevocationLists(folder, read_authorities(anchors))
        self.line = ScriptedPort()
        self.heeded: list[tuple[bytes, ...]] = []
        structures = (STRUCTURE, "10B0000000")
        self.watch = RevocationWatch(self.lists, keys, structures, self.line, FrozenClock(datetime.now(UTC)), self.heeded.append)


@pytest.fixture
def box(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def served(data: bytes, status: int = 200) -> HttpResponse:
    return HttpResponse(status=status, headers={}, body=data)


async def test_a_list_is_fetched_once_kept_and_heeded(box: Watched) -> None:
    box.line.expect(served(box.pki.crl_der))
    assert await box.watch.refresh() is True
    assert [one.url for one in box.line.requests] == ["http://lists.test/crl.der"], "both certificates name the same list"
    assert box.heeded == [box.lists.held()] == [(box.pki.crl_der,)]


@pytest.mark.parametrize("answer", [PeerUnreachable(), served(b"nothing"), served(b"", status=503)])
async def test_the_last_good_list_stays_when_the_next_cannot_be_had(box: Watched, answer: HttpResponse | PeerUnreachable) -> None:
    box.line.expect(served(box.pki.crl_der), answer)
    await box.watch.refresh()
    held = box.lists.held()
    assert await box.watch.refresh() is False
    assert box.lists.held() == held
    assert len(box.heeded) == 1


async def test_a_list_of_another_authority_is_not_believed(box: Watched, tmp_path: Path) -> None:
    box.line.expect(served(Pki(tmp_path / "other").crl_der))
    assert await box.watch.refresh() is False
    assert box.lists.held() == ()
    assert box.heeded == []


async def test_an_older_list_never_takes_the_place_of_a_newer_one_nor_a_lower_number_of_the_same_instant(box: Watched) -> None:
    first = box.pki.crl_der
    box.pki.publish_crl()
    newer = box.pki.crl_der
    box.line.expect(served(newer), served(first))
    assert [await box.watch.refresh(), await box.watch.refresh()] == [True, False]
    assert box.lists.held() == (newer,)


@pytest.mark.parametrize("what", ["cut", "too large", "altered"])
async def test_a_list_that_is_not_whole_is_not_believed(box: Watched, what: str) -> None:
    good = box.pki.crl_der
    broken = {"cut": good[:-20], "too large": good + b"\0" * LARGEST_LIST, "altered": good[:-1] + bytes([good[-1] ^ 1])}[what]
    box.line.expect(served(good), served(broken))
    assert [await box.watch.refresh(), await box.watch.refresh()] == [True, False]
    assert box.lists.held() == (good,)


@pytest.mark.conformity
async def test_openssl_refuses_what_the_list_kept_revokes_and_takes_the_rest(box: Watched, tmp_path: Path) -> None:
    good, bad = (box.pki.issue(AUTH_CLI, struct_id=STRUCTURE, organisation="CABINET", common_name="x") for _leaf in range(2))
    box.pki.revoke(serial=bad.serial)
    box.line.expect(served(box.pki.crl_der))
    await box.watch.refresh()
    [kept] = box.lists.held()
    pem = x509.load_der_x509_crl(kept).public_bytes(Encoding.PEM)
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(box.pki.anchors_pem + pem)
    assert [verified(tmp_path, trusted, one.cert_pem) for one in (good, bad)] == [True, False]


def verified(folder: Path, trusted: Path, leaf: bytes) -> bool:
    (folder / "leaf.pem").write_bytes(leaf)
    command = [need_tool("openssl"), "verify", "-x509_strict", "-crl_check", "-CAfile", str(trusted), str(folder / "leaf.pem")]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


async def test_the_lists_of_every_role_and_of_the_next_certificates_are_fetched(box: Watched, tmp_path: Path) -> None:
    enrolled = Enrolment(box.pki, lambda: "http://elsewhere.test").enrol(EnrolRequest(structure=STRUCTURE, organisation="CABINET"))
    keys, anchors = KeyStore(tmp_path, open_vault(tmp_path)), box.pki.anchors_pem
    packed = enrolled["insi_auto"]
    keys.import_pkcs12(
        STRUCTURE,
        Role.INSI_AUTO,
        base64.b64decode(packed["p12"]),
        packed["passphrase"],
        environment="test",
        anchors=anchors,
        slot=Slot.NEXT,
    )
    box.line.expect(served(box.pki.crl_der), served(box.pki.crl_der))
    assert await box.watch.refresh() is True
    assert [one.url for one in box.line.requests] == ["http://lists.test/crl.der", "http://elsewhere.test/crl.der"]


async def test_a_list_past_its_next_update_is_an_alarm_told_once(box: Watched, tmp_path: Path) -> None:
    box.line.expect(served(box.pki.crl_der))
    await box.watch.refresh()
    store, clock = MemoryStore(), FrozenClock(datetime.now(UTC))
    keys, lan = KeyStore(tmp_path, open_vault(tmp_path)), LanAuthority(tmp_path, open_vault(tmp_path))
    alarms = Alarms(store, Bookkeeper(store, clock), CalendarFacts(tmp_path, keys, lan, box.pki.anchors_pem).read)
    for _day in range(35):
        await alarms.tell()
        clock.advance(86_400)
    told = [(one.stage, one.structure) for one in await store.alarms() if "révoqués" in one.what]
    assert told == [("1", ""), ("0", "")]
    box.pki.publish_crl(datetime.now(UTC) + timedelta(days=70))
    box.line.expect(served(box.pki.crl_der))
    await box.watch.refresh()
    assert await alarms.tell() == 0


async def test_the_list_of_an_authority_that_signed_nothing_of_ours_any_more_is_kept_fresh_too(box: Watched) -> None:
    box.line.expect(served(box.pki.crl_der))
    await box.watch.refresh()
    keys = box.keys
    for role in (Role.AUTH_CLI, Role.SIGN):
        keys.forget(STRUCTURE, role)
    again = RevocationWatch(box.lists, keys, (STRUCTURE,), box.line, FrozenClock(datetime.now(UTC)), box.heeded.append)
    box.line.expect(served(box.pki.crl_der))
    assert await again.refresh() is True
    assert [one.url for one in box.line.requests] == ["http://lists.test/crl.der"] * 2, "a service may still show a certificate of it"


async def test_the_list_of_an_authority_that_is_configured_no_more_is_not_held(box: Watched, tmp_path: Path) -> None:
    box.line.expect(served(box.pki.crl_der))
    await box.watch.refresh()
    other = RevocationLists(tmp_path, read_authorities(shared_pki().anchors_pem))
    assert (other.held(), other.mark(), other.addresses()) == ((), (), ())


async def test_a_list_is_not_called_stale_once_its_authority_is_over(box: Watched) -> None:
    box.line.expect(served(box.pki.crl_der))
    await box.watch.refresh()
    [held] = map(x509.load_der_x509_crl, box.lists.held())
    issuer = next(one for one in read_authorities(box.pki.anchors_pem).all if one.subject == held.issuer)
    assert len(box.lists.stale(issuer.not_valid_after_utc - timedelta(days=1))) == 1
    assert box.lists.stale(issuer.not_valid_after_utc + timedelta(days=1)) == ()


class _Over(BaseException):
    """The day is over."""


class Line(ScriptedPort):
    """Notes when each list is asked for, serves the one of the moment, but none at dead addresses, and ends the test."""

    def __init__(self, box: Watched, clock: FrozenClock, *, until: float) -> None:
        super().__init__()
        self.asked: list[tuple[float, str]] = []
        self.box, self.clock, self.until = box, clock, until

    @override
    async def send(self, request: HttpRequest) -> HttpResponse:
        if self.clock.monotonic() > self.until:
            raise _Over
        self.asked.append((self.clock.monotonic(), request.url))
        if "dead" in request.url:
            raise PeerUnreachable
        return served(self.box.pki.crl_der)

    def times(self, word: str) -> list[float]:
        return [at for at, url in self.asked if word in url]


async def watched(box: Watched, *, until: float) -> Line:
    """The watch run over that many seconds, without luck."""
    clock = FrozenClock(datetime.now(UTC))
    line = Line(box, clock, until=until)
    with pytest.raises(_Over):
        await RevocationWatch(box.lists, box.keys, (STRUCTURE,), line, clock, box.heeded.append, luck=lambda: 0.0).run()
    return line


async def test_only_what_could_not_be_had_is_asked_for_again_within_the_day_and_more_and_more_rarely(box: Watched) -> None:
    enrolled = Enrolment(box.pki, lambda: "http://dead.test").enrol(EnrolRequest(structure=STRUCTURE, organisation="CABINET"))
    packed, anchors = enrolled["insi_auto"], box.pki.anchors_pem
    data = base64.b64decode(packed["p12"])
    box.keys.import_pkcs12(STRUCTURE, Role.INSI_AUTO, data, packed["passphrase"], environment="test", anchors=anchors)
    line = await watched(box, until=90_000)
    assert line.times("lists") == [0, 86_400]
    dead = line.times("dead")
    assert [int(one) for one in dead[:5]] == [0, 900, 2_700, 6_300, 9_900]
    assert len(dead) == 27


async def test_a_short_list_is_fetched_again_before_the_next_is_due(box: Watched) -> None:
    box.pki.publish_crl(datetime.now(UTC) + timedelta(hours=8))
    times = (await watched(box, until=30_000)).times("lists")
    assert len(times) >= 3
    assert times[1] == pytest.approx(4 * 3_600, abs=30)
    assert times[2] == pytest.approx(6 * 3_600, abs=60), "the publisher is late: half of what is left"


async def test_a_publisher_that_is_late_is_asked_every_quarter_of_an_hour_then_left_alone_no_longer(box: Watched) -> None:
    box.pki.publish_crl(datetime.now(UTC) + timedelta(seconds=30))
    times = (await watched(box, until=4_000)).times("lists")
    assert times[:4] == pytest.approx([0, 60, 960, 1_860], abs=1)
    assert box.lists.held() == (box.pki.crl_der,)


async def test_a_key_that_goes_away_meanwhile_does_not_end_the_watch(box: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def gone(*_place: object) -> bytes:
        nonlocal looks
        looks += 1
        if looks == 3:
            raise _Over
        raise KeyUnavailable("gone", role="sign", structure=STRUCTURE)

    monkeypatch.setattr(box.keys, "certificate", gone)
    with pytest.raises(_Over):
        await box.watch.run()
