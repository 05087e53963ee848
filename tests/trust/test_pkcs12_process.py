"""A certificate file opened in a process of its own: the same verdicts, and a file made to cost stops nobody."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path

import pytest

from gateway.kernel.errors import ConfigurationFault
from gateway.trust.errors import PassphraseWrong
from gateway.trust.pkcs12_file import open_pkcs12
from gateway.trust.pkcs12_process import Bounds, open_confined
from gateway.trust.refusals import Pkcs12TooSlow
from tests.tools import need_tool
from tests.trust.faulty import FAULTY
from tests.trust.pki import PASSPHRASE, SIGN, shared_leaf

OF_THE_FILE = ("fichier-vide", "fichier-coupe", "sans-cle", "mot-de-passe-faux", "mot-de-passe-absent", "autre-cle", "cle-courte")


def test_what_it_gives_is_what_opening_here_gives() -> None:
    data = shared_leaf(SIGN).pkcs12()
    here, there = open_pkcs12(data, PASSPHRASE), open_confined(data, PASSPHRASE)
    assert there.key.private_numbers() == here.key.private_numbers()
    assert (there.certificate, there.others) == (here.certificate, here.others)


@pytest.mark.parametrize("name", OF_THE_FILE)
def test_a_fault_of_the_file_comes_back_as_it_was(name: str) -> None:
    fault = FAULTY[name]
    with pytest.raises(ConfigurationFault) as here:
        open_pkcs12(fault.data(), fault.passphrase)
    with pytest.raises(ConfigurationFault) as there:
        open_confined(fault.data(), fault.passphrase)
    assert type(there.value) is type(here.value)
    assert there.value.explanation == here.value.explanation
    assert there.value.code == fault.code


@pytest.mark.conformity
def test_a_file_that_asks_for_a_billion_rounds_is_given_up_and_the_box_goes_on(tmp_path: Path) -> None:
    leaf = shared_leaf(SIGN)
    (tmp_path / "in.pem").write_bytes(leaf.key_pem + leaf.pem)
    (tmp_path / "out.p12").write_bytes(b"")
    command = [need_tool("openssl"), "pkcs12", "-export", "-in", "in.pem", "-out", "out.p12", "-passout", "pass:x", "-nomaciter"]
    subprocess.run([*command, "-iter", "4000000"], cwd=tmp_path, check=True, capture_output=True)
    ticks = 0
    over = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not over.is_set():
            time.sleep(0.005)
            ticks += 1

    beside = threading.Thread(target=tick)
    beside.start()
    try:
        with pytest.raises(Pkcs12TooSlow):
            open_confined((tmp_path / "out.p12").read_bytes(), "x", Bounds(cpu_seconds=1))
    finally:
        over.set()
        beside.join()
    assert ticks > 20, "the interpreter was not held"


def test_one_that_never_ends_is_given_up_by_the_clock() -> None:
    with pytest.raises(Pkcs12TooSlow):
        open_confined(shared_leaf(SIGN).pkcs12(), PASSPHRASE, Bounds(wall_seconds=0.01))


def test_a_passphrase_with_a_zero_in_it_is_a_wrong_passphrase() -> None:
    for opener in (open_pkcs12, open_confined):
        with pytest.raises(PassphraseWrong):
            opener(shared_leaf(SIGN).pkcs12(), "a\0b")
