"""Names as INSi takes them: cases A05 to A07, every rule of the profiles, and properties over any text."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ins.characters import NameNotSendable, family_name, given_name, given_names_joined
from gateway.kernel.errors import ErrorClass

WIRE = re.compile(r"[A-Z' -]{1,100}")
NAMES = st.text(st.sampled_from("aàâäéèêëîïôöùûüÿçœæñABCDEFGHIJKLMNOPQRSTUVWXYZÀÉÈÇŒÆ -'’\u00a0\u202f\u0301"), max_size=120)
FAMILY_SHAPE = re.compile(r"(?=.*[A-Z])(?!-)(?!.*---)['A-Z-](?:[A-Z-]|[ '](?![ ']))*(?<! )")
GIVEN_SHAPE = re.compile(r"(?=.*[A-Z])(?!-)(?!.*--)['A-Z-](?:[A-Z-]|[ '](?![ ']))*(?<![-' ])")


def test_a05_accents_ligatures_and_typographic_signs_become_plain() -> None:
    assert family_name("D’Æion") == "D'AEION"
    assert given_name("Cœur") == "COEUR"
    assert family_name("D’ÆION") == "D'AEION"
    assert given_name("CŒUR") == "COEUR"


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("Éloïse-Françoise", "ELOISE-FRANCOISE"),
        ("de\u00a0la\u202fTour", "DE LA TOUR"),
        ("E\u0301LOI\u0308SE", "ELOISE"),
        ("Nguyễn", "NGUYEN"),
        ("Señor-Åström", "SENOR-ASTROM"),
        ("'t Hooft", "'T HOOFT"),
        ("ŸVES", "YVES"),
    ],
)
def test_what_has_a_plain_form_is_put_into_it(name: str, wire: str) -> None:
    assert family_name(name) == wire


@pytest.mark.parametrize(("name", "sign"), [("DUPONT2", "2"), ("DU_PONT", "_"), ("DU/PONT", "/"), ("DUPONT.", "."), ("STRAUß", "ß")])
def test_a06_a_foreign_character_is_refused_by_its_name_in_french(name: str, sign: str) -> None:
    with pytest.raises(NameNotSendable) as refusal:
        family_name(name)
    told = refusal.value.explanation
    assert told.code == "name-not-sendable"
    assert told.who == "le secrétariat"
    assert told.what == (
        f"Le nom de naissance ne peut pas être transmis au téléservice INSi : le caractère « {sign} » n'y est pas accepté."
    )
    assert told.gesture == "Corrigez le nom de naissance d'après la pièce d'identité, puis recommencez la recherche."
    assert refusal.value.field == "traits.birth_family_name"
    assert refusal.value.error_class is ErrorClass.PERMANENT


def test_a07_a_double_hyphen_goes_in_a_family_name_and_not_in_a_given_name() -> None:
    assert family_name("LE--GOFF") == "LE--GOFF"
    with pytest.raises(NameNotSendable) as refusal:
        given_name("JEAN--LUC")
    assert refusal.value.explanation.what.endswith("deux tirets s'y suivent.")
    assert refusal.value.field == "traits.given_names"


@pytest.mark.parametrize(
    "name", ["", "   ", "-DUPONT", " DUPONT", "DUPONT ", "D''ARC", "D  ARC", "D 'ARC", "D' ARC", "LE---GOFF", "'", "--"]
)
def test_the_rules_of_a_family_name(name: str) -> None:
    with pytest.raises(NameNotSendable):
        family_name(name)


@pytest.mark.parametrize("name", ["-JEAN", " JEAN", "JEAN-", "JEAN'", "JEAN ", "JEAN''LUC", "JEAN  LUC", "JEAN 'LUC", "\u0301JEAN"])
def test_the_rules_of_a_given_name(name: str) -> None:
    with pytest.raises(NameNotSendable):
        given_name(name)


@pytest.mark.parametrize("name", ["DUPONT-", "DUPONT'", "'DUPONT", "LE-GOFF"])
def test_what_only_a_family_name_may_do_it_may(name: str) -> None:
    assert family_name(name) == name


@pytest.mark.parametrize(
    ("sign", "shown"),
    [("\n", "U+000A"), ("\u200b", "U+200B"), ("\x00", "U+0000"), ("Ø", "Ø"), ("ı", "ı"), ("ﬁ", "ﬁ"), ("Я", "Я"), ("–", "–")],
)
def test_a_sign_that_does_not_show_is_named_by_its_number(sign: str, shown: str) -> None:
    with pytest.raises(NameNotSendable) as refusal:
        given_name(f"JEAN{sign}LUC")
    assert f"« {shown} »" in refusal.value.explanation.what


def test_a_hundred_characters_once_written_out_and_no_more() -> None:
    assert family_name("a" * 100) == "A" * 100
    assert len(family_name("Œ" * 50)) == 100
    for name in ("A" * 101, "Œ" * 51):
        with pytest.raises(NameNotSendable) as refusal:
            family_name(name)
        assert "100 caractères" in refusal.value.explanation.what


def test_given_names_are_joined_in_their_order() -> None:
    assert given_names_joined(["Pierre-Alain", "Muriel", "Florïant"]) == "PIERRE-ALAIN MURIEL FLORIANT"
    for names in ([], [""], ["JEAN", "'LUC"], ["JEAN-", "LUC"], ["A" * 60, "B" * 60]):
        with pytest.raises(NameNotSendable):
            given_names_joined(names)


@given(NAMES)
def test_a_name_leaves_in_the_profile_or_not_at_all(name: str) -> None:
    for send, shape in ((family_name, FAMILY_SHAPE), (given_name, GIVEN_SHAPE)):
        try:
            wire = send(name)
        except NameNotSendable as refusal:
            told = refusal.explanation.what
        else:
            assert WIRE.fullmatch(wire)
            assert shape.fullmatch(wire)
            assert send(wire) == wire
            assert plainly(wire) == plainly(name)
            continue
        assert len(name) < 4 or name not in told


@given(st.text(max_size=200))
def test_any_text_is_taken_or_refused_without_being_repeated(text: str) -> None:
    for send in (family_name, given_name):
        try:
            wire = send(text)
        except NameNotSendable as refusal:
            said, reason = f"{refusal!s} {refusal!r} {refusal.technical}", str(refusal.facts["reason"])
        else:
            assert WIRE.fullmatch(wire)
            continue
        assert said == "name-not-sendable NameNotSendable('name-not-sendable') "
        assert len(reason) < 60


@given(st.from_regex(r"[A-Z]{1,20}(?:[ '-][A-Z]{1,20}){0,3}", fullmatch=True))
def test_a_name_of_plain_letters_always_leaves_as_it_is(name: str) -> None:
    assert family_name(name) == name
    assert given_name(name) == name


def plainly(text: str) -> str:
    """Letters alone, without case, accents or ligatures: what no transliteration may change."""
    spread = text.replace("œ", "oe").replace("Œ", "OE").replace("æ", "ae").replace("Æ", "AE")
    return "".join(one for one in unicodedata.normalize("NFKD", spread) if one.isascii() and one.isalpha()).upper()
