"""The page of error codes is what docs/generate_codes.py makes of the code today, and the code knows every code the texts name."""

from __future__ import annotations

import re

from docs.generate_codes import PAGE, errors, render
from tests.rig.processes import ROOT

_NAMED = re.compile(r"\(`(?!relais-)([a-z0-9]+(?:-[a-z0-9]+)+)`")


def test_the_page_of_codes_is_current() -> None:
    assert PAGE.read_text("utf-8") == render(), "run: python docs/generate_codes.py"


def test_every_code_that_a_vendor_may_meet_is_there() -> None:
    text = PAGE.read_text("utf-8")
    assert [kind.code for kind in errors() if f"| `{kind.code}` |" not in text] == []


def test_no_page_names_a_code_that_does_not_exist() -> None:
    known = {kind.code for kind in errors()}
    pages = [ROOT / "docs" / folder / "guide.md" for folder in ("editeur", "integrateur", "cabinet")]
    named = {code for page in pages for code in _NAMED.findall(page.read_text("utf-8"))}
    assert named - known == set()
    assert len(named) > 10
