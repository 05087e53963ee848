"""The second look at a document before it is prepared: its text must not speak of somebody else.

A scan, or a box without the reader, says nothing: the document goes on. Only the kind of contradiction is told, never the text. Always on a
thread, whatever the size: a small file can keep the reader busy up to its bound, and the loop must not wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gateway.cda.pdf.text import TextReaderMissing, read_text
from gateway.flow.admitted import Admitted
from gateway.flow.errors import PayloadQuarantined, TextContradictsIdentity
from gateway.flow.identities.entries import Identities
from gateway.ins.collision import Rule, contradiction
from gateway.ins.identity import FormerIns

_log = structlog.get_logger("relais.preparation")

_FACTS = {
    Rule.MATRICULE: "un autre matricule INS",
    Rule.BIRTH_DATE: "une autre date de naissance",
    Rule.NAME: "un autre nom",
}


class SecondLook:
    """Compares the text of a PDF with the identity it is sent for."""

    def __init__(self, identities: Identities, *, enabled: bool, read: Callable[[bytes], str | None] = read_text) -> None:
        """`read` gives the text of a PDF, as `cda.pdf.text.read_text`; it may block, and is called on a thread."""
        self._identities = identities
        self._enabled = enabled
        self._read = read

    async def check(self, admitted: Admitted, pdf: bytes) -> None:
        """Raises TextContradictsIdentity, unless somebody has looked already; TextReadingInterrupted for want of room."""
        if not self._enabled or admitted.looked_at is not None:
            return
        former = await self._former(admitted)
        try:
            rule = await asyncio.to_thread(self._compared, pdf, admitted, former)
        except TextReaderMissing as missing:
            _log.warning("text of a document not compared", code=missing.code)
            return
        if rule is not None:
            raise TextContradictsIdentity(rule.value, fact=_FACTS[rule])

    async def _former(self, admitted: Admitted) -> tuple[FormerIns, ...]:
        """Matricules of the past are the patient's too."""
        try:
            entry = await self._identities.known(admitted.structure, admitted.patient.local_id)
        except PayloadQuarantined:
            return ()
        recovery = entry.identity.recovery if entry is not None else None
        return recovery.former if recovery is not None else ()

    def _compared(self, pdf: bytes, admitted: Admitted, former: tuple[FormerIns, ...]) -> Rule | None:
        text = self._read(pdf)
        found = contradiction(text, admitted.patient.traits, admitted.patient.ins, former) if text is not None else None
        return found.rule if found is not None else None
