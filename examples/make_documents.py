"""Makes the sample documents of `examples/documents`: eight PDFs, the request that goes with each, the patients the sandbox must know.

    python -m examples.make_documents [FOLDER]

Run from the root of the repository, in its environment (reportlab, Pillow, pikepdf). Same versions, same bytes.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

from reportlab import rl_config
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, NextPageTemplate, PageTemplate

from examples import letterhead as paper
from examples import stories
from examples.cases import CASES, PATIENTS, Case
from examples.pdfa_native import as_pdfa1b
from examples.pictures import scanned_page

STORIES: dict[str, Callable[[paper.Faces], list[Flowable]]] = {
    "ordonnance": stories.ordonnance,
    "certificat": stories.certificat,
    "lettre-adressage": stories.lettre_adressage,
    "compte-rendu": stories.compte_rendu,
    "courrier-non-pdfa": stories.courrier,
    "prescription-biologie": stories.biologie,
    "prescription-kine": stories.kinesitherapie,
}
NOT_PDFA = "courrier-non-pdfa"
SCAN = "numerisation"


class Sign(Flowable):
    """The place of the signature: ends the text, kept whole."""

    def __init__(self, case: Case, faces: paper.Faces) -> None:
        super().__init__()
        self.case, self.faces = case, faces
        self.width, self.height = 0.0, 92.0

    def draw(self) -> None:
        """Draws on the page wherever the text has ended."""
        left, _ = self.canv.absolutePosition(0, 0)
        self.canv.saveState()
        self.canv.translate(-left, 0)
        paper.draw_signature(self.canv, self.case, self.faces, 4)
        self.canv.restoreState()


def written(case: Case) -> bytes:
    """A document typed on the practice's paper."""
    faces = paper.STANDARD if case.name == NOT_PDFA else paper.EMBEDDED
    target = io.BytesIO()
    document = BaseDocTemplate(
        target, pagesize=A4, invariant=1, pageCompression=1, title=case.title, author=case.doctor.name, initialFontName=faces.regular
    )

    def first(canvas: Canvas, _: object) -> None:
        paper.draw_letterhead(canvas, case, faces)
        paper.draw_patient(canvas, case, faces)
        paper.draw_footer(canvas, faces, 1)

    def later(canvas: Canvas, template: BaseDocTemplate) -> None:
        canvas.setFont(faces.regular, 7.5)
        canvas.setFillColor(paper.GREY)
        patient = case.patient
        line = f"{case.doctor.name} – {patient.family} {patient.first.title()}, {patient.birth_day} – {paper.spaced_ins(patient)}"
        canvas.drawString(paper.MARGIN, paper.HEIGHT - 14 * mm, line)
        paper.draw_footer(canvas, faces, template.page)

    width = paper.WIDTH - 2 * paper.MARGIN
    bottom = 22 * mm
    document.addPageTemplates(
        [
            PageTemplate("first", [Frame(paper.MARGIN, bottom, width, paper.HEIGHT - 76 * mm - bottom, 0, 0, 0, 0)], onPage=first),
            PageTemplate("later", [Frame(paper.MARGIN, bottom, width, paper.HEIGHT - 22 * mm - bottom, 0, 0, 0, 0)], onPage=later),
        ]
    )
    document.build([NextPageTemplate("later"), *STORIES[case.name](faces), Sign(case, faces)])
    return target.getvalue()


def scanned() -> bytes:
    """One page that is nothing but a picture."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4, invariant=1, initialFontName=paper.EMBEDDED.regular)  # type: ignore[arg-type]  # its stub says float
    canvas.drawImage(ImageReader(io.BytesIO(scanned_page(stories.HANDWRITTEN))), 0, 0, *A4)
    canvas.save()
    return target.getvalue()


def document(case: Case) -> bytes:
    """The PDF of a case; a PDF/A-1b but for the one that is there not to be."""
    drawn = scanned() if case.name == SCAN else written(case)
    if case.name == NOT_PDFA:
        return drawn
    return as_pdfa1b(drawn, title=case.title, date=str(case.request["document"]["created_at"]))


def pretty(value: object) -> str:
    """JSON as people read it."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def main(arguments: list[str]) -> None:
    """Writes everything into the folder named, `examples/documents` by default."""
    folder = Path(arguments[0]) if arguments else Path(__file__).parent / "documents"
    folder.mkdir(parents=True, exist_ok=True)
    rl_config.useA85 = 0
    paper.register_fonts()
    for case in CASES:
        data = document(case)
        (folder / f"{case.name}.pdf").write_bytes(data)
        (folder / f"{case.name}.json").write_text(pretty(case.request), encoding="utf-8")
        print(f"{case.name}.pdf  {len(data):>9,} bytes")
    patients = [{**patient.traits, "dmp": patient.dmp} for patient in PATIENTS]
    (folder / "patients.json").write_text(pretty(patients), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
