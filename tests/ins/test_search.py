"""The search by traits: which calls, in which order, and where it stops."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ins.answer import Answer, Exchange, NationalIdentity, Verdict
from gateway.ins.characters import NameNotSendable
from gateway.ins.criteria import Question, SearchCriteria
from gateway.ins.search import Place, Search, search
from gateway.model.patient import Ins

FOUND, NOT_FOUND, SEVERAL = Verdict.FOUND, Verdict.NOT_FOUND, Verdict.SEVERAL
SOMEBODY = NationalIdentity(ins=Ins(matricule="275126322074974", oid="1.2.250.1.213.1.4.8"))


class Service:
    """INSi of the test: answers by a rule, keeps what was asked."""

    def __init__(self, rule: Callable[[str, str | None], Verdict]) -> None:
        self._rule = rule
        self.asked: list[tuple[str, str | None]] = []

    async def __call__(self, question: Question) -> Exchange:
        self.asked.append((question.given_name, question.birth_place))
        verdict = self._rule(question.given_name, question.birth_place)
        answer = Answer(verdict=verdict, label="x", found=SOMEBODY if verdict is FOUND else None)
        return Exchange(operation="WS_INS2", message_id=f"uuid:{len(self.asked)}", sent=b"", received=b"", answer=answer)


def criteria(
    names: str, *, family: str = "DE VINCI", sex: str = "M", birth: str = "2014-02-01", place: str | None = None
) -> SearchCriteria:
    return SearchCriteria(birth_family_name=family, given_names=tuple(names.split()), sex=sex, birth_date=birth, birth_place=place)


async def run(service: Service, wanted: SearchCriteria, place: Place = "when_several") -> Search:
    return await search(service, wanted, place=place)


async def test_a11_several_stops_and_proposes_the_other_names_then_the_place() -> None:
    service = Service(lambda *_: SEVERAL)
    done = await run(service, criteria("LEONARDO"))
    assert service.asked == [("LEONARDO", None)]
    assert (done.answer.verdict, done.answer.found) == (SEVERAL, None)
    assert done.advice is not None
    assert done.advice.index("prénoms") < done.advice.index("lieu de naissance")


async def test_a12_the_place_settles_it() -> None:
    service = Service(lambda _, place: FOUND if place == "63220" else SEVERAL)
    done = await run(service, criteria("LEONARDO", place="63220"))
    assert service.asked == [("LEONARDO", None), ("LEONARDO", "63220")]
    assert (done.answer.verdict, done.advice, len(done.exchanges)) == (FOUND, None, 2)


async def test_a13_the_second_given_name_finds_and_stops() -> None:
    service = Service(lambda name, _: FOUND if name == "CATARINA" else NOT_FOUND)
    done = await run(service, criteria("OLA CATARINA BELLA", family="TCHITCHI", sex="F", birth="1936-06-21"))
    assert service.asked == [("OLA", None), ("CATARINA", None)]
    assert done.answer.found is SOMEBODY
    assert len({one.message_id for one in done.exchanges}) == 2


async def test_a14_each_name_then_all_together_then_it_stops() -> None:
    service = Service(lambda *_: NOT_FOUND)
    done = await run(service, criteria("PIERRE PAUL JACQUES", family="HOUILLES", birth="1993-01-27", place="63220"))
    assert service.asked == [("PIERRE", None), ("PAUL", None), ("JACQUES", None), ("PIERRE PAUL JACQUES", None)]
    assert done.answer.verdict is NOT_FOUND
    assert done.advice is not None


async def test_after_several_the_next_name_is_not_tried_but_all_together_then_the_place() -> None:
    service = Service(lambda *_: SEVERAL)
    done = await run(service, criteria("LEONARDO PIETRO", place="63220"))
    assert service.asked == [("LEONARDO", None), ("LEONARDO PIETRO", None), ("LEONARDO PIETRO", "63220")]
    assert done.advice is not None


async def test_several_then_nobody_stays_several() -> None:
    service = Service(lambda name, _: SEVERAL if name == "LEONARDO" else NOT_FOUND)
    done = await run(service, criteria("LEONARDO PIETRO"))
    assert service.asked == [("LEONARDO", None), ("LEONARDO PIETRO", None)]
    assert done.answer.verdict is SEVERAL
    assert done.advice is not None
    assert "code INSEE" in done.advice


async def test_the_place_may_go_with_every_call() -> None:
    service = Service(lambda *_: SEVERAL)
    await run(service, criteria("LEONARDO", place="63220"), "always")
    assert service.asked == [("LEONARDO", "63220")]


@pytest.mark.parametrize("names", ["PIERRE P4UL", "P_ERRE", ""])
async def test_a06_a_refused_name_anywhere_means_no_call_at_all(names: str) -> None:
    service = Service(lambda *_: FOUND)
    with pytest.raises(NameNotSendable):
        await run(service, criteria(names))
    assert service.asked == []


async def test_names_too_long_together_are_asked_one_by_one_only() -> None:
    service = Service(lambda *_: NOT_FOUND)
    await run(service, criteria("A" * 60 + " " + "B" * 60))
    assert [len(name) for name, _ in service.asked] == [60, 60]


@given(
    names=st.lists(st.sampled_from(["ANNE", "MARIE", "JEAN-LUC", "ZOE", "D'A"]), min_size=1, max_size=6),
    verdicts=st.lists(st.sampled_from(list(Verdict)), min_size=9, max_size=9),
    place=st.sampled_from([None, "63220"]),
    policy=st.sampled_from(["when_several", "always"]),
)
async def test_no_search_loops_or_asks_twice(names: list[str], verdicts: list[Verdict], place: str | None, policy: Place) -> None:
    script = iter(verdicts)
    service = Service(lambda *_: next(script))
    done = await run(service, criteria(" ".join(names), place=place), policy)
    assert len(service.asked) == len(set(service.asked)) <= len(names) + 2
    given_verdicts = [one.answer.verdict for one in done.exchanges]
    assert FOUND not in given_verdicts[:-1]
    assert (done.advice is None) is (done.answer.verdict is FOUND)
    first_several = given_verdicts.index(SEVERAL) if SEVERAL in given_verdicts else None
    if first_several is not None:
        assert len(given_verdicts) - first_several <= 3
