"""A teleservice INSi in memory for the API's tests: answers by family name, counts who asked, and can be down, slow or mute.

It stands where `ins.client` does; what goes over the wire is proven in tests/ins and tests/end_to_end.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from gateway.ins.answer import Answer, Exchange, NationalIdentity, Verdict
from gateway.ins.card import coverage
from gateway.ins.client import Announce
from gateway.ins.criteria import CardReading, Question
from gateway.ins.envelope import new_message_id
from gateway.kernel.errors import RelaisError
from gateway.model.patient import Ins

NIR = "1.2.250.1.213.1.4.8"
ADRUN = NationalIdentity(
    ins=Ins.checked("275126322074974", NIR),
    birth_family_name="ADRUN",
    birth_given_names="ZOE",
    sex="F",
    birth_date="1975-12-31",
    birth_place="63220",
)
ECETINSI = NationalIdentity(
    ins=Ins.checked("109076322083489", NIR),
    birth_family_name="ECETINSI",
    birth_given_names="PIERRE-ALAIN MURIEL FLORIANT",
    sex="M",
    birth_date="2009-07-14",
    birth_place="63220",
)
"""Published test identities (insi.md 7)."""
SEVERAL = "DE VINCI"
CARD_NUMBER = "2751263220749"
_LABELS = {Verdict.FOUND: "OK", Verdict.NOT_FOUND: "Aucune identité trouvée", Verdict.SEVERAL: "Plusieurs identités trouvées"}


@dataclass
class Teleservice:
    """What it knows, how it is, and each call: the operation, whether a person waited, and for which software."""

    known: dict[str, NationalIdentity] = field(default_factory=lambda: {"ADRUN": ADRUN, "ECETINSI": ECETINSI})
    trouble: type[RelaisError] | None = None
    mute_after: int | None = None
    """Takes every request after that many and never answers them; None: answers all."""
    calls: list[tuple[str, bool, str | None]] = field(default_factory=list)

    def client(self, structure_id: str, *, user: bool, software: str | None = None) -> _Client:
        """As `remotes.Remotes.insi`."""
        del structure_id
        return _Client(self, user, software)


@dataclass(frozen=True)
class _Client:
    service: Teleservice
    user: bool
    software: str | None

    async def by_traits(self, question: Question, *, announce: Announce | None = None) -> Exchange:
        found = self.service.known.get(question.birth_family_name)
        verdict = Verdict.SEVERAL if question.birth_family_name == SEVERAL else Verdict.FOUND if found else Verdict.NOT_FOUND
        return await self._answered("WS_INS2", Answer(verdict=verdict, label=_LABELS[verdict], found=found), announce)

    async def by_card(self, reading: CardReading, *, announce: Announce | None = None) -> Exchange:
        coverage(reading)  # refuses what the real client would
        found = ADRUN if reading.insured_nir == CARD_NUMBER else None
        verdict = Verdict.FOUND if found else Verdict.NOT_FOUND
        return await self._answered("WS_INS1", Answer(verdict=verdict, label=_LABELS[verdict], found=found), announce)

    async def verify(self, ins: Ins, question: Question, *, announce: Announce | None = None) -> Exchange:
        found = self.service.known.get(question.birth_family_name)
        verdict = Verdict.FOUND if found is not None and found.ins.is_same(ins) else Verdict.NOT_FOUND
        return await self._answered("WS_INS3", Answer(verdict=verdict, label=_LABELS[verdict]), announce)

    async def _answered(self, operation: str, answer: Answer, announce: Announce | None) -> Exchange:
        message_id, sent = new_message_id(), b"<question/>"
        self.service.calls.append((operation, self.user, self.software))
        if announce is not None:
            await announce(operation, message_id, sent)
        if self.service.trouble is not None:
            raise self.service.trouble()
        if self.service.mute_after is not None and len(self.service.calls) > self.service.mute_after:
            await asyncio.Event().wait()
        return Exchange(operation=operation, message_id=message_id, sent=sent, received=b"<answer/>", answer=answer)
