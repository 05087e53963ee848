"""Pages of documents, newest first: which statement serves which question, so that none walks the whole journal.

A question by workstation or by structure is asked once per state and the answers are merged: each is then one short walk of an index.
"""

from __future__ import annotations

import heapq
import itertools
from typing import Any

import msgspec

from gateway.journal.readers import Reader
from gateway.journal.records import DocumentRecord
from gateway.journal.rows import DOCUMENTS
from gateway.journal.store import DocumentQuery
from gateway.model.delivery import DocumentState

_ALL = (1 << 63) - 1
_EVER = -(1 << 63)


async def page_of(reader: Reader, query: DocumentQuery) -> list[DocumentRecord]:
    """The page that the query asks for; raises NotAccepting."""
    floor = 0
    if query.since is not None:
        found = await reader.value("documents-since", since=query.since)
        if found is None:
            return []
        floor = found
    bounds = {
        "before": _ALL if query.before is None else query.before,
        "floor": floor,
        "since": _EVER if query.since is None else query.since,
        "limit": max(0, query.limit),
    }
    parts = [await reader.records(DOCUMENTS, name, **bounds, **criteria) for name, criteria in await _walks(reader, query)]
    merged = heapq.merge(*parts, key=lambda record: record.sequence, reverse=True)
    return list(itertools.islice(merged, bounds["limit"]))


async def _walks(reader: Reader, query: DocumentQuery) -> list[tuple[str, dict[str, Any]]]:
    """The statements to run, each with its own criteria."""
    structures = None if query.structures is None else msgspec.json.encode(query.structures).decode()
    states = [state.value for state in DocumentState] if query.state is None else [query.state.value]
    if query.patient_ref is not None:
        state = query.state.value if query.state is not None else None
        criteria = {"patient_ref": query.patient_ref, "workstation": query.workstation, "structures": structures, "state": state}
        return [("documents-of-patient", criteria)]
    if query.workstation is not None:
        shared = {"workstation": query.workstation, "structures": structures}
        return [("documents-of-workstation", {**shared, "state": state}) for state in states]
    if query.structures is None and query.state is None:
        return [("documents-all", {})]
    among = query.structures if query.structures is not None else await reader.names("documents-structures")
    pairs = itertools.product(sorted(set(among)), states)
    return [("documents-of-structure", {"structure": structure, "state": state}) for structure, state in pairs]
