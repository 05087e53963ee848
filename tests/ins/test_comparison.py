"""Local traits beside national ones: a difference of the right kind for each field, and the traits that acceptance writes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ins.answer import NationalIdentity
from gateway.ins.comparison import Kind, accepted_traits, compare
from gateway.ins.refusals import AnswerUnusable
from gateway.model.patient import Sex
from tests.ins.identities import INS, NATIONAL_ZOE, ZOE, national, traits


def kinds(local: dict[str, object], found: dict[str, object]) -> dict[str, Kind]:
    return {one.field: one.kind for one in compare(traits(**local), national(**found)).differences}


@pytest.mark.parametrize(
    ("field", "local", "written", "kind"),
    [
        ("birth_family_name", "Adrun", "ADRUN", "form"),
        ("birth_family_name", "D’Æïon", "D'AEION", "form"),
        ("birth_family_name", "Le Goff", "LE--GOFF", "form"),
        ("birth_family_name", "L'Hérault", "L HERAULT", "form"),
        ("birth_family_name", "Cœur\N{NO-BREAK SPACE}de Lion", "COEUR DE-LION", "form"),
        ("birth_family_name", "DARTAGNAN", "D'ARTAGNAN", "different"),
        ("birth_family_name", "HERMAN", "HERMANN", "different"),
        ("birth_family_name", "ADRUN", None, "missing"),
        ("birth_family_name", "ADRUN", " ", "missing"),
        ("birth_given_names", "Zoé-Marie", "ZOE MARIE", "form"),
        ("birth_given_names", "ZOE", "ZOE MARIE", "completed"),
        ("birth_given_names", "ZOE MARIE", "ZOE", "different"),
        ("birth_given_names", "ZOE MAR", "ZOE MARIE", "different"),
        ("sex", Sex.FEMALE, "M", "different"),
        ("sex", Sex.UNKNOWN, "F", "completed"),
        ("sex", Sex.UNKNOWN, "X", "different"),
        ("sex", Sex.FEMALE, None, "missing"),
        ("birth_date", "1975-12-31", "1975-12-30", "different"),
        ("birth_date", "1975-12-31", "1975-00-00", "form"),
        ("birth_date", "1975-12-01", "1975-12-00", "form"),
        ("birth_date", "1975-01-15", "1975-20-15", "form"),
        ("birth_date", "1975-12-31", "1975-12-00", "different"),
        ("birth_date", "1975-12-31", "0000-00-00", "different"),
        ("birth_date", "1975-12-31", "no date", "different"),
        ("birth_place", "20020", "2A020", "form"),
        ("birth_place", "2b020", "2B020", "form"),
        ("birth_place", "2A020", "2B020", "different"),
        ("birth_place", "20021", "2A020", "different"),
        ("birth_place", "99999", "63220", "completed"),
        ("birth_place", "63220", "99999", "different"),
        ("birth_place", "63220", None, "missing"),
    ],
)
def test_each_trait_differs_in_its_kind(field: str, local: object, written: str | None, kind: Kind) -> None:
    assert kinds({field: local}, {field: written}) == {field: kind}


@pytest.mark.parametrize(
    ("first", "listed", "expected"),
    [
        ("JEAN", "JEAN CHRISTOPHE PIERRE", None),
        ("JEAN CHRISTOPHE", "JEAN CHRISTOPHE PIERRE", None),
        ("JEAN-CHRISTOPHE", "JEAN CHRISTOPHE PIERRE", "form"),
        ("JEAN-CHRISTOPHE-PIERRE", "JEAN CHRISTOPHE PIERRE", "form"),
        ("CHRISTOPHE", "JEAN CHRISTOPHE PIERRE", "different"),
        ("PIERRE", "JEAN CHRISTOPHE PIERRE", "different"),
        ("JEA", "JEAN CHRISTOPHE PIERRE", "different"),
    ],
)
def test_the_first_given_name_is_held_to_the_start_of_the_list(first: str, listed: str, expected: str | None) -> None:
    seen = kinds({"birth_given_names": listed, "first_birth_given_name": first}, {"birth_given_names": listed})
    assert seen == ({} if expected is None else {"first_birth_given_name": expected})


def test_the_same_traits_are_exact_and_form_alone_is_too() -> None:
    assert compare(ZOE, NATIONAL_ZOE).differences == ()
    assert compare(ZOE, NATIONAL_ZOE).exact
    by_form = compare(traits(birth_family_name="Adrun", birth_given_names="Zoé-Marie", first_birth_given_name="Zoé"), NATIONAL_ZOE)
    assert by_form.exact
    assert not by_form.contradicts


@pytest.mark.parametrize(
    "found",
    [
        {"birth_place": None},
        {"birth_given_names": "ZOE MARIE CLAIRE"},
        {"birth_family_name": "DURAND"},
        {"birth_date": "1975-00-00"},
    ],
)
def test_what_a_person_must_see_is_not_exact(found: dict[str, object]) -> None:
    assert not compare(ZOE, national(**found)).exact


def test_a_lunar_date_is_for_a_person_to_decide_even_when_the_practice_has_it_verbatim() -> None:
    lunar = traits(birth_date="1950-00-00")
    assert not compare(lunar, national(birth_date="1950-00-00")).exact


def test_used_names_are_never_compared_and_never_written() -> None:
    used = traits(used_family_name="PETIT", used_given_name="ZAZA")
    assert compare(used, NATIONAL_ZOE).exact
    assert accepted_traits(used, NATIONAL_ZOE) == used
    assert accepted_traits(ZOE, NATIONAL_ZOE).used_given_name is None


def test_acceptance_writes_the_strict_traits_of_insi_verbatim() -> None:
    local = traits(birth_family_name="Adrum", birth_given_names="Zoé", first_birth_given_name="Zoé", sex=Sex.UNKNOWN, birth_place="99999")
    assert accepted_traits(local, NATIONAL_ZOE) == ZOE


@pytest.mark.parametrize(
    ("first", "apart", "listed", "expected"),
    [
        ("Jean-Christophe", None, "JEAN CHRISTOPHE PIERRE", "JEAN CHRISTOPHE"),
        ("PIERRE-ALAIN", None, "PIERRE-ALAIN MURIEL FLORIANT", "PIERRE-ALAIN"),
        ("MURIEL", None, "PIERRE-ALAIN MURIEL FLORIANT", "PIERRE-ALAIN"),
        ("PIERRE", "JEAN CHRISTOPHE", "JEAN CHRISTOPHE PIERRE", "JEAN CHRISTOPHE"),
        ("Zoé", None, "Zoe\N{COMBINING ACUTE ACCENT} MARIE", "Zoe\N{COMBINING ACUTE ACCENT}"),
    ],
)
def test_the_first_given_name_written_is_the_start_of_the_list_as_the_list_has_it(
    first: str, apart: str | None, listed: str, expected: str
) -> None:
    local = traits(birth_given_names=first, first_birth_given_name=first)
    written = accepted_traits(local, national(birth_given_names=listed, first_given_name=apart))
    assert (written.first_birth_given_name, written.birth_given_names) == (expected, listed)
    written.check()


def test_without_a_list_the_first_given_name_is_held_to_the_one_insi_gives_apart() -> None:
    assert kinds({}, {"birth_given_names": None}) == {"birth_given_names": "missing", "first_birth_given_name": "missing"}
    assert kinds({}, {"birth_given_names": None, "first_given_name": "Zoé"})["first_birth_given_name"] == "form"
    assert kinds({}, {"birth_given_names": None, "first_given_name": "CLAIRE"})["first_birth_given_name"] == "different"


def test_a_trait_that_insi_leaves_out_stays() -> None:
    assert accepted_traits(ZOE, NationalIdentity(ins=INS)) == ZOE
    other = accepted_traits(ZOE, NationalIdentity(ins=INS, first_given_name="CLAIRE"))
    assert (other.birth_given_names, other.first_birth_given_name) == ("CLAIRE", "CLAIRE")


@pytest.mark.parametrize("found", [{"sex": "X"}, {"birth_date": "0000-00-00"}, {"birth_date": "hier"}, {"birth_place": "PARIS"}])
def test_what_no_identity_may_hold_is_not_accepted(found: dict[str, object]) -> None:
    with pytest.raises(AnswerUnusable) as refusal:
        accepted_traits(ZOE, national(**found))
    assert refusal.value.field in found


_ANY = st.none() | st.text(max_size=12) | st.sampled_from(["ZOE MARIE", "F", "1975-00-00", "2A020", "99999"])


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.tuples(_ANY, _ANY, _ANY, _ANY, _ANY, _ANY))
def test_whatever_insi_writes_is_compared(written: tuple[str | None, ...]) -> None:
    family, given_names, first, sex, day, place = written
    found = NationalIdentity(
        ins=INS,
        birth_family_name=family,
        birth_given_names=given_names,
        first_given_name=first,
        sex=sex,
        birth_date=day,
        birth_place=place,
    )
    seen = compare(ZOE, found)
    assert "ADRUN" not in repr(seen)
    if seen.exact:
        assert not compare(accepted_traits(ZOE, found), found).contradicts
