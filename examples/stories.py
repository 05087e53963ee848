"""What each sample document says: French medical prose of invented care."""

from __future__ import annotations

import io
from typing import Any

from PIL.Image import Image as Picture
from reportlab.lib.colors import HexColor
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Image, PageBreak, Paragraph, Spacer, Table, TableStyle

from examples.letterhead import BLUE, GREY, Faces, heading, style
from examples.pictures import electrocardiogram, ultrasound

Story = list[Flowable]


def ordonnance(faces: Faces) -> Story:
    """Three medicines for a chest infection on asthma."""
    items = (
        ("Amoxicilline 1 g, comprimé dispersible", "1 comprimé matin, midi et soir, pendant 7 jours. QSP 21 comprimés."),
        (
            "Paracétamol 1 g, comprimé",
            "1 comprimé en cas de fièvre ou de douleur, 6 heures au moins entre deux prises, sans dépasser 3 g par jour.",
        ),
        ("Salbutamol 100 µg/dose, suspension pour inhalation", "2 bouffées en cas de gêne respiratoire, à renouveler une fois. 1 flacon."),
        ("Chambre d'inhalation adulte", "1 dispositif, à nettoyer chaque semaine à l'eau tiède savonneuse."),
    )
    story: Story = [
        _title("Ordonnance", faces),
        _text("Poids : 61 kg – Taille : 167 cm – Pas d'allergie médicamenteuse connue.", faces, italic=True),
    ]
    for number, (name, dosage) in enumerate(items, start=1):
        story += [Paragraph(f"{number}. {name}", heading(faces)), _text(dosage, faces, leftIndent=14)]
    story += [
        Spacer(1, 10),
        _text("Ordonnance non renouvelable. Reconsulter sans attendre si la fièvre dépasse 3 jours ou si l'essoufflement augmente.", faces),
    ]
    return story


def certificat(faces: Faces) -> Story:
    """Fitness for sport."""
    return [
        _title("Certificat médical", faces),
        _text(
            "Je soussignée, Docteur Camille MOREL, certifie avoir examiné ce jour <b>Monsieur CORSE Anthony</b>, né le 02/03/1980.", faces
        ),
        _text(
            "L'interrogatoire, l'auscultation cardiaque et pulmonaire, la mesure de la pression artérielle (12/7) et "
            "l'électrocardiogramme de repos"
            " sont sans anomalie. Je n'ai pas constaté, à la date de cet examen, de signe clinique qui contre-indique "
            "la pratique de"
            " <b>la course à pied et du cyclisme, y compris en compétition</b>.",
            faces,
        ),
        _text("Ce certificat est valable un an, sous réserve qu'aucun événement de santé ne survienne entre-temps.", faces),
        _text("Certificat établi à la demande de l'intéressé et remis en main propre pour faire valoir ce que de droit.", faces),
    ]


def lettre_adressage(faces: Faces) -> Story:
    """To a cardiologist, for palpitations."""
    return [
        _text(
            "À l'attention du <b>Docteur Jeanne MARTIN</b><br/>Cardiologie – Clinique des Essais<br/>29000 QUIMPER",
            faces,
            leftIndent=90 * mm,
        ),
        _text("<b>Objet :</b> avis cardiologique pour palpitations d'effort", faces),
        _text("Chère consœur,", faces),
        _text(
            "Je vous adresse Madame ADRUN Zoé, 50 ans, qui présente depuis deux mois des palpitations à l'effort, "
            "brèves (moins de dix minutes),"
            " sans malaise ni perte de connaissance. Une gêne thoracique s'y est associée une fois, en montant un "
            "étage, cédant au repos.",
            faces,
        ),
        Paragraph("Antécédents", heading(faces)),
        _text(
            "Hypothyroïdie substituée depuis 2011 (TSH à 2,1 mUI/L le 04/11/2026). Père : infarctus à 58 ans. Tabac "
            "sevré en 2014 (12 paquets-année).",
            faces,
        ),
        Paragraph("Traitement en cours", heading(faces)),
        _text("Lévothyroxine 75 µg le matin. Pas d'autre traitement au long cours. Allergie : aucune connue.", faces),
        Paragraph("Examen du 17 novembre 2026", heading(faces)),
        _text(
            "PA 132/78 mmHg, pouls régulier à 72/min, SpO<sub>2</sub> 98 %. Auscultation normale, pas d'œdème. ECG : "
            "rythme sinusal, QTc 410 ms.",
            faces,
        ),
        _text(
            "Je vous serais reconnaissante de bien vouloir la recevoir pour un avis, un Holter et, si vous le jugez "
            "utile, une épreuve d'effort."
            " Les résultats biologiques sont joints dans son dossier médical partagé.",
            faces,
        ),
        _text("Bien confraternellement,", faces),
    ]


