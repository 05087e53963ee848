"""A corpus of the project's own PDFs: documents that are their patient's, and documents that are not, seeded.

Every case is one document, the identity it is sent for, and whether it belongs to another person. A wrong document always shows a fact
that contradicts, even when it quotes the person it is sent for; a right one may quote relatives, carry a parent's number, a name that
the identity has not, or no name.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec

from gateway.model.patient import Traits
from tests.ins.collision_people import FAMILIES, Person, double, infant, namesake, person, relative, stranger, twin
from tests.ins.collision_sheet import Layout, Page, Sheet


@dataclass(frozen=True, slots=True)
class Case:
    """One document of the corpus, sent for this identity."""

    name: str
    pdf: bytes
    identity: Person
    contradicts: bool


_Other = Callable[[random.Random, Person], Person]
_WRONG: tuple[tuple[str, _Other, Callable[[Layout], bool]], ...] = (
    ("stranger", stranger, lambda _: True),
    ("stranger", stranger, lambda _: True),
    ("namesake", namesake, lambda layout: layout.birth),
    ("relative", relative, lambda layout: layout.given),
    ("kin", relative, lambda layout: layout.birth),
    ("double", double, lambda layout: layout.ins),
    ("twin", twin, lambda layout: layout.given),
    ("child", infant, lambda layout: layout.birth),
)
_RIGHT = ("plain", "quoting", "married", "partial", "unnamed", "mother", "twin's")


def corpus(seed: int, layouts: Sequence[Layout], rounds: int) -> Iterator[Case]:
    """Every layout in every situation that it can show, `rounds` times."""
    rng = random.Random(seed)
    for _ in range(rounds):
        for layout in layouts:
            for name, other, shows in _WRONG:
                if shows(layout):
                    identity = person(rng)
                    yield _case(rng, layout, name, identity, other(rng, identity))
            for name in _RIGHT:
                yield _right(rng, layout, name)


def _right(rng: random.Random, layout: Layout, name: str) -> Case:
    identity = person(rng)
    match name:
        case "married":
            # the document knows a name that the identity does not
            if not identity.woman or not layout.birth:
                return _case(rng, layout, "plain", identity, identity)
            known = replace(identity, traits=msgspec.structs.replace(identity.traits, used_family_name=None))
            return _case(rng, layout, name, known, replace(identity, traits=_wedded(rng, identity)))
        case "partial":
            # one of the two parts of a double name
            double_name = f"{identity.traits.birth_family_name}-{rng.choice(FAMILIES)}"
            known = replace(identity, traits=msgspec.structs.replace(identity.traits, birth_family_name=double_name))
            return _case(rng, layout, name, known, identity)
        case "unnamed":
            return _unnamed(rng, layout, identity)
        case "mother" if identity.woman:
            return _case(rng, layout, name, identity, identity, newborn=infant(rng, identity))
        case "twin's":
            return _case(rng, layout, name, identity, identity, sibling=twin(rng, identity))
        case _:
            return _case(rng, layout, name, identity, identity)


def _wedded(rng: random.Random, who: Person) -> Traits:
    others = [name for name in FAMILIES if name != who.traits.birth_family_name]
    return msgspec.structs.replace(who.traits, used_family_name=rng.choice(others))


def _case(
    rng: random.Random,
    layout: Layout,
    name: str,
    identity: Person,
    printed: Person,
    newborn: Person | None = None,
    sibling: Person | None = None,
) -> Case:
    page = Page()
    sheet = replace(_sheet(rng, printed, quotes=name == "quoting" or rng.random() < 0.3), newborn=newborn, sibling=sibling)
    layout.draw(page, replace(sheet, relative=identity, quotes=True) if name == "kin" else sheet)
    return Case(f"{layout.name}/{name}", page.done(), identity, printed.ins.matricule != identity.ins.matricule)


def _unnamed(rng: random.Random, layout: Layout, identity: Person) -> Case:
    """The identity is in a picture of the letterhead, which nothing reads: only the doctor and the care are text."""
    page, sheet = Page(), _sheet(rng, identity, quotes=rng.random() < 0.5)
    page.line(f"Docteur {sheet.doctor.given.title()} {sheet.doctor.family}", f"Le {sheet.visit}", x=330)
    page.line("Cher confrère,", "Je vous remercie de votre accueil.", *sheet.body(5))
    page.line(f"Copie au Dr {sheet.name(sheet.recipient)}, à Mme {sheet.recipient.family}, diététicienne")
    return Case(f"{layout.name}/unnamed", page.done(), identity, contradicts=False)


def _sheet(rng: random.Random, patient: Person, *, quotes: bool) -> Sheet:
    return Sheet(
        patient=patient,
        doctor=stranger(rng, patient),
        recipient=stranger(rng, patient),
        relative=relative(rng, patient) if rng.random() < 0.7 else stranger(rng, patient),
        visit=f"{rng.randrange(1, 29):02d}/{rng.randrange(1, 12):02d}/2026",
        quotes=quotes,
        rng=rng,
    )
