"""At start: what a stop cut short between a change of identity and the documents that wait for it (design section 4, any instant)."""

from __future__ import annotations

import structlog

from gateway.flow.identities.entries import Identities
from gateway.flow.identities.registry import Registry
from gateway.flow.people import THE_BOX
from gateway.journal.store import Store
from gateway.kernel.errors import RelaisError

_log = structlog.get_logger("relais.identities")


class Catching:
    """Looks once at every patient who has a held document."""

    def __init__(self, store: Store, identities: Identities, registry: Registry) -> None:
        self._store = store
        self._identities = identities
        self._registry = registry

    async def up(self) -> None:
        """See to the documents of each; raises nothing: the next change of the identity does it again."""
        try:
            waited = await self._store.patients_waited_for()
        except RelaisError as problem:
            _log.warning("held documents not looked at", code=problem.code)
            return
        for record in waited:
            try:
                identity = self._identities.opened(record).identity
            except RelaisError as problem:
                _log.warning("identity not opened", code=problem.code)
                continue
            await self._registry.follow(record.structure, identity, THE_BOX)
