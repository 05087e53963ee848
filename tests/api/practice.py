"""A practice with two structures, a doctor and a secretary, before a teleservice in memory: the scene of the tests of identities."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec

from gateway.flow.caller import new_workstation
from gateway.flow.cards.calls import Call
from gateway.flow.cards.searches import CardClients
from gateway.journal.memory import MemoryStore
from gateway.journal.records import AuditRecord
from gateway.kernel.config import Identification, Insi, Limits, Secretary
from tests.api.judge import check_answer
from tests.api.rig import AUTHOR, NOW, OTHER_STRUCTURE, Box, bearer, configuration_of, open_box
from tests.api.teleservice import CARD_NUMBER, Teleservice
from tests.trust.pki import STRUCTURE

SECRETARY = "secretariat-1"
AS_DOCTOR, AS_SECRETARY = {"Relais-Actor": AUTHOR}, {"Relais-Actor": SECRETARY}
ZOE: dict[str, Any] = {
    "birth_family_name": "Adrun", "birth_given_names": "Zoé", "sex": "F", "birth_date": "1975-12-31", "birth_place": "63220",
}  # fmt: skip
PIERRE: dict[str, Any] = {
    "birth_family_name": "ECETINSI", "birth_given_names": "PIERRE-ALAIN", "sex": "M", "birth_date": "2009-07-14", "birth_place": "63220",
}  # fmt: skip
PATIENT_WORDS = (
    "adrun",
    "zoé",
    "zoe",
    "1975",
    "63220",
    "275126322074974",
    "2751263220749",
    "ecetinsi",
    "pierre",
    "109076322083489",
    "2009",
)
"""Nothing of these may be in a refusal, an event or an audit line."""


async def open_practice(
    home: Path,
    insi: Teleservice,
    *,
    limits: Limits | None = None,
    evidence: tuple[str, ...] = (),
    store: MemoryStore | None = None,
    devices: Call | None = None,
    by_card: CardClients | None = None,
    **settings: Any,
) -> Box:
    """A box whose workstations belong to the first structure; `settings` are those of the section [insi]."""
    base = configuration_of((STRUCTURE, OTHER_STRUCTURE), limits)
    people = (Secretary(id=SECRETARY, family="PETIT", given="ALIX"),)
    whole = msgspec.structs.replace(
        base,
        insi=Insi(**settings),
        identification=Identification(evidence=evidence),
        structures=tuple(msgspec.structs.replace(one, secretaries=people) for one in base.structures),
    )
    return await open_box(home, configuration=whole, insi=insi.client, store=store, devices=devices, by_card=by_card)


async def neighbour(box: Box, *structures: str) -> dict[str, str]:
    """The headers of a workstation of these structures, the other one when none is named."""
    record, token = new_workstation("Voisin", structures or (OTHER_STRUCTURE,), box.books.now())
    await box.store.commit(record)
    return bearer(token)


async def ask(
    box: Box, method: str, path: str, body: Any = None, *, route: str | None = None, headers: Mapping[str, str] | None = None, **more: Any
) -> httpx.Response:
    """One request, its answer held to the OpenAPI document; `route` is the path with its parameters, when it has some."""
    said = more if body is None else {"json": body, **more}
    async with box.client() as client:
        answer = await client.request(method, f"/api/v1{path}", headers=headers, **said)
    check_answer(answer, route or path)
    return answer


async def put(box: Box, local_id: str = "P-1", traits: Mapping[str, Any] = ZOE, **more: Any) -> dict[str, Any]:
    """A patient of the practice, as its software registers him."""
    answer = await ask(box, "PUT", f"/patients/{local_id}", {**traits, **more}, route="/patients/{local_id}")
    assert answer.status_code in (200, 201), answer.text
    view: dict[str, Any] = answer.json()
    return view


async def read(box: Box, local_id: str = "P-1") -> dict[str, Any]:
    """The patient as he stands."""
    view: dict[str, Any] = (await ask(box, "GET", f"/patients/{local_id}", route="/patients/{local_id}")).json()
    return view


async def act(
    box: Box, what: str, body: Mapping[str, Any], *, local_id: str = "P-1", headers: Mapping[str, str] = AS_DOCTOR
) -> httpx.Response:
    """A person's act on an identity: identity, qualification, attributes."""
    return await ask(box, "POST", f"/patients/{local_id}/{what}", body, route=f"/patients/{{local_id}}/{what}", headers=headers)


async def search(box: Box, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """POST /ins/search."""
    return await ask(box, "POST", "/ins/search", body, headers=headers)


def card(**changes: Any) -> dict[str, Any]:
    """Zoé's Vitale card as read a minute before NOW, and chosen with the patient."""
    read_at = (NOW - timedelta(minutes=1)).isoformat()
    told = {"serial": "80250001", "read_at": read_at, "insured_nir": CARD_NUMBER, "birth_date": "1975-12-31", "birth_rank": "1", **changes}
    return {"selected_serial": "80250001", "card": told}


async def until(reached: Callable[[], Awaitable[bool]]) -> None:
    """Let the box's own tasks run until this is so."""
    async with asyncio.timeout(20):
        while not await reached():  # noqa: ASYNC110 - what is waited for announces nothing
            await asyncio.sleep(0.002)


async def qualified(box: Box, local_id: str = "P-1") -> None:
    """Zoé, found by INSi and checked by the secretary."""
    await put(box, local_id)
    assert (await search(box, {"local_id": local_id})).json()["status"] == "RECUP"
    assert (await act(box, "qualification", {"evidence": "PA"}, local_id=local_id, headers=AS_SECRETARY)).json()["status"] == "QUAL"


async def audit(box: Box, *acts: str) -> list[AuditRecord]:
    """The lines of these acts, in order; also checks that no line holds a word of a patient."""
    lines = await box.store.audit_after(0, 10_000)
    written = repr(lines).lower()
    assert [word for word in PATIENT_WORDS if not word.isdecimal() and word in written] == []
    assert all("275126322" not in repr(one.detail) for one in lines)
    return [one for one in lines if one.act in acts]
