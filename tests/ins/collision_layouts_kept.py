"""Layouts of the collision corpus kept aside: written before the rules, which were never worked out on them."""

from __future__ import annotations

from tests.ins.collision_sheet import Layout, Page, Sheet, letterhead, signature


def emergency(page: Page, sheet: Sheet) -> None:
    page.line("SERVICE DES URGENCES", bold=True, size=13)
    who = sheet.patient
    page.row((50, f"NOM : {who.family.upper()}"), (250, f"PRENOM : {who.given.upper()}"), (430, f"Né(e) : {sheet.birth()}"))
    page.row((50, f"Arrivée : {sheet.visit} 14:32"), (250, f"IOA : {sheet.recipient.given} {sheet.recipient.family}"), (430, "Tri : 3"))
    page.line(f"Accompagnant : {sheet.relative.civility} {sheet.name(sheet.relative)}, 06 12 00 00 00")
    page.line(*sheet.body(5), f"Médecin sénior : Dr {sheet.doctor.family}")


def vaccination(page: Page, sheet: Sheet) -> None:
    page.line("ATTESTATION DE VACCINATION", bold=True, size=13)
    page.row((50, "Identité"), (200, f"{sheet.name()}"))
    page.row((50, "Naissance"), (200, sheet.birth()))
    page.row((50, "Matricule INS"), (200, sheet.ins()))
    page.skip()
    page.row((50, "Date"), (150, "Vaccin"), (300, "Lot"), (400, "Vaccinateur"), bold=True)
    page.row((50, sheet.visit), (150, "dTcaP"), (300, "AB1234"), (400, f"Dr {sheet.doctor.family}"))
    page.row((50, "03/10/2019"), (150, "ROR"), (300, "CD5678"), (400, f"Dr {sheet.recipient.family}"))


def nursing(page: Page, sheet: Sheet) -> None:
    page.line(f"{sheet.doctor.civility} {sheet.doctor.given} {sheet.doctor.family}", "Infirmier diplômé d'État libéral")
    page.skip()
    page.line("BILAN DE SOINS INFIRMIERS", bold=True, size=13)
    who = sheet.patient
    page.line(f"Nom et prénom du patient : {who.family} {who.given}", f"Date de naissance du patient : {sheet.birth()}")
    page.line(f"Personne à prévenir : {sheet.name(sheet.relative)} (conjoint)", f"Médecin traitant : Dr {sheet.name(sheet.recipient)}")
    page.line(f"Bilan du {sheet.visit}", *sheet.body(5))


def pathology(page: Page, sheet: Sheet) -> None:
    page.line("CABINET D'ANATOMIE ET CYTOLOGIE PATHOLOGIQUES", bold=True)
    who = sheet.patient.traits
    page.row(
        (50, f"Prescripteur : {sheet.recipient.family} {sheet.recipient.given}"),
        (310, f"N. {who.birth_family_name}  P. {who.first_birth_given_name}"),
    )
    page.row((50, f"Reçu le {sheet.visit}"), (310, f"D.D.N. {sheet.birth()}"))
    page.row((50, f"Préleveur : Dr {sheet.doctor.family}"), (310, f"INS {sheet.ins()}"))
    page.skip()
    page.line(
        "Biopsie cutanée : pas de signe de malignité.", f"Compte rendu validé par le Dr {sheet.doctor.given.title()} {sheet.doctor.family}"
    )


def summons(page: Page, sheet: Sheet) -> None:
    letterhead(page, sheet, "Ophtalmologue")
    who = sheet.patient
    page.line(f"{'Madame' if who.woman else 'Monsieur'} {who.given.title()} {who.family}", who.street, who.town, x=330)
    page.line(f"Le {sheet.visit}", x=330)
    page.line(f"{'Chère Madame' if who.woman else 'Cher Monsieur'},", "Votre examen de contrôle est programmé le 14/01/2027 à 9 h 30.")
    page.line("Merci d'apporter vos verres correcteurs.")
    signature(page, sheet)


def referral(page: Page, sheet: Sheet) -> None:
    letterhead(page, sheet)
    who = sheet.patient
    page.line(f"Le {sheet.visit}", "Cher ami,", f"Je te confie {who.civility} {sheet.name()}, {2026 - int(who.traits.birth_date[:4])} ans,")
    page.line("pour avis sur une gonalgie chronique.", *sheet.body(5), "Amicalement,")
    signature(page, sheet)


def maternity(page: Page, sheet: Sheet) -> None:
    page.line("MATERNITÉ DES ESSAIS", bold=True, size=13)
    who = sheet.patient
    page.line(
        f"Patiente : {who.civility} {who.family} {who.given}",
        f"née {who.traits.birth_family_name}, le {sheet.birth()}" if who.woman else f"né le {sheet.birth()}",
    )
    page.line(
        f"Accouchement le {sheet.visit}.", f"Nouveau-né : {sheet.relative.given}, né le {sheet.visit} à 04 h 12, 3 240 g.", *sheet.body(3)
    )
    signature(page, sheet)


def dentist(page: Page, sheet: Sheet) -> None:
    page.row((50, f"Docteur {sheet.doctor.given.title()} {sheet.doctor.family}"), (330, f"{sheet.patient.civility} {sheet.name()}"))
    page.row((50, "Chirurgien-dentiste"), (330, sheet.patient.street))
    page.row((50, sheet.doctor.town), (330, sheet.patient.town))
    page.row((50, ""), (330, f"Né(e) le {sheet.birth()} - N° SS {sheet.ins()}"))
    page.line("DEVIS POUR TRAITEMENT", x=220, bold=True, gap=30)
    page.line("Couronne céramique sur la 36.", f"Établi le {sheet.visit}, valable six mois.")


LAYOUTS = (
    Layout("emergency", emergency),
    Layout("vaccination", vaccination, ins=True),
    Layout("nursing", nursing),
    Layout("pathology", pathology, ins=True),
    Layout("summons", summons, birth=False),
    Layout("referral", referral, birth=False),
    Layout("maternity", maternity),
    Layout("dentist", dentist, ins=True),
)
