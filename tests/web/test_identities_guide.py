"""The practice's guide speaks of identities in the words of the page, and every word it gives for a button is on one."""

from __future__ import annotations

import html
import re
from pathlib import Path

from gateway.flow.identities.qualification import WAITING_FOR_IDENTITY
from gateway.model.patient import IdentityStatus
from gateway.web import batch_cards
from gateway.web.addresses import TASKS
from gateway.web.identity_words import ATTRIBUTES, difference_badge, status_badge, task_badge
from tests.api.practice import SECRETARY
from tests.api.rig import Box
from tests.api.teleservice import Teleservice
from tests.rig.processes import ROOT
from tests.web.patients import confirming, everybody, where
from tests.web.visit import forms_of, signed_in

GUIDE: Path = ROOT / "docs" / "cabinet" / "guide.md"


def section(title: str) -> str:
    """The text under a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def first_cells(text: str) -> list[str]:
    """The first cell of each line of its tables, headings left out."""
    tables = re.findall(r"^\|.*\n\|-.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [line.split("|")[1].strip() for table in tables for line in table.splitlines()]


def test_every_word_of_the_page_has_its_line_in_the_guide_and_none_is_invented() -> None:
    statuses, tasks = [status_badge(one).text for one in IdentityStatus], [task_badge(one).text for one in TASKS.values()]
    assert sorted(first_cells(section("La liste"))) == sorted(statuses + tasks)
    kinds = ("same", "form", "completed", "different")
    told = [difference_badge(kind, local="a", national="b").text for kind in kinds]
    told += [difference_badge("missing", local="a", national=None).text, difference_badge("missing", local=None, national="b").text]
    assert sorted(first_cells(section("Comparer les deux identités"))) == sorted(told)
    assert first_cells(section("Signaler un problème")) == [one.badge.text for one in ATTRIBUTES]
    batches = section("Vérifier une liste de patients")
    assert [one.text for one in batch_cards.STATES.values() if f"« {one.text} »" not in batches] == []


def test_every_reason_to_wait_for_an_identity_is_explained() -> None:
    text = section("Les situations courantes")
    assert [code for code in (*WAITING_FOR_IDENTITY, "text-contradicts-identity") if f"`{code}`" not in text] == []


async def test_every_button_that_the_guide_names_is_on_a_page(practice: Box, insi: Teleservice, tmp_path: Path) -> None:
    await everybody(practice, insi)
    async with signed_in(practice) as client:
        addresses = ["/", "/identites", "/lots", f"{where('P-5')}?reponse=01", *(where(f"P-{number}") for number in range(1, 10))]
        texts = [(await client.get(one)).text for one in addresses]
        [seat, *_] = [one for one in forms_of(await client.get(where("P-1"))) if one.fields.get("forme") == "piece"]
        await client.post(seat.action, data={**seat.fields, "vous": SECRETARY})
        texts.append((await client.get(where("P-1"))).text)
    async with signed_in(await confirming(practice, insi, tmp_path / "confirming")) as client:
        texts.append((await client.get(where("P-1"))).text)
    buttons = re.findall(r"<button[^>]*>(.*?)</button>", "".join(texts), re.DOTALL)
    shown = {" ".join(html.unescape(re.sub(r"<[^>]+>", "", one)).split()) for one in buttons}
    named = first_cells(section("Les boutons des identités"))
    assert len(named) == 8
    assert [one for one in named if one not in shown] == []
