"""Everything goes, the box key first; cut at any instant it goes on, and nobody is served a half-erased home."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from firmware.tpm import SealedSecret, Tpm, TpmRefused
from gateway.journal.home_lock import HomeBeingErased, alone_in
from gateway.kernel.config import BoxKey
from gateway.trust.boxkey import BoxKeyUnavailable
from gateway.trust.boxkey_custody import Custody
from gateway.trust.vault import open_vault
from provisioning.reset.disk import RealDisk
from provisioning.reset.erasure import Erasure
from provisioning.reset.errors import ErasureCut
from tests.provisioning.reset.box import NAME, NOW, PAPERS, Box, CutDisk, PowerCut
from tests.tools import need_tool
from tests.trust.swtpm import running_tpm


@pytest.fixture(scope="module")
def gestures(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a whole erasure does, in order."""
    disk = CutDisk(10_000, "after")
    Erasure(Box(tmp_path_factory.mktemp("whole") / "box").home, disk, lambda: NOW).run("button")
    return disk.done


def test_nothing_is_left_but_the_lock_and_a_receipt_that_says_what_went(tmp_path: Path) -> None:
    box = Box(tmp_path / "box")
    text = Erasure(box.home, RealDisk(), lambda: NOW).run("button")
    assert box.left() == PAPERS
    assert (box.home.root / "effacement.txt").read_text("utf-8") == text
    assert not any(mark in box.raw() for mark in box.marks)
    for line in (
        "ATTESTATION D'EFFACEMENT",
        "30 novembre 2026, 11:05",
        "au bouton",
        "2 envois n'étaient pas terminés",
        "clé du boîtier : 1",
    ):
        assert line in text
    with pytest.raises(BoxKeyUnavailable):
        open_vault(box.home.root)


def test_the_receipt_tells_the_box_as_its_workstations_knew_it(tmp_path: Path) -> None:
    box = Box(tmp_path / "box")
    asked = (need_tool("openssl"), "x509", "-in", str(box.home.root / "lan-ca.pem"), "-noout", "-fingerprint", "-sha256")
    printed = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    text = Erasure(box.home, RealDisk(), lambda: NOW).run("command")
    assert printed.strip().partition("=")[2].replace(":", "").lower() in text