def compte_rendu(faces: Faces) -> Story:
    """Three pages with two pictures and a table."""
    return [
        _title("Compte rendu de consultation", faces),
        Paragraph("Motif", heading(faces)),
        _text(
            "Suivi semestriel d'insuffisance cardiaque à fraction d'éjection préservée et d'une hypertension "
            "artérielle, patiente de 90 ans.",
            faces,
        ),
        Paragraph("Histoire récente", heading(faces)),
        _text(
            "Madame TCHITCHI se dit « moins essoufflée qu'au printemps ». Elle dort avec un seul oreiller, marche 300 "
            "mètres à plat, fait ses courses"
            " avec sa fille. Deux épisodes d'œdèmes des chevilles en août, pendant les fortes chaleurs, résolus après "
            "adaptation du diurétique par"
            " l'infirmière de coordination. Pas de chute, pas d'hospitalisation depuis le 12 mars 2026.",
            faces,
        ),
        _text("L'appétit est conservé. L'observance est bonne : pilulier préparé chaque semaine, carnet de poids tenu à jour.", faces),
        Paragraph("Examen clinique", heading(faces)),
        _text(
            "PA 138/72 mmHg assise, 130/70 debout. Pouls 66/min, régulier. Poids 54,2 kg (stable). Pas de turgescence "
            "jugulaire, pas de crépitants.",
            faces,
        ),
        Paragraph("Constantes et biologie", heading(faces)),
        _results(faces),
        PageBreak(),
        Paragraph("Électrocardiogramme du jour", heading(faces)),
        _picture(electrocardiogram(), 168 * mm),
        _text(
            "Rythme sinusal à 66/min, PR 180 ms, QRS 92 ms. Pas de trouble de la repolarisation. Aspect inchangé depuis mai 2026.",
            faces,
            italic=True,
        ),
        Paragraph("Échographie cardiaque (reçue du Dr MARTIN, 9 novembre 2026)", heading(faces)),
        _picture(ultrasound(), 92 * mm),
        _text(
            "FEVG 58 %, oreillette gauche modérément dilatée (38 mL/m²), E/e' à 13. Pas de valvulopathie significative, péricarde sec.",
            faces,
            italic=True,
        ),
        PageBreak(),
        Paragraph("Conclusion", heading(faces)),
        _text("Insuffisance cardiaque à fraction d'éjection préservée, stade II de la NYHA, stable. Hypertension équilibrée.", faces),
        Paragraph("Conduite à tenir", heading(faces)),
        _text(
            "• Poursuite du furosémide 40 mg le matin et de la dapagliflozine 10 mg.<br/>• Pesée trois fois par "
            "semaine ; appeler si prise de 2 kg en 3 jours."
            "<br/>• Créatinine et kaliémie dans un mois, puis tous les trois mois.<br/>• Vaccination antigrippale "
            "faite ce jour (bras gauche)."
            "<br/>• Prochaine consultation en mai 2027, plus tôt en cas d'essoufflement inhabituel.",
            faces,
        ),
        Paragraph("Copie", heading(faces)),
        _text("Docteur Jeanne MARTIN (cardiologie), Docteur Paul LEROY (gériatrie), patiente par Mon espace santé.", faces),
    ]


def courrier(faces: Faces) -> Story:
    """A letter of an old program, in fonts that it does not embed."""
    return [
        _text("Docteur Jeanne MARTIN<br/>Allergologie<br/>29000 QUIMPER", faces, leftIndent=90 * mm),
        _text("Chère amie,", faces),
        _text(
            "J'ai revu ce jour le jeune NESSI Michelangelo, 16 ans, pour son asthme d'effort. Il se plaint d'une gêne "
            "à l'entraînement de football deux"
            " fois par mois, calmée par deux bouffées de salbutamol. Aucun réveil nocturne, aucune hospitalisation, "
            "scolarité normale.",
            faces,
        ),
        _text(
            "L'examen est rassurant : murmure vésiculaire symétrique, pas de sibilants. Le débit de pointe est à 92 % de la théorique.",
            faces,
        ),
        _text(
            "Les tests cutanés que tu avais réalisés en juin étaient positifs aux acariens et aux graminées. Avec la "
            "famille, nous avons convenu d'une prise"
            " de salbutamol avant l'effort et d'un contrôle de la technique d'inhalation. Penses-tu qu'une "
            "désensibilisation soit indiquée dès cet hiver ?",
            faces,
        ),
        _text("Merci de ton avis. Bien amicalement,", faces),
    ]


