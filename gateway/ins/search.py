"""How a person is looked for by traits: which given name in which call, when to stop, what to tell (insi.md 1.6; CNDA 2.06, 2.07).

Never calls by itself and never loops: no question is asked twice, and there are at most two more calls than given names. Given names go
one by one in the order of the document, then all together; the first identity found ends the search. After "several", the other given
names are added, then the birth place when it was not sent; the next given name is not tried then, it would look for somebody else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, TypeAlias

import msgspec

from gateway.ins.answer import Answer, Exchange, Verdict
from gateway.ins.characters import NameNotSendable
from gateway.ins.criteria import Question, SearchCriteria
from gateway.ins.question import all_given, question

Ask: TypeAlias = Callable[[Question], Awaitable[Exchange]]
Place: TypeAlias = Literal["when_several", "always"]
Asked: TypeAlias = tuple[Question, Verdict]


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """All calls in order, the answer that counts, and what a person should try next (French; None once found)."""

    exchanges: tuple[Exchange, ...]
    answer: Answer
    advice: str | None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Every question that a search may ask, in the characters INSi takes."""

    one_by_one: tuple[Question, ...]
    together: Question | None
    """None for a single given name, or when all together INSi would not take them."""
    place: str | None
    """Birth place, for the questions that come after "several"."""

    def next(self, asked: Sequence[Asked]) -> Question | None:
        """What to ask after these questions and verdicts; None when the search is over."""
        if any(verdict is Verdict.FOUND for _, verdict in asked):
            return None
        several = [one for one, verdict in asked if verdict is Verdict.SEVERAL]
        candidates = (self.together, self._located(several[-1])) if several else (*self.one_by_one, self.together)
        done = [one for one, _ in asked]
        return next((one for one in candidates if one is not None and one not in done), None)

    def _located(self, one: Question) -> Question | None:
        return None if self.place is None else msgspec.structs.replace(one, birth_place=self.place)


def plan(criteria: SearchCriteria, place: Place) -> Plan:
    """The questions of a search; raises NameNotSendable or TraitNotSendable before any call is made."""
    always = place == "always"
    singles = [question(criteria, given, with_place=always) for given in criteria.given_names or ("",)]
    try:
        together = question(criteria, all_given(criteria), with_place=always) if len(criteria.given_names) > 1 else None
    except NameNotSendable:
        together = None
    located = question(criteria, criteria.given_names[0], with_place=True)
    return Plan(one_by_one=tuple(dict.fromkeys(singles)), together=together, place=located.birth_place)


async def search(ask: Ask, criteria: SearchCriteria, *, place: Place) -> Search:
    """Ask until found or until nothing more may be asked. Refused characters raise before any call; what `ask` raises goes through."""
    planned = plan(criteria, place)
    asked: list[Asked] = []
    exchanges: list[Exchange] = []
    while (one := planned.next(asked)) is not None:
        exchange = await ask(one)
        asked.append((one, exchange.answer.verdict))
        exchanges.append(exchange)
    answer = _decisive([exchange.answer for exchange in exchanges])
    return Search(exchanges=tuple(exchanges), answer=answer, advice=advice(answer.verdict, criteria))


def advice(verdict: Verdict, criteria: SearchCriteria) -> str | None:
    """What a person may try next, in French; None for an identity found. Names nothing of the criteria."""
    if verdict is Verdict.FOUND:
        return None
    if verdict is Verdict.NOT_FOUND:
        return (
            "Aucune identité ne correspond à ces traits. Comparez le nom de naissance, les prénoms, le sexe et la date de naissance "
            "avec la pièce d'identité, corrigez-les s'il le faut, puis recommencez."
        )
    start = "Plusieurs identités correspondent à ces traits : aucune n'a été retenue. "
    if len(criteria.given_names) < 2:
        then = "" if criteria.birth_place is not None else " ; si cela ne suffit pas, ajoutez le code INSEE de son lieu de naissance"
        return f"{start}Ajoutez les autres prénoms de naissance, dans l'ordre de la pièce d'identité, puis recommencez{then}."
    if criteria.birth_place is None:
        return f"{start}Ajoutez le code INSEE de la commune (ou du pays) de naissance, puis recommencez."
    return f"{start}Comparez chaque trait avec la pièce d'identité ; si tout est juste, utilisez la carte Vitale du patient."


def _decisive(answers: Sequence[Answer]) -> Answer:
    several = [one for one in answers if one.verdict is Verdict.SEVERAL]
    return answers[-1] if answers[-1].verdict is Verdict.FOUND or not several else several[-1]
