"""The self-checks of certificates: one finding for each trouble, each with its gesture; openssl agrees on the chains."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace

from gateway.health.check import Check, Result, Severity, Site
from gateway.health.checks import calendar, certificate_chains, certificates, successions
from gateway.journal.memory import MemoryStore
from gateway.journal.records import SuccessionRecord
from gateway.kernel.clock import FrozenClock
from gateway.trust.chain import read_authorities
from gateway.trust.keystore import KeyStore
from gateway.trust.lan import LanAuthority
from gateway.trust.revocation import RevocationLists
from gateway.trust.roles import Role
from gateway.trust.slots import Slot
from gateway.trust.vault import open_vault
from tests.api.rig import configuration_of
from tests.tools import need_tool
from tests.trust.pki import AUTH_CLI, NOW, PASSPHRASE, SIGN, STRUCTURE, Leaf, Pki

CHECKS: tuple[Check, ...] = (certificates.check, certificate_chains.check, successions.check, calendar.check)


class Stage:
    """A site with one structure, its two certificates and the authority that issued them."""

    def __init__(self, home: Path) -> None:
        self.pki, vault = Pki.create("CONTROLES"), open_vault(home, create=True)
        self.keys, lan = KeyStore(home, vault), LanAuthority(home, vault)
        lan.identity(("localhost",), NOW)
        (home / "anchors.pem").write_bytes(self.pki.anchors_pem)
        self.lists = RevocationLists(home, read_authorities(self.pki.anchors_pem))
        self.lists.offer(self.pki.crl_der())
        self.connection = self.put(Role.AUTH_CLI, Slot.CURRENT)
        self.put(Role.SIGN, Slot.CURRENT)
        self.site = Site(
            home=home, configuration=configuration_of(), store=MemoryStore(), keys=self.keys, clock=FrozenClock(NOW), vault=vault
        )

    def put(self, role: Role, slot: Slot) -> Leaf:
        leaf = self.pki.issue(SIGN if role is Role.SIGN else AUTH_CLI)
        self.keys.import_pkcs12(STRUCTURE, role, leaf.pkcs12(), PASSPHRASE, environment="test", anchors=self.pki.anchors_pem, slot=slot)
        return leaf

    async def found(self, *, later: timedelta = timedelta()) -> list[Result]:
        """What is not well."""
        site = replace(self.site, clock=FrozenClock(NOW + later))
        results = [one for check in CHECKS for one in await check(site)]
        assert all(bool(one.gesture) is (one.severity is not Severity.OK) for one in results), "each trouble has its fix"
        return [one for one in results if one.severity is not Severity.OK]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_a_box_in_order_is_all_well(stage: Stage) -> None:
    assert await stage.found() == []


async def test_every_line_of_the_calendar_is_said(stage: Stage) -> None:
    told = [one.what for one in await calendar.check(stage.site)]
    assert len(told) == 3 + 2 + 2 + 1
    assert all("Ensuite" in one or "Rien de plus" in one for one in told)


async def test_what_nears_its_end_is_told_then_what_is_over(stage: Stage) -> None:
    near = await stage.found(later=timedelta(days=3 * 365 - 20))
    signing = [one for one in near if "signature" in one.what]
    assert [(one.check, one.severity) for one in signing] == [("calendar", Severity.WARNING)]
    over = await stage.found(later=timedelta(days=3 * 365 + 1))
    assert [one.severity for one in over if "Certificat de signature" in one.what] == [Severity.ERROR]


@pytest.mark.parametrize("slot", [Slot.CURRENT, Slot.NEXT])
async def test_a_revoked_certificate_is_told_and_openssl_says_so_too(stage: Stage, tmp_path: Path, slot: Slot) -> None:
    leaf = stage.connection if slot is Slot.CURRENT else stage.put(Role.AUTH_CLI, slot)
    stage.pki.revoke(leaf)
    crl = stage.pki.crl(issued=NOW)
    stage.lists.offer(crl.public_bytes(Encoding.DER))
    [one] = await stage.found()
    assert (one.check, one.severity) == ("certificate-chains", Severity.ERROR if slot is Slot.CURRENT else Severity.WARNING)
    assert "révoqué" in one.what
    assert "revoked" in openssl_refusal(tmp_path, leaf.pem, stage.pki.anchors_pem + crl.public_bytes(Encoding.PEM))


def openssl_refusal(folder: Path, leaf: bytes, trusted: bytes) -> str:
    (folder / "trust.pem").write_bytes(trusted)
    (folder / "leaf.pem").write_bytes(leaf)
    command = [need_tool("openssl"), "verify", "-x509_strict", "-crl_check", "-CAfile", str(folder / "trust.pem")]
    judged = subprocess.run([*command, str(folder / "leaf.pem")], capture_output=True, text=True, check=False)
    assert judged.returncode != 0
    return judged.stdout + judged.stderr


async def test_another_authority_makes_every_chain_wrong(stage: Stage) -> None:
    (stage.site.home / "anchors.pem").write_bytes(Pki.create("AUTRE").anchors_pem)
    wrong = [one for one in await stage.found() if one.check == "certificate-chains"]
    assert len(wrong) == 2
    assert {one.severity for one in wrong} == {Severity.ERROR}


async def test_missing_authorities_and_damaged_or_missing_keys_are_told(stage: Stage) -> None:
    (stage.site.home / "anchors.pem").unlink()
    assert {one.check for one in await stage.found()} == {"certificate-chains", "calendar"}
    folder = stage.site.home / "keys" / STRUCTURE
    (folder / "sign.sealed").write_bytes(b"x" * 90)
    (folder / "auth_cli.sealed").unlink()
    (stage.site.home / "anchors.pem").write_bytes(stage.pki.anchors_pem)
    fresh = replace(stage.site, keys=KeyStore(stage.site.home, open_vault(stage.site.home)))
    told = [one.what for check in CHECKS for one in await check(fresh) if one.severity is Severity.ERROR]
    assert [("Il manque" in one, "lisible" in one) for one in told] == [(True, False), (True, False), (False, True)]


async def test_a_next_certificate_in_trouble_is_told_while_it_waits(stage: Stage) -> None:
    leaf = stage.put(Role.SIGN, Slot.NEXT)
    [summary] = stage.keys.summaries(Slot.NEXT)
    row = SuccessionRecord(structure=STRUCTURE, role="sign", state="refused", following=summary.fingerprint, updated_at=1)
    await stage.site.store.commit(row)
    [one] = await stage.found()
    assert (one.check, one.severity) == ("successions", Severity.WARNING)
    stage.keys.drop_next(STRUCTURE, Role.SIGN)
    assert await stage.found() == []
    assert leaf.certificate.serial_number
