"""What a layout of the collision corpus draws with: one document's facts, and a page that lines are put on."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen import canvas

from tests.ins.collision_people import Person

MONTHS = ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre")
BODIES = (
    "Amoxicilline 1 g : 1 comprimé matin, midi et soir pendant 7 jours.",
    "Paracétamol 1 g : 1 comprimé en cas de douleur, sans dépasser 3 g par jour.",
    "Le bilan du 12/10/2026 montre une hémoglobine à 13,2 g/dL.",
    "Antécédents : appendicectomie en 1998, hypertension traitée depuis le 03/02/2015.",
    "Pas d'allergie connue. Tabac sevré depuis le 1er janvier 2020.",
    "Tension artérielle 13/8, pouls régulier, auscultation sans particularité.",
    "Prochain contrôle prévu dans trois mois, avec un ionogramme.",
    "Syndrome de Sjögren et maladie de Parkinson évoqués, puis écartés.",
    "Score de Glasgow à 15, signe de Babinski absent, manœuvre de Lasègue négative.",
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One document: whose it is, who wrote it, who gets it, who else it quotes."""

    patient: Person
    doctor: Person
    recipient: Person
    relative: Person
    visit: str
    """DD/MM/YYYY."""
    quotes: bool
    """True when the text speaks of the relative, birth date included."""
    rng: random.Random
    newborn: Person | None = None
    """Whom the patient gave birth to, told in the text."""
    sibling: Person | None = None
    """A twin told in the text."""

    def birth(self, who: Person | None = None) -> str:
        """A birth date in one of the ways people write it."""
        year, month, day = (who or self.patient).traits.birth_date.split("-")
        style = self.rng.randrange(8)
        if style == 0:
            return f"{day}-{month}-{year}"
        if style == 1:
            return f"{'1er' if day == '01' else int(day)} {MONTHS[int(month) - 1]} {year}"
        if style == 2:
            return f"{day}.{month}.{year}"
        if style == 3:
            return f"{year}-{month}-{day}"
        return f"{day}/{month}/{year}"

    def name(self, who: Person | None = None) -> str:
        """A full name, family name first or last, in one of the usual cases."""
        one = who or self.patient
        family, given = one.family, one.given
        return self.rng.choice(
            (f"{family} {given}", f"{given.title()} {family}", f"{family.title()} {given.title()}", f"{family} {given.upper()}")
        )

    def ins(self, who: Person | None = None) -> str:
        """A matricule, with or without its usual spaces."""
        text = (who or self.patient).ins.matricule
        if self.rng.random() < 0.5:
            return text
        return " ".join((text[0], text[1:3], text[3:5], text[5:7], text[7:10], text[10:13], text[13:]))

    @property
    def born(self) -> str:
        return "née" if self.patient.woman else "né"

    @property
    def quoted(self) -> str:
        """A sentence that speaks of somebody else."""
        other = self.relative
        spouse, child = ("Son épouse" if other.woman else "Son mari"), ("Sa fille" if other.woman else "Son fils")
        who = self.rng.choice((spouse, child, "Sa mère" if other.woman else "Son père"))
        return f"{who} {other.given}, {'née' if other.woman else 'né'} le {self.birth(other)}, présente les mêmes symptômes."

    def delivered(self, child: Person) -> str:
        """A sentence that tells of a newborn, birth date and name included."""
        what, born = ("une fille", "née") if child.woman else ("un garçon", "né")
        return self.rng.choice(
            (
                f"Accouchement le {self.birth(child)} d'{what}, {child.given}, {born} à 04 h 12.",
                f"Nouveau-né : {child.given} {child.family}, {born} le {self.birth(child)}, 3 240 g.",
                f"Bébé {child.family} {child.given}, {born} le {self.birth(child)}.",
                f"A donné naissance à {what}, {child.given}, {born} le {self.birth(child)}.",
                f"Date de naissance de l'enfant : {self.birth(child)}",
            )
        )

    def body(self, lines: int = 4) -> list[str]:
        """Sentences of care, and those that quote somebody when the sheet does."""
        found = self.rng.sample(BODIES, lines)
        if self.newborn is not None:
            found.insert(1, self.delivered(self.newborn))
        if self.sibling is not None:
            found.insert(1, f"{'Sœur jumelle' if self.sibling.woman else 'Frère jumeau'} : {self.name(self.sibling)}, en bonne santé.")
        return [*found[:2], self.quoted, *found[2:]] if self.quotes else found


class Page:
    """A page that is filled from the top; a step down after each line."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        self._canvas = canvas.Canvas(self._bytes, pagesize=A4, invariant=True)
        self.y = 800.0

    def put(self, x: float, text: str, *, size: float = 10, bold: bool = False, spacing: float = 0) -> None:
        """Text at this place of the current line."""
        self._canvas.setFont("Helvetica-Bold" if bold else "Helvetica", size)
        self._canvas.drawString(x, self.y, text, charSpace=spacing)

    def line(self, *texts: str, x: float = 50, size: float = 10, bold: bool = False, gap: float = 15) -> None:
        """Lines one under the other."""
        for text in texts:
            self.put(x, text, size=size, bold=bold)
            self.y -= gap

    def row(self, *cells: tuple[float, str], gap: float = 15, bold: bool = False) -> None:
        """Cells of one line, each with its place."""
        for x, text in cells:
            self.put(x, text, bold=bold)
        self.y -= gap

    def skip(self, height: float = 20) -> None:
        """White space."""
        self.y -= height

    def done(self) -> bytes:
        """The PDF."""
        self._canvas.showPage()
        self._canvas.save()
        return self._bytes.getvalue()


Draw = Callable[[Page, Sheet], None]


@dataclass(frozen=True, slots=True)
class Layout:
    """A way of laying out a document, and which facts of the patient it shows."""

    name: str
    draw: Draw
    birth: bool = True
    ins: bool = False
    given: bool = True


def letterhead(page: Page, sheet: Sheet, speciality: str = "Médecine générale") -> None:
    """The head of a practice."""
    doctor = sheet.doctor
    page.line(f"Docteur {doctor.given.title()} {doctor.family}", bold=True, size=12)
    page.line(speciality, f"{doctor.street}, {doctor.town}", "Tél. 02 98 00 00 00", "N° RPPS : 10100000000")
    page.skip()


def signature(page: Page, sheet: Sheet) -> None:
    """The foot of a letter."""
    page.skip()
    page.line(f"Dr {sheet.doctor.given.title()} {sheet.doctor.family}", x=350)
