"""Which transaction a mode may call: our own small reading of the two rights matrices (dmp.md 1.6; PDT-INF-526 v1.8, PDT-INF-606 v1.3).

It never looks at a document's author: "own documents only" is judged where the document is (`update`, `feed`).
"""

from __future__ import annotations

import enum


class Operation(enum.StrEnum):
    """A call of the DMP, told by its action and what it asks."""

    EXISTENCE = "TD0.2"
    FEED = "TD2.1"
    SEARCH_REFERENCE = "TD3.1 référence"
    SEARCH_METADATA = "TD3.1 métadonnées"
    RETRIEVE = "TD3.2"
    DELETE = "TD3.3c"
    CHANGE_METADATA = "TD3.3a/b/d"


_ALLOWED: dict[str, frozenset[Operation]] = {
    "INDIRECTE": frozenset({Operation.EXISTENCE, Operation.FEED, Operation.SEARCH_REFERENCE, Operation.DELETE}),
    "INDIRECTE_RENFORCEE": frozenset(Operation) - {Operation.FEED},
    "DIRECTE": frozenset(Operation),
}


def may(mode: str, operation: Operation) -> bool:
    """True when the matrix gives this mode the transaction, for a professional in normal access."""
    return operation in _ALLOWED.get(mode, frozenset())
