"""The patient: INS, the five traits plus the used names, identity status (insi.md; design rules 1 and 2).

The key of every matricule is recomputed, wherever it comes from.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from datetime import date

import msgspec
from typing_extensions import override

from gateway.kernel import oids
from gateway.kernel.errors import Refused

_MATRICULE = re.compile(r"[0-9]{5}(?:[0-9]{2}|2[AB])[0-9]{6}[0-9]{2}")
_BIRTH_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_BIRTH_PLACE = re.compile(r"[0-9][0-9AB][0-9]{3}")


class MatriculeMalformed(Refused):
    """A matricule is 15 characters: 13 (2A and 2B allowed for the department) and a key of 2."""

    code = "ins-malformed"
    title = "Matricule INS mal formé"
    what = "Le matricule INS doit comporter 15 caractères : 13 pour le numéro et 2 pour la clé."
    gesture = "Vérifiez le matricule transmis par le logiciel métier, puis recommencez."


class MatriculeKeyWrong(Refused):
    """The key is not 97 - (number mod 97)."""

    code = "ins-key-invalid"
    title = "Clé du matricule INS fausse"
    what = "La clé du matricule INS ne correspond pas au numéro qui la précède."
    gesture = "Vérifiez le matricule dans le dossier du patient : un chiffre est sans doute faux."


class InsAuthorityUnknown(Refused):
    """The OID is not one of the four INS authorities, or not one of this box's environment."""

    code = "ins-oid-invalid"
    title = "OID de l'INS refusé"
    what = "L'OID qui accompagne le matricule n'est pas celui d'une INS utilisable dans cet environnement."
    gesture = "Faites vérifier par l'éditeur l'OID transmis avec le matricule."


class TraitInvalid(Refused):
    """One of the traits is missing or malformed; `field` names it."""

    code = "trait-invalid"
    title = "Trait d'identité invalide"
    what = "Un trait d'identité du patient est absent ou mal formé."
    gesture = "Corrigez le trait indiqué dans le logiciel métier, puis recommencez."


class IdentityStatus(enum.StrEnum):
    """RNIV status of an identity (insi.md section 4)."""

    PROVISOIRE = "PROV"
    RECUPEREE = "RECUP"
    VALIDEE = "VALI"
    QUALIFIEE = "QUAL"


class Sex(enum.StrEnum):
    """Administrative sex of the traits; U when unknown."""

    FEMALE = "F"
    MALE = "M"
    UNKNOWN = "U"


def under(path: str, name: str) -> str:
    """The path of a member in a request; an empty path is the request itself."""
    return f"{path}.{name}" if path else name


def matricule_key(number: str) -> str:
    """The two-digit key of a 13-character number: 97 - (number mod 97), 2A read as 19 and 2B as 18 (mssante.md 2.3)."""
    department = {"2A": "19", "2B": "18"}.get(number[5:7], number[5:7])
    return f"{97 - int(number[:5] + department + number[7:]) % 97:02d}"


