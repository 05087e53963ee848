"""Invented people of the collision corpus: traits, a matricule whose key is right, an address. Nobody of these exists."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import msgspec

from gateway.kernel import oids
from gateway.model.patient import Ins, Sex, Traits, matricule_key


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FAMILIES = _words(
    "MARTIN BERNARD PETIT DURAND LEROY MOREAU SIMON LAURENT LEFÈVRE MICHEL GARCIA DAVID BERTRAND ROUX VINCENT FOURNIER MOREL GIRARD "
    "ANDRÉ MERCIER DUPONT LAMBERT BONNET FRANÇOIS MARTINEZ LEGRAND GARNIER FAURE ROUSSEAU BLANC GUÉRIN MULLER HENRY ROUSSEL NICOLAS "
    "PERRIN MORIN MATHIEU CLÉMENT GAUTHIER DUMONT LOPEZ FONTAINE CHEVALIER ROBIN MASSON SANCHEZ GÉRARD NGUYEN BOYER DENIS LEMAIRE "
    "LE-GOFF SAINT-MARTIN DE-LA-FONTAINE D'ALMEIDA BEN-AMAR EL-KADI O'BRIEN TRAORÉ DIALLO KOUASSI YILMAZ FERREIRA-LOPES LY OUATTARA"
)
WOMEN = _words(
    "Marie Jeanne Camille Sophie Nathalie Isabelle Sylvie Catherine Martine Christine Françoise Valérie Sandrine Stéphanie Véronique "
    "Céline Chantal Patricia Anne Julie Aurélie Élodie Émilie Léa Manon Chloé Inès Jade Louise Zoé Hélène Anaïs Fatima Aïcha Mei Agnès "
    "Marie-Claude Anne-Sophie Marie-Thérèse Jeanne-Marie"
)
MEN = _words(
    "Jean Pierre Michel Philippe Alain Nicolas Christophe Patrick Daniel Laurent Bernard Éric Frédéric Stéphane Olivier Thierry Julien "
    "Sébastien Thomas Kévin Lucas Hugo Léo Gabriel Raphaël Arthur Louis Noé Loïc Gaël Mohamed Youssef Mehmet Dominique "
    "Jean-Pierre Jean-Luc Pierre-Yves Marc-Antoine"
)
TOWNS = (
    ("29039", "29900 CONCARNEAU"),
    ("35238", "35000 RENNES"),
    ("44109", "44000 NANTES"),
    ("75115", "75015 PARIS"),
    ("2A004", "20000 AJACCIO"),
    ("2B033", "20200 BASTIA"),
    ("97411", "97400 SAINT-DENIS"),
    ("59350", "59000 LILLE"),
)
STREETS = ("rue des Lilas", "avenue de la Gare", "rue Pierre Curie", "place Saint-Martin", "impasse du Moulin", "rue Jeanne d'Arc")


@dataclass(frozen=True, slots=True)
class Person:
    """Someone of the corpus."""

    traits: Traits
    ins: Ins
    town: str
    street: str

    @property
    def family(self) -> str:
        """The name people use."""
        return self.traits.used_family_name or self.traits.birth_family_name

    @property
    def given(self) -> str:
        """The first name people use."""
        return self.traits.used_given_name or self.traits.first_birth_given_name

    @property
    def woman(self) -> bool:
        return self.traits.sex is Sex.FEMALE

    @property
    def civility(self) -> str:
        return "Mme" if self.woman else "M."


def matricule(sex: Sex, birth_date: str, place: str, rng: random.Random) -> Ins:
    """A matricule of these traits with an invented order number."""
    order = rng.randrange(1, 999)
    number = f"{1 if sex is Sex.MALE else 2}{birth_date[2:4]}{birth_date[5:7]}{place}{order:03d}"
    return Ins(matricule=number + matricule_key(number), oid=oids.INS_NIR_TEST)


def person(rng: random.Random, *, family: str | None = None, years: tuple[int, int] = (1932, 2007)) -> Person:
    """Somebody new; a third of the women carry another used name, some people another used first name."""
    sex = rng.choice((Sex.FEMALE, Sex.MALE))
    names = rng.sample(WOMEN if sex is Sex.FEMALE else MEN, rng.choice((1, 2, 3)))
    birth = f"{rng.randrange(*years)}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}"
    place, town = rng.choice(TOWNS)
    married = sex is Sex.FEMALE and rng.random() < 0.33
    traits = Traits(
        birth_family_name=family or rng.choice(FAMILIES),
        birth_given_names=" ".join(names).upper(),
        first_birth_given_name=names[0].upper(),
        sex=sex,
        birth_date=birth,
        birth_place=place,
        used_family_name=rng.choice(FAMILIES) if married else None,
        used_given_name=names[1] if len(names) > 1 and rng.random() < 0.15 else None,
    )
    address = f"{rng.randrange(1, 90)}, {rng.choice(STREETS)}"
    return Person(traits, matricule(sex, birth, place, rng), town, address)


def stranger(rng: random.Random, to: Person) -> Person:
    """Somebody with other names, another birth date and another matricule."""
    while True:
        other = person(rng)
        words = {to.traits.birth_family_name, to.traits.used_family_name, to.family, to.given.upper(), *to.traits.birth_given_names.split()}
        names = {other.traits.birth_family_name, other.traits.used_family_name, other.given.upper(), other.traits.first_birth_given_name}
        if not (words - {None}) & (names - {None}) and other.traits.birth_date != to.traits.birth_date:
            return other


def namesake(rng: random.Random, of: Person) -> Person:
    """The same names, another birth date, so another matricule."""
    while True:
        other = person(rng)
        if other.traits.birth_date != of.traits.birth_date:
            traits = msgspec.structs.replace(of.traits, birth_date=other.traits.birth_date)
            return replace(of, traits=traits, ins=matricule(traits.sex, traits.birth_date, traits.birth_place, rng))


def relative(rng: random.Random, of: Person) -> Person:
    """The same family name and address, another first name and birth date."""
    while True:
        other = person(rng, family=of.traits.birth_family_name)
        traits = msgspec.structs.replace(other.traits, used_family_name=of.traits.used_family_name)
        apart = {other.given.upper(), *other.traits.birth_given_names.split()} & {of.given.upper(), *of.traits.birth_given_names.split()}
        if not apart and traits.birth_date != of.traits.birth_date:
            return Person(traits, other.ins, of.town, of.street)


def double(rng: random.Random, of: Person) -> Person:
    """The same traits with another matricule."""
    while True:
        ins = matricule(of.traits.sex, of.traits.birth_date, of.traits.birth_place, rng)
        if ins.matricule != of.ins.matricule:
            return replace(of, ins=ins)


def twin(rng: random.Random, of: Person) -> Person:
    """The same family name, birth date and place, another first name, so another matricule."""
    other = relative(rng, of)
    traits = msgspec.structs.replace(other.traits, birth_date=of.traits.birth_date, birth_place=of.traits.birth_place)
    ins = matricule(traits.sex, traits.birth_date, traits.birth_place, rng)
    return replace(other, traits=traits, ins=ins) if ins.matricule != of.ins.matricule else twin(rng, of)


def infant(rng: random.Random, of: Person) -> Person:
    """A child of the same family name, born in the year of the document."""
    other = relative(rng, of)
    traits = msgspec.structs.replace(other.traits, birth_date=f"2026-{rng.randrange(1, 12):02d}-{rng.randrange(1, 29):02d}")
    return replace(other, traits=traits, ins=matricule(traits.sex, traits.birth_date, traits.birth_place, rng))
