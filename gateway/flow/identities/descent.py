"""Whether the identity of today comes from another one by steps that a person looked at and accepted.

A document made when the practice knew one given name less, or a birth place misspelt, is the same patient's once someone has accepted what
INSi gave for that very patient. A correction made in the cabinet software is no such step: the file may have been given to another person.
"""

from __future__ import annotations

import msgspec

from gateway.flow.errors import PayloadQuarantined
from gateway.flow.identities.entries import change_context
from gateway.ins.identity import Identity
from gateway.journal.store import Store
from gateway.kernel.errors import RelaisError
from gateway.model.patient import Traits
from gateway.trust.vault import Vault

EDITED = "identity.edited"
"""Act of a change of traits that nobody compared with the national identity."""
_STEPS = 50


class Descent:
    """Reads the history of a patient, newest first."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    async def leads_from(self, structure: str, reference: str, traits: Traits) -> bool:
        """True when these traits were the patient's and only accepted answers of INSi changed them since; raises PayloadQuarantined."""
        record = await self._store.patient(structure, reference)
        if record is None:
            return False
        key = self._vault.unwrap(record.wrapped_key)
        for change in await self._store.changes_of(structure, reference, _STEPS):
            try:
                then = msgspec.json.decode(key.open(change.sealed, change_context(reference)), type=Identity)
            except (RelaisError, msgspec.MsgspecError) as problem:
                raise PayloadQuarantined("identity history") from problem
            if then.traits.agree_with(traits):
                return True
            if change.act == EDITED:
                return False
        return False