class Ins(msgspec.Struct, frozen=True, kw_only=True):
    """A matricule (15 characters, key included) and the OID of its authority. Build it with `checked`."""

    matricule: str
    oid: str

    @classmethod
    def checked(cls, matricule: str, oid: str, *, field: str = "patient.ins") -> Ins:
        """Raises MatriculeMalformed, MatriculeKeyWrong or InsAuthorityUnknown, `field` naming what is at fault."""
        text = matricule.strip().upper()
        if not _MATRICULE.fullmatch(text):
            raise MatriculeMalformed(field=under(field, "matricule"))
        if matricule_key(text[:13]) != text[13:]:
            raise MatriculeKeyWrong(field=under(field, "matricule"))
        if oid not in oids.INS_ALL:
            raise InsAuthorityUnknown(field=under(field, "oid"))
        return cls(matricule=text, oid=oid)

    @property
    def nature(self) -> str:
        """NIA, else NIR: authorities of test and of demonstration stand for that of the NIR (insi.md 3.2)."""
        return "NIA" if self.oid == oids.INS_NIA else "NIR"

    def is_same(self, other: Ins) -> bool:
        """True for the same matricule of the same nature: INSi's qualification platform and a test file do not use the same authority."""
        return (self.matricule, self.nature) == (other.matricule, other.nature)

    def check_environment(self, environment: str, *, field: str = "patient.ins") -> None:
        """Raises InsAuthorityUnknown for a test authority in production (design, rule 12).

        The reverse is allowed: the national qualification platforms give out production authorities for their test identities.
        """
        if environment == "production" and self.oid not in oids.INS_PRODUCTION:
            raise InsAuthorityUnknown(field=under(field, "oid"))

    @override
    def __repr__(self) -> str:
        return "Ins(…)"


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """Traits of an identity. Strict traits: birth names, first birth given name, sex, birth date, birth place (COG INSEE)."""

    birth_family_name: str
    birth_given_names: str
    """All birth given names, in order, separated by spaces; hyphens kept."""
    first_birth_given_name: str
    sex: Sex
    birth_date: str
    """YYYY-MM-DD; a lunar date (month or day 00, or beyond the calendar) is kept verbatim."""
    birth_place: str
    """COG INSEE code, 5 characters; 99xxx abroad."""
    used_family_name: str | None = None
    used_given_name: str | None = None

    @property
    def birth_stamp(self) -> str:
        """The birth date as an HL7 timestamp: YYYYMMDD, or for a lunar date the precision that exists, YYYYMM or YYYY."""
        year, month, _ = self.birth_date.split("-")
        try:
            date.fromisoformat(self.birth_date)
        except ValueError:
            return f"{year}{month}" if "01" <= month <= "12" else year
        return self.birth_date.replace("-", "")

    def agree_with(self, other: Traits) -> bool:
        """True when the strict traits are the same, but for case, accents and hyphens."""
        return _strict(self) == _strict(other)

    def check(self, *, field: str = "patient") -> None:
        """Raises TraitInvalid naming the first trait at fault."""
        for name in ("birth_family_name", "birth_given_names", "first_birth_given_name"):
            if not _is_name(getattr(self, name)):
                raise TraitInvalid(field=under(field, name))
        for name in ("used_family_name", "used_given_name"):
            value = getattr(self, name)
            if value is not None and not _is_name(value):
                raise TraitInvalid(field=under(field, name))
        if not self.birth_given_names.casefold().startswith(self.first_birth_given_name.casefold()):
            raise TraitInvalid(field=under(field, "first_birth_given_name"))
        if not _is_birth_date(self.birth_date):
            raise TraitInvalid(field=under(field, "birth_date"))
        if not _BIRTH_PLACE.fullmatch(self.birth_place):
            raise TraitInvalid(field=under(field, "birth_place"))

    @override
    def __repr__(self) -> str:
        return "Traits(…)"


class Patient(msgspec.Struct, frozen=True, kw_only=True):
    """An identity as a paired workstation asserts it: local id, traits, INS and status."""

    local_id: str
    traits: Traits
    status: IdentityStatus
    ins: Ins | None = None

    @property
    def qualified(self) -> bool:
        """True when a document of this patient may leave for the DMP or the patient's mailbox (design, rule 1)."""
        return self.status is IdentityStatus.QUALIFIEE and self.ins is not None

    @override
    def __repr__(self) -> str:
        return "Patient(…)"


def folded(text: str) -> str:
    """A name without case, accents, hyphens or repeated spaces: for comparisons, never to be written."""
    bare = "".join(one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one))
    return " ".join(bare.casefold().replace("-", " ").split())


def _strict(traits: Traits) -> tuple[str, ...]:
    names = (folded(traits.birth_family_name), folded(traits.birth_given_names))
    return (*names, traits.sex.value, traits.birth_date, traits.birth_place.upper())


def _is_name(text: str) -> bool:
    return bool(text.strip()) and len(text) <= 100 and text == text.strip() and all(c.isprintable() for c in text)


def _is_birth_date(text: str) -> bool:
    parts = _BIRTH_DATE.fullmatch(text)
    if parts is None:
        return False
    year, month, day = (int(part) for part in parts.groups())
    if month == 0 or day == 0 or month > 12:
        return 1800 < year < 2200
    try:
        date(year, month, min(day, 28))
    except ValueError:
        return False
    return day <= 31
