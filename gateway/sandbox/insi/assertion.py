"""The assertion of a professional's card, believed only when all of it holds (insi.md 2.2, 7.1)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from cryptography.x509.oid import NameOID
from lxml import etree

from gateway.sandbox.dmp.certificates import TrustStore
from gateway.sandbox.dmp.safe_xml import text_of
from gateway.sandbox.dmp.signature import (
    ENVELOPED,
    EXCLUSIVE,
    canonical,
    certificates_of,
    ds,
    matches,
    read_reference,
    signed_info_fault,
    without_signature,
)
from gateway.sandbox.insi.envelope import SAML
from gateway.sandbox.insi.refusals import broken

_LIFE: Final = timedelta(hours=1)
_AHEAD: Final = timedelta(minutes=5)


def accept_assertion(assertion: etree._Element | None, trust: TrustStore, now: datetime) -> str:
    """The national identifier of the professional; raises InsiRefusal naming the rule."""
    if assertion is None:
        raise broken("insi.assertion.missing", "assertion attendue")
    signature = assertion.find(ds("Signature"))
    leaves = certificates_of(signature) if signature is not None else ()
    if signature is None or not leaves:
        raise broken("insi.assertion.signature", "assertion non signée")
    references = [read_reference(one) for one in signature.iter(ds("Reference"))]
    if len(references) != 1 or references[0].uri != f"#{assertion.get('ID')}" or references[0].transforms != (ENVELOPED, EXCLUSIVE):
        raise broken("insi.assertion.reference", "une référence, à l'assertion elle-même")
    bare = canonical(without_signature(assertion), exclusive=True, comments=False, prefixes=references[0].prefixes)
    if not matches(references[0], bare, frozenset({"sha256"})):
        raise broken("insi.assertion.digest", "empreinte fausse")
    if signed_info_fault(signature, leaves[0], {"sha256"}) is not None:
        raise broken("insi.assertion.value", "signature fausse")
    fault = trust.fault_of(leaves[0], now)
    if fault is not None:
        raise broken(f"insi.assertion.certificate-{fault}", "certificat de la carte refusé")
    if not leaves[0].non_repudiation:
        raise broken("insi.assertion.usage", "clé de signature attendue")
    _judge_age(assertion, now)
    names = leaves[0].certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name_id = text_of(assertion.find(f"{{{SAML}}}Subject/{{{SAML}}}NameID"))
    if not names or name_id != str(names[0].value):
        raise broken("insi.assertion.name-id", "NameID différent du CN de la carte")
    return name_id


def _judge_age(assertion: etree._Element, now: datetime) -> None:
    try:
        issued = datetime.fromisoformat(assertion.get("IssueInstant", ""))
        age = now - issued
    except (ValueError, TypeError):
        raise broken("insi.assertion.instant", "IssueInstant attendu") from None
    if not -_AHEAD <= age <= _LIFE:
        raise broken("insi.assertion.age", "assertion trop ancienne")
