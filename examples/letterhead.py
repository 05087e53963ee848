"""The practice's paper: fonts, styles, letterhead, patient block, signature, footer: what a practice program prints around a text."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import reportlab
from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from examples.cases import Case, Doctor, Patient

WIDTH, HEIGHT = A4
BLUE, GREY, INK = HexColor("#1f4e79"), HexColor("#5f6b76"), HexColor("#1b2a6b")
MARGIN = 20 * mm
PRACTICE = "Cabinet médical du Port"
STREET = ("12, quai des Essais", "29900 CONCARNEAU")
TELEPHONE = "Tél. 02 61 91 42 10"
MAIL = "secretariat@cabinet-du-port.test"


_EMERGENCY = "En cas d'urgence, composez le 15 (SAMU). Membre d'une association de gestion agréée : règlement par chèque accepté."
_MONTHS = ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre")


@dataclass(frozen=True, slots=True)
class Faces:
    """Names of the four faces of one family."""

    regular: str
    bold: str
    italic: str


EMBEDDED = Faces("Vera", "VeraBd", "VeraIt")
STANDARD = Faces("Helvetica", "Helvetica-Bold", "Helvetica-Oblique")
"""Never embedded: what an old practice program leaves to the reader's machine."""


def register_fonts() -> None:
    """Makes the embedded family known; its files come with reportlab, so that every machine draws the same."""
    folder = Path(reportlab.__file__).parent / "fonts"
    for name in (EMBEDDED.regular, EMBEDDED.bold, EMBEDDED.italic):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))
    pdfmetrics.registerFontFamily("Vera", normal="Vera", bold="VeraBd", italic="VeraIt", boldItalic="VeraBd")


def style(faces: Faces, size: float = 9.5, **more: Any) -> ParagraphStyle:
    """Running text."""
    wanted = {"fontName": faces.regular, "fontSize": size, "leading": size * 1.5, "spaceAfter": 6, "alignment": TA_JUSTIFY, **more}
    return ParagraphStyle("text", **wanted)


def heading(faces: Faces, size: float = 10.5) -> ParagraphStyle:
    """Title of a section."""
    return ParagraphStyle(
        "heading", fontName=faces.bold, fontSize=size, leading=size * 1.4, textColor=BLUE, spaceBefore=9, spaceAfter=4, keepWithNext=1
    )


def draw_letterhead(canvas: Canvas, case: Case, faces: Faces) -> None:
    """Doctor at the left, practice at the right, two bar codes as prescriptions bear them, a rule."""
    doctor, top = case.doctor, HEIGHT - 18 * mm
    canvas.setFillColor(BLUE)
    canvas.setFont(faces.bold, 13)
    canvas.drawString(MARGIN, top, doctor.name)
    canvas.setFillColor(GREY)
    canvas.setFont(faces.regular, 8)
    for line, text in enumerate((doctor.speciality, "Secteur 1 conventionné – Carte Vitale acceptée", f"N° RPPS : {doctor.rpps}")):
        canvas.drawString(MARGIN, top - (line + 1) * 11, text)
    canvas.setFillColor(BLUE)
    canvas.setFont(faces.bold, 10)
    canvas.drawRightString(WIDTH - MARGIN, top, PRACTICE)
    canvas.setFillColor(GREY)
    canvas.setFont(faces.regular, 8)
    for line, text in enumerate((*STREET, TELEPHONE, MAIL)):
        canvas.drawRightString(WIDTH - MARGIN, top - (line + 1) * 11, text)
    _bar_codes(canvas, doctor, top - 62, faces)
    canvas.setStrokeColor(BLUE)
    canvas.setLineWidth(1.2)
    canvas.line(MARGIN, top - 72, WIDTH - MARGIN, top - 72)


def _bar_codes(canvas: Canvas, doctor: Doctor, bottom: float, faces: Faces) -> None:
    for left, value, legend in ((MARGIN, doctor.rpps, "RPPS"), (MARGIN + 62 * mm, "0B0152872", "Structure")):
        canvas.setFillColor(HexColor("#000000"))
        Code128(value, barWidth=0.24 * mm, barHeight=5 * mm, quiet=0).drawOn(canvas, left, bottom)
        canvas.setFillColor(GREY)
        canvas.setFont(faces.regular, 5.5)
        canvas.drawString(left, bottom - 6.5, f"{legend} {value}")


