"""Every link between documents of the repository leads somewhere: the file is there, and so is the heading after the #."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

from tests.rig.processes import ROOT

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])


def links_of(page: Path) -> list[str]:
    """Where the page points to, outside of code."""
    return _LINK.findall(_CODE.sub("", _FENCE.sub("", page.read_text("utf-8"))))


def anchors_of(page: Path) -> set[str]:
    """The anchors that a forge gives to the headings of a page: lower case, punctuation out, blanks as hyphens."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text("utf-8")))
    return {"".join(_kept(character) for character in heading.lower()) for heading in headings}


def _kept(character: str) -> str:
    if character in " -":
        return "-"
    return character if unicodedata.category(character)[0] in "LN" or character == "_" else ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links_of(page):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        reached = (page.parent / target).resolve() if target else page
        if not reached.is_relative_to(ROOT) or not reached.exists() or (anchor and anchor not in anchors_of(reached)):
            broken.append(link)
    assert broken == []


def test_every_page_is_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        targets = (link.partition("#")[0] for link in links_of(page))
        waiting += [(page.parent / target).resolve() for target in targets if target and not re.match(r"[a-z]+:", target)]
    assert [str(page.relative_to(ROOT)) for page in PAGES if page not in seen] == []
