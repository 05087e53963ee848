"""Judges a VIHF: who signed it, when, once only, and what it claims.

It never decides on rights (`rights`) nor compares the token with a lot (`feed`). Source: dmp.md sections 2 and 8 (cases 4 to 10, 40).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from lxml import etree

from gateway.sandbox.dmp import value_sets
from gateway.sandbox.dmp.certificates import Leaf, TrustStore
from gateway.sandbox.dmp.options import DmpOptions
from gateway.sandbox.dmp.refusals import (
    INVALID_CERTIFICATE,
    LEGAL_PERSON,
    NO_SPECIALTY,
    STALE_VIHF,
    UNKNOWN_STRUCTURE,
    SoapRefusal,
)
from gateway.sandbox.dmp.signature import (
    ENVELOPED,
    EXCLUSIVE,
    canonical,
    certificates_of,
    ds,
    hash_name,
    matches,
    read_reference,
    signed_info_fault,
    without_signature,
)
from gateway.sandbox.dmp.tokens import TokenMemory
from gateway.sandbox.dmp.vihf import HOMOLOGATION, PURPOSE, RESOURCE, SUBJECT_ID, Vihf, read_vihf

MODES = frozenset({"DIRECTE", "INDIRECTE", "INDIRECTE_RENFORCEE"})
_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"
_CLASSES = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
_AUTHENTICATIONS = frozenset(
    _CLASSES + name for name in ("SmartcardPKI", "Password", "TLSClient", "unspecified", "MobileTwoFactorUnregistered")
)
_ORDERS = frozenset(
    {
        ("Issuer", "Signature", "Subject", "AuthnStatement", "AttributeStatement"),
        ("Issuer", "Signature", "Subject", "Conditions", "AuthnStatement", "AttributeStatement"),
    }
)
_NCNAME = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")
_SUBJECT = re.compile(r"8\d{11}|0\d{9}|[0-9][0-9A-Z]*/.+")
_SECTOR = re.compile(r"SA\d\d\^1\.2\.250\.1\.71\.4\.2\.4")
_G15 = "1.2.250.1.71.1.2.7"
_SAVOIR_FAIRE = "1.2.250.1.71.4.2.5"
_REQUIRED = ("Identifiant_Structure", "Secteur_Activite", RESOURCE, "Ressource_URN", SUBJECT_ID, "LPS_Nom", "LPS_Version")


def accept_vihf(
    assertion: etree._Element | None, trust: TrustStore, memory: TokenMemory, options: DmpOptions, now: datetime
) -> tuple[Vihf, Leaf]:
    """The token and its signer's certificate, once every rule holds; raises SoapRefusal (`dmp.vihf.*`)."""
    if assertion is None:
        raise SoapRefusal("dmp.vihf.missing", "Le jeton VIHF est absent du message")
    signer = _signer(assertion, trust, options, now)
    vihf = read_vihf(assertion, options.homologation_numbers)
    if vihf.issuer_format != _FORMAT or vihf.issuer != signer.subject:
        raise SoapRefusal("dmp.vihf.issuer", LEGAL_PERSON)
    _check_time(vihf, options, now)
    if not memory.take(vihf.identifier, now):
        raise SoapRefusal("dmp.vihf.replay", STALE_VIHF)
    for rule, text in _claims(vihf, options):
        raise SoapRefusal(rule, text)
    if vihf.structure not in signer.units:
        raise SoapRefusal("dmp.vihf.structure", LEGAL_PERSON)
    if options.known_structures is not None and vihf.structure not in options.known_structures:
        raise SoapRefusal("dmp.vihf.structure-unknown", UNKNOWN_STRUCTURE)
    return vihf, signer


def mode_of(vihf: Vihf, options: DmpOptions) -> str:
    """The authentication mode claimed, under whichever attribute name is accepted; empty when absent."""
    return next((vihf.attribute(name) for name in sorted(options.mode_attributes) if vihf.attribute(name)), "")


def _signer(assertion: etree._Element, trust: TrustStore, options: DmpOptions, now: datetime) -> Leaf:
    signatures = list(assertion.iter(ds("Signature")))
    if len(signatures) != 1 or signatures[0].getparent() is not assertion:
        raise SoapRefusal("dmp.vihf.signature-missing", "Le jeton VIHF doit porter exactement une signature")
    certificates = certificates_of(signatures[0])
    if not certificates:
        raise SoapRefusal("dmp.vihf.certificate", "Le certificat du jeton VIHF est absent ou illisible", subcode=INVALID_CERTIFICATE)
    signer = certificates[0]
    if not signer.non_repudiation or signer.client_auth:
        raise SoapRefusal(
            "dmp.vihf.certificate-usage", "Le certificat du jeton VIHF n'est pas un certificat de signature", subcode=INVALID_CERTIFICATE
        )
    fault = trust.fault_of(signer, now, (other.certificate for other in certificates[1:]))
    if fault is None and signer.signs_until is not None and now > signer.signs_until:
        fault = "key-period"
    if fault is not None:
        raise SoapRefusal(f"dmp.vihf.certificate-{fault}", "Le certificat du jeton VIHF n'est pas valide", subcode=INVALID_CERTIFICATE)
    broken = _reference_fault(assertion, signatures[0], options) or signed_info_fault(signatures[0], signer, options.vihf_digests)
    if broken is not None:
        raise SoapRefusal(f"dmp.vihf.signature-{broken}", "La signature du jeton VIHF est invalide")
    return signer


