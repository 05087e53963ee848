"""Signing with a card over the real wire: the device process, its helper, Debian's OpenSC, pcscd, vpcd and cards of our own.

`IasCard` is driven as OpenSC drives a CPS3, with the product's own settings; `SigningCard` through a driver forced by the test, since with
OpenSSL 3 OpenSC cannot sign with the signature key of an IAS-ECC card (shown here). The cards count what they were asked, and judge.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from firmware.client import DeviceClient
from firmware.errors import (
    BatchNotYours,
    BatchOver,
    CardChanged,
    CardNotServed,
    CardNotThere,
    KeyAsksEachTime,
    KeyUnfit,
    LastTry,
    OutcomeUnknown,
    PinAlreadyRefused,
    PinBlocked,
    PinMalformed,
    PinWrong,
    ReaderBusy,
)
from firmware.protocol import (
    BatchOpened,
    CardObjects,
    Devices,
    KeyUse,
    OpenBatch,
    ReadFreeData,
    ReadProtectedData,
)
from tests.firmware.cards.signing_desk import OTHER, OWNER, Desk, desk_at, ias_card, locked, process, signing_card
from tests.rig.cards import CardRig
from tests.rig.cards.holder import SERIAL, holder
from tests.rig.cards.signing import FREE, PROTECTED, opensc_conf
from tests.rig.cards.virtual import CPS4_ATR
from tests.rig.processes import environment
from tests.shared import missing
from tests.tools import need_tool

pytest.importorskip("smartcard", reason="pyscard could not be built on this machine")
pytestmark = pytest.mark.xdist_group("cards")

AUTHENTICATE, VERIFY = 0x88, 0x20
SIGN_WITHOUT_PIN = """
import smartcard.scard as pcsc
print("begins", flush=True)
context = pcsc.SCardEstablishContext(pcsc.SCARD_SCOPE_USER)[1]
card, protocol = pcsc.SCardConnect(context, "Virtual Reader 0 00 00", pcsc.SCARD_SHARE_SHARED, pcsc.SCARD_PROTOCOL_T0)[1:]
for command in ("00A404040DE828BD080F8025000001FF0010", "002241A406840182800102", "0088000004DEADBEEF"):
    answer = pcsc.SCardTransmit(card, pcsc.SCARD_PCI_T0, list(bytes.fromhex(command)))[1]
