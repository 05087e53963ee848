"""An authority that spreads its revocations over several lists: each is kept, each is heeded, none hides another."""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.trust.chain import read_authorities
from gateway.trust.errors import RevocationListRefused
from gateway.trust.list_scope import covers
from gateway.trust.revocation import RevocationLists, read_list, revocation_of
from tests.tools import need_tool
from tests.trust.pki import NOW, Pki, shared_pki

ONE, TWO = "http://lists.test/1.crl", "http://lists.test/2.crl"
PKI = shared_pki()


def points(*addresses: str) -> list[x509.UniformResourceIdentifier]:
    return [x509.UniformResourceIdentifier(one) for one in addresses]


def leaf(*addresses: str, ca: bool = False) -> x509.Certificate:
    """Of the shared authority, its list said to be at these addresses."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "feuille")]))
        .issuer_name(PKI.issuing.subject)
        .public_key(PKI.root_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=100))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(PKI.issuing_key.public_key()), critical=False)
    )
    if addresses:
        found = [x509.DistributionPoint(points(one), None, None, None) for one in addresses]
        builder = builder.add_extension(x509.CRLDistributionPoints(found), critical=False)
    return builder.sign(PKI.issuing_key, SHA256())


def part(
    *addresses: str,
    revoked: x509.Certificate | None = None,
    issued: datetime = NOW - timedelta(minutes=5),
    until: datetime = NOW + timedelta(days=7),
    number: int = 1,
    users: bool = False,
    authorities: bool = False,
) -> bytes:
    """A list for those points (none: for all), DER."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(PKI.issuing.subject)
        .last_update(issued)
        .next_update(until)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(PKI.issuing_key.public_key()), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    if addresses or users or authorities:
        point = x509.IssuingDistributionPoint(
            full_name=points(*addresses) or None,
            relative_name=None,
            only_contains_user_certs=users,
            only_contains_ca_certs=authorities,
            only_some_reasons=None,
            indirect_crl=False,
            only_contains_attribute_certs=False,
        )
        builder = builder.add_extension(point, critical=True)
    if revoked is not None:
        entry = x509.RevokedCertificateBuilder().serial_number(revoked.serial_number).revocation_date(NOW - timedelta(hours=1)).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(PKI.issuing_key, SHA256()).public_bytes(Encoding.DER)


@pytest.fixture
def lists(tmp_path: Path) -> RevocationLists:
    return RevocationLists(tmp_path, read_authorities(PKI.anchors_pem))


def said(lists: RevocationLists, certificate: x509.Certificate) -> tuple[bool, bool, bool]:
    """Known, revoked, stale."""
    found = revocation_of(certificate, PKI.issuing, map(read_list, lists.held()), NOW)
    return found.known, found.revoked_at is not None, found.stale


def test_one_part_does_not_take_the_place_of_another(lists: RevocationLists) -> None:
    first, second, good = leaf(ONE), leaf(TWO), leaf(ONE)
    lists.offer(part(ONE, revoked=first), ONE)
    lists.offer(part(TWO, revoked=second, number=9), TWO)
    assert len(lists.held()) == 2
    assert set(lists.addresses()) == {ONE, TWO}
    assert [said(lists, one) for one in (first, second, good)] == [(True, True, False), (True, True, False), (True, False, False)]


def test_the_part_of_others_says_nothing_of_a_certificate(lists: RevocationLists) -> None:
    lists.offer(part(ONE), ONE)
    assert said(lists, leaf(TWO)) == (False, False, False)
    assert said(lists, leaf()) == (False, False, False)
    assert said(lists, leaf(TWO, ONE)) == (True, False, False)


def test_a_certificate_that_any_list_of_its_authority_revokes_is_revoked(lists: RevocationLists) -> None:
    bad = leaf(ONE)
    lists.offer(part(revoked=bad, issued=NOW - timedelta(days=1)), "http://lists.test/whole.crl")
    lists.offer(part(ONE), ONE)
    assert said(lists, bad) == (True, True, False)


