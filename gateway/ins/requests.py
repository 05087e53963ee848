"""The bodies of the INSi operations: by traits (WS_INS2), by Vitale card (WS_INS1), and the reconstructed verification (WS_INS3).

Values come in already in the characters INSi takes (`question`, `card`); bytes go out without XML declaration, ready for `envelope`.
Sources: insi.md 1.1, 1.6, 1.7; contract DESIR_ICIR_EXP 1.5.0.
"""

from __future__ import annotations

import enum

from lxml import etree

from gateway.ins.characters import family_name
from gateway.ins.criteria import CardReading, Question
from gateway.model.patient import Ins
from gateway.xml.build import Vocabulary

SEARCH_BY_TRAITS = "http://www.cnamts.fr/INSiRecSans"
SEARCH_BY_CARD = "http://www.cnamts.fr/INSiRecVit"
VERIFICATION = "http://www.cnamts.fr/INSiLot2/REQUnitaire"
"""Made up by analogy with `.../INSiLot2/REPUnitaire`, the namespace of the answer [R]."""


class Operation(enum.StrEnum):
    """An operation, by the name that the audit trail keeps."""

    CARD = "WS_INS1"
    TRAITS = "WS_INS2"
    VERIFICATION = "WS_INS3"

    @property
    def action(self) -> str:
        """The wsa:Action."""
        return ACTIONS[self]


ACTIONS = {
    Operation.CARD: "urn:ServiceIdentiteCertifiee:1.0.0:rechercherInsAvecCarteVitale",
    Operation.TRAITS: "urn:ServiceIdentiteCertifiee:1.0.0:rechercherInsAvecTraitsIdentite",
    Operation.VERIFICATION: "urn:ServiceIdentiteCertifiee:1.0.0:verifierInsAvecTraitsIdentite",
}
"""wsa:Action per operation; that of the verification is a guess from a client's method name [R]."""

_sans = Vocabulary(SEARCH_BY_TRAITS)
_vitale = Vocabulary(SEARCH_BY_CARD)


def traits_body(question: Question) -> bytes:
    """RECSANSVITALE: one Prenom, LieuNaissance only when the question has one. Raises XmlTextInvalid."""
    return _bytes(_sans("RECSANSVITALE", _traits(_sans, question)))


def card_body(reading: CardReading) -> bytes:
    """RECVITALE: NIR without keys, MatriculeIndividu only when the card has a certified one. Raises NameNotSendable.

    The shapes of the card's numbers and dates are checked by `card.coverage`, which every call by card needs.
    """
    name = reading.birth_family_name
    return _bytes(
        _vitale(
            "RECVITALE",
            _number("MatriculeIndividu", reading.beneficiary_nir) if reading.beneficiary_nir is not None else None,
            _number("MatriculeOD", reading.insured_nir),
            _vitale("NomNaissance", family_name(name, field="card.birth_family_name")) if name is not None else None,
            _vitale("DateNaissance", reading.birth_date),
            _vitale("RangNaissance", reading.birth_rank),
        )
    )


def verification_body(ins: Ins, question: Question, *, namespace: str = VERIFICATION) -> bytes:
    """IndividuVerifie: an INS and the traits it came with. Reconstructed [R]: not to be used before the v05 package is at hand.

    Only the names inside are known, from a client's sample; root, namespace, action and the order are guesses (insi.md 1.1, 10).
    """
    asked = Vocabulary(namespace)
    number = asked("IdIndividu", asked("NumIdentifiant", ins.matricule[:13]), asked("Cle", ins.matricule[13:]))
    known = asked("INSFourni", number, asked("OID", ins.oid))
    return _bytes(asked("IndividuVerifie", known, asked("TraitsIdentiteIndividu", _traits(asked, question))))


def _traits(vocabulary: Vocabulary, question: Question) -> list[etree._Element]:
    texts = {
        "NomNaissance": question.birth_family_name,
        "Prenom": question.given_name,
        "Sexe": question.sex,
        "DateNaissance": question.birth_date,
        "LieuNaissance": question.birth_place,
    }
    return [vocabulary(name, text) for name, text in texts.items() if text is not None]


def _number(name: str, nir: str) -> etree._Element:
    return _vitale(name, _vitale("NumIdentifiant", nir))


def _bytes(made: etree._Element) -> bytes:
    return etree.tostring(made, encoding="UTF-8")
