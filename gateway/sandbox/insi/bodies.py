"""The bodies of the operations, held to the functional rules of insi.md 1.6 and 1.7; WS_INS3 is a reconstruction [R]."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

from gateway.sandbox.dmp.safe_xml import children, text_of
from gateway.sandbox.insi.people import Query
from gateway.sandbox.insi.refusals import broken

TRAITS: Final = "http://www.cnamts.fr/INSiRecSans"
CARD: Final = "http://www.cnamts.fr/INSiRecVit"
VERIFICATION: Final = "http://www.cnamts.fr/INSiLot2/REQUnitaire"

_FAMILY = re.compile(r"[A-Z'](?:[A-Z]|[ '-])*")
_GIVEN = re.compile(r"[A-Z'](?:[A-Z]|[ '-])*[A-Z]|[A-Z]")
_DOUBLED = re.compile(r"[ '][ ']")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_PLACE = re.compile(r"[0-9][0-9AB][0-9]{3}")
_NIR = re.compile(r"\d{6}[AB0-9]\d{6}")
_TRAITS_ORDER = ("NomNaissance", "Prenom", "Sexe", "DateNaissance", "LieuNaissance")


@dataclass(frozen=True, slots=True)
class CardQuery:
    """What a search by card asks."""

    insured: str
    own: str | None
    birth_date: str
    rank: str


def read_traits(body: etree._Element, coverage: etree._Element, *, strict: bool) -> Query:
    """The criteria of WS_INS2; raises InsiRefusal."""
    if body.tag != f"{{{TRAITS}}}RECSANSVITALE":
        raise broken("insi.body.root", "RECSANSVITALE attendu")
    query = _criteria(body, TRAITS)
    if strict:
        if children(coverage):
            raise broken("insi.bam.coverage-empty", "COUVERTURE doit être vide pour une recherche par traits")
        names = [etree.QName(child).localname for child in children(body)]
        if names != sorted(names, key=lambda one: _TRAITS_ORDER.index(one) if one in _TRAITS_ORDER else 99):
            raise broken("insi.body.order", "éléments dans l'ordre du schéma")
        judge_query(query)
    return query


def judge_query(query: Query) -> None:
    """The mandatory fields and the characters of names; raises InsiRefusal."""
    if not _FAMILY.fullmatch(query.birth_family_name) or _DOUBLED.search(query.birth_family_name) or "---" in query.birth_family_name:
        raise broken("insi.traits.family-name", "nom de naissance hors du profil")
    given = query.given_name
    if not _GIVEN.fullmatch(given) or _DOUBLED.search(given) or "--" in given:
        raise broken("insi.traits.given-name", "prénom hors du profil")
    if query.sex not in ("M", "F"):
        raise broken("insi.traits.sex", "M ou F")
    if not _DATE.fullmatch(query.birth_date):
        raise broken("insi.traits.birth-date", "AAAA-MM-JJ")
    if query.birth_place is not None and not _PLACE.fullmatch(query.birth_place):
        raise broken("insi.traits.birth-place", "code COG de 5 caractères")


def read_card(body: etree._Element, coverage: etree._Element, *, strict: bool) -> CardQuery:
    """The data of WS_INS1; raises InsiRefusal."""
    if body.tag != f"{{{CARD}}}RECVITALE":
        raise broken("insi.body.root", "RECVITALE attendu")
    own = text_of(body.find(f"{{{CARD}}}MatriculeIndividu/{{{CARD}}}NumIdentifiant")) or None
    insured = text_of(body.find(f"{{{CARD}}}MatriculeOD/{{{CARD}}}NumIdentifiant"))
    query = CardQuery(
        insured=insured,
        own=own,
        birth_date=text_of(body.find(f"{{{CARD}}}DateNaissance")),
        rank=text_of(body.find(f"{{{CARD}}}RangNaissance")) or "1",
    )
    if strict:
        if not children(coverage):
            raise broken("insi.bam.coverage-card", "COUVERTURE attendue avec les données de la carte")
        if not _NIR.fullmatch(insured) or (own is not None and not _NIR.fullmatch(own)):
            raise broken("insi.card.number", "numéro de 13 caractères")
        if not _DATE.fullmatch(query.birth_date):
            raise broken("insi.card.birth-date", "AAAA-MM-JJ")
    return query


def read_verification(body: etree._Element) -> tuple[str, str, Query]:
    """Number, authority and traits of WS_INS3; raises InsiRefusal."""
    where = {"v": VERIFICATION}
    if body.tag != f"{{{VERIFICATION}}}IndividuVerifie":
        raise broken("insi.body.root", "IndividuVerifie attendu")
    number = text_of(body.find("v:INSFourni/v:IdIndividu/v:NumIdentifiant", where))
    oid = text_of(body.find("v:INSFourni/v:OID", where))
    traits = body.find("v:TraitsIdentiteIndividu", where)
    if traits is None:
        raise broken("insi.body.traits", "traits attendus")
    return number, oid, _criteria(traits, VERIFICATION)


def _criteria(parent: etree._Element, namespace: str) -> Query:
    def one(name: str) -> str:
        return text_of(parent.find(f"{{{namespace}}}{name}"))

    given = " ".join(text_of(child) for child in parent.findall(f"{{{namespace}}}Prenom"))
    return Query(
        birth_family_name=one("NomNaissance"),
        given_name=given,
        sex=one("Sexe"),
        birth_date=one("DateNaissance"),
        birth_place=one("LieuNaissance") or None,
    )
