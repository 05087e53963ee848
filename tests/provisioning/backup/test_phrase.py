"""The phrase survives a person; a slip of the pen is seen, and its group named."""

from __future__ import annotations

import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.backup.errors import PhraseMistyped
from provisioning.backup.phrase import new_phrase, read_phrase

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@given(st.randoms(use_true_random=False))
def test_it_is_read_however_it_is_typed(chance: random.Random) -> None:
    phrase = new_phrase()
    typed = "".join(chance.choice((one.lower(), one.upper())) for one in phrase.words).replace("-", chance.choice(("-", " ", "", "- ")))
    typed = typed.replace("0", chance.choice("0oO")).replace("1", chance.choice("1iIlL"))
    assert read_phrase(f" {typed}\n").secret == phrase.secret


def test_no_wrong_character_passes_and_its_group_is_named() -> None:
    words = new_phrase().words
    for place, right in enumerate(words):
        for wrong in ALPHABET:
            if right in ("-", wrong):
                continue
            with pytest.raises(PhraseMistyped) as caught:
                read_phrase(words[:place] + wrong + words[place + 1 :])
            assert f"groupe {place // 6 + 1}" in caught.value.explanation.what


def test_two_characters_or_two_groups_exchanged_never_pass() -> None:
    groups = new_phrase().words.split("-")
    for rank, group in enumerate(groups):
        for first in range(5):
            for second in range(first):
                letters = list(group)
                letters[first], letters[second] = letters[second], letters[first]
                if letters != list(group):
                    with pytest.raises(PhraseMistyped):
                        read_phrase("-".join([*groups[:rank], "".join(letters), *groups[rank + 1 :]]))
        for other in range(rank):
            exchanged = list(groups)
            exchanged[rank], exchanged[other] = groups[other], groups[rank]
            if groups[rank] != groups[other]:
                with pytest.raises(PhraseMistyped):
                    read_phrase("-".join(exchanged))


@pytest.mark.parametrize("typed", ["", "ABC", "U" * 35, "é" * 35, "0" * 34, "0" * 36])
def test_anything_else_is_a_clear_refusal(typed: str) -> None:
    with pytest.raises(PhraseMistyped):
        read_phrase(typed)


def test_phrases_differ_and_show_nowhere() -> None:
    phrases = [new_phrase() for _ in range(50)]
    assert len({one.secret for one in phrases}) == 50
    assert repr(phrases[0]) == "RecoveryPhrase(…)"
    with pytest.raises(TypeError):
        pickle.dumps(phrases[0])
