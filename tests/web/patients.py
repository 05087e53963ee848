"""Patients whom the secretary meets on the page of identities, each in one state; published test identities, or nobody's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from gateway.flow.errors import TextContradictsIdentity
from gateway.kernel.config import Identification
from gateway.model.delivery import DeliveryState
from gateway.model.patient import Ins
from tests.api.practice import PIERRE, ZOE, card, put, qualified, search
from tests.api.practice import ask as ask_api
from tests.api.rig import Box, open_box, request_part
from tests.api.teleservice import ADRUN, ECETINSI, NIR, Teleservice
from tests.trust.pki import STRUCTURE

ACCENTED = {**PIERRE, "birth_given_names": "Pierre-Alain"}
"""INSi writes this one without accents, with more given names."""
TO_BOTH = {"dmp": True, "patient_mail": {"send": True, "may_reply": False}}


def where(local_id: str) -> str:
    """The page of a patient of the practice."""
    return f"/identites/{STRUCTURE}/{local_id}"


async def recovered(box: Box, local_id: str = "P-1") -> None:
    """Found by INSi, exactly: a document is left to check."""
    await put(box, local_id, ZOE)
    assert (await search(box, {"local_id": local_id})).json()["status"] == "RECUP"


async def longer_list(box: Box, local_id: str = "P-2") -> None:
    """INSi gives more given names."""
    await put(box, local_id, ACCENTED)
    assert (await search(box, {"local_id": local_id})).json()["proposal"] is not None


async def other_given_name(box: Box, insi: Teleservice, local_id: str = "P-3") -> None:
    """INSi gives another first given name, and another day."""
    insi.known["DURAND"] = msgspec.structs.replace(
        ADRUN, birth_family_name="DURAND", birth_given_names="MARIE JEANNE", birth_date="1975-12-30"
    )
    await put(box, local_id, {**ZOE, "birth_family_name": "Durand", "birth_given_names": "Jeanne"})
    assert (await search(box, {"local_id": local_id})).json()["proposal"] is not None


async def lunar(box: Box, insi: Teleservice, local_id: str = "P-4") -> None:
    """INSi knows neither the day nor the month."""
    head = "1500099352044"
    ins = Ins.checked(f"{head}{97 - int(head) % 97:02d}", NIR)
    insi.known["SANSJOUR"] = msgspec.structs.replace(
        ECETINSI, ins=ins, birth_family_name="SANSJOUR", birth_given_names="ALI", birth_date="1950-00-00", birth_place="99352"
    )
    traits = {"birth_family_name": "Sansjour", "birth_given_names": "Ali", "sex": "M", "birth_date": "1950-12-31", "birth_place": "99352"}
    await put(box, local_id, traits)
    assert (await search(box, {"local_id": local_id})).json()["proposal"] is not None


async def unknown_to_insi(box: Box, local_id: str = "P-5") -> None:
    """Nobody has asked INSi yet, and it does not know them."""
    await put(box, local_id, {**ZOE, "birth_family_name": "Inconnue", "birth_given_names": "Éva"})


async def by_card(box: Box, local_id: str = "P-6") -> None:
    """Found with the carte Vitale, exactly."""
    await put(box, local_id, ZOE)
    answer = await ask_api(box, "POST", "/ins/vitale", {"local_id": local_id, **card()})
    assert answer.json()["status"] == "RECUP"


async def doubtful(box: Box, local_id: str = "P-7") -> None:
    """Somebody has a doubt."""
    await put(box, local_id, {**ZOE, "birth_family_name": "Martin"}, attributes=["douteuse"])


async def confirming(practice: Box, insi: Teleservice, home: Path, **traits: str) -> Box:
    """The same practice, which wants every answer of INSi confirmed, exact ones too; its P-1 waits for that."""
    await asyncio.to_thread(home.mkdir)
    whole = msgspec.structs.replace(practice.configuration, identification=Identification(accept_exact=False))
    box = await open_box(home, configuration=whole, insi=insi.client)
    await put(box, "P-1", {**ZOE, **traits})
    assert (await search(box, {"local_id": "P-1"})).json()["proposal"] is not None
    return box


async def held(box: Box, local_id: str = "P-1") -> list[str]:
    """A document that waits for this identity; its deliveries."""
    receipt = await box.accept(request_part(patient={"local_id": local_id}, deliver=TO_BOTH))
    assert {one["explanation"]["code"] for one in receipt["deliveries"]} == {"identity-not-qualified"}
    return [one["id"] for one in receipt["deliveries"]]


async def contradicted(box: Box, local_id: str = "P-8") -> list[str]:
    """A document of a qualified patient whose text speaks of somebody else; its deliveries."""
    await qualified(box, local_id)
    receipt = await box.accept(request_part(patient={"local_id": local_id}, deliver=TO_BOTH))
    told = TextContradictsIdentity(fact="un autre nom")
    for one in receipt["deliveries"]:
        await box.move(one["id"], DeliveryState.HELD, told)
    return [one["id"] for one in receipt["deliveries"]]


async def states(box: Box, deliveries: list[str]) -> list[DeliveryState]:
    """How these deliveries stand."""
    records = [await box.store.delivery(one) for one in deliveries]
    return [one.state for one in records if one is not None]


async def everybody(box: Box, insi: Teleservice) -> None:
    """One patient of each kind."""
    await recovered(box)
    await held(box)
    await longer_list(box)
    await other_given_name(box, insi)
    await lunar(box, insi)
    await unknown_to_insi(box)
    await by_card(box)
    await doubtful(box)
    await contradicted(box)
    long_name = {
        **ZOE,
        "birth_family_name": "De la Tour d'Auvergne-Lauragais-Saint-Germain-en-Laye",
        "birth_given_names": "Marie-Françoise",
    }
    await put(box, "P-9", long_name, used_given_name="Anne-Sophie")
