"""The calendar: every certificate of a box is on it, with the right date; openssl reads the dates too."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.kernel.config import Bus
from gateway.trust.alarm import START, Alarm, alarm_due, is_near
from gateway.trust.broker_secrets import keep_broker_identity
from gateway.trust.calendar import Fact, Happening, Line, Origin, calendar
from gateway.trust.calendar_facts import calendar_facts
from gateway.trust.calendar_words import ROLE_NAMES
from gateway.trust.chain import read_authorities
from gateway.trust.keystore import KeyStore
from gateway.trust.lan import LanAuthority
from gateway.trust.revocation import RevocationLists
from gateway.trust.roles import Role
from gateway.trust.secret_file import read_secret
from gateway.trust.slots import Slot
from gateway.trust.tls import client_context
from gateway.trust.vault import BlobDamaged, Vault, open_vault
from tests.api.rig import configuration_of
from tests.tools import need_tool
from tests.trust.pki import AUTH_CLI, NOW, PASSPHRASE, SIGN, STRUCTURE, Pki

DAY = timedelta(days=1)
OTHER = "10B0152880"


class Box:
    """A home with two structures, some of their next certificates, a local authority and a revocation list."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.pki = Pki.create("CALENDRIER")
        self.vault: Vault = open_vault(home, create=True)
        self.keys = KeyStore(home, self.vault)
        self.lan = LanAuthority(home, self.vault)
        self.lan.identity(("localhost",), NOW)
        self.put(STRUCTURE, Role.AUTH_CLI)
        self.put(STRUCTURE, Role.SIGN)
        self.put(STRUCTURE, Role.SIGN, Slot.NEXT)
        self.put(OTHER, Role.INSI_AUTO)
        self.put(OTHER, Role.MAILBOX, Slot.NEXT)
        RevocationLists(home, read_authorities(self.pki.anchors_pem)).offer(self.pki.crl_der())
        (home / "anchors.pem").write_bytes(self.pki.anchors_pem)
        broker = Pki.create("MQTT")
        (home / "mqtt-ca.pem").write_bytes(broker.root_pem)
        keep_broker_identity(home, self.vault, broker.issue(AUTH_CLI).pkcs12(with_chain=False), PASSPHRASE)

    def put(self, structure: str, role: Role, slot: Slot = Slot.CURRENT) -> None:
        profile = SIGN if role is Role.SIGN else AUTH_CLI
        name = {Role.INSI_AUTO: "INSI-AUTO", Role.INSI_MANU: "INSI-MANU"}.get(role, "relais.tilleuls.test")
        leaf = self.pki.issue(profile, struct_id=structure, common_name=name)
        self.keys.import_pkcs12(structure, role, leaf.pkcs12(), PASSPHRASE, environment="test", anchors=self.pki.anchors_pem, slot=slot)

    def lines(self, now: datetime = NOW) -> tuple[Line, ...]:
        configuration = replace(configuration_of(), bus=Bus(host="mqtt.relais.test"))
        return calendar(calendar_facts(self.home, configuration, self.keys, self.vault, self.pki.anchors_pem).read(), now)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def fingerprint(certificate: x509.Certificate | x509.CertificateRevocationList) -> str:
    return certificate.fingerprint(SHA256()).hex()


def everything_on_the_disk(box: Box) -> dict[str, str]:
    """Fingerprint of every certificate and list found in the home by opening each file, whatever its name, and where it was."""
    found: dict[str, str] = {}
    for path in box.home.rglob("*"):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if b"BEGIN CERTIFICATE" in data:
            found |= {fingerprint(one): path.name for one in x509.load_pem_x509_certificates(data)}
        elif path.suffix == ".crl":
            found[fingerprint(x509.load_der_x509_crl(data))] = path.name
        elif path.suffix == ".sealed":
            for der in sealed_certificates(box.vault, path):
                found[fingerprint(x509.load_der_x509_certificate(der))] = path.name
    return found


