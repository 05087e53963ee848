"""Listens to attempts and to calls of INSi, and tells the successions of each refusal that speaks against a certificate.

Changes nothing of what is attempted or answered. The instant an attempt began goes with it: what began under the former certificate says
nothing of the new one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import structlog

from gateway.flow.certificates.indictment import accused_by, accused_by_insi, suspected_by
from gateway.flow.identities.identification import Clients, Insi
from gateway.flow.scheduler import Attempt
from gateway.ins.answer import Exchange
from gateway.ins.client import Announce
from gateway.ins.criteria import CardReading, Question
from gateway.journal.records import DeliveryRecord
from gateway.kernel.errors import Explanation, RelaisError
from gateway.model.patient import Ins
from gateway.trust.roles import Role

_log = structlog.get_logger("relais.certificates")

Heard = Callable[[str, Iterable[Role], Explanation, int], Awaitable[None]]
"""Structure, roles accused, why, and the instant the attempt began (milliseconds)."""

Suspected = Callable[[str, Iterable[Role], int], Awaitable[None]]
"""Structure, roles that may be at fault, and the instant the attempt began."""


class Overheard:
    """One ear for the whole box."""

    def __init__(self, heard: Heard, suspected: Suspected, now: Callable[[], int]) -> None:
        self._heard = heard
        self._suspected = suspected
        self._now = now

    def attempts(self, attempt: Attempt) -> Attempt:
        """The same attempts, listened to."""

        async def listened(record: DeliveryRecord) -> RelaisError | None:
            began = self._now()
            error = await attempt(record)
            if error is not None:
                accused = accused_by(error, record.channel)
                await self.tell(record.structure, accused, error, began)
                await self._suspect(record.structure, suspected_by(error, record.channel) - accused, began)
            return error

        return listened

    async def _suspect(self, structure: str, roles: frozenset[Role], began: int) -> None:
        if roles:
            await self._suspected(structure, roles, began)

    def insi(self, clients: Clients) -> Clients:
        """The same clients, listened to; what prevents one from being made is heard too."""

        def made(structure_id: str, *, user: bool, software: str | None = None) -> Insi:
            role = Role.INSI_MANU if user else Role.INSI_AUTO
            return _ListenedInsi(clients(structure_id, user=user, software=software), structure_id, role, self)

        return made

    def now(self) -> int:
        """Journal instant."""
        return self._now()

    async def tell(self, structure: str, roles: frozenset[Role], error: RelaisError, began: int) -> None:
        """Tell of one error; what goes wrong here never becomes the attempt's own end."""
        if not roles:
            return
        try:
            await self._heard(structure, roles, error.explanation, began)
        except RelaisError as problem:
            _log.warning("refusal not told", structure=structure, code=problem.code)


class _ListenedInsi:
    def __init__(self, client: Insi, structure: str, role: Role, ear: Overheard) -> None:
        self._client = client
        self._structure = structure
        self._role = role
        self._ear = ear

    async def by_traits(self, question: Question, *, announce: Announce | None = None) -> Exchange:
        """WS_INS2."""
        return await self._listened(lambda: self._client.by_traits(question, announce=announce))

    async def by_card(self, reading: CardReading, *, announce: Announce | None = None) -> Exchange:
        """WS_INS1."""
        return await self._listened(lambda: self._client.by_card(reading, announce=announce))

    async def verify(self, ins: Ins, question: Question, *, announce: Announce | None = None) -> Exchange:
        """WS_INS3."""
        return await self._listened(lambda: self._client.verify(ins, question, announce=announce))

    async def _listened(self, call: Callable[[], Awaitable[Exchange]]) -> Exchange:
        began = self._ear.now()
        try:
            return await call()
        except RelaisError as error:
            await self._ear.tell(self._structure, accused_by_insi(error, self._role), error, began)
            raise
