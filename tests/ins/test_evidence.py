"""Kinds of evidence: which validate an identity, what a structure admits, the imposed sentence."""

from __future__ import annotations

import pytest

from gateway.ins.evidence import ATTESTATION, SOFTWARE_WORD, WELL_KNOWN, EvidenceUnknown, admitted_kinds, attests, evidence, label_of
from tests.shared import need


@pytest.mark.parametrize("code", [one.code for one in admitted_kinds(())])
def test_every_kind_offered_is_taken_and_has_words(code: str) -> None:
    assert evidence(code).label == label_of(code)
    assert len(label_of(code)) > 5


@pytest.mark.parametrize("code", ["CV", "PC", "CC", "CE", "CM", "CARNET", "pa", "", SOFTWARE_WORD])
def test_vitale_card_licence_and_the_like_are_no_evidence(code: str) -> None:
    with pytest.raises(EvidenceUnknown):
        evidence(code)


def test_a_structure_admits_what_it_lists() -> None:
    admitted = ("PA", "CV", "inconnu")
    assert [one.code for one in admitted_kinds(admitted)] == ["PA"]
    with pytest.raises(EvidenceUnknown):
        evidence("CN", admitted)
    with pytest.raises(EvidenceUnknown):
        evidence("CV", admitted)


def test_the_exceptional_procedure_comes_last_and_alone_has_a_sentence() -> None:
    *ordinary, last = admitted_kinds(())
    assert (last.code, last.exceptional, last.sentence) == (WELL_KNOWN, True, ATTESTATION)
    assert not any(one.exceptional or one.sentence for one in ordinary)


def test_the_imposed_sentence_is_that_of_the_dossier() -> None:
    dossier = need("dossiers/insi.md").read_text()
    assert f"« {ATTESTATION} »" in dossier


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        (ATTESTATION, True),
        (f" {ATTESTATION.replace(chr(39), '’')}. ", True),
        (ATTESTATION.replace(" ", "\N{NO-BREAK SPACE}"), True),
        (ATTESTATION[:-1], False),
        (ATTESTATION.replace("é", "e"), False),
        (ATTESTATION + ", ou presque", False),
        ("on", False),
        ("", False),
    ],
)
def test_the_sentence_is_given_word_for_word(text: str, taken: bool) -> None:
    assert attests(text) is taken


def test_a_kind_nobody_knows_any_more_still_shows() -> None:
    assert label_of("XX") == "XX"
    assert "logiciel" in label_of(SOFTWARE_WORD)
