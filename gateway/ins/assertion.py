"""The assertion of a professional by card (CPx): who calls INSi when no software certificate does (insi.md 2.1, 2.2).

This is not the VIHF of the DMP: no conditions, no confirmation, no patient. The key stays behind the signer port. The shape is that of a
sample signed by a test card; names of attributes differ between sources and are settings.
"""

from __future__ import annotations

import uuid
from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.x509.oid import NameOID
from lxml import etree
from typing_extensions import override

from gateway.ins.contexts import instant
from gateway.kernel.errors import ConfigurationFault, Held
from gateway.trust.certificate import load_certificate
from gateway.trust.dsig import sign_assertion
from gateway.trust.errors import CertificateMalformed
from gateway.trust.signer import Signer
from gateway.xml.build import Vocabulary

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
X509_SUBJECT = "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"
_CARD_TYPE = x509.ObjectIdentifier("1.2.250.1.71.1.2.2")
_FUTURE_PROFESSION = x509.ObjectIdentifier("1.2.250.1.71.1.2.5")
_PROFESSION = x509.ObjectIdentifier("1.2.250.1.71.1.2.7")
_CARD_TYPES = {0: "CPS", 1: "CPF", 2: "CDE-CPE", 3: "CPA"}
_UNKNOWN_TYPE = "CPX"
_PHYSICIAN = 10
_DN_NAMES = {NameOID.SURNAME: "SN", NameOID.TITLE: "T"}

_saml = Vocabulary(SAML)


class SpecialtyMissing(ConfigurationFault):
    """A physician, in training or not, must assert the specialty known to the health insurance."""

    code = "billing-specialty-missing"
    title = "Spécialité de facturation manquante"
    what = "La spécialité de facturation du médecin n'est pas réglée : le téléservice INSi ne peut pas être appelé avec sa carte."
    gesture = "Demandez à votre installateur de renseigner la spécialité de facturation de ce médecin."


class CardNotNominative(Held):
    """INSi wants a card that names a person; service cards do not serve (insi.md 2.1). Told by a certificate without surname [K]."""

    code = "card-not-nominative"
    title = "Carte non nominative"
    who = "le professionnel"
    what = "Cette carte ne porte pas le nom d'une personne : le téléservice INSi ne l'accepte pas."
    gesture = "Insérez votre carte CPS ou CPE nominative, puis recommencez."


class CardFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the practice says of the holder; who that is comes from the certificate alone."""

    billing_id: str
    """identifiantFacturation: AM number, or FINESS géographique (else SIRET) of an establishment; kept configurable as the guide asks."""
    sector: str
    """secteurActivite (SA05, SA07, ...)."""
    specialty: str | None = None
    """codeSpecialite of the health insurance; needed for physicians."""
    profession: str | None = None
    """gipProfessionCode, when the person has several professions."""
    specialty_attribute: str = "codeSpecialite"
    """Older samples write codeSpecialiteAMO or CodeSpecialite."""


class PsAssertion(msgspec.Struct, frozen=True, kw_only=True):
    """A signed assertion: its ID for the audit trail, its XML to be placed verbatim, and the Emetteur that goes with it."""

    id: str
    issued_at: datetime
    name_id: str
    """National identifier of the professional."""
    xml: bytes

    @override
    def __repr__(self) -> str:
        return f"PsAssertion(id={self.id!r})"


async def build_ps_assertion(facts: CardFacts, signer: Signer, now: datetime) -> PsAssertion:
    """A fresh assertion, rsa-sha256, the signature right after Issuer.

    Raises CardNotNominative, SpecialtyMissing, CertificateMalformed, XmlTextInvalid, and whatever the signer raises (PIN, card gone).
    """
    certificate = load_certificate(signer.certificate)
    name_id = _national_id(certificate)
    _check(facts, certificate)
    identifier = f"_{uuid.uuid4()}"
    assertion = _saml(
        "Assertion",
        _saml("Issuer", certificate.subject.rfc4514_string(_DN_NAMES), Format=X509_SUBJECT),
        _saml("Subject", _saml("NameID", name_id, NameQualifier=card_type(certificate))),
        _saml("AttributeStatement", _attributes(facts)),
        ID=identifier,
        IssueInstant=instant(now),
        Version="2.0",
    )
    signed = await sign_assertion(assertion, signer)
    return PsAssertion(id=identifier, issued_at=now, name_id=name_id, xml=etree.tostring(signed, encoding="UTF-8"))


def card_type(certificate: x509.Certificate) -> str:
    """CPS, CPF, CDE-CPE or CPA by the card's own extension; CPX when it says nothing known."""
    number = _number(certificate, _CARD_TYPE)
    return _UNKNOWN_TYPE if number is None else _CARD_TYPES.get(number, _UNKNOWN_TYPE)


def _national_id(certificate: x509.Certificate) -> str:
    subject = certificate.subject
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1:
        raise CertificateMalformed("common name", reason="il ne porte pas l'identifiant national d'un professionnel")
    if not subject.get_attributes_for_oid(NameOID.SURNAME):
        raise CardNotNominative
    return str(names[0].value)


def _check(facts: CardFacts, certificate: x509.Certificate) -> None:
    professions = (_number(certificate, _PROFESSION), _number(certificate, _FUTURE_PROFESSION))
    if _PHYSICIAN in professions and facts.specialty is None:
        raise SpecialtyMissing


def _attributes(facts: CardFacts) -> list[etree._Element]:
    texts = {
        "identifiantFacturation": facts.billing_id,
        "secteurActivite": facts.sector,
        facts.specialty_attribute: facts.specialty,
        "gipProfessionCode": facts.profession,
    }
    return [_saml("Attribute", _saml("AttributeValue", text), Name=name) for name, text in texts.items() if text is not None]


def _number(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> int | None:
    """The DER INTEGER of a private extension of the card, or None."""
    try:
        found = certificate.extensions.get_extension_for_oid(oid).value
    except x509.ExtensionNotFound:
        return None
    der = found.value if isinstance(found, x509.UnrecognizedExtension) else b""
    if len(der) < 3 or der[0] != 2 or der[1] != len(der) - 2:
        return None
    return int.from_bytes(der[2:], signed=True)
