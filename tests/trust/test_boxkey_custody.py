"""Where the box key is kept: a credential, a real TPM in software, a passphrase, a file; and what is said when it cannot be had."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from firmware.tpm import SealedSecret, Tpm
from gateway.kernel.config import BoxKey
from gateway.trust.boxkey import BoxKeyUnavailable, FileBoxKey
from gateway.trust.boxkey_custody import Custody
from gateway.trust.boxkey_faults import (
    BoxKeyCredentialMissing,
    BoxKeyPassphraseNeeded,
    BoxKeyPassphraseShort,
    BoxKeyPassphraseWrong,
    BoxKeyTpmMissing,
    BoxKeyTpmRefused,
)
from gateway.trust.vault import Vault, open_vault
from tests.trust.swtpm import measure, running_tpm

WORDS = "tilleul marée cuivre lanterne"
WRONG = "tilleul marée cuivre lampadaire"


def custody(home: Path, tcti: str = "swtpm:host=127.0.0.1,port=9", said: str | None = None, kind: str = "auto") -> Custody:
    settings = msgspec.convert({"custody": kind, "tpm": tcti}, BoxKey)
    return Custody(home, settings, lambda: said)


@pytest.fixture
def key(tmp_path: Path) -> bytes:
    """A home with a plain key, as first boot makes it."""
    open_vault(tmp_path, create=True)
    return FileBoxKey(tmp_path / "box.key").load()


def files(home: Path) -> set[str]:
    return {path.name for path in home.iterdir() if path.is_file()}


@pytest.mark.conformity
def test_the_tpm_gives_the_key_back_after_a_power_cut_and_refuses_after_another_start(tmp_path: Path, key: bytes) -> None:
    chip = tmp_path / "chip"
    sealed = Vault(FileBoxKey(tmp_path / "box.key")).seal_small(b"clef", b"x")
    with running_tpm(chip) as tcti:
        custody(tmp_path, tcti).to_tpm(WORDS)
        assert files(tmp_path) == {"box.key.tpm", "box.key.recovery"}, "no plain key is left"
        assert custody(tmp_path, tcti).kind == "tpm"
    with running_tpm(chip) as tcti:
        assert custody(tmp_path, tcti).source().load() == key
        vault = open_vault(tmp_path, settings=BoxKey(tpm=tcti))
        assert vault.open_small(sealed, b"x") == b"clef"
        measure(tcti, b"another boot loader")
        with pytest.raises(BoxKeyTpmRefused) as refusal:
            custody(tmp_path, tcti).source().load()
        assert "mot de passe de secours" in refusal.value.explanation.gesture
        with pytest.raises(BoxKeyPassphraseWrong):
            custody(tmp_path, tcti).recover(WRONG)
        with pytest.raises(BoxKeyTpmRefused):
            custody(tmp_path, tcti).source().load()
        custody(tmp_path, tcti).recover(WORDS)
        assert custody(tmp_path, tcti).source().load() == key, "sealed anew under the measurements of today"
    for path in tmp_path.glob("box.key.*"):
        content = path.read_bytes()
        assert key not in content
        assert key.hex().encode() not in content
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.conformity
def test_another_chip_opens_nothing_and_wears_nothing(tmp_path: Path, key: bytes) -> None:
    with running_tpm(tmp_path / "chip") as tcti:
        custody(tmp_path, tcti).to_tpm(WORDS)
    with running_tpm(tmp_path / "stolen") as tcti:
        for _ in range(6):
            with pytest.raises(BoxKeyTpmRefused):
                custody(tmp_path, tcti).source().load()
        custody(tmp_path, tcti).recover(WORDS)
        assert custody(tmp_path, tcti).source().load() == key
        for _ in range(6):
            assert custody(tmp_path, tcti).source().load() == key, "no object is left in the chip"


@pytest.mark.conformity
def test_a_seal_whose_halves_are_damaged_says_so(tmp_path: Path, key: bytes) -> None:
    with running_tpm(tmp_path / "chip") as tcti:
        custody(tmp_path, tcti).to_tpm(WORDS)
        sealed = msgspec.json.decode((tmp_path / "box.key.tpm").read_bytes(), type=SealedSecret)
        assert key not in sealed.private + sealed.public
        assert Tpm(tcti).unseal(sealed) == key
        broken = msgspec.structs.replace(sealed, private=sealed.private[:-4] + b"\0\0\0\0")
        (tmp_path / "box.key.tpm").write_bytes(msgspec.json.encode(broken))
        with pytest.raises(BoxKeyTpmRefused):
            custody(tmp_path, tcti).source().load()
        (tmp_path / "box.key.tpm").write_bytes(b"{")
        with pytest.raises(BoxKeyUnavailable):
            custody(tmp_path, tcti).source().load()


@pytest.mark.conformity
def test_without_a_chip_sealing_keeps_the_plain_key(tmp_path: Path, key: bytes) -> None:
    with running_tpm(tmp_path / "chip"):
        pass
    with pytest.raises(BoxKeyTpmMissing):
        custody(tmp_path).to_tpm(WORDS)
    assert custody(tmp_path).source().load() == key
    assert "box.key.tpm" not in files(tmp_path)


def test_a_key_under_a_passphrase_opens_with_it_alone(tmp_path: Path, key: bytes) -> None:
    custody(tmp_path).to_passphrase(WORDS)
    assert files(tmp_path) == {"box.key.passphrase"}
    assert key not in (tmp_path / "box.key.passphrase").read_bytes()
    assert custody(tmp_path, said=WORDS).source().load() == key
    with pytest.raises(BoxKeyPassphraseWrong) as refusal:
        custody(tmp_path, said=WRONG).source().load()
    assert WRONG not in f"{refusal.value!r}{refusal.value.explanation}"
    for nothing in (None, ""):
        with pytest.raises(BoxKeyPassphraseNeeded):
            custody(tmp_path, said=nothing).source().load()
    custody(tmp_path, said=WORDS).to_passphrase(WRONG)
    assert custody(tmp_path, said=WRONG).source().load() == key, "changed"


def test_a_move_erases_every_plain_copy_those_of_a_cut_too(tmp_path: Path, key: bytes) -> None:
    (tmp_path / ".box.key.0123456789abcdef").write_bytes(key)
    custody(tmp_path).to_passphrase(WORDS)
    assert files(tmp_path) == {"box.key.passphrase"}
    (tmp_path / "box.key").write_bytes(key)
    again = custody(tmp_path, said=WORDS)
    assert again.exposed
    again.to_passphrase(WORDS)
    assert (files(tmp_path), again.exposed) == ({"box.key.passphrase"}, False)


def test_a_short_passphrase_protects_nothing(tmp_path: Path, key: bytes) -> None:
    with pytest.raises(BoxKeyPassphraseShort):
        custody(tmp_path).to_passphrase("tilleul")
    with pytest.raises(BoxKeyPassphraseShort):
        custody(tmp_path).to_tpm("tilleul")
    assert files(tmp_path) == {"box.key"}
    assert custody(tmp_path).source().load() == key


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"n":1073741824,"r":8,"p":1,"salt":"AAAA","sealed":"AAAA"}', b'{"n":65536,"r":8,"p":1,"salt":"","sealed":""}']
)
def test_a_damaged_file_is_refused_without_costing_memory(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "box.key.passphrase").write_bytes(content)
    with pytest.raises(BoxKeyUnavailable):
        custody(tmp_path, said=WORDS).source().load()


def test_a_credential_of_systemd_comes_first(tmp_path: Path, key: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    given = tmp_path / "credentials"
    given.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(given))
    assert custody(tmp_path).kind == "file", "no such credential was given"
    (given / "relais-box-key").write_bytes(bytes(range(32)))
    (given / "relais-box-key").chmod(0o400)
    assert custody(tmp_path).kind == "credential"
    assert custody(tmp_path).source().load() == bytes(range(32))
    assert custody(tmp_path, kind="file").source().load() == key


def test_a_passphrase_may_come_by_a_credential(tmp_path: Path, key: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    custody(tmp_path).to_passphrase(WORDS)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "relais-box-passphrase").write_text(f"{WORDS}\n", encoding="utf-8")
    assert Custody(tmp_path).source().load() == key


def test_a_credential_that_cannot_be_looked_at_sends_nobody_to_the_file(
    tmp_path: Path, key: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    del key
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / ("x" * 300)))
    with pytest.raises(BoxKeyUnavailable) as refusal:
        Custody(tmp_path).source()
    assert "ne peut pas être lu" in refusal.value.explanation.what


def test_what_the_settings_impose_is_never_replaced_by_something_weaker(tmp_path: Path, key: bytes) -> None:
    del key
    with pytest.raises(BoxKeyCredentialMissing):
        custody(tmp_path, kind="credential").source().load()
    with pytest.raises(BoxKeyUnavailable):
        custody(tmp_path, kind="tpm").source().load()
    with pytest.raises(BoxKeyUnavailable):
        open_vault(tmp_path, create=True, settings=BoxKey(custody="passphrase"))
    for move in (custody(tmp_path, kind="file").to_tpm, custody(tmp_path, kind="file").to_passphrase):
        with pytest.raises(BoxKeyUnavailable, match="imposed"):
            move(WORDS)
    assert files(tmp_path) == {"box.key"}
