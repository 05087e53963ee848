"""The readable copy of official structured samples: everything of their narrative is in the PDF, and it becomes a PDF/A-1b."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from lxml import etree

from gateway.cda.narrative import Block, embedded_copy, read_narrative
from gateway.cda.pdf.pdfa import convert_to_pdfa1b
from gateway.cda.pdf.readable import readable_copy
from tests.cda.headers import HEADER
from tests.shared import need
from tests.tools import need_tool

SAMPLES = ("VSM_1.4_2022.01.xml", "LDL-SES_2022.01.xml", "VAC-NOTE_2023.01.xml", "DLU-EHPAD-FLUDT_2022.01.xml")
NARRATIVE = "//h:structuredBody//h:section/h:text//text()"
SPACES = {"h": "urn:hl7-org:v3"}


def squeezed(path: Path) -> str:
    """The text of a PDF without any blank: a narrow column may break a word over two lines."""
    text = subprocess.run([need_tool("pdftotext"), "-raw", path, "-"], check=True, capture_output=True).stdout.decode()
    return "".join(text.split())


def narrative_words(data: bytes) -> set[str]:
    texts = etree.fromstring(data).xpath(NARRATIVE, namespaces=SPACES)
    assert isinstance(texts, list)
    return {word for text in texts for word in str(text).split()}


def sample(name: str) -> bytes:
    return need("data", "cda", "samples", name).read_bytes()


@pytest.mark.parametrize("name", SAMPLES)
def test_no_word_of_the_narrative_is_lost(name: str, tmp_path: Path) -> None:
    data = sample(name)
    path = tmp_path / "copy.pdf"
    path.write_bytes(readable_copy(HEADER, read_narrative(data)))
    said, shown = narrative_words(data), squeezed(path)
    assert len(said) > 20
    assert {word for word in said if word not in shown} == set()


@pytest.mark.parametrize("name", SAMPLES[:2])
async def test_the_copy_becomes_a_pdfa(name: str, tmp_path: Path) -> None:
    source, target = tmp_path / "in.pdf", tmp_path / "out.pdf"
    source.write_bytes(readable_copy(HEADER, read_narrative(sample(name))))
    report = await convert_to_pdfa1b(source, target)
    assert target.read_bytes().startswith(b"%PDF-1.4")
    assert report is not None


def test_a_character_without_a_glyph_is_named() -> None:
    blocks = (Block(kind="paragraph", text="dose \U0001f9ea ≥ 3"),)
    assert readable_copy(HEADER, blocks).startswith(b"%PDF")


def test_the_copy_that_a_document_carries_of_itself_is_found() -> None:
    section = (
        '<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><component><structuredBody>'
        '<component><section><templateId root="1.2.250.1.213.1.1.2.243"/><text>x</text><entry><observationMedia>'
        '<value mediaType="application/pdf" representation="B64">JVBERg==</value></observationMedia></entry></section></component>'
        "</structuredBody></component></ClinicalDocument>"
    )
    assert embedded_copy(section.encode()) == b"%PDF"
    assert embedded_copy(section.replace("243", "244").encode()) is None


def test_lists_tables_and_loose_text_are_read_in_order() -> None:
    body = (
        '<ClinicalDocument xmlns="urn:hl7-org:v3"><component><structuredBody><component><section><title>Traitements</title><text>'
        "avant<list><item>un <content>deux</content></item><item>trois</item></list>entre"
        "<table><thead><tr><th>A</th><th>B</th></tr></thead><tbody><tr><td>1<br/>bis</td><td>2</td></tr></tbody></table>"
        "<paragraph>après</paragraph></text></section></component></structuredBody></component></ClinicalDocument>"
    )
    found = [(one.kind, one.text or one.cells) for one in read_narrative(body.encode())]
    assert found == [
        ("heading", "Traitements"),
        ("paragraph", "avant"),
        ("item", "un deux"),
        ("item", "trois"),
        ("paragraph", "entre"),
        ("row", ("A", "B")),
        ("row", ("1 bis", "2")),
        ("paragraph", "après"),
    ]
