"""Writes the CDA R2 header of the French "structuration minimale", every mandatory element in schema order.

Takes facts and codes as they are in the ClinicalHeader; looks nothing up and decides nothing. Source: cda_signing.md section 1 and 1.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lxml import etree

from gateway.cda import actors
from gateway.cda.errors import CdaInvalid
from gateway.cda.identity import record_target
from gateway.cda.stamp import write_stamp
from gateway.cda.vocabulary import V3, coded, joined_id, period
from gateway.kernel import oids
from gateway.kernel.ids import is_oid
from gateway.model.document import ClinicalHeader


def clinical_document(
    header: ClinicalHeader, templates: Sequence[str], body: etree._Element, recipients: Sequence[actors.Recipient] = ()
) -> etree._Element:
    """`<ClinicalDocument>` around a body; raises CdaInvalid or XmlTextInvalid for facts that cannot be written."""
    return V3(
        "ClinicalDocument",
        _identification(header, templates),
        record_target(header.subject),
        _people(header, recipients),
        _context(header),
        V3("component", body),
    )


def _identification(header: ClinicalHeader, templates: Sequence[str]) -> Iterator[etree._Element]:
    if not is_oid(header.unique_id):
        raise CdaInvalid("id", "unique-id", "l'identifiant du document n'est pas un OID d'au plus 64 caractères")
    if not header.title.strip():
        raise CdaInvalid("title", "title", "le document n'a pas de titre")
    yield V3("realmCode", code="FR")
    yield V3("typeId", root="2.16.840.1.113883.1.3", extension="POCD_HD000040")
    for root in templates:
        yield V3("templateId", root=root)
    yield V3("id", root=header.unique_id)
    yield coded("code", header.type)
    yield V3("title", header.title)
    yield V3("effectiveTime", value=write_stamp(header.created_at, "effectiveTime"))
    yield coded("confidentialityCode", header.confidentiality)
    yield V3("languageCode", code=header.language)
    yield joined_id("setId", header.set_id)
    yield V3("versionNumber", value=str(header.version))


def _people(header: ClinicalHeader, recipients: Sequence[actors.Recipient]) -> Iterator[etree._Element]:
    if not header.authors:
        raise CdaInvalid("author", "author", "le document n'a pas d'auteur")
    for one in header.authors:
        yield actors.author(one, header.created_at)
    yield actors.custodian(header.custodian)
    for recipient in recipients:
        yield actors.information_recipient(recipient)
    yield actors.legal_authenticator(
        header.legal_authenticator,
        header.legal_authenticator_organization,
        header.legal_authentication_time or header.created_at,
    )


def _context(header: ClinicalHeader) -> Iterator[etree._Element]:
    for order in header.order_ids:
        yield V3("inFulfillmentOf", V3("order", joined_id("id", order)))
    yield from _acts(header)
    if header.replaces is not None:
        yield V3("relatedDocument", V3("parentDocument", joined_id("id", header.replaces)), typeCode="RPLC")
    facility = V3(
        "healthCareFacility", V3("id", root=oids.STRUCTURES, extension=header.performer_organization.id), coded("code", header.facility)
    )
    when = period(header.service_start, header.service_stop, "componentOf/encompassingEncounter/effectiveTime")
    yield V3("componentOf", V3("encompassingEncounter", when, V3("location", facility)))


def _acts(header: ClinicalHeader) -> Iterator[etree._Element]:
    """The main act, then one documentationOf for each further code."""
    codes = [coded("code", concept) for concept in header.event_codes]
    when = period(header.service_start, header.service_stop, "documentationOf/serviceEvent/effectiveTime")
    done_by = actors.performer(header.performer, header.performer_organization, header.practice_setting)
    yield V3("documentationOf", V3("serviceEvent", codes[:1], when, done_by))
    for code in codes[1:]:
        yield V3("documentationOf", V3("serviceEvent", code))
