"""What a restored journal cannot know: whatever was not final when the backup was made may have left since, and is looked up first.

Uses the third outcome of the pipeline (unknown) and its reconciliation, nothing else: `flow.outcome.restored`. Idempotent: what is marked
twice is as what is marked once.
"""

from __future__ import annotations

from gateway.flow import outcome
from gateway.journal.records import AuditRecord, DeliveryRecord
from gateway.journal.store import DocumentQuery, Store
from gateway.model.delivery import FINAL, DocumentState

_PAGE = 200
_OPEN = (DocumentState.WORKING, DocumentState.ATTENTION)


async def doubt_everything_open(store: Store, now: int, mail_wait_seconds: float) -> int:
    """Mark every delivery that is not final; how many. Raises NotAccepting."""
    marked = 0
    for state in _OPEN:
        before: int | None = None
        while page := await store.documents(DocumentQuery(state=state, before=before, limit=_PAGE)):
            before = page[-1].sequence
            changed: list[DeliveryRecord] = []
            for document in page:
                changed += [one for one in await store.deliveries_of(document.id) if one.state not in FINAL]
            if changed:
                await store.commit(*(outcome.restored(one, now, mail_wait_seconds) for one in changed))
            marked += len(changed)
    return marked


async def tell_the_trail(store: Store, act: str, now: int, **detail: str | int) -> None:
    """One line of the audit trail about the box itself; raises NotAccepting."""
    await store.commit(AuditRecord(at=now, act=act, actor="installer", answer="done", detail=dict(detail)))