def biologie(faces: Faces) -> Story:
    """Blood tests."""
    wanted = (
        "Hémogramme avec plaquettes",
        "Ionogramme sanguin, créatinine avec débit de filtration estimé",
        "Glycémie à jeun, HbA1c",
        "Bilan lipidique complet (cholestérol total, HDL, LDL calculé, triglycérides)",
        "ASAT, ALAT, gamma-GT",
        "TSH",
    )
    return [
        _title("Prescription d'examens de biologie médicale", faces),
        _text("À réaliser à jeun depuis 12 heures, au laboratoire de son choix ou à domicile :", faces),
        *[_text(f"• {line}", faces, leftIndent=14) for line in wanted],
        Spacer(1, 8),
        _text(
            "Renseignements cliniques : bilan annuel, hypercholestérolémie traitée par atorvastatine 20 mg. Résultats "
            "à transmettre par messagerie"
            " sécurisée de santé à dr.morel@cabinet-du-port.test.",
            faces,
        ),
    ]


def kinesitherapie(faces: Faces) -> Story:
    """Physiotherapy of a shoulder."""
    return [
        _title("Prescription de masso-kinésithérapie", faces),
        _text("<b>Rééducation de l'épaule droite</b> (tendinopathie de la coiffe des rotateurs, non opérée).", faces),
        _text(
            "Mobilisations douces, travail de recentrage, renforcement progressif des abaisseurs, apprentissage "
            "d'exercices à domicile."
            " Nombre et rythme des séances laissés à l'appréciation du kinésithérapeute.",
            faces,
        ),
        _text("Pas d'urgence. Séances au cabinet. Bilan-diagnostic à me transmettre au terme de la série.", faces),
    ]


HANDWRITTEN = [
    "Concarneau, le 18/11/2026",
    "Mr ADRTROIS Toussaint",
    "né le 01/01/1960",
    "",
    "Faire pratiquer à domicile par",
    "infirmier(e) diplômé(e) d'État,",
    "dimanche et fériés compris :",
    "- pansement de la jambe gauche",
    "  1 fois par jour pendant 15 jours",
    "- surveillance de la TA et du pouls",
    "- bas de contention classe 2",
    "",
    "Dr C. Morel",
]


def _title(text: str, faces: Faces) -> Paragraph:
    return Paragraph(text.upper(), style(faces, 13, alignment=1, spaceAfter=12, spaceBefore=2, textColor=BLUE, fontName=faces.bold))


def _text(text: str, faces: Faces, *, italic: bool = False, **more: Any) -> Paragraph:
    if italic:
        more |= {"fontName": faces.italic, "textColor": GREY}
    return Paragraph(text, style(faces, **more))


def _picture(image: Picture, width: float) -> Image:
    target = io.BytesIO()
    image.save(target, format="PNG")
    target.seek(0)
    flowable = Image(target, width, width * image.height / image.width)
    flowable.hAlign = "CENTER"
    return flowable


def _results(faces: Faces) -> Table:
    rows = [
        ["Examen", "Mai 2026", "Nov. 2026", "Référence"],
        ["Créatinine (µmol/L)", "88", "91", "45 – 84"],
        ["DFG CKD-EPI (mL/min/1,73 m²)", "52", "50", "> 60"],
        ["Potassium (mmol/L)", "4,2", "4,4", "3,5 – 5,0"],
        ["NT-proBNP (ng/L)", "890", "610", "< 450"],
        ["Hémoglobine (g/dL)", "12,6", "12,9", "11,5 – 15,5"],
        ["Ferritine (µg/L)", "74", "88", "15 – 150"],
    ]
    table = Table(rows, colWidths=[66 * mm, 30 * mm, 30 * mm, 38 * mm], hAlign="LEFT")
    table.setStyle(
        TableStyle(
            [
                ("FONT", (0, 0), (-1, 0), faces.bold, 8.5),
                ("FONT", (0, 1), (-1, -1), faces.regular, 8.5),
                ("BACKGROUND", (0, 0), (-1, 0), HexColor("#e4edf5")),
                ("GRID", (0, 0), (-1, -1), 0.4, GREY),
                ("ALIGN", (1, 0), (-1, -1), "CENTER"),
            ]
        )
    )
    return table