def test_each_part_has_its_own_age(lists: RevocationLists) -> None:
    lists.offer(part(ONE, issued=NOW - timedelta(days=9), until=NOW - timedelta(days=1)), ONE)
    lists.offer(part(TWO), TWO)
    assert (said(lists, leaf(ONE))[2], said(lists, leaf(TWO))[2]) == (True, False)
    assert len(lists.stale(NOW)) == 1
    with pytest.raises(RevocationListRefused):
        lists.offer(part(TWO, issued=NOW - timedelta(days=2), number=99), TWO)
    lists.offer(part(ONE, number=2), ONE)
    assert lists.stale(NOW) == ()


def test_a_list_published_otherwise_at_the_same_address_leaves_no_old_one_behind(lists: RevocationLists) -> None:
    old = leaf(ONE)
    lists.offer(part(revoked=old, issued=NOW - timedelta(days=2), until=NOW + timedelta(hours=1)), ONE)
    lists.offer(part(ONE, revoked=old, number=2), ONE)
    assert len(lists.held()) == 1
    assert lists.addresses() == (ONE,)
    assert said(lists, old) == (True, True, False)


def test_a_part_served_at_the_address_of_another_takes_nothing_away(lists: RevocationLists) -> None:
    """Whoever holds the line may swap what the authority signed; he cannot make the box forget."""
    bad = leaf(ONE)
    lists.offer(part(ONE, revoked=bad, issued=NOW - timedelta(hours=1)), ONE)
    lists.offer(part(TWO, number=2), ONE)
    assert said(lists, bad) == (True, True, False)


def test_what_one_version_kept_under_the_authority_alone_is_still_read(lists: RevocationLists, tmp_path: Path) -> None:
    lists.offer(part(), "http://lists.test/whole.crl")
    [path] = [one for one in (tmp_path / "crl").iterdir() if one.suffix == ".crl"]
    assert "-" not in path.name
    assert said(lists, leaf(ONE)) == (True, False, False)


@pytest.mark.parametrize(
    ("users", "authorities", "leaf_known", "authority_known"), [(True, False, True, False), (False, True, False, True)]
)
def test_lists_of_users_and_of_authorities_are_two(
    lists: RevocationLists, *, users: bool, authorities: bool, leaf_known: bool, authority_known: bool
) -> None:
    lists.offer(part(users=users, authorities=authorities), ONE)
    assert (said(lists, leaf(ONE))[0], said(lists, leaf(ONE, ca=True))[0]) == (leaf_known, authority_known)


@pytest.mark.conformity
@pytest.mark.parametrize("addresses", [(ONE,), (TWO,), ()])
def test_openssl_finds_a_list_for_the_same_certificates(tmp_path: Path, addresses: tuple[str, ...]) -> None:
    """Which list speaks of which certificate; of two that do, it takes one, and we the worse."""
    for certificate, both in ((leaf(*addresses), False), (leaf(*addresses), True)):
        parts = [part(ONE), part(TWO, revoked=certificate)] if both else [part(ONE)]
        known = any(covers(read_list(one), certificate) for one in parts)
        revoked = both and TWO in addresses
        assert openssl(tmp_path, certificate, parts) == ("revoked" if revoked else "good" if known else "unknown")


def openssl(folder: Path, certificate: x509.Certificate, parts: list[bytes]) -> str:
    trusted = folder / "trusted.pem"
    trusted.write_bytes(PKI.anchors_pem + b"".join(x509.load_der_x509_crl(one).public_bytes(Encoding.PEM) for one in parts))
    (folder / "leaf.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    at = str(int(NOW.timestamp()))
    command = [
        need_tool("openssl"),
        "verify",
        "-extended_crl",
        "-crl_check",
        "-attime",
        at,
        "-CAfile",
        str(trusted),
        str(folder / "leaf.pem"),
    ]
    done = subprocess.run(command, capture_output=True, check=False)
    told = (done.stdout + done.stderr).decode()
    if done.returncode == 0:
        return "good"
    return "revoked" if "certificate revoked" in told else "unknown" if "unable to get certificate CRL" in told or "scope" in told else told


def test_two_authorities_of_one_name_do_not_share_a_list(tmp_path: Path) -> None:
    other = Pki.create()
    lists = RevocationLists(tmp_path, read_authorities(PKI.anchors_pem + other.anchors_pem))
    lists.offer(part(ONE), ONE)
    assert not revocation_of(leaf(ONE), other.issuing, map(read_list, lists.held()), NOW).known
