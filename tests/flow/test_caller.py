"""A caller is named in the audit trail by what the person is in the box."""

from __future__ import annotations

import msgspec
import pytest

from gateway.flow.caller import Gate, new_token, new_workstation
from gateway.journal.memory import MemoryStore
from gateway.kernel.clock import FrozenClock
from gateway.kernel.config import Secretary
from tests.api.rig import NOW, configuration_of


@pytest.mark.parametrize(
    ("actor", "told"), [("secretariat-1", "secretary:secretariat-1"), ("899700366240", "professional:899700366240"), (None, "workstation:")]
)
async def test_an_act_is_imputed_to_what_the_person_is(actor: str | None, told: str) -> None:
    [structure] = configuration_of().structures
    structure = msgspec.structs.replace(structure, secretaries=(Secretary(id="secretariat-1", family="PETIT", given="ALIX"),))
    store = MemoryStore()
    workstation, token = new_workstation("poste-1", (structure.id,), 0)
    await store.commit(workstation)
    caller = await Gate(store, FrozenClock(NOW), 600, (structure,)).recognise(token, actor)
    assert caller.imputed_in(structure.id) == caller.imputed == (told if actor is not None else f"workstation:{workstation.id}")


def test_no_token_looks_like_an_option_of_a_command() -> None:
    assert not [token for _, token in (new_token() for _ in range(1_000)) if token.startswith("-")]