def sealed_certificates(vault: Vault, path: Path) -> list[bytes]:
    """Cut out of the opened seal by their own DER lengths, not by the product's reading of it."""
    if path.parent.name == "secrets":
        return [
            one.public_bytes(Encoding.DER)
            for one in x509.load_pem_x509_certificates((read_secret(path.parents[1], vault, path.stem) or "").encode())
        ]
    named = path.name.removesuffix(".sealed").split(".")
    contexts = [b"lan authority", b"lan server", *(f"key:{path.parent.name}:{'.'.join(named[:cut])}".encode() for cut in (1, 2))]
    contexts += [f"key:{path.parent.name}:{named[0]}:{named[-1]}".encode()]
    for context in contexts:
        try:
            plain = vault.open_small(path.read_bytes(), context)
        except BlobDamaged:
            continue
        pieces = []
        for start in range(len(plain)):
            if plain[start : start + 2] == b"\x30\x82":
                piece = plain[start : start + 4 + int.from_bytes(plain[start + 2 : start + 4], "big")]
                try:
                    x509.load_der_x509_certificate(piece)
                except ValueError:
                    continue
                pieces.append(piece)
            elif plain[start : start + 2] == b"\x30\x81":
                continue
        assert pieces, path
        return pieces
    raise AssertionError(f"{path} opens under no context known to this test")


def test_no_certificate_of_the_box_is_missing(box: Box) -> None:
    shown = {one.fingerprint for one in box.lines()}
    on_disk = everything_on_the_disk(box)
    assert len(on_disk) == 5 + 2 + 2 + 1 + 2, "five keys, two authorities, the local authority and its certificate, one list, a broker"
    assert {where for mark, where in on_disk.items() if mark not in shown} == set()


def test_everything_a_connection_trusts_is_on_it(box: Box) -> None:
    shown = {one.fingerprint for one in box.lines()}
    context = client_context(box.keys.tls_identity(STRUCTURE), box.pki.anchors_pem)
    trusted = [x509.load_der_x509_certificate(der) for der in context.get_ca_certs(binary_form=True)]
    assert len(trusted) == 2
    assert {fingerprint(one) for one in trusted} <= shown


