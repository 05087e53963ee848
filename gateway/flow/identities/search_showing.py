"""From what INSi answered to what the outside sees of it. Pure; the views hold health data and never go to a log."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.flow.identities.entries import Entry
from gateway.flow.identities.identification import Taken
from gateway.flow.identities.showing import difference_views, former_views, ins_view, national_view, status_if_accepted
from gateway.flow.identities.views import CallView, SearchView
from gateway.ins.answer import Exchange
from gateway.ins.comparison import compare
from gateway.ins.search import Search


def search_view(found: Search, before: Entry | None, taken: Taken | None) -> SearchView:
    """The result beside the patient as he was when it was asked (`before`), and what was made of it."""
    national = found.answer.found
    comparison = compare(before.identity.traits, national) if before is not None and national is not None else None
    entry = taken.entry if taken is not None else None
    proposal = entry.proposal if entry is not None and national is not None else None
    return SearchView(
        cr=found.answer.verdict.value,
        label=found.answer.label,
        ins=ins_view(national.ins) if national is not None else None,
        former=former_views(national.shown_former, national.ins) if national is not None else (),
        traits=national_view(national) if national is not None else None,
        differences=difference_views(comparison) if comparison is not None else (),
        proposal=proposal.id if proposal is not None else None,
        status=entry.identity.status.value if entry is not None else None,
        status_if_accepted=status_if_accepted(entry.identity, proposal) if entry is not None and proposal is not None else None,
        advice=found.advice,
        warnings=comparison.warnings if comparison is not None else (),
        calls=call_views(found.exchanges),
    )


def call_views(exchanges: Iterable[Exchange]) -> tuple[CallView, ...]:
    """Correlation id and result of each call, in order."""
    return tuple(CallView(message_id=one.message_id, operation=one.operation, cr=one.answer.verdict.value) for one in exchanges)
