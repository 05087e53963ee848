"""`relais boxkey` as an installer types it: the passphrase by a descriptor, never an argument."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.trust.boxkey import FileBoxKey
from gateway.trust.boxkey_custody import Custody
from gateway.trust.vault import open_vault
from tests.trust.swtpm import measure, running_tpm

WORDS = "tilleul marée cuivre lanterne"


def relais(*arguments: str, passphrase: str | None = None) -> int:
    if passphrase is None:
        return main(["boxkey", *arguments])
    reading, writing = os.pipe()
    os.write(writing, f"{passphrase}\n".encode())
    os.close(writing)
    return main(["boxkey", *arguments, "--passphrase-fd", str(reading)])


def test_a_plain_key_is_said_to_be_plain_then_protected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_vault(tmp_path, create=True)
    key = FileBoxKey(tmp_path / "box.key").load()
    home = ("--home", str(tmp_path))
    assert relais("show", *home) == 0
    assert "qui copie la carte mémoire peut tout lire" in capsys.readouterr().out
    assert relais("passphrase", *home, passphrase="court") == 1
    assert "[box-key-passphrase-short]" in capsys.readouterr().err
    assert relais("passphrase", *home, passphrase=WORDS) == 0
    assert not (tmp_path / "box.key").exists()
    assert Custody(tmp_path, ask=lambda: WORDS).source().load() == key
    said = capsys.readouterr()
    assert "protégée par un mot de passe" in said.out
    assert WORDS not in said.out + said.err


def test_without_a_terminal_a_passphrase_is_asked_of_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_vault(tmp_path, create=True)
    assert relais("passphrase", "--home", str(tmp_path)) == 1
    assert "[passphrase-not-given]" in capsys.readouterr().err
    assert main(["boxkey", "passphrase", "--home", str(tmp_path), "--passphrase-fd", "912"]) == 1
    assert "[passphrase-not-given]" in capsys.readouterr().err
    assert (tmp_path / "box.key").exists()


@pytest.mark.conformity
def test_sealed_by_the_chip_and_recovered_after_an_update(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_vault(tmp_path, create=True)
    key = FileBoxKey(tmp_path / "box.key").load()
    with running_tpm(tmp_path / "chip") as tcti:
        (tmp_path / "relais.toml").write_text(
            f'[box_key]\ntpm = "{tcti}"\n[dmp]\nurl = "https://dmp.test"\n'
            '[[structures]]\nid = "1"\nname = "X"\npatient_root = "1.2"\nsource_id = "1.3"\nprofessionals = []\n'
        )
        home = ("--home", str(tmp_path))
        assert relais("tpm", *home, passphrase=WORDS) == 0
        assert relais("show", *home) == 0
        measure(tcti, b"update")
        capsys.readouterr()
        assert relais("show", *home) == 1
        assert "[box-key-tpm-refused]" in capsys.readouterr().err
        assert relais("recover", *home, passphrase="autre mot de passe") == 1
        assert relais("recover", *home, passphrase=WORDS) == 0
        assert relais("show", *home) == 0
    assert key not in b"".join(path.read_bytes() for path in tmp_path.glob("box.key.*"))
