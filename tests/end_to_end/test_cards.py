"""Cards through the LAN API of a running box: real pcscd, OpenSC, the device process it started, the simulated INSi behind.

Judged by openssl, xmlsec1, the sandbox, and by what the cards themselves were asked.
"""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from tests.end_to_end.card_desk import DATA, CardDesk, device_process, practice_with_readers
from tests.end_to_end.scene import eventually
from tests.rig.cards.people import Person
from tests.rig.cards.signing import IasCard, SigningCard
from tests.rig.cards.vitale import VitaleCard
from tests.rig.processes import ROOT, environment
from tests.tools import need_tool
from tests.trust.judges import accepted, xmlsec_verify

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cards")]
ZOE = {"birth_family_name": "ADRUN", "given_names": ["ZOE"], "sex": "F", "birth_date": "1975-12-31", "birth_place": "63220"}
VERIFY = 0x20
PERFORM = 0x2A


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CardDesk]:
    with practice_with_readers(tmp_path_factory.mktemp("cards"), insi="card_assertion_seconds = 20.0\n") as desk:
        yield desk


@pytest.fixture
def as_cps3(tmp_path: Path) -> Iterator[CardDesk]:
    """As in the product: OpenSC drives the card as a CPS3, and asks its counter."""
    with practice_with_readers(tmp_path, forced=False) as desk:
        yield desk


@pytest.fixture
def desk(practice: CardDesk) -> Iterator[CardDesk]:
    yield practice
    for slot in (0, 1):
        practice.remove(slot)


def by_openssl(folder: Path, view: Any) -> bool:
    public = x509.load_der_x509_certificate(base64.b64decode(view["certificate"])).public_key()
    (folder / "key").write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (folder / "data").write_bytes(DATA)
    (folder / "signature").write_bytes(base64.b64decode(view["signatures"][0]))
    command = [need_tool("openssl"), "dgst", "-sha256", "-verify", "key", "-signature", "signature", "data"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def test_a_card_is_read_and_signs_for_the_desk_beside_it(desk: CardDesk, tmp_path: Path) -> None:
    card = desk.card()
    insertion = desk.insert(card)
    path = f"/readers/{desk.readers[0]}/card"
    seen = desk.mine.get(path).json()
    assert (seen["kind"], seen["generation"], seen["test"], seen["tries_left"], seen["trouble"]) == ("cpx", "cps3", True, 3, None)
    holder = desk.mine.get(f"{path}/holder", params={"insertion_id": insertion}).json()
    assert (holder["id"], holder["family"], holder["specialty"], holder["profession"]) == ("899700366240", "MOREL", "SM26", "10")
    done = desk.sign(insertion)
    assert done.status_code == 200, done.text
    assert by_openssl(tmp_path, done.json())
    assert (card.verifies, card.signatures, card.unlocked) == (1, 1, False)
    found = desk.mine.post(f"{path}/situations", json={"insertion_id": insertion, "pin": "1234"}).json()
    assert found["situations"][0]["structure_id"] == "10B0152872"
    assert desk.sign(insertion, client=desk.other).json()["code"] == "reader-of-another"


def test_a_wrong_pin_reaches_the_card_once_and_the_last_try_never(as_cps3: CardDesk) -> None:
    desk = as_cps3
    card = desk.card(serial=b"\x80\x25\x00\x00\x01\x23\x45\x67\x89\x02", kind=IasCard)
    insertion = desk.insert(card)
    first = desk.sign(insertion, "0000")
    assert (first.status_code, first.json()["code"], first.json()["tries_left"]) == (403, "pin-wrong", 2)
    second = desk.sign(insertion, "0000")
    assert (second.status_code, second.json()["code"]) == (403, "pin-already-refused")
    assert (card.verifies, card.tries) == (1, 2)
    assert desk.sign(insertion, "1111").json()["code"] == "pin-wrong"
    last = desk.sign(insertion)
    assert (last.status_code, last.json()["code"], last.json()["tries_left"]) == (423, "last-try", 1)
    assert (card.verifies, card.tries) == (2, 1)
    blocked = desk.sign(insertion, "2222", accept_last_try=True)
    assert (blocked.status_code, blocked.json()["code"]) == (423, "card-blocked")
    assert desk.sign(insertion, accept_last_try=True).json()["code"] == "card-blocked"
    assert (card.verifies, card.tries) == (3, 0)


def test_another_insertion_is_refused_and_the_card_not_asked(desk: CardDesk) -> None:
    chosen = desk.insert(desk.card())
    desk.remove()
    other = desk.card(Person(id="899700366257", family="LE GOFF", given="YANN"), b"\x80\x25\x00\x00\x01\x23\x45\x67\x89\x03")
    desk.insert(other)
    refused = desk.sign(chosen)
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (409, "card-replaced", "insertion_id")
    assert other.verifies == 0


def test_two_that_compete_for_a_card_are_served_one_after_the_other_or_told_when_to_come_back(desk: CardDesk) -> None:
    card = desk.card()
    insertion = desk.insert(card)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: desk.sign(insertion), range(6)))
    codes = [one.status_code for one in answers]
    assert set(codes) <= {200, 503}
    assert all(one.json()["code"] == "reader-busy" and int(one.headers["Retry-After"]) >= 1 for one in answers if one.status_code == 503)
    assert card.verifies == card.signatures == codes.count(200) >= 1
    with ThreadPoolExecutor(2) as pool:
        mine, theirs = pool.map(lambda client: desk.sign(insertion, client=client), (desk.mine, desk.other))
    assert (mine.status_code, theirs.json()["code"]) == (200, "reader-of-another")


