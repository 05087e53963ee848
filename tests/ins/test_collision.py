"""The collision guard on the project's own corpus: what it must find, what it must leave alone, measured; and cases it was made for."""

from __future__ import annotations

from collections import Counter
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


CHILD = Traits(
    birth_family_name="MARTIN", birth_given_names="PAUL", first_birth_given_name="PAUL", sex=Sex.MALE, birth_date="2015-04-02",
    birth_place="29039",
)  # fmt: skip
NEWBORN = Traits(
    birth_family_name="MARTIN", birth_given_names="HUGO", first_birth_given_name="HUGO", sex=Sex.MALE, birth_date="2026-11-20",
    birth_place="29039",
)  # fmt: skip
HYPHENS = Traits(
    birth_family_name="D'ALMEIDA", birth_given_names="JEAN-PIERRE ÉRIC", first_birth_given_name="JEAN-PIERRE", sex=Sex.MALE,
    birth_date="1950-01-01", birth_place="29039",
)  # fmt: skip


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


def by_situation(cases: Sequence[Case], faults: Sequence[str]) -> dict[str, tuple[int, int]]:
    """For each kind of case, how many were judged right and how many there were: no kind hides behind the others."""
    kinds = Counter(case.name.partition("/")[2] for case in cases)
    wrong = Counter(fault.partition("/")[2] for fault in faults)
    return {kind: (count - wrong[kind], count) for kind, count in kinds.items()}