def _reference_fault(assertion: etree._Element, signature: etree._Element, options: DmpOptions) -> str | None:
    references = signature.findall(f"{ds('SignedInfo')}/{ds('Reference')}")
    identifier = assertion.get("ID", "")
    if len(references) != 1 or not _NCNAME.fullmatch(identifier) or not _only_bearer(assertion, identifier):
        return "reference"
    reference = read_reference(references[0])
    if reference.uri != f"#{identifier}" or reference.transforms != (ENVELOPED, EXCLUSIVE):
        return "reference"
    if hash_name(reference.digest_method) not in options.vihf_digests:
        return "algorithm"
    data = canonical(without_signature(assertion), exclusive=True, comments=False, prefixes=reference.prefixes)
    return None if matches(reference, data, options.vihf_digests) else "digest"


def _only_bearer(assertion: etree._Element, identifier: str) -> bool:
    root = assertion.getroottree().getroot()
    bearers = root.xpath("//*[@ID=$id or @Id=$id or @id=$id or @*[local-name()='Id' or local-name()='id']=$id]", id=identifier)
    return bearers == [assertion]


def _check_time(vihf: Vihf, options: DmpOptions, now: datetime) -> None:
    if vihf.issued_at > now + timedelta(seconds=options.vihf_max_ahead):
        raise SoapRefusal("dmp.vihf.future", STALE_VIHF)
    if vihf.issued_at < now - timedelta(seconds=options.vihf_max_age):
        raise SoapRefusal("dmp.vihf.expired", STALE_VIHF)
    early = vihf.not_before is not None and now + timedelta(seconds=options.vihf_max_ahead) < vihf.not_before
    if early or (vihf.not_after is not None and now >= vihf.not_after):
        raise SoapRefusal("dmp.vihf.conditions", STALE_VIHF)


def _claims(vihf: Vihf, options: DmpOptions) -> Iterator[tuple[str, str]]:
    if vihf.order not in _ORDERS or vihf.audience:
        yield "dmp.vihf.order", "Les éléments du jeton VIHF ne sont pas ceux attendus"
    for name in _REQUIRED:
        if not vihf.attribute(name):
            yield f"dmp.vihf.attribute.{name.rsplit(':', 1)[-1]}", "Un attribut obligatoire du jeton VIHF est absent"
    if vihf.attribute("VIHF_Version") not in options.vihf_versions:
        yield "dmp.vihf.version", "La version du VIHF n'est pas acceptée"
    if mode_of(vihf, options) not in MODES:
        yield "dmp.vihf.mode", LEGAL_PERSON
    yield from _form_claims(vihf)
    yield from _role_claims(vihf)
    if not vihf.homologated:
        yield f"dmp.vihf.attribute.{HOMOLOGATION}", "Le numéro d'homologation du logiciel est absent ou inconnu"


def _form_claims(vihf: Vihf) -> Iterator[tuple[str, str]]:
    if vihf.attribute("Ressource_URN") != "urn:dmp":
        yield "dmp.vihf.resource-urn", "La ressource du jeton VIHF n'est pas urn:dmp"
    if vihf.patient is None:
        yield "dmp.vihf.resource-id", "L'identifiant du patient du jeton VIHF est mal formé"
    if not _SUBJECT.fullmatch(vihf.subject):
        yield "dmp.vihf.subject", "L'identifiant de l'utilisateur du jeton VIHF est mal formé"
    if vihf.authentication not in _AUTHENTICATIONS:
        yield "dmp.vihf.authentication", "Le mode d'authentification locale du jeton VIHF est inconnu"
    if not _SECTOR.fullmatch(vihf.attribute("Secteur_Activite")):
        yield "dmp.vihf.sector", "Le secteur d'activité du jeton VIHF est mal formé"
    if vihf.purpose is None or (vihf.purpose.code, vihf.purpose.system) != ("normal", "1.2.250.1.213.1.1.4.248"):
        yield f"dmp.vihf.attribute.{PURPOSE.rsplit(':', 1)[-1]}", "Le mode d'accès du jeton VIHF n'est pas l'accès normal"


def _role_claims(vihf: Vihf) -> Iterator[tuple[str, str]]:
    first = vihf.roles[0] if vihf.roles else None
    if first is None or not value_sets.is_vihf_role(first.code, first.system):
        yield "dmp.vihf.role", "La profession ou le rôle du jeton VIHF est absent ou inconnu"
        return
    doctor = (first.code, first.system) == ("10", _G15)
    specialties = [role for role in vihf.roles[1:] if role.system == _SAVOIR_FAIRE and value_sets.is_savoir_faire(role.code)]
    if doctor and not specialties:
        yield "dmp.vihf.specialty", NO_SPECIALTY