def test_the_key_goes_before_all_else_and_what_it_sealed_is_dead_then(gestures: list[str], tmp_path: Path) -> None:
    assert gestures[:3] == ["write erasure.json", "overwrite box.key", "remove box.key"]
    assert gestures[-2:] == ["write effacement.txt", "remove erasure.json"]
    box = Box(tmp_path / "box")
    assert open_vault(box.home.root).open_small(box.sealed, b"kept elsewhere") == NAME
    with pytest.raises(PowerCut):
        Erasure(box.home, CutDisk(1, "after"), lambda: NOW).run("button")
    assert box.key not in box.raw().replace((box.home.root / "keys/10B0152872/sign.sealed").read_bytes(), b"")
    with pytest.raises(BoxKeyUnavailable):
        open_vault(box.home.root).open_small(box.sealed, b"kept elsewhere")


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_cut_anywhere_any_number_of_times_it_ends_the_same(
    data: st.DataObject, gestures: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    box = Box(tmp_path_factory.mktemp("cut") / "box")
    for _ in range(data.draw(st.integers(1, 3), "cuts")):
        number = data.draw(st.integers(0, len(gestures) - 1), "gesture")
        disk = CutDisk(number, data.draw(st.sampled_from(("before", "middle", "after")), "when"))
        try:
            Erasure(box.home, disk, lambda: NOW).run("button")
        except PowerCut:
            pass
        else:
            break
        _check_never_served(box)
    text = Erasure(box.home, RealDisk(), lambda: NOW).run("button")
    assert box.left() == PAPERS
    assert not any(mark in box.raw() for mark in box.marks)
    assert "ATTESTATION" in text


def _check_never_served(box: Box) -> None:
    """Either nothing has begun, or nobody may own it; the key opens only while nothing of it was touched."""
    if box.home.erasure.exists():
        with pytest.raises(HomeBeingErased), alone_in(box.home):
            pass
        with alone_in(box.home, erasing=True):
            pass
    elif (box.home.root / "journal.sqlite").exists():
        assert (box.home.root / "box.key").read_bytes() == box.key
    else:
        assert box.left() <= PAPERS


@pytest.mark.parametrize("gesture", [*range(4), 7, -2, -1])
@pytest.mark.parametrize("when", ["before", "middle", "after"])
def test_each_of_the_first_and_last_steps_may_be_the_one_that_is_cut(gestures: list[str], gesture: int, when: str, tmp_path: Path) -> None:
    box = Box(tmp_path / "box")
    with pytest.raises(PowerCut):
        Erasure(box.home, CutDisk(gesture % len(gestures), when), lambda: NOW).run("button")
    _check_never_served(box)
    first = json.loads(box.home.erasure.read_bytes())["counts"] if box.home.erasure.exists() else None
    text = Erasure(box.home, RealDisk(), lambda: NOW).run("command")
    assert box.left() == PAPERS
    assert not any(mark in box.raw() for mark in box.marks)
    if first is not None:
        assert "au bouton" in text, "who asked first"
        assert f"certificats et clés des structures : {next(one['files'] for one in first if 'structures' in one['kind'])} fichier" in text


def test_a_link_goes_and_what_it_points_to_stays(tmp_path: Path) -> None:
    box = Box(tmp_path / "box")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_bytes(b"somebody's")
    (box.home.root / "link").symlink_to(tmp_path / "elsewhere")
    (box.home.root / "link-to-file").symlink_to(tmp_path / "elsewhere" / "file")
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(os.path.relpath(box.home.root / "devices.sock"))
        Erasure(box.home, RealDisk(), lambda: NOW).run("button")
    assert (tmp_path / "elsewhere" / "file").read_bytes() == b"somebody's"
    assert box.left() == PAPERS


def test_the_credential_that_holds_the_key_dies_with_it(tmp_path: Path) -> None:
    box = Box(tmp_path / "box")
    credential = tmp_path / "relais-box-key.cred"
    credential.write_bytes(box.key)
    with pytest.raises(PowerCut):
        Erasure(box.home, CutDisk(2, "after"), lambda: NOW).run("button", (credential,))
    assert credential.read_bytes() != box.key, "overwritten before the first is taken away"
    text = Erasure(box.home, RealDisk(), lambda: NOW).run("button")
    assert not credential.exists(), "remembered over the cut"
    assert "d'où venait la clé" in text


def test_every_form_of_the_key_is_a_key(tmp_path: Path) -> None:
    box = Box(tmp_path / "box")
    Custody(box.home.root).to_passphrase("quatorze lettres et plus")
    copy = (box.home.root / "box.key.passphrase").read_bytes()
    (box.home.root / f".box.key.{'a' * 16}").write_bytes(box.key)
    disk = CutDisk(10_000, "after")
    text = Erasure(box.home, disk, lambda: NOW).run("button")
    assert sorted(disk.done[1:3]) == [f"overwrite .box.key.{'a' * 16}", "overwrite box.key.passphrase"]
    assert "ancien mot de passe" in text
    assert copy not in box.raw()


class Refusing(RealDisk):
    """A card that became read-only."""

    @override
    def remove(self, path: Path) -> None:
        raise OSError(30, "read-only")


def test_a_disk_that_refuses_is_said_and_the_home_stays_closed(tmp_path: Path) -> None:
    box = Box(tmp_path / "box")
    with pytest.raises(ErasureCut) as told:
        Erasure(box.home, Refusing(), lambda: NOW).run("button")
    assert "détruisez-la" in told.value.explanation.gesture
    with pytest.raises(HomeBeingErased), alone_in(box.home):
        pass


def test_a_second_erasure_replaces_the_receipt_of_the_first(tmp_path: Path) -> None:
    box = Box(tmp_path / "box")
    Erasure(box.home, RealDisk(), lambda: NOW).run("button")
    open_vault(box.home.root, create=True)
    text = Erasure(box.home, RealDisk(), lambda: NOW).run("command")
    assert "clé du boîtier : 1 fichier" in text
    assert "par la commande" in text
    assert (box.home.root / "effacement.txt").read_text("utf-8") == text


def test_a_chip_forgets_its_part_and_no_copy_of_the_sealed_file_opens_any_more(tmp_path: Path) -> None:
    box = Box(tmp_path / "box")
    with running_tpm(tmp_path / "tpm") as tcti:
        seal_by_tpm(box, tcti)
        copy = msgspec.json.decode((box.home.root / "box.key.tpm").read_bytes(), type=SealedSecret)
        assert Tpm(tcti).unseal(copy) == box.key
        with pytest.raises(PowerCut):
            Erasure(box.home, CutDisk(1, "after"), lambda: NOW).run("button")
        assert (box.home.root / "box.key.tpm").exists()
        with pytest.raises(TpmRefused):
            Tpm(tcti).unseal(copy)
        text = Erasure(box.home, RealDisk(), lambda: NOW).run("button")
        assert "a oublié sa part" in text
        assert Tpm(tcti).forget(copy), "already"
    assert box.left() == PAPERS


def test_a_chip_that_does_not_answer_holds_nothing_up_and_is_said(tmp_path: Path) -> None:
    box = Box(tmp_path / "box")
    with running_tpm(tmp_path / "tpm") as tcti:
        seal_by_tpm(box, tcti)
    text = Erasure(box.home, RealDisk(), lambda: NOW).run("button")
    assert "La puce n'a pas pu oublier sa part" in text
    assert box.left() == PAPERS


def seal_by_tpm(box: Box, tcti: str) -> None:
    settings = f'[box_key]\ntpm = "{tcti}"\n[dmp]\nurl = "x"\n[[structures]]\nid = "S"\nname = "N"\npatient_root = "1.2"\n'
    box.home.configuration.write_text(f'{settings}source_id = "1.3"\nprofessionals = []\n')
    Custody(box.home.root, BoxKey(tpm=tcti)).to_tpm("quatorze lettres et plus")
