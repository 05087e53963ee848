"""The readable copy of a structured CDA: its header and narrative laid out as a PDF, to be made PDF/A-1b afterwards.

Nothing of the narrative is dropped: a character that the font lacks is written by its name. Source: mssante.md 2.1 (ECO.2.1.5).
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Container, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import reportlab
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from gateway.cda.narrative import Block
from gateway.model.document import ClinicalHeader

if TYPE_CHECKING:
    from gateway.model.people import Person

_DEJAVU = Path("/usr/share/fonts/truetype/dejavu")
_CANDIDATES = (
    (_DEJAVU / "DejaVuSans.ttf", _DEJAVU / "DejaVuSans-Bold.ttf"),
    (Path(reportlab.__file__).parent / "fonts" / "Vera.ttf", Path(reportlab.__file__).parent / "fonts" / "VeraBd.ttf"),
)
_BODY, _BOLD = "RelaisTexte", "RelaisTitre"
_MARGIN = 18 * mm


def readable_copy(header: ClinicalHeader, blocks: Sequence[Block]) -> bytes:
    """A PDF of the header's facts and of the narrative; its fonts are embedded. CPU work: call it in a thread."""
    _register_fonts()
    target = io.BytesIO()
    page = SimpleDocTemplate(
        target, pagesize=A4, leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN, bottomMargin=_MARGIN, invariant=True, title=""
    )
    page.build([*_heading(header), *_story(blocks)])
    return target.getvalue()


def _heading(header: ClinicalHeader) -> Iterator[Flowable]:
    traits = header.subject.traits
    born = "/".join(reversed(traits.birth_date.split("-")))
    lines = [
        f"Patient : {traits.birth_family_name} {traits.birth_given_names}, né(e) le {born}, sexe {traits.sex.value}",
        *([f"INS : {header.subject.ins.matricule}"] if header.subject.ins is not None and header.subject.qualified else []),
        *(f"Auteur : {_name(author.person)}, {author.organization.name}" for author in header.authors),
        f"Document du {header.created_at:%d/%m/%Y} : {header.type.label}",
    ]
    yield Paragraph(_written(header.title), _style(15, _BOLD, after=8))
    for line in lines:
        yield Paragraph(_written(line), _style(9, _BODY, after=1))
    yield Spacer(1, 6 * mm)


def _name(person: Person) -> str:
    return " ".join(part for part in (person.title, person.given, person.family) if part)


def _story(blocks: Sequence[Block]) -> Iterator[Flowable]:
    for table, group in groupby(blocks, key=lambda block: block.table):
        if table:
            yield from _table(list(group))
            continue
        for block in group:
            if block.kind == "heading":
                yield Paragraph(_written(block.text), _style(max(10, 14 - 2 * block.level), _BOLD, before=8, after=4))
            elif block.kind == "item":
                yield Paragraph(_written(block.text), _style(10, _BODY, indent=12), bulletText="–")
            else:
                yield Paragraph(_written(block.text), _style(10, _BODY, after=4))


def _table(rows: list[Block]) -> Iterator[Flowable]:
    width = max((len(row.cells) for row in rows), default=0)
    if width == 0:
        return
    cells = [
        [Paragraph(_written(cell), _style(8, _BOLD if row.header else _BODY)) for cell in (*row.cells, *[""] * (width - len(row.cells)))]
        for row in rows
    ]
    style = TableStyle([("GRID", (0, 0), (-1, -1), 0.4, colors.grey), ("VALIGN", (0, 0), (-1, -1), "TOP")])
    yield Table(cells, colWidths=[(A4[0] - 2 * _MARGIN) / width] * width, style=style, splitInRow=1)
    yield Spacer(1, 3 * mm)


def _style(size: float, font: str, *, before: float = 0, after: float = 0, indent: float = 0) -> ParagraphStyle:
    return ParagraphStyle(
        "relais",
        fontName=font,
        bulletFontName=_BODY,
        fontSize=size,
        leading=size * 1.3,
        spaceBefore=before,
        spaceAfter=after,
        leftIndent=indent,
        splitLongWords=1,
    )


def _written(text: str) -> str:
    """The text as the layout's markup, every character one that the font has."""
    known = _glyphs()
    return escape("".join(character if ord(character) in known else _named(character) for character in text))


def _named(character: str) -> str:
    if character.isspace():
        return " "
    return f"({unicodedata.name(character, f'U+{ord(character):04X}').lower()})"


def _glyphs() -> Container[int]:
    font = pdfmetrics.getFont(_BODY)
    return font.face.charToGlyph if isinstance(font, TTFont) else ()


def _register_fonts() -> None:
    if _BODY in pdfmetrics.getRegisteredFontNames():
        return
    body, bold = next(pair for pair in _CANDIDATES if all(path.exists() for path in pair))
    pdfmetrics.registerFont(TTFont(_BODY, str(body)))
    pdfmetrics.registerFont(TTFont(_BOLD, str(bold)))
