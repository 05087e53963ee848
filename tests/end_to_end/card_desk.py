"""A practice with readers: the sandbox, a gateway that runs its own device process, and a real pcscd with cards of our own.

The cards' certificates are of the sandbox's authority. OpenSC is told to drive them by a driver that signs with their signature key, which
it cannot do with a CPS3 (tests/firmware/cards/test_signing_wire.py).
"""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from firmware.protocol import KeyUse
from gateway.flow.caller import new_workstation
from gateway.journal.sqlite import SqliteStore
from gateway.sandbox.authority import Authority
from tests.end_to_end.scene import UNHURRIED, Scene, eventually
from tests.rig.cards import CardRig
from tests.rig.cards.people import Person, card_certificate, new_key
from tests.rig.cards.signing import AUTH_REFERENCE, SIGN_REFERENCE, KeyPair, SigningCard, opensc_conf
from tests.rig.cards.virtual import VirtualCard
from tests.rig.processes import Gateway, Sandbox
from tests.shared import missing

STRUCTURE = "10B0152872"
DATA = b"to be signed"
SITUATION = b"\xee\x1b\x84\x07CABINET\x85\x0a10B0152872\x86\x04SA07"
FREE = {"CPS_NAME_PS": b"\x80\x05MOREL", "CPS_INFO_PS": b"\x80\x04SM26"}


def opensc() -> str:
    """Debian's module."""
    found = [str(one) for one in Path("/usr/lib").glob("*/opensc-pkcs11.so")]
    return found[0] if found else missing("the Debian package opensc is not installed")


class CardDesk:
    """The scene, its two readers, and two workstations."""

    def __init__(self, rig: CardRig, scene: Scene, second_token: str) -> None:
        self.rig, self.scene = rig, scene
        self.home = scene.gateway.home
        self.other = self._client(second_token)
        self.mine = self._client(scene.gateway.token)
        self.operator = self._client((self.home / "operator-token").read_text().strip())
        self.readers: list[str] = []
        pki = scene.sandbox.folder / "pki"
        self._authority = Authority.loaded((pki / "organisations.pem").read_bytes(), (pki / "organisations.key").read_bytes())

    def card(
        self,
        person: Person | None = None,
        serial: bytes = b"\x80\x25\x00\x00\x01\x23\x45\x67\x89\x01",
        *,
        kind: type[SigningCard] = SigningCard,
    ) -> SigningCard:
        """A card of that person, by the sandbox's authority; an IasCard tells its counter, and signs with its authentication key alone."""
        person, issuer = person or Person(), self._authority
        pairs = []
        for use, reference, label in ((KeyUse.AUTH, AUTH_REFERENCE, "CPS_PRIV_AUT"), (KeyUse.SIGN, SIGN_REFERENCE, "CPS_PRIV_SIG")):
            key = new_key(f"{person.id} {use}")
            der = card_certificate(person, use, key, issuer=issuer.certificate.subject, issuer_key=issuer.key)
            pairs.append(KeyPair(label, reference, key, der))
        return kind(serial, pairs, FREE, {"CPS_ACTIVITY_01_PS": SITUATION})

    def insert(self, card: VirtualCard, slot: int = 0) -> str:
        """The insertion, once the gateway knows."""
        self.rig.insert(slot, card)
        eventually(lambda: self.seen(slot) is not None)
        insertion = self.seen(slot)
        assert insertion is not None
        return insertion

    def remove(self, slot: int = 0) -> None:
        """The card out, once the gateway knows."""
        self.rig.remove(slot)
        eventually(lambda: self.seen(slot) is None)

    def seen(self, slot: int) -> str | None:
        """The insertion that the operator sees in that slot."""
        card = self.operator.get(f"/readers/{self.readers[slot]}/card").json()
        return card.get("insertion_id") if card["kind"] != "none" else None

    def sign(
        self, insertion: str, pin: str | None = "1234", *, slot: int = 0, client: httpx.Client | None = None, **more: Any
    ) -> httpx.Response:
        """POST …/card/sign."""
        body = {"insertion_id": insertion, "pin": pin, "items": [{"data": base64.b64encode(DATA).decode()}], **more}
        return (client or self.mine).post(f"/readers/{self.readers[slot]}/card/sign", json=body)

    def meet(self) -> None:
        """Learn the readers, once they are there."""
        eventually(lambda: len(self._listed()) == 2)
        self.readers = self._listed()
        for slot in (0, 1):
            self.rig.remove(slot)

    def close(self) -> None:
        """Hang up."""
        for one in (self.mine, self.other, self.operator, self.scene.station):
            one.close()

    def _listed(self) -> list[str]:
        answer = self.operator.get("/readers")
        return [one["id"] for one in answer.json()] if answer.status_code == 200 else []

    def _client(self, token: str) -> httpx.Client:
        facts = self.scene.gateway.facts
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=facts["api"], headers=headers, verify=ssl.create_default_context(cafile=facts["ca"]), timeout=150)


@contextmanager
def practice_with_readers(folder: Path, *, insi: str = "", forced: bool = True) -> Iterator[CardDesk]:
    """Everything up; `insi` is added to the section of that name; `forced`: cards are driven so that their signature key signs."""
    module = opensc()
    with CardRig() as rig, pytest.MonkeyPatch.context() as patch:
        for name, value in rig.environment.items():
            patch.setenv(name, value)
        variables = rig.environment | ({"OPENSC_CONF": str(opensc_conf(folder))} if forced else {})
        table = ", ".join(f'{name} = "{value}"' for name, value in variables.items())
        devices = f'\n[devices]\nstart = "gateway"\ntoken_library = "{module}"\ntoken_environment = {{ {table} }}\n'
        sandbox, gateway = Sandbox(folder / "sandbox"), Gateway(folder / "home")
        try:
            sandbox.start()
            gateway.enrol(sandbox, STRUCTURE, settings=UNHURRIED + devices)
            path = gateway.home / "relais.toml"
            text = path.read_text().replace("[insi]\n", f"[insi]\n{insi}", 1)
            billing = 'id = "899700366240"\nbilling_id = "291234567"\nbilling_specialty = "01"\n'
            path.write_text(text.replace('id = "899700366240"\n', billing, 1))
            token = _second_workstation(gateway.home)
            gateway.start()
            scene = Scene(sandbox, gateway)
            desk = CardDesk(rig, scene, token)
            desk.meet()
            assert desk.mine.post(f"/readers/{desk.readers[0]}/pairing", json={"paired": True}).status_code == 200
            assert desk.other.post(f"/readers/{desk.readers[1]}/pairing", json={"paired": True}).status_code == 200
            yield desk
            desk.close()
        finally:
            gateway.stop()
            sandbox.stop()


def _second_workstation(home: Path) -> str:
    import asyncio
    import time

    async def add() -> str:
        store = await SqliteStore.open(home / "journal.sqlite")
        record, token = new_workstation("Secrétariat", (STRUCTURE,), int(time.time() * 1000))
        await store.commit(record)
        await store.close()
        return token

    return asyncio.run(add())


def device_process(home: Path) -> int:
    """The process that serves the devices of that home, found by its command line."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"firmware.devices" in command and os.fsencode(home / "devices.sock") in command:
                return int(entry.name)
    raise AssertionError("no device process")