def test_a_card_pulled_in_mid_signature_is_never_asked_again(desk: CardDesk) -> None:
    card = desk.card()
    insertion = desk.insert(card)
    card.tear_at = lambda apdu: apdu[1] == PERFORM
    refused = desk.sign(insertion)
    assert refused.status_code == 409
    assert refused.json()["code"] in ("card-absent", "card-outcome-unknown", "card-batch-over")
    assert (card.verifies, card.signatures) == (1, 0)


def test_events_tell_the_desk_of_its_card(desk: CardDesk) -> None:
    lines: list[str] = []
    opened, seen = threading.Event(), threading.Event()

    def listen() -> None:
        with desk.mine.stream("GET", "/card-events") as stream:
            for line in stream.iter_lines():
                opened.set()
                lines.append(line)
                if line == "event: card_out" and "event: card_in" in lines:
                    seen.set()
                    return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    assert opened.wait(30)
    desk.insert(desk.card(), 1)
    insertion = desk.insert(desk.card())
    desk.remove()
    assert seen.wait(30)
    told = "\n".join(lines)
    assert insertion in told
    assert desk.readers[1] not in "".join(line for line in lines if '"card_in"' in line)
    assert "MOREL" not in told


def asked(desk: CardDesk, insertion: str, pin: str | None) -> Any:
    cps = {"reader": desk.readers[0], "insertion_id": insertion, "pin": pin}
    return desk.mine.post("/ins/search", json={"traits": ZOE, "cps": cps}, headers={"Relais-Actor": "899700366240"})


def last_assertion(desk: CardDesk) -> bytes:
    """The assertion of the last request that the sandbox received at INSi's doors."""
    newest = max((desk.scene.sandbox.folder / "received" / "insi").glob("*.http"))
    body = newest.read_bytes().partition(b"\r\n\r\n")[2]
    found = etree.fromstring(body).find(".//{urn:oasis:names:tc:SAML:2.0:assertion}Assertion")
    assert found is not None
    return etree.tostring(found)


