"""An installation cut between any two steps goes on; one that is over changes nothing; no secret stays on the first partition."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from gateway.flow.caller import token_digest
from gateway.journal.sqlite import SqliteStore
from gateway.kernel.config import read_configuration
from gateway.kernel.home import Home
from gateway.trust.boxkey_custody import PassphraseBoxKey
from gateway.trust.secret_file import HOMOLOGATION, read_secret
from gateway.trust.vault import Vault, open_vault
from provisioning.__main__ import main
from provisioning.first_boot import installation as installing
from provisioning.first_boot.installation import Installation
from provisioning.first_boot.papers import Papers
from provisioning.first_boot.system_files import NETWORK, TIME, system_files
from tests.provisioning.first_boot.test_sheet import SECRETS, SHEET
from tests.trust.pki import Pki
from tests.trust.swtpm import running_tpm

PHRASE = "quinze lettres et plus"
UNSYNCHRONISED = 'environment = "test"\nrequire_synchronised_clock = false'
HEAD, _, REST = SHEET.partition("[[first_boot.certificates]]")
WITHOUT_FILES = HEAD.replace('passphrase = "quatorze lettres et plus"\n', "") + REST[REST.index("[[structures]]") :]


@pytest.fixture(scope="module")
def anchors() -> bytes:
    return Pki.create().anchors_pem


@pytest.fixture
def partition(tmp_path: Path, anchors: bytes) -> Path:
    folder = tmp_path / "partition"
    folder.mkdir()
    (folder / "relais.toml").write_text(WITHOUT_FILES.replace('environment = "test"', UNSYNCHRONISED))
    (folder / "anchors.pem").write_bytes(anchors)
    return folder


def first_boot(partition: Path, *options: str) -> int:
    home = partition.parent / "box"
    return main(["first-boot", "--home", str(home), "--settings", str(partition / "relais.toml"), "--unattended", *options])


def fingerprint(folder: Path) -> dict[str, str]:
    files = sorted(one for one in folder.rglob("*") if one.is_file() and "journal" not in one.name)
    return {str(one): hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


async def operators(home: Home) -> list[str]:
    store = await SqliteStore.open(home.journal)
    try:
        return [one.token_digest for one in await store.workstations() if not one.revoked]
    finally:
        await store.close()


def check_installed(home: Home, partition: Path) -> None:
    settings = read_configuration(home.configuration)
    assert settings.listener.names[0].startswith("relais-")
    assert read_secret(home.root, open_vault(home.root), HOMOLOGATION) == "HOMOLOGATION-SECRET"
    assert home.operator_token.read_text().strip() == "vingt caracteres au moins"
    assert not (home.root / "first-boot.json").exists()
    left = b"".join(one.read_bytes() for one in partition.iterdir())
    assert not any(secret.encode() in left for secret in SECRETS)
    assert "Ce boîtier est installé" in (partition / "relais.toml.resultat.txt").read_text("utf-8")


def test_an_empty_home_is_installed_and_a_second_time_changes_nothing(partition: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(partition.parent / "box")
    assert first_boot(partition, "--system", str(partition.parent / "root")) == 0
    check_installed(home, partition)
    said = capsys.readouterr().out
    assert "vingt caracteres" not in said, "nobody is there to read it"
    before = fingerprint(partition.parent)
    assert first_boot(partition) == 0
    assert "déjà installé" in capsys.readouterr().out
    assert fingerprint(partition.parent) == before


class PowerCut(BaseException):
    """As the real one."""


STEPS = ["open_vault", "settings_text", "keep_secret", "pair", "LanAuthority", "opened", "sync_folder"]


@pytest.mark.parametrize("step", STEPS)
def test_cut_before_any_step_it_goes_on(partition: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*_arguments: object, **_named: object) -> None:
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(installing, step, cut)
        with pytest.raises(PowerCut):
            first_boot(partition)
    assert first_boot(partition) == 0
    check_installed(Home(partition.parent / "box"), partition)


@pytest.mark.parametrize("step", ["tell", "blank"])
async def test_cut_at_the_papers_it_goes_on(partition: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*_arguments: object) -> None:
        raise PowerCut

    home = Home(partition.parent / "box")
    installation = Installation(home, Papers(partition / "relais.toml"), None)
    sheet, _ = await installation.run()
    with monkeypatch.context() as patch:
        patch.setattr(Papers, step, cut)
        with pytest.raises(PowerCut):
            installation.end(sheet, "Ce boîtier est installé.\n")
    again = Installation(home, Papers(partition / "relais.toml"), None)
    assert not again.is_over
    sheet, _ = await again.run()
    again.end(sheet, "Ce boîtier est installé.\n")
    check_installed(home, partition)
    assert await operators(home) == [token_digest("vingt caracteres au moins")]


def test_a_faulty_sheet_installs_nothing_and_says_why_beside_it(partition: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = partition / "relais.toml"
    good = sheet.read_text()
    sheet.write_text(good.replace("family", "famille"))
    assert first_boot(partition) == 1
    assert "first-boot-sheet-refused" in capsys.readouterr().err
    paper = (partition / "relais.toml.refus.txt").read_text("utf-8")
    assert "famille » : n'est pas un réglage connu" in paper
    assert not (partition.parent / "box" / "box.key").exists()
    sheet.write_text(good)
    assert first_boot(partition) == 0
    assert not (partition / "relais.toml.refus.txt").exists(), "mended"


def test_files_and_passphrases_that_are_missing_are_told_before_anything_is_made(partition: Path) -> None:
    sheet = partition / "relais.toml"
    sheet.write_text(SHEET.replace('passphrase = "SESAME-UN"\n', ""))
    (partition / "auth.p12").write_bytes(b"something")
    assert first_boot(partition) == 1
    paper = (partition / "relais.toml.refus.txt").read_text("utf-8")
    assert "certificates[1] » : il manque « passphrase »" in paper
    assert "certificates[2].file » : ce fichier n'est pas à côté de relais.toml" in paper
    assert not (partition.parent / "box" / "relais.toml").exists()


def test_a_certificate_that_is_refused_is_told_with_its_place_and_the_sheet_keeps_its_secrets(partition: Path) -> None:
    sheet = partition / "relais.toml"
    entry = '[[first_boot.certificates]]\nrole = "auth_cli"\nfile = "auth.p12"\npassphrase = "SESAME-UN"\n\n[[structures]]'
    sheet.write_text(sheet.read_text().replace("[[structures]]", entry, 1))
    (partition / "auth.p12").write_bytes(b"no certificate")
    assert first_boot(partition) == 1
    assert "first_boot.certificates[1]" in (partition / "relais.toml.refus.txt").read_text("utf-8")
    assert "SESAME-UN" in sheet.read_text(), "to be tried again"
    assert (partition / "auth.p12").exists()
    assert not Installation(Home(partition.parent / "box"), Papers(sheet), None).is_over


def test_network_and_time_are_left_to_systemd_and_chrony(partition: Path) -> None:
    sheet = partition / "relais.toml"
    more = '[first_boot.network]\naddress = "192.168.1.20/24"\ngateway = "192.168.1.1"\ndns = ["192.168.1.1"]\n\n[[structures]]'
    servers = '[first_boot]\ntime_servers = ["fr.pool.ntp.org"]\n'
    text = sheet.read_text().replace("[first_boot]\n", servers).replace("[[structures]]", more, 1)
    sheet.write_text(text)
    assert first_boot(partition, "--system", str(partition.parent / "root")) == 0
    assert (partition.parent / "root" / TIME).read_text() == "server fr.pool.ntp.org iburst\n"
    network = (partition.parent / "root" / NETWORK).read_text()
    assert "Address=192.168.1.20/24\nGateway=192.168.1.1\nDNS=192.168.1.1\n" in network
    assert "192.168.1.20" in read_configuration(partition.parent / "box" / "relais.toml").listener.names
    assert set(system_files(Papers(sheet).read(text).first_boot)) == {NETWORK, TIME}


def test_a_passphrase_closes_the_key_last_and_what_is_cut_after_it_still_ends(partition: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sheet, home = partition / "relais.toml", partition.parent / "box"
    sheet.write_text(sheet.read_text().replace("[first_boot]\n", f'[first_boot]\nbox_key = "passphrase"\npassphrase = "{PHRASE}"\n'))

    def cut(*_arguments: object) -> None:
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(Papers, "blank", cut)
        with pytest.raises(PowerCut):
            first_boot(partition)
    assert not (home / "box.key").exists()
    installation = Installation(Home(home), Papers(sheet), None)
    assert not installation.is_over
    whole, taken = asyncio.run(installation.run())
    installation.end(whole, "Ce boîtier est installé.\n")
    assert taken == []
    assert Installation(Home(home), Papers(sheet), None).is_over
    assert PHRASE not in sheet.read_text()
    key = PassphraseBoxKey(home / "box.key.passphrase", lambda: PHRASE)
    assert read_secret(home, Vault(key), HOMOLOGATION) == "HOMOLOGATION-SECRET"


def test_a_security_chip_seals_the_key_before_anything_else(partition: Path) -> None:
    with running_tpm(partition.parent / "tpm") as tcti:
        sheet, home = partition / "relais.toml", partition.parent / "box"
        text = sheet.read_text().replace("[first_boot]\n", f'[first_boot]\nbox_key = "tpm"\npassphrase = "{PHRASE}"\n')
        sheet.write_text(text.replace("[dmp]", f'[box_key]\ntpm = "{tcti}"\n\n[dmp]', 1))
        assert first_boot(partition) == 0
        assert not (home / "box.key").exists()
        vault = open_vault(home, settings=read_configuration(home / "relais.toml").box_key)
        assert read_secret(home, vault, HOMOLOGATION) == "HOMOLOGATION-SECRET"
        assert PHRASE not in sheet.read_text()