@pytest.mark.slow
@pytest.mark.parametrize(("layouts", "seed", "rounds"), [(LAYOUTS, 20_261, 3), (KEPT, 77_003, 4)])
def test_recall_and_false_alarms_on_the_corpus(layouts: Sequence, seed: int, rounds: int, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[type-arg]
    cases = list(corpus(seed, layouts, rounds))
    recall, alarms, faults = measured(cases)
    with capsys.disabled():
        print(f"\ncollision guard: {len(cases)} documents, recall {recall:.2%}, false alarms {alarms:.2%}")
    for situation, (right, all_of_it) in sorted(by_situation(cases, faults).items()):
        assert right / all_of_it >= 0.95, f"{situation}: {right} of {all_of_it}"
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


@pytest.mark.parametrize(
    "text",
    [
        "Enfant MARTIN Julien\nné le 02/04/2015",
        "Nom : MARTIN\nPrénom : JULIE\nNé(e) le : 02/04/2015",
        "NOM : MARTIN    PRÉNOM : JULIE    Né(e) : 02/04/2015",
        "Nom de naissance    Prénom    Né(e) le    Sexe\nMARTIN              JULIE     02/04/2015   F",
        "NOM\nMARTIN\nPRÉNOM\nJULIE\nDATE DE NAISSANCE\n02/04/2015",
        "Mme MARTIN Julie née le 02/04/2015\nDocteur Paul DURAND",
        "J'ai vu Madame Julie MARTIN, née le 02/04/2015, en consultation",
        "Nom et prénom du patient : MARTIN Julie\nDate de naissance du patient : 02/04/2015",
        "Identité        MARTIN Julie\nNaissance       02/04/2015",
        "Patient : MARTIN Julie, né le 02/04/2015\nSon frère Paul MARTIN va bien.",
    ],
)
def test_the_paper_of_a_twin_is_held_by_its_given_name(text: str) -> None:
    found = contradiction(text, CHILD, None)
    assert found is not None
    assert found.rule is Rule.NAME


@pytest.mark.parametrize(
    "text",
    [
        "Enfant MARTIN Paul\nné le 02/04/2015\nSœur jumelle : MARTIN Julie née le 02/04/2015",
        "Enfant MARTIN P.\nné le 02/04/2015",
        "Enfant MARTIN\nné le 02/04/2015",
        "Madame MARTIN Julie\n12, rue des Lilas\nVotre fils Paul, né le 02/04/2015, a été vu ce jour.",
        "Nom : MARTIN    Né(e) le 02/04/2015\nMédecin traitant : Nom : DURAND   Prénom : Julie",
        "MARTIN Paul né le 02/04/2015\nMonsieur MARTIN Jacques\nMasseur-kinésithérapeute",
    ],
)
def test_a_paper_that_tells_the_patient_or_no_other_given_name_is_no_twin_s(text: str) -> None:
    assert contradiction(text, CHILD, None) is None


@pytest.mark.parametrize(
    "text",
    [
        "Mme Sophie MARTIN\nAccouchement le 20/11/2026 d'un garçon, Hugo, né le 20/11/2026 à 04 h 12.",
        "Mme Sophie MARTIN\nAccouchement ce jour d'un garçon,\nHugo, né le 20/11/2026 à 04 h 12.",
        "Patiente : Mme LE GOFF Sophie\nNouveau-né : MARTIN Hugo, né le 20/11/2026 à 04 h 12, 3 240 g",
        "Mme LE GOFF Sophie\nBébé : Hugo LE GOFF né le 20/11/2026",
        "Mme LE GOFF Sophie a donné naissance à une fille, Léa, née le 20/11/2026.",
        "Mme LE GOFF Sophie\nNaissance le 20/11/2026 à 04 h 12 d'une fille",
        "Mme LE GOFF Sophie\nDate de naissance de l'enfant : 20/11/2026",
        "MATERNITÉ DES ESSAIS\nPatiente : Mme LE GOFF Sophie\nEnfant : Hugo, né le 20/11/2026",
        "Mme LE GOFF Sophie, née le 12/03/1975, mère de MARTIN Léa, née le 20/11/2026",
    ],
)
def test_a_mother_s_paper_may_name_her_newborn(text: str) -> None:
    assert contradiction(text, OURS, INS) is None


@pytest.mark.parametrize(
    ("identity", "text"),
    [
        (NEWBORN, "Nouveau-né MARTIN Léa, née le 21/11/2026"),
        (NEWBORN, "Enfant : MARTIN Léa\nnée le 21/11/2026\nMère : MARTIN Sophie, née le 12/03/1975"),
        (NEWBORN, "Bébé MARTIN Léa née le 20/11/2026"),
        (NEWBORN, "Mme MARTIN Sophie, née le 12/03/1975\nSuites de couches simples"),
        (OURS, "Nouveau-né : MARTIN Hugo, né le 20/11/2026\nMère : MARTIN Sophie"),
        (OURS, "Patiente : Mme DURAND Julie\nNouveau-né : Hugo, né le 20/11/2026"),
        (OURS, "Enfant MARTIN Paul\nné le 02/04/2015\nMadame MARTIN Sophie, 12, rue des Lilas"),
    ],
)
def test_a_newborn_s_paper_is_not_its_mother_s_nor_another_newborn_s(identity: Traits, text: str) -> None:
    assert contradiction(text, identity, None) is not None


@pytest.mark.parametrize(
    "text",
    ["Nouveau-né MARTIN Hugo, né le 20/11/2026\nMère : MARTIN Sophie, née le 12/03/1975", "Bébé MARTIN Hugo\nné le 20/11/2026, 3 240 g"],
)
def test_a_newborn_s_own_paper_is_left_alone(text: str) -> None:
    assert contradiction(text, NEWBORN, None) is None


@pytest.mark.parametrize(
    "text",
    [
        "M. DALMEIDA Jean Pierre né le 01/01/1950",
        "M. D’ALMEIDA Jean‑Pierre",
        "M. D ALMEIDA J.-P. né le 1er janvier 1950",
        "Nom : D'Almeida    Prénom : Jeanpierre    DDN : 01.01.1950",
        "Monsieur D'Almeida, 76 ans",
        "M. Éric D'ALMEIDA",
        "M. Eric D ALMEIDA né le 1950-01-01",
    ],
)
def test_hyphens_apostrophes_and_accents_make_nobody_else(text: str) -> None:
    assert contradiction(text, HYPHENS, None) is None


@pytest.mark.parametrize(
    "text",
    [
        "Mme DURAND Sophie née MARTIN le 12/03/1975",
        "Mme Sophie MARTIN-LE GOFF née le 12 mars 1975",
        "Nom de naissance : MARTIN    Nom utilisé : DURAND\nPrénom : SOPHIE    DDN 12/03/1975",
        "Madame Le Goff, née Martin, le 12/03/1975",
        "Mme LE\u00a0GOFF Anne née le 12/03/1975",
        "Conjoint : M. DURAND Paul né le 01/02/1973\nMme LE GOFF Sophie",
        "Père : DURAND Paul né le 01/02/1973\nPatiente : MARTIN Sophie",
        "Prescripteur : Nom : DURAND   Prénom : Julie\nPatient : LE GOFF Sophie   né(e) le 12/03/1975",
        "Consultation du 02/11/2026, précédente le 14/06/2026\nDocteur Julie MARTIN\nMme LE GOFF Sophie",
    ],
)
def test_a_woman_s_names_her_relatives_and_who_cares_for_her_do_not_alarm(text: str) -> None:
    assert contradiction(text, OURS, INS) is None


@pytest.mark.parametrize("family", ["DELFINO", "DUFFLOT", "COEUR"])
def test_ligatures_are_letters(family: str) -> None:
    written = family.replace("FFL", "\ufb04").replace("FI", "\ufb01").replace("OE", "Œ")
    one = Traits(
        birth_family_name=family, birth_given_names="LÉA", first_birth_given_name="LÉA", sex=Sex.FEMALE, birth_date="1990-01-01",
        birth_place="29039",
    )  # fmt: skip
    assert written != family
    assert contradiction(f"Pour Mme {written} Léa\nFaire douze séances", one, None) is None