print(bytes(answer).hex())
"""


@pytest.fixture(scope="module")
def cps3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CardRig, Path]]:
    """As in the product: nothing forced."""
    with CardRig() as rig, process(rig, tmp_path_factory.mktemp("cps3")) as path:
        yield rig, path


@pytest.fixture(scope="module")
def forced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CardRig, Path]]:
    folder = tmp_path_factory.mktemp("forced")
    with CardRig() as rig, process(rig, folder, conf=opensc_conf(folder)) as path:
        yield rig, path


@pytest.fixture
async def desk(cps3: tuple[CardRig, Path]) -> AsyncIterator[Desk]:
    async with desk_at(*cps3) as made:
        yield made


@pytest.fixture
async def forced_desk(forced: tuple[CardRig, Path]) -> AsyncIterator[Desk]:
    async with desk_at(*forced) as made:
        yield made


def verified_by_openssl(folder: Path, certificate: bytes, data: bytes, signature: bytes) -> bool:
    openssl = need_tool("openssl")
    public = x509.load_der_x509_certificate(certificate).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for name, content in (("public", public), ("data", data), ("signature", signature)):
        (folder / name).write_bytes(content)
    command = [openssl, "dgst", "-sha256", "-verify", "public", "-signature", "signature", "data"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


async def test_a_card_is_inspected_without_a_pin(desk: Desk) -> None:
    card = ias_card()
    facts = await desk.inspect(await desk.insert(card))
    assert {one.use: one.der for one in facts.certificates} == {use: holder(use).certificate for use in KeyUse}
    assert facts.tries_left == 3
    assert facts.serial_digest
    assert SERIAL.hex()[-8:] not in facts.serial_digest
    card.tries = 2
    assert (await desk.inspect(await desk.here())).tries_left == 2
    assert card.verifies == 0


async def test_data_free_and_protected_then_the_card_is_locked(desk: Desk) -> None:
    card = ias_card()
    inserted = await desk.insert(card)
    reader, insertion = desk.readers[0].id, inserted.insertion_id
    free = await desk.client.call(ReadFreeData(reader=reader, insertion_id=insertion), CardObjects)
    assert {one.label: one.value for one in free.objects} == FREE
    assert card.verifies == 0
    protected = await desk.client.call(ReadProtectedData(reader=reader, insertion_id=insertion, pin=bytearray(b"1234")), CardObjects)
    assert {one.label: one.value for one in protected.objects} == PROTECTED
    assert (card.verifies, card.unlocked) == (1, False)


async def test_a_wrong_pin_reaches_the_card_once(desk: Desk) -> None:
    card = ias_card()
    inserted = await desk.insert(card)
    with pytest.raises(PinWrong) as told:
        await desk.open(inserted, b"0000")
    assert told.value.tries_left == 2
    with pytest.raises(PinAlreadyRefused):
        await desk.open(inserted, b"0000")
    await desk.remove()
    inserted = await desk.insert(card)
    with pytest.raises(PinAlreadyRefused):
        await desk.open(inserted, b"0000", owner=OTHER, accept_last_try=True)
    with pytest.raises(PinMalformed):
        await desk.open(inserted, b"12")
    assert (card.verifies, card.tries) == (1, 2)
    await desk.close(await desk.open(inserted))
    assert (card.verifies, card.tries) == (2, 3)


async def test_the_last_try_is_for_a_person_to_spend(desk: Desk) -> None:
    card = ias_card()
    card.tries = 1
    inserted = await desk.insert(card)
    with pytest.raises(LastTry) as told:
        await desk.open(inserted)
    assert (told.value.tries_left, card.verifies) == (1, 0)
    await desk.close(await desk.open(inserted, accept_last_try=True))
    assert (card.verifies, card.tries) == (1, 3)


async def test_a_blocked_card_is_left_alone(desk: Desk) -> None:
    card = ias_card()
    card.tries = 1
    inserted = await desk.insert(card)
    with pytest.raises(PinBlocked) as told:
        await desk.open(inserted, b"4321", accept_last_try=True)
    assert (told.value.tries_left, card.verifies, card.tries) == (0, 1, 0)
    with pytest.raises(PinBlocked):
        await desk.open(inserted, accept_last_try=True)
    assert card.verifies == 1


async def test_the_authentication_key_signs_and_the_batch_ends_with_a_reset(desk: Desk, tmp_path: Path) -> None:
    card = ias_card()
    batch = await desk.open(await desk.insert(card), signatures=2)
    assert card.unlocked
    certificate = holder(KeyUse.AUTH).certificate
    assert verified_by_openssl(tmp_path, certificate, b"data", await desk.sign(batch, KeyUse.AUTH))
    value = await desk.sign(batch, KeyUse.AUTH, digest=hashlib.sha256(b"large").digest())
    assert verified_by_openssl(tmp_path, certificate, b"large", value)
    assert not verified_by_openssl(tmp_path, certificate, b"other", value), "this check can fail"
    with pytest.raises(BatchOver):
        await desk.sign(batch, KeyUse.AUTH)
    assert (card.unlocked, card.signatures, card.verifies) == (False, 2, 1)


async def test_opensc_cannot_use_the_signature_key_of_a_cps3_and_the_batch_goes_on(desk: Desk) -> None:
    """Debian builds OpenSC with OpenSSL 3, which does not show the state of a hash; the Cryptolib is for that."""
    card = ias_card()
    batch = await desk.open(await desk.insert(card), signatures=1)
    for digest in (None, bytes(32)):
        with pytest.raises(KeyUnfit):
            await desk.sign(batch, KeyUse.SIGN, digest=digest)
    await desk.sign(batch, KeyUse.AUTH)


async def test_nobody_else_signs_during_the_batch_nor_after_it(desk: Desk) -> None:
    """Another process of the box waits while the card is unlocked, and finds it locked."""
    card = ias_card()
    batch = await desk.open(await desk.insert(card))
    program = [sys.executable, "-c", SIGN_WITHOUT_PIN]
    stranger = await asyncio.create_subprocess_exec(*program, env=environment() | desk.rig.environment, stdout=subprocess.PIPE)
    assert stranger.stdout is not None
    assert await stranger.stdout.readline() == b"begins\n"
    await asyncio.sleep(0.5)
    await desk.sign(batch, KeyUse.AUTH)
    assert await stranger.stdout.read() == b"6982\n"
    assert (await stranger.wait(), card.signatures) == (0, 1)


async def test_a_card_pulled_in_mid_signature_ends_its_batch(desk: Desk) -> None:
    card = ias_card()
    inserted = await desk.insert(card)
    batch = await desk.open(inserted)
    card.tear_at = lambda apdu: apdu[1] == AUTHENTICATE
    with pytest.raises(CardNotThere):
        await desk.sign(batch, KeyUse.AUTH)
    with pytest.raises(BatchOver):
        await desk.sign(batch, KeyUse.AUTH)
    card.tear_at = lambda _: False
    again = await desk.insert(card)
    assert again.insertion_id != inserted.insertion_id
    with pytest.raises(CardChanged):
        await desk.open(inserted)
    batch = await desk.open(again)
    await desk.sign(batch, KeyUse.AUTH)
    assert card.verifies == 2


@pytest.mark.parametrize("judged", [False, True])
async def test_a_card_pulled_with_a_wrong_pin_on_its_way(desk: Desk, judged: bool) -> None:
    """Whether the card saw it is told by its counter when it is back; only then may the PIN be tried again."""
    card = ias_card()
    inserted = await desk.insert(card)

    def torn(apdu: bytes) -> bool:
        on_its_way = apdu[1] == VERIFY and len(apdu) > 5
        if on_its_way and judged:
            card.tries, card.verifies = card.tries - 1, card.verifies + 1
        return on_its_way

    card.tear_at = torn
    with pytest.raises(OutcomeUnknown):
        await desk.open(inserted, b"0000")
    card.tear_at = lambda _: False
    await desk.gone()
    again = await desk.insert(card)
    with pytest.raises(PinAlreadyRefused if judged else PinWrong):
        await desk.open(again, b"0000")
    assert (card.verifies, card.tries) == (1, 2)


async def test_two_workstations_compete(desk: Desk) -> None:
    card = ias_card()
    inserted = await desk.insert(card)
    batch = await desk.open(inserted)
    with pytest.raises(ReaderBusy) as told:
        await desk.open(inserted, owner=OTHER)
    assert told.value.retry_after
    with pytest.raises(BatchNotYours):
        await desk.sign(batch, KeyUse.AUTH, owner=OTHER)
    await desk.close(batch)
    both = await asyncio.gather(*(desk.open(inserted, owner=one) for one in (OWNER, OTHER)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in both) == ["BatchOpened", "ReaderBusy"]
    assert card.verifies == 2


async def test_time_resets_the_card(desk: Desk) -> None:
    card = ias_card()
    batch = await desk.open(await desk.insert(card), seconds=0.2)
    await locked(card)
    with pytest.raises(BatchOver):
        await desk.sign(batch, KeyUse.AUTH)
    assert card.signatures == 0


async def test_a_caller_that_leaves_locks_the_card(desk: Desk) -> None:
    card = ias_card()
    inserted = await desk.insert(card)
    other = DeviceClient(desk.path)
    await other.start()
    async with other.happenings() as events:
        while not isinstance(await anext(events), Devices):
            pass
    request = OpenBatch(reader=desk.readers[0].id, insertion_id=inserted.insertion_id, owner=OTHER, pin=bytearray(b"1234"))
    await other.call(request, BatchOpened)
    assert card.unlocked
    await other.stop()
    await locked(card)


async def test_the_process_keeps_no_pin_and_no_card_number(desk: Desk) -> None:
    """Looked for in its whole memory, in what it logged and in its folder, while a batch is open and after a refusal."""
    card, right, wrong = ias_card(), b"86419753", b"71112229"
    card.pin = right
    inserted = await desk.insert(card)
    with pytest.raises(PinWrong):
        await desk.open(inserted, wrong)
    batch = await desk.open(inserted, right)
    memory = await asyncio.to_thread(memory_of, int(desk.path.with_name("pid").read_text()))
    assert b"firmware.cards.batches" in memory, "this look can see"
    for secret in (right, wrong):
        assert secret not in memory
    written = b"".join(file.read_bytes() for file in desk.path.parent.iterdir() if file.is_file())
    for secret in (right, wrong, SERIAL.hex().encode()[-12:]):
        assert secret not in written
    await desk.close(batch)


def memory_of(process_id: int) -> bytes:
    """All that the process may write to; what it holds is not dumpable, so that only root may look."""
    if os.geteuid() != 0:
        missing("only root may look into another process")
    found = []
    with Path(f"/proc/{process_id}/maps").open() as maps, Path(f"/proc/{process_id}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            bounds, rights = line.split()[:2]
            if rights.startswith("rw"):
                start, end = (int(one, 16) for one in bounds.split("-"))
                memory.seek(start)
                with contextlib.suppress(OSError):
                    found.append(memory.read(end - start))
    return b"".join(found)


async def test_a_cps4_is_not_given_to_opensc(desk: Desk) -> None:
    card = ias_card()
    card.atr = CPS4_ATR
    inserted = await desk.insert(card)
    with pytest.raises(CardNotServed):
        await desk.open(inserted)
    assert card.verifies == 0


async def test_both_keys_sign_through_another_driver(forced_desk: Desk, tmp_path: Path) -> None:
    card = signing_card()
    data = b"CDA" * 50_000
    batch = await forced_desk.open(await forced_desk.insert(card), signatures=3)
    for use in KeyUse:
        value = await forced_desk.sign(batch, use, data)
        assert verified_by_openssl(tmp_path, holder(use).certificate, data, value)
    await forced_desk.sign(batch, KeyUse.SIGN, digest=bytes(32))
    assert (card.unlocked, card.signatures, card.verifies) == (False, 3, 1)


async def test_a_key_that_asks_each_time_is_refused_clearly(forced_desk: Desk) -> None:
    card = signing_card(asks_each_time=True)
    batch = await forced_desk.open(await forced_desk.insert(card))
    with pytest.raises(KeyAsksEachTime):
        await forced_desk.sign(batch, KeyUse.SIGN)
    await forced_desk.sign(batch, KeyUse.AUTH)
    assert (card.signatures, card.verifies) == (1, 1)


async def test_a_module_that_does_not_ask_for_the_counter_spends_each_wrong_pin_once(forced_desk: Desk) -> None:
    card = signing_card()
    inserted = await forced_desk.insert(card)
    with pytest.raises(PinWrong) as told:
        await forced_desk.open(inserted, b"0000")
    assert told.value.tries_left == 2
    with pytest.raises(PinAlreadyRefused):
        await forced_desk.open(inserted, b"0000")
    assert card.verifies == 1


async def test_a_card_that_hangs_costs_its_helper_and_nothing_else(tmp_path: Path) -> None:
    card, held = ias_card(), threading.Event()
    with CardRig() as rig, process(rig, tmp_path, answer_seconds=6.0) as path:
        async with desk_at(rig, path) as desk:
            batch = await desk.open(await desk.insert(card))

            def hang(apdu: bytes) -> None:
                if apdu[1] == AUTHENTICATE:
                    held.wait(60)

            card.before = hang
            with pytest.raises(OutcomeUnknown):
                await desk.sign(batch, KeyUse.AUTH)
            held.set()
            await locked(card)
            with pytest.raises(BatchOver):
                await desk.sign(batch, KeyUse.AUTH)