@pytest.mark.conformity
def test_openssl_reads_the_same_dates(box: Box, tmp_path: Path) -> None:
    [line] = [one for one in box.lines() if one.origin is Origin.LAN_SERVER]
    held = box.lan.certificates().server
    assert held is not None
    (tmp_path / "one.pem").write_bytes(held.public_bytes(Encoding.PEM))
    told = subprocess.run(
        [need_tool("openssl"), "x509", "-in", str(tmp_path / "one.pem"), "-noout", "-enddate"], capture_output=True, text=True, check=True
    )
    ends = datetime.strptime(told.stdout.strip().removeprefix("notAfter="), "%b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC)
    assert line.date == ends


def test_the_key_of_a_signature_certificate_stops_before_the_certificate(box: Box) -> None:
    own = [one for one in box.lines() if one.role == "sign" and one.origin is Origin.CURRENT]
    assert [one.happening for one in own] == [Happening.KEY_ENDS, Happening.ENDS]
    assert own[0].date < own[1].date
    assert own[0].warned_at == (90, 60, 30, 7, 0)
    assert own[1].warned_at == ()
    assert "DMP" in own[0].stops
    assert "déjà plus" in own[1].stops


def test_lines_come_by_date_and_each_says_what_stops_and_what_to_do(box: Box) -> None:
    lines = box.lines()
    assert [one.date for one in lines] == sorted(one.date for one in lines)
    assert len({one.id for one in lines}) == len(lines)
    for one in lines:
        assert one.what
        assert one.whose
        assert one.stops.endswith(".")
        assert one.gesture.endswith((".", ")."))


def test_a_next_certificate_changes_the_gesture_of_the_one_in_use(box: Box) -> None:
    sign, connection = (
        next(one for one in box.lines() if one.role == role and one.origin is Origin.CURRENT) for role in ("sign", "auth_cli")
    )
    assert "certificat suivant" in sign.gesture
    assert "ANS" in connection.gesture


def test_a_mailbox_of_its_own_takes_the_mails_off_the_connection_certificate() -> None:
    ends = NOW + 100 * DAY
    facts = [
        Fact(origin=Origin.CURRENT, fingerprint=f"{n}" * 64, begins=NOW, ends=ends, structure=STRUCTURE, role=role)
        for n, role in enumerate(("auth_cli", "mailbox"))
    ]
    alone, both = calendar(facts[:1], NOW), calendar(facts, NOW)
    assert "messagerie" in alone[0].stops
    assert ["messagerie" in one.stops for one in both] == [False, True]


def test_every_role_has_a_name() -> None:
    assert set(ROLE_NAMES) == set(Role)


def test_the_authority_that_workstations_hold_is_told_until_a_month_after_its_end(box: Box) -> None:
    later = NOW + 3300 * DAY
    box.lan.identity(("localhost",), later)
    former = [one for one in box.lines(later) if one.origin is Origin.LAN_FORMER_AUTHORITY]
    assert [one.warned_at for one in former] == [(90, 60, 30, 7, 0)]
    assert "lan-ca.pem" in former[0].gesture
    assert not [one for one in box.lines(former[0].date + 31 * DAY) if one.origin is Origin.LAN_FORMER_AUTHORITY]


def line(ends: datetime, origin: Origin = Origin.CURRENT, begins: datetime = NOW) -> Line:
    return calendar([Fact(origin=origin, fingerprint="f" * 64, begins=begins, ends=ends, structure=STRUCTURE, role="sign")], NOW)[-1]


def lived(one: Line, looks: list[datetime]) -> list[Alarm]:
    """What is told to somebody who looks at these instants and writes down what was told."""
    told: set[str] = set()
    alarms: list[Alarm] = []
    for now in looks:
        while (alarm := alarm_due(one, told, now)) is not None:
            told |= {alarm.stage, *alarm.covers}
            alarms.append(alarm)
    return alarms


def test_over_three_years_each_alarm_is_told_once_on_its_day() -> None:
    one = line(NOW + 3 * 365 * DAY)
    alarms = lived(one, [NOW + hour * timedelta(hours=1) for hour in range((3 * 365 + 30) * 24)])
    assert [alarm.stage for alarm in alarms] == ["90", "60", "30", "7", "0"]
    assert all(alarm.covers == () for alarm in alarms)


@given(st.lists(st.integers(0, 1200 * 24), max_size=60))
def test_whatever_the_days_without_power_nothing_is_told_twice_and_nothing_is_left_untold(hours: list[int]) -> None:
    one = line(NOW + 3 * 365 * DAY)
    looks = [NOW + hour * timedelta(hours=1) for hour in sorted(hours)]
    alarms = lived(one, looks)
    told = [stage for alarm in alarms for stage in (alarm.stage, *alarm.covers)]
    assert len(told) == len(set(told))
    last = looks[-1] if looks else NOW
    assert set(told) == {str(days) for days in one.warned_at if last >= one.date - days * DAY}
    assert is_near(one, last) is bool(told)


def test_a_certificate_that_cannot_serve_yet_is_told_at_first_sight_and_once() -> None:
    facts = [Fact(origin=Origin.NEXT, fingerprint="a" * 64, begins=NOW + 3 * DAY, ends=NOW + 1000 * DAY, structure=STRUCTURE, role="sign")]
    begins = calendar(facts, NOW)[0]
    assert begins.happening is Happening.BEGINS
    assert [alarm.stage for alarm in lived(begins, [NOW, NOW + DAY, NOW + 4 * DAY])] == [START]
    assert [one.happening for one in calendar(facts, NOW + 4 * DAY)] == [Happening.ENDS]


def test_what_the_box_renews_by_itself_disturbs_nobody_in_time() -> None:
    server = line(NOW + 90 * DAY, Origin.LAN_SERVER)
    assert lived(server, [NOW + day * DAY for day in range(61)]) == []
    daily, weekly = line(NOW + DAY, Origin.REVOCATION_LIST), line(NOW + 7 * DAY, Origin.REVOCATION_LIST)
    assert (daily.warned_at, weekly.warned_at) == ((0,), (1, 0))


def test_the_lines_of_a_certificate_keep_their_name_when_it_comes_into_use() -> None:
    ends = NOW + 100 * DAY
    assert line(ends, Origin.NEXT).id == line(ends, Origin.CURRENT).id
