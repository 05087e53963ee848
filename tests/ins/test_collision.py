"""The collision guard on the project's own corpus: what it must find, what it must leave alone, measured; and cases it was made for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gateway.cda.pdf.text import read_text
from gateway.ins.collision import Rule, contradiction
from gateway.model.patient import Ins, Sex, Traits
from tests.ins.collision_corpus import Case, corpus
from tests.ins.collision_layouts import LAYOUTS
from tests.ins.collision_layouts_kept import LAYOUTS as KEPT
from tests.tools import need_tool

OURS = Traits(
    birth_family_name="MARTIN", birth_given_names="SOPHIE ANNE", first_birth_given_name="SOPHIE", sex=Sex.FEMALE, birth_date="1975-03-12",
    birth_place="29039", used_family_name="LE-GOFF",
)  # fmt: skip
INS = Ins.checked("279035121518989", "1.2.250.1.213.1.4.10")


def measured(cases: Sequence[Case]) -> tuple[float, float, list[str]]:
    """Recall, rate of false alarms, and the names of what went wrong."""
    need_tool("pdftotext")
    wrong, right, missed, alarms = 0, 0, [], []
    for case in cases:
        text = read_text(case.pdf)
        found = text is not None and contradiction(text, case.identity.traits, case.identity.ins) is not None
        if case.contradicts:
            wrong += 1
            missed += [] if found else [f"missed {case.name}"]
        else:
            right += 1
            alarms += [f"alarm {case.name}"] if found else []
    return 1 - len(missed) / wrong, len(alarms) / right, missed + alarms


@pytest.mark.slow
@pytest.mark.parametrize(("layouts", "seed", "rounds"), [(LAYOUTS, 20_261, 3), (KEPT, 77_003, 4)])
def test_recall_and_false_alarms_on_the_corpus(layouts: Sequence, seed: int, rounds: int, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[type-arg]
    cases = list(corpus(seed, layouts, rounds))
    recall, alarms, faults = measured(cases)
    with capsys.disabled():
        print(f"\ncollision guard: {len(cases)} documents, recall {recall:.2%}, false alarms {alarms:.2%}")
    assert recall >= 0.99, faults[:20]
    assert alarms <= 0.01, faults[:20]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Patient : DURAND Paul\nNé le 01/02/1980", Rule.BIRTH_DATE),
        ("Mme MARTIN Sophie née le 12 mars 1975\nINS : 2 75 12 63 220 749 74", Rule.MATRICULE),
        ("Pour Mme DURAND Julie\nFaire douze séances", Rule.NAME),
        ("Pour Mme MARTIN Julie\nFaire douze séances", Rule.NAME),
        ("Patient : MARTIN Sophie\nDate de naissance : 13.03.1975", Rule.BIRTH_DATE),
    ],
)
def test_somebody_else_s_text_is_told_by_its_rule(text: str, rule: Rule) -> None:
    found = contradiction(text, OURS, INS)
    assert found is not None
    assert found.rule is rule


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Docteur Paul DURAND\nCher confrère,\nMerci de votre accueil.",
        "Mme LE GOFF Sophie née le 12/03/1975\nSon mari Paul, né le 01/02/1973, va bien.",
        "Mme DURAND (née MARTIN) Sophie\nDDN : 12-03-1975",
        "Concerne : Mme Sophie Le Goff\nCopie : M. Paul DURAND, infirmier",
        "Née le 12/03/1975\nN° de sécurité sociale de l'assuré : 2 75 12 63 220 749 74",
        "N o m :   M A R T I N\nN é e   l e   1 2 / 0 3 / 1 9 7 5",
    ],
)
def test_a_text_that_agrees_or_says_nothing_is_left_alone(text: str) -> None:
    assert contradiction(text, OURS, INS) is None
