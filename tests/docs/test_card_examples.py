"""The commands of the page on cards, run as a reader would run them, with a card of our own in a real reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.walkthrough import differences, read_blocks, run
from tests.end_to_end.card_desk import practice_with_readers
from tests.rig.processes import ROOT
from tests.tools import need_tool

PAGE = ROOT / "docs" / "editeur" / "cartes.md"

pytestmark = pytest.mark.xdist_group("cards")


def test_the_page_on_cards_is_true(tmp_path: Path) -> None:
    need_tool("curl")
    with practice_with_readers(tmp_path) as practice:
        practice.insert(practice.card())
        folder = tmp_path / "vendor"
        folder.mkdir()
        blocks = read_blocks(PAGE)
        facts = practice.scene.gateway.facts
        wrong = differences(blocks, run(blocks, folder, API=facts["api"], CA=facts["ca"], JETON=practice.scene.gateway.token))
    assert not wrong, "\n\n".join(wrong)
