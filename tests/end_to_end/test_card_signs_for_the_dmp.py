"""What a card can sign for the DMP and INSi, over pcscd, OpenSC and the device process of a running box: VIHF, lot, INSi assertion.

Each is judged by xmlsec1 with the authorities of the card, and a changed byte is refused. What a box feeds the DMP with stays signed by the
structure's certificate (design, rule 3): this shows that the port of the signer takes a card.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from firmware.client import DeviceClient
from firmware.protocol import Devices as Listed
from firmware.protocol import KeyUse
from gateway.flow.caller import Caller
from gateway.flow.cards.batches import Access, CardBatches, OpenCard
from gateway.flow.cards.calls import DeviceCalls
from gateway.flow.cards.errors import BatchOver, KeyUnfit
from gateway.flow.cards.facts import CardBook
from gateway.flow.cards.reader_notices import ReaderNotices
from gateway.flow.devices.devices import Devices
from gateway.ins.assertion import CardFacts, build_ps_assertion
from gateway.kernel.clock import SystemClock
from gateway.kernel.config import read_configuration
from gateway.trust.lot import sign_lot
from gateway.trust.verify import verify_lot
from gateway.wire.saml import build_vihf
from tests.end_to_end.card_desk import STRUCTURE, CardDesk, practice_with_readers
from tests.trust.judges import accepted, xmlsec_verify
from tests.trust.test_lot import DOCUMENTS, LOT
from tests.wire.test_saml import FACTS

pytestmark = [pytest.mark.conformity, pytest.mark.xdist_group("cards")]
ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CardDesk]:
    with practice_with_readers(tmp_path_factory.mktemp("signs")) as desk:
        yield desk


@asynccontextmanager
async def opened(practice: CardDesk, insertion: str, *, signatures: int) -> AsyncIterator[OpenCard]:
    """The card open, as the gateway opens it, over a connection of our own to its device process."""
    clock, client = SystemClock(), DeviceClient(practice.home / "devices.sock")
    await client.start()
    try:
        async with client.happenings() as happenings:
            async for one in happenings:
                if isinstance(one, Listed):
                    break
        calls, hub = DeviceCalls(client.call), Devices(ReaderNotices(clock), wanted=True)
        batches = CardBatches(read_configuration(practice.home / "relais.toml"), calls, CardBook(calls, hub))
        caller = Caller(workstation="w", name="Bureau", structures=(STRUCTURE,), actor="899700366240")
        access = Access(reader=practice.readers[0], insertion_id=insertion, pin=bytearray(b"1234"))
        async with batches.opened(caller, access, signatures=signatures) as card:
            assert access.pin == bytearray(4)
            yield card
    finally:
        await client.stop()


def judged(practice: CardDesk, folder: Path, document: bytes, signatures: int, *, manifest: bool = False) -> bool:
    pki = practice.scene.sandbox.folder / "pki"
    root, issuing = ((pki / f"{one}.pem").read_bytes() for one in ("root", "organisations"))
    more = {"extra": ["--ignore-manifests"]} if manifest else {"id_attribute": "ID", "ids": [ASSERTION]}
    return accepted(xmlsec_verify(document, folder, trusted=[root], untrusted=[issuing], **more), signatures)


async def test_one_pin_signs_a_vihf_a_lot_and_an_assertion(practice: CardDesk, tmp_path: Path) -> None:
    card, now = practice.card(), SystemClock().now()
    insertion = practice.insert(card)
    async with opened(practice, insertion, signatures=3) as held:
        signer = held.signer(KeyUse.SIGN)
        vihf = await build_vihf(FACTS, signer, now)
        lot = await sign_lot(submission_set_id=LOT, documents=DOCUMENTS, signer=signer, now=now)
        facts = CardFacts(billing_id="291234567", sector="SA07", specialty="01")
        assertion = await build_ps_assertion(facts, signer, now)
        with pytest.raises(BatchOver):
            await build_vihf(FACTS, signer, now)
    assert (card.verifies, card.signatures, card.unlocked) == (1, 3, False)
    assert judged(practice, tmp_path, vihf.xml, 1)
    assert not judged(practice, tmp_path, vihf.xml.replace(b"urn:dmp", b"urn:dmq"), 1)
    assert judged(practice, tmp_path, assertion.xml, 1)
    assert not judged(practice, tmp_path, assertion.xml.replace(b"SA07", b"SA05"), 1)
    assert judged(practice, tmp_path, lot, 2, manifest=True)
    assert not judged(practice, tmp_path, lot.replace(b"2.25.11", b"2.25.13"), 2, manifest=True)
    verify_lot(lot, DOCUMENTS, LOT, certificate=signer.certificate)
    practice.remove()


async def test_what_the_card_cannot_hash_is_refused_before_it_is_asked(practice: CardDesk) -> None:
    card = practice.card()
    async with opened(practice, practice.insert(card), signatures=1) as held:
        with pytest.raises(KeyUnfit):
            await held.signer(KeyUse.SIGN).sign(b"data", "sha512")
    assert (card.signatures, card.unlocked) == (0, False)
    practice.remove()
