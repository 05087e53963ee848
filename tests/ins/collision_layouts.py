"""Layouts of the collision corpus that the rules may be worked out on; those kept aside are in `collision_layouts_kept`."""

from __future__ import annotations

from tests.ins.collision_sheet import Layout, Page, Sheet, letterhead, signature


def prescription(page: Page, sheet: Sheet) -> None:
    letterhead(page, sheet)
    who = sheet.patient
    page.line(f"{who.civility} {sheet.name()}", x=330, bold=True)
    page.line(f"{sheet.born.capitalize()} le {sheet.birth()}", x=330)
    page.line(f"Le {sheet.visit}", x=330)
    page.skip()
    page.line("ORDONNANCE", x=250, bold=True, size=14)
    page.line(*sheet.body())
    signature(page, sheet)


def prescription_with_ins(page: Page, sheet: Sheet) -> None:
    letterhead(page, sheet)
    page.row((50, f"Patient : {sheet.name()}"), (330, f"Date : {sheet.visit}"))
    page.row((50, f"DDN : {sheet.birth()}"), (330, f"Sexe : {sheet.patient.traits.sex.value}"))
    page.line(f"INS : {sheet.ins()} (NIR)")
    page.skip()
    page.line(*sheet.body())
    signature(page, sheet)


def colleague(page: Page, sheet: Sheet) -> None:
    letterhead(page, sheet, "Cardiologue")
    other = sheet.recipient
    page.line(f"Docteur {other.given.title()} {other.family}", other.street, other.town, x=330)
    page.line(f"{sheet.doctor.town.split(' ', 1)[1].title()}, le {sheet.visit}", x=330)
    page.skip()
    page.line("Cher confrère,")
    who = sheet.patient
    page.line(f"J'ai vu ce jour en consultation votre {'patiente' if who.woman else 'patient'}")
    page.line(f"{'Madame' if who.woman else 'Monsieur'} {sheet.name()}, {sheet.born} le {sheet.birth()},")
    page.line("pour un bilan de palpitations.", *sheet.body(5), "Bien confraternellement,")
    signature(page, sheet)


def concerning(page: Page, sheet: Sheet) -> None:
    letterhead(page, sheet, "Rhumatologue")
    other = sheet.recipient
    page.line(f"À l'attention du Dr {other.family}", x=330)
    who = sheet.patient
    page.line(f"Concerne : {who.civility} {sheet.name()}", f"Date de naissance : {sheet.birth()}", bold=True)
    page.line(f"Le {sheet.visit}", "Chère consœur,", "Merci de m'avoir adressé ce dossier.", *sheet.body(5))
    page.line(f"Copie : Mme {sheet.relative.given} {sheet.recipient.family}, infirmière")
    signature(page, sheet)


def laboratory(page: Page, sheet: Sheet) -> None:
    page.line("LABORATOIRE DE BIOLOGIE DU PORT", bold=True, size=13)
    page.line(f"Biologistes : Dr {sheet.doctor.family} - Dr {sheet.recipient.family}")
    page.skip()
    who = sheet.patient.traits
    page.row((50, "Nom de naissance"), (190, "Prénom"), (330, "Né(e) le"), (430, "Sexe"), bold=True)
    page.row((50, who.birth_family_name), (190, who.first_birth_given_name), (330, sheet.birth()), (430, who.sex.value))
    page.skip()
    page.row((50, "Prescripteur"), (190, f"Dr {sheet.recipient.given.title()} {sheet.recipient.family}"))
    page.row((50, "Prélevé le"), (190, sheet.visit))
    page.row((50, "Analyse"), (250, "Résultat"), (350, "Valeurs de référence"), bold=True)
    page.row((50, "Hémoglobine"), (250, "13,2 g/dL"), (350, "12,0 - 16,0"))
    page.row((50, "Glycémie"), (250, "0,92 g/L"), (350, "0,70 - 1,10"))
    page.row((50, "Ferritine"), (250, "85 µg/L"), (350, "20 - 250"))


def laboratory_columns(page: Page, sheet: Sheet) -> None:
    page.line("SELAS BIO-OUEST", bold=True, size=13)
    who = sheet.patient
    page.row((50, "Demandeur"), (300, "Patient"), bold=True)
    page.row(
        (50, f"Dr {sheet.recipient.family} {sheet.recipient.given.title()}"),
        (300, f"{who.civility.upper()} {who.family} {who.given.upper()}"),
    )
    page.row((50, sheet.recipient.street), (300, who.street))
    page.row((50, sheet.recipient.town), (300, who.town))
    page.row((50, "Dossier 261116-0042"), (300, f"Date de naissance : {sheet.birth()}"))
    page.row((50, f"Édité le {sheet.visit}"), (300, f"N° INS : {sheet.ins()}"))
    page.skip()
    page.line("IONOGRAMME", "Sodium 139 mmol/L (136-145)", "Potassium 4,1 mmol/L (3,4-4,5)", "Validé biologiquement.")


