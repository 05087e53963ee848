"""From traits and from a card to what goes on the wire: what is refused before any call, and what stays verbatim."""

from __future__ import annotations

import msgspec
import pytest

from gateway.ins.card import CardDataInvalid, coverage
from gateway.ins.characters import NameNotSendable
from gateway.ins.criteria import CardReading, Question, SearchCriteria
from gateway.ins.question import TraitNotSendable, all_given, question

VINCI = SearchCriteria(
    birth_family_name="De Vinci", given_names=("Léonardo", "Piero"), sex="M", birth_date="2014-02-01", birth_place="2a020"
)
CARD = CardReading(
    serial="0123456789",
    insured_nir="1810163220751",
    insured_key="40",
    beneficiary_nir="160012B020777",
    beneficiary_key="13",
    nir_certified_on="2019-03-01",
    birth_family_name="Nom d’essai",
    birth_date="1960-01-00",
    birth_rank="2",
    scheme="01",
    fund="631",
    centre="0001",
    holder="1",
)


def test_traits_become_one_question() -> None:
    expected = Question(birth_family_name="DE VINCI", given_name="LEONARDO", sex="M", birth_date="2014-02-01")
    assert question(VINCI, "Léonardo", with_place=False) == expected
    assert question(VINCI, "Léonardo", with_place=True).birth_place == "2A020"
    assert question(VINCI, all_given(VINCI), with_place=False).given_name == "LEONARDO PIERO"
    assert question(msgspec.structs.replace(VINCI, birth_place=None), "Piero", with_place=True).birth_place is None


@pytest.mark.parametrize("date", ["1950-00-00", "1950-42-00", "1950-13-31", "1875-02-30", "2024-02-29"])
def test_a_lunar_date_goes_verbatim(date: str) -> None:
    assert question(msgspec.structs.replace(VINCI, birth_date=date), "Piero", with_place=False).birth_date == date


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("sex", value) for value in ("U", "I", "m", "", "MF")),
        *(
            ("birth_date", value)
            for value in ("", "01/02/2014", "20140201", "2014-2-1", "0114-02-01", "2014-02-32", "2014-02-01T00:00", "２014-02-01")
        ),
        *(("birth_place", value) for value in ("", "Lyon", "6938", "693811", "2C020", "A2020", "6٣381")),
    ],
)
def test_another_trait_in_another_form_is_refused_with_its_field(name: str, value: str) -> None:
    with pytest.raises(TraitNotSendable) as refusal:
        question(msgspec.structs.replace(VINCI, **{name: value}), "Piero", with_place=False)
    assert refusal.value.field == f"traits.{name}"
    told = refusal.value.explanation
    assert told.code == "trait-not-sendable"
    assert told.what.startswith("Le téléservice INSi ne peut pas être interrogé : ")
    assert not value or len(value) < 4 or value not in told.what


def test_a_name_is_refused_with_the_field_of_its_caller() -> None:
    with pytest.raises(NameNotSendable) as refusal:
        question(VINCI, "Léo2", with_place=False, field="patient")
    assert refusal.value.field == "patient.given_names"
    with pytest.raises(NameNotSendable) as refusal:
        question(msgspec.structs.replace(VINCI, birth_family_name="DE_VINCI"), "Piero", with_place=False, field="patient")
    assert refusal.value.field == "patient.birth_family_name"


def test_a_card_becomes_its_coverage() -> None:
    covered = coverage(CARD)
    for name in msgspec.structs.fields(covered):
        read = "nir_certified_on" if name.name == "certified_on" else name.name
        assert getattr(covered, name.name) == getattr(CARD, read)
    of_another = coverage(msgspec.structs.replace(CARD, beneficiary_nir=None))
    assert of_another.beneficiary_key is None
    assert of_another.certified_on is None


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("insured_nir", "181016322075", "insured_nir"),
        ("insured_nir", "18101632207A1", "insured_nir"),
        ("insured_nir", "160012C020777", "insured_nir"),
        ("insured_key", "41", "insured_key"),
        ("insured_key", "4", "insured_key"),
        ("beneficiary_nir", "", "beneficiary_nir"),
        ("beneficiary_key", "14", "beneficiary_key"),
        ("nir_certified_on", "2019-02-30", "nir_certified_on"),
        ("nir_certified_on", "20190301", "nir_certified_on"),
        ("birth_date", "60-01-01", "birth_date"),
        ("birth_rank", "0", "birth_rank"),
        ("birth_rank", "deux", "birth_rank"),
        ("holder", "10", "holder"),
        ("scheme", "<01>", "scheme"),
        ("fund", "", "fund"),
        ("centre", "1234567890", "centre"),
    ],
)
def test_a_broken_reading_is_refused_with_its_field(name: str, value: str, field: str) -> None:
    with pytest.raises(CardDataInvalid) as refusal:
        coverage(msgspec.structs.replace(CARD, **{name: value}))
    assert refusal.value.field == f"card.{field}"
    assert str(refusal.value) == "card-data-invalid"


def test_nothing_of_a_person_shows_in_the_values() -> None:
    shown = f"{VINCI!r}{CARD!r}{question(VINCI, 'Piero', with_place=True)!r}{coverage(CARD)!r}"
    for word in ("vinci", "piero", "2014", "2a020", "1810163220751", "160012b020777", "essai", "1960"):
        assert word not in shown.lower()
