"""TD3.1 by reference: is our document there, and under which entryUUID (dmp.md 1.1, 3.7, 6.1).

Asked only when an outcome is unknown, or just before a replacement; never after each feed (EX_3.1-2030).
"""

from __future__ import annotations

from gateway.dmp.answer import read_answer, refuse_registry
from gateway.wire.http import HttpResponse
from gateway.xds.iti18 import ACTION, get_documents, read_references
from gateway.xds.registry_answer import RegistryRefusal, UnexpectedAnswer

__all__ = ["ACTION", "get_documents", "read_probe_answer"]


def read_probe_answer(response: HttpResponse) -> list[str]:
    """The entryUUIDs that bear the uniqueId, none when the DMP does not hold it; raises one of FromDmp."""
    try:
        return read_references(read_answer(response, feed=False))
    except (RegistryRefusal, UnexpectedAnswer) as problem:
        refuse_registry(problem, response, feed=False)
