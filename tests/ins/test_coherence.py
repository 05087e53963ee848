"""Warnings before a decision; the rule of the first given name (EXI ID 10)."""

from __future__ import annotations

import pytest

from gateway.ins.coherence import first_name_coherent, warnings
from tests.ins.identities import NATIONAL_ZOE, ZOE, national, traits

LISTED = "JEAN CHRISTOPHE PIERRE"


@pytest.mark.parametrize("first", ["JEAN", "Jean", "JEAN CHRISTOPHE", "JEAN-CHRISTOPHE", "JEAN-CHRISTOPHE-PIERRE", "jean‑christophe"])
def test_the_start_of_the_list_is_coherent(first: str) -> None:
    assert first_name_coherent(first, LISTED)


@pytest.mark.parametrize("first", ["CHRISTOPHE", "PIERRE", "JEA", "JEANC", "JEAN PIERRE", "JEAN CHRISTOPHE PIERRE PAUL", "", "-"])
def test_a31_anything_else_is_not(first: str) -> None:
    assert not first_name_coherent(first, LISTED)


def test_a31_an_incoherent_first_given_name_alerts() -> None:
    local = traits(first_birth_given_name="CHRISTOPHE", birth_given_names="CHRISTOPHE")
    (warning,) = warnings(local, national(birth_given_names=LISTED))
    assert warning.code == "first-name-incoherent"
    assert "CHRISTOPHE" not in f"{warning.what} {warning.gesture}"


def test_nothing_to_say_of_a_coherent_answer() -> None:
    assert warnings(ZOE, NATIONAL_ZOE) == ()


def test_a_lunar_date_and_an_unknown_place_are_told() -> None:
    found = national(birth_date="1950-00-00", birth_place="99999")
    assert [one.code for one in warnings(ZOE, found)] == ["birth-date-incomplete", "birth-place-unknown"]