def draw_patient(canvas: Canvas, case: Case, faces: Faces) -> None:
    """Identity with its qualified INS, date and place."""
    patient, top = case.patient, HEIGHT - 51 * mm
    canvas.setStrokeColor(GREY)
    canvas.setLineWidth(0.5)
    canvas.roundRect(MARGIN, top - 50, 96 * mm, 54, 4)
    canvas.setFillColor(HexColor("#000000"))
    canvas.setFont(faces.bold, 10.5)
    civility = "Madame" if patient.sex == "F" else "Monsieur"
    canvas.drawString(MARGIN + 8, top - 9, f"{civility} {patient.family} {patient.first.title()}")
    canvas.setFont(faces.regular, 8)
    born = "Née" if patient.sex == "F" else "Né"
    for line, text in enumerate((f"{born} {patient.family} le {patient.birth_day} – Sexe {patient.sex}", spaced_ins(patient))):
        canvas.drawString(MARGIN + 8, top - 22 - line * 11, text)
    canvas.drawString(MARGIN + 8, top - 44, f"Prénoms de naissance : {patient.given.title()} – Lieu : {patient.birth_place}")
    canvas.setFont(faces.regular, 9)
    canvas.drawRightString(WIDTH - MARGIN, top - 9, f"À Concarneau, le {long_date(case.day)}")


def spaced_ins(patient: Patient) -> str:
    """The matricule in the groups people read."""
    m = patient.matricule
    return f"INS : {m[0]} {m[1:3]} {m[3:5]} {m[5:7]} {m[7:10]} {m[10:13]} {m[13:]} (NIR)"


def long_date(day: str) -> str:
    """2026-11-16 as « 16 novembre 2026 »."""
    year, month, number = day.split("-")
    return f"{int(number)} {_MONTHS[int(month) - 1]} {year}"


def draw_signature(canvas: Canvas, case: Case, faces: Faces, bottom: float) -> None:
    """Name, mention and a pen stroke, at the right."""
    left = WIDTH - MARGIN - 66 * mm
    canvas.setFillColor(HexColor("#000000"))
    canvas.setFont(faces.regular, 9)
    canvas.drawString(left, bottom + 62, case.doctor.name)
    canvas.setFillColor(GREY)
    canvas.setFont(faces.italic, 7)
    canvas.drawString(left, bottom + 51, f"Signé le {case.day[8:]}/{case.day[5:7]}/{case.day[:4]} – original numérique")
    pen_stroke(canvas, left + 8, bottom + 22, seed=case.doctor.id)


def pen_stroke(canvas: Canvas, left: float, bottom: float, *, seed: str) -> None:
    """A signature-like curve, the same for the same person."""
    chance = random.Random(seed)  # noqa: S311 - a drawing
    path = canvas.beginPath()
    x, y = left, bottom
    path.moveTo(x, y)
    for _ in range(11):
        rise = chance.uniform(-18, 24)
        end_x, end_y = x + chance.uniform(6, 15), bottom + chance.uniform(-7, 9)
        path.curveTo(x + chance.uniform(-6, 10), y + rise, end_x - chance.uniform(0, 9), end_y - rise, end_x, end_y)
        x, y = end_x, end_y
    path.curveTo(x + 8, y - 18, left - 10, bottom - 16, x + 24, bottom - 9)
    canvas.setStrokeColor(INK)
    canvas.setLineWidth(1.1)
    canvas.drawPath(path, stroke=1, fill=0)


def draw_footer(canvas: Canvas, faces: Faces, page: int) -> None:
    """Emergency line, the practice, the page, and that all this is fiction."""
    canvas.setFillColor(GREY)
    canvas.setStrokeColor(GREY)
    canvas.setLineWidth(0.4)
    canvas.line(MARGIN, 19 * mm, WIDTH - MARGIN, 19 * mm)
    canvas.setFont(faces.regular, 6.8)
    canvas.drawString(
        MARGIN,
        15 * mm,
        _EMERGENCY,
    )
    canvas.setFont(faces.italic, 6.2)
    canvas.drawString(MARGIN, 12 * mm, "Document d'exemple : cabinet fictif, identité de test publiée, aucune donnée réelle.")
    canvas.setFont(faces.regular, 6.8)
    canvas.drawRightString(WIDTH - MARGIN, 12 * mm, f"Page {page}")