def imaging(page: Page, sheet: Sheet) -> None:
    page.line("CENTRE D'IMAGERIE DU MOULIN", bold=True, size=13)
    who = sheet.patient
    page.line(f"Nom : {who.family}", f"Prénom : {who.given}", f"Né(e) le : {sheet.birth()}", f"Examen du : {sheet.visit}")
    page.line(f"Médecin demandeur : Dr {sheet.recipient.given.title()} {sheet.recipient.family}")
    page.skip()
    page.line("SCANNER THORACIQUE", bold=True)
    page.line("Indication : toux persistante.", "Technique : acquisition hélicoïdale sans injection.", "Résultat : pas de nodule.")
    page.line(*sheet.body(4))
    signature(page, sheet)


def certificate(page: Page, sheet: Sheet) -> None:
    letterhead(page, sheet)
    who = sheet.patient
    page.line("CERTIFICAT MÉDICAL", x=220, bold=True, size=14)
    page.line(f"Je soussigné, Docteur {sheet.doctor.given.title()} {sheet.doctor.family}, certifie avoir examiné ce jour")
    page.line(f"{'Madame' if who.woman else 'Monsieur'} {sheet.name()} {sheet.born} le {sheet.birth()}")
    page.line("et n'avoir constaté aucune contre-indication à la pratique du sport.")
    page.line(f"Fait à {sheet.doctor.town.split(' ', 1)[1].title()}, le {sheet.visit}, remis en main propre.")
    signature(page, sheet)


def hospital(page: Page, sheet: Sheet) -> None:
    page.line("CENTRE HOSPITALIER DES ESSAIS", "Service de médecine interne", bold=True, size=12)
    page.row((50, f"Chef de service : Pr {sheet.doctor.family}"), (320, f"Dr {sheet.recipient.given.title()} {sheet.recipient.family}"))
    page.row((50, "Secrétariat : Mme Claire BRUNEL"), (320, sheet.recipient.street))
    page.row((50, "Tél. 02 98 00 00 01"), (320, sheet.recipient.town))
    page.skip()
    who = sheet.patient.traits
    page.line("LETTRE DE LIAISON À LA SORTIE", bold=True, size=13)
    page.line(f"Nom de naissance : {who.birth_family_name}    Nom utilisé : {sheet.patient.family}")
    page.line(f"Prénom(s) de naissance : {who.birth_given_names}    Prénom utilisé : {sheet.patient.given}")
    page.line(f"Sexe : {who.sex.value}    Date de naissance : {sheet.birth()}    Lieu de naissance : {who.birth_place}")
    page.line(f"Matricule INS : {sheet.ins()}    IPP : 800123456")
    page.line(f"Hospitalisation du 02/11/2026 au {sheet.visit}", *sheet.body(6))
    signature(page, sheet)


def physiotherapy(page: Page, sheet: Sheet) -> None:
    letterhead(page, sheet)
    page.line(f"Le {sheet.visit}", x=350)
    page.line(f"Pour {sheet.patient.civility} {sheet.name()}")
    page.line("Faire pratiquer douze séances de masso-kinésithérapie du genou droit.")
    signature(page, sheet)


def child(page: Page, sheet: Sheet) -> None:
    letterhead(page, sheet, "Pédiatre")
    parent = sheet.relative
    page.line(f"Enfant {sheet.name()}", f"{sheet.born} le {sheet.birth()}", x=330, bold=True)
    page.line(
        f"Assuré : {parent.civility} {parent.family} {parent.given}", f"N° de sécurité sociale de l'assuré : {sheet.ins(parent)}", x=330
    )
    page.line(f"Le {sheet.visit}", x=330)
    page.line(*sheet.body(3))
    signature(page, sheet)


def stacked(page: Page, sheet: Sheet) -> None:
    page.line("MAISON DE SANTÉ DES LILAS", bold=True, size=13)
    who = sheet.patient
    for label, value in (("NOM D'USAGE", who.family.upper()), ("PRÉNOM", who.given.upper()), ("DATE DE NAISSANCE", sheet.birth())):
        page.line(label, size=8, gap=11)
        page.line(value, bold=True, gap=18)
    page.line(f"Séance du {sheet.visit} avec {sheet.recipient.civility} {sheet.recipient.family}, infirmière Asalée", *sheet.body(4))


def spaced(page: Page, sheet: Sheet) -> None:
    page.line("COMPTE RENDU OPÉRATOIRE", bold=True, size=13)
    who = sheet.patient
    page.put(50, f"Patient : {who.family.upper()} {who.given.title()}", spacing=sheet.rng.choice((0.4, 1.5, 2.5)))
    page.skip()
    day = "/".join(reversed(who.traits.birth_date.split("-")))
    page.put(50, f"Né(e) le {day}", spacing=sheet.rng.choice((0.4, 1.5, 2.5)))
    page.skip()
    page.line(f"Opérateur : Dr {sheet.doctor.family}", f"Intervention du {sheet.visit}", *sheet.body(4))


LAYOUTS = (
    Layout("prescription", prescription),
    Layout("prescription-ins", prescription_with_ins, ins=True),
    Layout("colleague", colleague),
    Layout("concerning", concerning),
    Layout("laboratory", laboratory),
    Layout("laboratory-columns", laboratory_columns, ins=True),
    Layout("imaging", imaging),
    Layout("certificate", certificate),
    Layout("hospital", hospital, ins=True),
    Layout("physiotherapy", physiotherapy, birth=False),
    Layout("child", child),
    Layout("stacked", stacked),
    Layout("spaced", spaced),
)