def test_insi_is_called_with_the_card_and_forgets_it_when_it_leaves(desk: CardDesk, tmp_path: Path) -> None:
    """A25; the sandbox verifies the assertion before it answers, xmlsec1 after."""
    card = desk.card()
    insertion = desk.insert(card)
    found = asked(desk, insertion, "1234")
    assert found.status_code == 200, found.text
    assert found.json()["cr"] == "00"
    verdict = desk.scene.sandbox.verdicts("insi")[-1]
    assert (verdict["status"], verdict["failed_rules"]) == (200, [])
    pki = desk.scene.sandbox.folder / "pki"
    name = "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"
    anchors = [(pki / f"{one}.pem").read_bytes() for one in ("root", "organisations")]
    judged = xmlsec_verify(last_assertion(desk), tmp_path, trusted=anchors[:1], untrusted=anchors[1:], id_attribute="ID", ids=[name])
    assert accepted(judged, 1), judged.stderr
    assert b"899700366240" in last_assertion(desk)
    verified = card.verifies
    assert asked(desk, insertion, None).json()["cr"] == "00"  # within 20 s the assertion serves again
    assert card.verifies == verified
    desk.remove()
    gone = asked(desk, insertion, None)
    assert (gone.status_code, gone.json()["code"]) == (409, "card-absent")
    again = desk.insert(card)
    asks = asked(desk, again, None)
    assert (asks.status_code, asks.json()["code"], asks.headers["WWW-Authenticate"]) == (401, "pin-required", "CpsPin")
    assert card.verifies == verified


def test_a_vitale_card_that_left_serves_no_search(desk: CardDesk) -> None:
    """A24."""
    reader = desk.readers[0]
    insertion = desk.insert(VitaleCard())
    free = desk.mine.get(f"/readers/{reader}/card/vitale", params={"insertion_id": insertion}).json()
    assert [one["given"] for one in free["beneficiaries"]] == ["ANNE", "LEO"]
    desk.remove()
    read = {"serial": "1", "read_at": "2026-11-30T08:00:00+00:00", "insured_nir": "2751263220749", "birth_date": "1975-12-31"}
    body = {"selected_serial": "1", "card": read, "inserted": {"reader": reader, "insertion_id": insertion}}
    refused = desk.mine.post("/ins/vitale", json=body)
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (409, "card-changed", "inserted.insertion_id")


def test_the_death_of_the_device_process_stops_nothing_and_it_comes_back(desk: CardDesk) -> None:
    desk.insert(desk.card())
    os.kill(device_process(desk.home), signal.SIGKILL)
    eventually(lambda: desk.mine.get("/status").json()["devices"]["answering"] is False)
    away = desk.mine.get("/readers")
    assert (away.status_code, away.json()["code"]) == (503, "devices-silent")
    assert desk.mine.get("/status").json()["accepting"] is True
    eventually(lambda: desk.mine.get("/status").json()["devices"]["cards"] == 1, 60)
    insertion = desk.seen(0)
    assert insertion is not None
    assert desk.sign(insertion).status_code == 200


def test_relais_check_tells_of_readers_and_of_the_service(desk: CardDesk) -> None:
    command = [sys.executable, "-m", "gateway", "check", "--home", str(desk.home), "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, timeout=120)
    assert "Le service des cartes est vivant." in done.stdout
    assert "Lecteurs de cartes présents et associés : 2." in done.stdout


def test_no_pin_is_anywhere(desk: CardDesk) -> None:
    """Over the whole home, the logs of everything, and what the sandbox was sent."""
    card, pin = desk.card(serial=b"\x80\x25\x00\x00\x01\x23\x45\x67\x89\x09"), "86420975"
    card.pin = pin.encode()
    insertion = desk.insert(card)
    assert desk.sign(insertion, pin).status_code == 200
    assert asked(desk, insertion, pin).status_code == 200
    assert desk.sign(insertion, pin[::-1]).json()["code"] == "pin-wrong"
    kept = [one for one in desk.home.parent.rglob("*") if one.is_file()] + [desk.rig.folder / "pcscd.log"]
    holding = [one.name for one in kept if any(word in one.read_bytes() for word in (pin.encode(), pin[::-1].encode()))]
    assert holding == []
    assert isinstance(card, SigningCard)
