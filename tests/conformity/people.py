"""Who writes and who is written about: structures of four sectors, authors of several professions, patients with odd names.

Everybody is invented; matricules are made up under the test authority, their keys computed here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from tests.cda.headers import names, titles

TEST_AUTHORITY = "1.2.250.1.213.1.4.10"
MARTIN = "dr.martin@medecin.sandbox.mssante.fr"
SAMPLE_AUTHOR = "801234567897"
"""Who signs the official samples."""


@dataclass(frozen=True, slots=True)
class Structure:
    """A structure as `relais init` and relais.toml name it."""

    id: str
    name: str
    sector: str


PORT = Structure("10B0152872", "CABINET MEDICAL DU PORT", "SA08")
STRUCTURES = (
    PORT,
    Structure("10B0152880", "CENTRE DE SANTÉ DE L'ÉCLUSE", "SA05"),
    Structure("499700366240001", "DR D'ARTIMON, ASSOCIÉS & FILS", "SA07"),
    Structure("318751275100020", 'MAISON DE SANTÉ "LES TILLEULS"', "SA52"),
)
SAMPLE_STRUCTURES = (
    Structure("1750803447", "CLINIQUE DES ECHANTILLONS", "SA07"),
    Structure("1120456789", "CABINET DES ECHANTILLONS", "SA08"),
    Structure("2801234567", "CENTRE DES ECHANTILLONS", "SA05"),
    Structure("1750512345", "MSP DES ECHANTILLONS", "SA52"),
)


@dataclass(frozen=True, slots=True)
class Author:
    """A professional as relais.toml describes them."""

    id: str
    family: str
    given: str
    profession: str = "10"
    specialty: str = "SM26"
    title: str | None = "DR"

    def toml(self) -> str:
        """Their block of a structure."""
        described = {"id": self.id, "family": self.family, "given": self.given, "profession": self.profession, "specialty": self.specialty}
        if self.title:
            described["title"] = self.title
        lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in described.items())
        return "[[structures.professionals]]\n" + "\n".join(lines) + "\n"


KNOWN_AUTHORS = ("899700366240", "899700366257")
"""Those that `relais init` writes."""
ADDED_AUTHORS = (
    Author("899700366265", "D'ARTIMON", "Hélène-Zoë", specialty="SM04", title="PR"),
    Author("899700366273", "Ÿ", "Ço", specialty="SM54", title=None),
    Author("899700366281", "DE LA TRÉMOÏLLE-" + "É" * 84, "M" * 100),
    Author("899700366299", "N^GUYEN & FILS|LE ROY", 'Jean-"Loup" <B>~\\'),
    Author("899700366307", "LE BIHAN", "Nolwenn", profession="60", title=None),
    Author("899700366315", "KERVELLA", "Maël", profession="70", specialty="", title=None),
    Author("0291234567", "QUÉMÉNER", "Anne", profession="91", title=None),
    Author("899700366323", "PRIGENT", "Loïc", profession="60", specialty="SI01", title=None),
)
AUTHORS = (*KNOWN_AUTHORS, *(one.id for one in ADDED_AUTHORS))
SAMPLE_AUTHORS = (Author(SAMPLE_AUTHOR, "BLANC", "Paul"),)


@dataclass(frozen=True, slots=True)
class Patient:
    """An identity as a workstation asserts it."""

    number: str
    """Thirteen characters of the matricule."""
    family: str
    given: str
    first: str
    used_family: str | None = None
    used_given: str | None = None
    birth_date: str = "1979-03-05"
    birth_place: str = "51215"
    sex: str = "F"
    local_id: str = ""
    status: str = "QUAL"

    @property
    def matricule(self) -> str:
        """The number and its key."""
        return self.number + f"{97 - int(self.number.replace('2A', '19').replace('2B', '18')) % 97:02d}"

    def part(self) -> dict[str, Any]:
        """The `patient` of a request."""
        return {
            "local_id": self.local_id or f"IPP-{self.number}",
            "ins": {"matricule": self.matricule, "oid": TEST_AUTHORITY},
            "identity_status": self.status,
            "birth_family_name": self.family,
            "birth_given_names": self.given,
            "first_birth_given_name": self.first,
            "used_family_name": self.used_family,
            "used_given_name": self.used_given,
            "sex": self.sex,
            "birth_date": self.birth_date,
            "birth_place": self.birth_place,
        }

    def known(self) -> dict[str, Any]:
        """The same person as the sandbox registers them: an open DMP."""
        return {
            "ins": {"matricule": self.matricule, "oid": TEST_AUTHORITY},
            "birth_family_name": "CONNU",
            "birth_given_names": "DU BAC A SABLE",
            "first_birth_given_name": "DU",
            "sex": "U",
            "birth_date": "1979-03-05",
            "birth_place": "51215",
            "dmp": "active",
        }


EVERYDAY = (
    Patient("2790351215189", "PAT-TROIS", "DOMINIQUE MARIE", "DOMINIQUE"),
    Patient("180032B020402", "CORSE", "ANTHONY", "ANTHONY", sex="M", birth_date="1980-03-02", birth_place="2B020"),
    Patient("297022A020779", "ADRTROIS", "ZOÉ LOU", "ZOÉ", birth_date="1997-02-26", birth_place="2A020"),
    Patient("1500099341001", "ETRANGER", "JEAN", "JEAN", sex="M", birth_date="1950-00-00", birth_place="99341"),
    Patient("2620263220749", "LUNAIRE", "ANNE-LISE", "ANNE-LISE", "DÛPONT", "LISE", birth_date="1962-02-00", birth_place="63220"),
    Patient("1100863220830", "NESSI", "MICHELANGELO ANTHONY", "MICHELANGELO", sex="U", birth_date="2010-08-07", birth_place="63220"),
)

_ODD = (
    ("O'BRIEN", "SINÉAD", "SINÉAD", None, None),
    ("D’ESTAING", "ANNE’LISE MAËLYS", "ANNE’LISE", "D'ESTAING", "ANNE"),
    ("LE GOFF-PÉRÈS", "MARIE-CLAIRE ÉLÉONORE", "MARIE-CLAIRE", "LE  GOFF", "MARIE"),
    ("NG", "LY", "LY", None, "LI"),
    ("N^GUYEN", "A^B C", "A^B", "N^G", None),
    ("DUPONT & FILS", "T & T", "T &", "&", "&amp;"),
    ("A|B", "C|D", "C|D", "|", "|"),
    ("~TILDE\\BACK", "\\T\\ \\S\\", "\\T\\", None, "\\"),
    ("<B>GRAS</B>", "]]> <!--", "]]>", "<?pi?>", "-->"),
    ('"GUILLEMETS"', 'L\' "X"', "L'", "'", '"'),
    ("É" * 100, "Z" * 100, "Z" * 100, "Œ" * 100, "ß" * 100),
    ("&" * 100, "^" * 100, "^" * 100, "|" * 100, "~" * 100),
    ("ŒUVRÉ", "ÆGIR", "ÆGIR", "ŁUKASZ", "ŞEYMA"),
    ("E\u0301TOILE", "NOE\u0308L", "NOE\u0308L", None, "I\u0307"),
    ("ИВАНОВ", "光", "光", "אבג", "😀"),
    ("-", "'", "'", "--", "."),
)


@dataclass
class _Drawn:
    people: list[tuple[str, str, str, str | None, str | None, str]] = field(default_factory=list)


def sampled(count: int) -> list[tuple[str, str, str, str | None, str | None, str]]:
    """Family, given names, first given name, used names and a title: hypothesis' own samples, the same at every run."""
    drawn = _Drawn()
    used = st.one_of(st.none(), names)

    @seed(20261124)
    @settings(max_examples=count, database=None, phases=[Phase.generate], deadline=None)
    @given(names, names, st.one_of(st.just(""), names), used, used, titles)
    def draw(family: str, first: str, others: str, used_family: str | None, used_given: str | None, title: str) -> None:
        drawn.people.append((family, f"{first} {others}"[:100].strip(), first, used_family, used_given, title))

    draw()
    return drawn.people


def odd_patients(count: int) -> list[tuple[Patient, str]]:
    """The fixed list, then `count` samples, each with a title; the local identifier is odd too."""
    listed = [(*one, f"Ordonnance de {one[1]}\u00a0: «\u202f{one[0]}\u202f»") for one in _ODD] + sampled(count)
    found = []
    for rank, (family, given_names, first, used_family, used_given, title) in enumerate(listed):
        number = f"2{50 + rank % 40:02d}{1 + rank % 12:02d}75{100_000 + rank:06d}"
        who = Patient(number, family, given_names, first, used_family, used_given, local_id=f"IPP {rank} {family}"[:60].strip())
        found.append((who, title))
    return found
