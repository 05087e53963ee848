"""Takes a frozen mail to the operator of the structure's mailbox, one recipient at a time.

The phase is in the journal before MAIL and before DATA. After a lost answer the same bytes go again with the same Message-ID: the
receiver tells the second from the first (mssante.md 7.3).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.flow.attempt import Trip
from gateway.flow.errors import PayloadQuarantined
from gateway.kernel.errors import OutcomeUnknown
from gateway.mss.send import OperatorClient


class MssCourier:
    """Courier of the MSSanté channel; `operator` gives the client of a structure, or raises what prevents it; `unknown_wait` in
    seconds before a mail in doubt goes again."""

    def __init__(self, operator: Callable[[str], OperatorClient], unknown_wait: float) -> None:
        self._operator = operator
        self._unknown_wait = unknown_wait

    async def deliver(self, trip: Trip) -> bytes:
        """Hand the mail over; returns the operator's answer."""
        frozen = trip.frozen
        if frozen is None or frozen.payload is None or frozen.sender is None or trip.recipient is None:
            raise PayloadQuarantined("mail not frozen")
        mail = await trip.payload(frozen.payload)
        client = self._operator(trip.record.structure)
        try:
            accepted = await client.send(mail, sender=frozen.sender, recipient=trip.recipient, on_phase=trip.enter)
        except OutcomeUnknown as doubt:
            doubt.least_wait = self._unknown_wait
            raise
        return msgspec.json.encode({"code": accepted.code, "text": accepted.text, "queue_id": accepted.queue_id})

    async def reconcile(self, trip: Trip) -> bytes | None:
        """Send the same bytes again: the operator offers no query."""
        return await self.deliver(trip)
