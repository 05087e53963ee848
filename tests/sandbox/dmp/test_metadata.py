"""Metadata judged (dmp.md section 8, cases 11, 12, 16 to 24, 38, 39): value sets, forms, and what the CDA says."""

from __future__ import annotations

import re

import pytest

from gateway.sandbox.dmp.options import DmpOptions
from gateway.sandbox.dmp.service import DmpService
from gateway.sandbox.exchange import Verdict
from tests.sandbox.dmp.conftest import FeedMaker, ServiceMaker
from tests.sandbox.dmp.stranger import new_oid
from tests.sandbox.dmp.stranger_cda import Document
from tests.sandbox.dmp.test_feed import VSM
from tests.sandbox.dmp.test_token import fault_of

LEVEL = "2.16.840.1.113883.5.25"
MASKS = "1.2.250.1.213.1.1.4.13"


def codes_of(verdict: Verdict) -> set[str]:
    """XDS error codes of a RegistryResponse, each with its rule in its codeContext."""
    found = re.findall(rb'errorCode="([^"]+)" codeContext="(dmp\.[a-z0-9.-]+) : ', verdict.answer.body)
    assert tuple(dict.fromkeys(rule.decode() for _, rule in found)) == verdict.failed_rules
    assert b"ResponseStatusType:Failure" in verdict.answer.body
    return {code.decode() for code, _ in found}


def test_dmp12_author_institution_is_the_structure_of_the_token(service: DmpService, feed: FeedMaker) -> None:
    verdict = feed(lot={"structure": "10B0000009"}).send(service)
    assert verdict.failed_rules == ("dmp.consistency.author-institution",)
    assert fault_of(verdict)[2] == "Aucun AuthorInstitution ne correspond à l'utilisateur du VIHF"


def test_dmp12_author_institution_of_the_document(service: DmpService, feed: FeedMaker) -> None:
    verdict = feed(document=Document(unique_id=new_oid(), structure="10B0000009")).send(service)
    assert verdict.failed_rules == ("dmp.document.author-institution",)


def patient(matricule: str) -> dict[str, dict[str, object] | Document]:
    return {
        "document": Document(unique_id=new_oid(), matricule=matricule),
        "lot": {"patient": f"{matricule}^^^&1.2.250.1.213.1.4.10&ISO^NH"},
        "vihf": {"resource": f"{matricule}^^^&amp;1.2.250.1.213.1.4.10&amp;ISO^NH"},
    }


def test_dmp16_unknown_patient_is_refused(service: DmpService, feed: FeedMaker) -> None:
    verdict = feed(**patient("199999999999999")).send(service)
    assert verdict.failed_rules == ("dmp.patient.unknown",)
    assert codes_of(verdict) == {"XDSUnknownPatientId"}


def test_dmp17_closed_dmp_is_refused(service: DmpService, feed: FeedMaker) -> None:
    verdict = feed(**patient("153078987658513")).send(service)
    assert verdict.failed_rules == ("dmp.patient.closed",)
    assert codes_of(verdict) == {"XDSUnknownPatientId"}


@pytest.mark.parametrize(
    ("document", "rule"),
    [
        ({"type_code": "27899-4", "class_code": "10"}, "dmp.metadata.type"),
        ({"type_system": "1.2.250.1.213.1.1.4.12"}, "dmp.metadata.type"),
        ({"class_code": "11"}, "dmp.metadata.class-of-type"),
        ({"type_code": "60280-5", "class_code": "11"}, "dmp.metadata.class-of-type"),
        ({"format_code": "urn:ihe:iti:xds-sd:text:2008"}, "dmp.document.format"),
        ({"format_code": "urn:ihe:pharm:pre:2010"}, "dmp.document.format"),
        ({"format_system": "1.2.250.1.213.1.1.4.2.282"}, "dmp.document.format"),
        ({**VSM, "format_code": "urn:asip:ci-sis:ldl-ees:2017"}, "dmp.document.format"),
        ({**VSM, "format_code": "urn:ihe:iti:xds-sd:pdf:2008", "format_system": "1.3.6.1.4.1.19376.1.2.3"}, "dmp.document.format"),
    ],
)
def test_dmp18_codes_outside_their_sets_or_derivations(service: DmpService, feed: FeedMaker, document: dict[str, str], rule: str) -> None:
    verdict = feed(document=Document(unique_id=new_oid(), **document)).send(service)  # type: ignore[arg-type]
    assert rule in verdict.failed_rules
    assert codes_of(verdict) == {"XDSRegistryMetadataError"}


def edited(old: str, new: str) -> dict[str, list[tuple[str, str]]]:
    return {"edits": [(old, new)]}


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ('nodeRepresentation="SA07">', 'nodeRepresentation="SA99">', "facility"),
        ('nodeRepresentation="AMBULATOIRE">', 'nodeRepresentation="VILLE">', "practice-setting"),
        ("G15_10/SM54^Médecin", "G15_10/SM00^Médecin", "author-specialty"),
        ("<rim:Value>fr-FR</rim:Value>", "<rim:Value>fr</rim:Value>", "language"),
        (
            '<rim:Slot name="creationTime"><rim:ValueList><rim:Value>20261122093000',
            '<rim:Slot name="creationTime"><rim:ValueList><rim:Value>202611220930',
            "creation-time",
        ),
        ("^^^^^L</rim:Value>", "^^^^^X</rim:Value>", "source-patient-info"),
        ("P-1042^^^&amp;1.2.250.1.999.1&amp;ISO^PI", "P-1042", "source-patient-id"),
        ('value="1.2.250.1.999.1"', 'value="x"', "source-id"),
        ("^^^^^&amp;1.2.250.1.71.4.2.2&amp;ISO^IDNST^^^10B0152872", "^^^^^^IDNST^^^10B0152872", "author-institution"),
        ('mimeType="text/xml"', 'mimeType="application/pdf"', "mime-type"),
    ],
)
def test_dmp18_other_rules_of_an_entry(service: DmpService, feed: FeedMaker, old: str, new: str, rule: str) -> None:
    verdict = feed(**edited(old, new)).send(service)
    assert f"dmp.metadata.{rule}" in verdict.failed_rules
    assert "XDSRegistryMetadataError" in codes_of(verdict)


def test_every_broken_rule_of_a_stage_is_named(service: DmpService, feed: FeedMaker) -> None:
    edits = [
        ('nodeRepresentation="AMBULATOIRE">', 'nodeRepresentation="VILLE">'),
        ("<rim:Value>fr-FR</rim:Value>", "<rim:Value>en</rim:Value>"),
    ]
    verdict = feed(edits=edits).send(service)
    assert set(verdict.failed_rules) == {"dmp.metadata.practice-setting", "dmp.metadata.language"}


@pytest.mark.parametrize(
    ("cx", "rule"),
    [
        ("279035121518989", "dmp.metadata.patient-id"),
        ("279035121518989^^^&1.2.250.1.213.1.4.10&ISO^PI", "dmp.metadata.patient-id"),
        ("279035121518989^^^1.2.250.1.213.1.4.10^NH", "dmp.metadata.patient-id"),
        ("279035121518989^^^&1.2.250.1.213.1.4.2&ISO^NH", "dmp.vihf.patient"),
    ],
)
def test_dmp19_patient_identifier_has_its_form(service: DmpService, feed: FeedMaker, cx: str, rule: str) -> None:
    verdict = feed(lot={"patient": cx}).send(service)
    assert rule in verdict.failed_rules


def test_dmp19_ins_c_is_refused_even_with_a_matching_token(service: DmpService, feed: FeedMaker) -> None:
    oid = "1.2.250.1.213.1.4.2"
    changes: dict[str, object] = {
        "document": Document(unique_id=new_oid(), ins_oid=oid),
        "lot": {"patient": f"279035121518989^^^&{oid}&ISO^NH"},
        "vihf": {"resource": f"279035121518989^^^&amp;{oid}&amp;ISO^NH"},
    }
    assert feed(**changes).send(service).failed_rules == ("dmp.metadata.patient-id-ins-c",)


def test_dmp19_effective_date_after_the_identifier_is_accepted(service: DmpService, feed: FeedMaker) -> None:
    edits = [('&amp;1.2.250.1.213.1.4.10&amp;ISO^NH"', '&amp;1.2.250.1.213.1.4.10&amp;ISO^NH^^20100907"')]
    assert feed(edits=edits).send(service).failed_rules == ()


def test_dmp20_unique_id_with_an_extension_is_refused(service: DmpService, feed: FeedMaker) -> None:
    sent = feed()
    uid = sent.document.unique_id
    sent.edits.append((f'value="{uid}"', f'value="{uid}^1"'))
    assert sent.send(service).failed_rules == ("dmp.metadata.unique-id-extension",)


def test_dmp20_cda_id_with_an_extension_is_refused(service: DmpService, feed: FeedMaker) -> None:
    sent = feed()
    mark = f'<id root="{sent.document.unique_id}"'.encode()
    sent.cda_edit = lambda body: body.replace(mark, b'<id extension="1"' + mark[3:])
    assert sent.send(service).failed_rules == ("dmp.document.unique-id",)


def test_dmp21_masked_and_invisible_document_is_refused(make_service: ServiceMaker, feed: FeedMaker) -> None:
    both = (("N", LEVEL), ("MASQUE_PS", MASKS), ("INVISIBLE_PATIENT", MASKS))
    verdict = feed(lot={"confidentiality": both}).send(make_service(DmpOptions()))
    assert verdict.failed_rules == ("dmp.metadata.masked-and-invisible",)
    assert feed(lot={"confidentiality": both}).send(make_service(DmpOptions(masked_and_invisible_together=True))).failed_rules == ()


@pytest.mark.parametrize("name", ["MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX"])
def test_dmp21_one_masking_is_accepted(service: DmpService, feed: FeedMaker, name: str) -> None:
    assert feed(lot={"confidentiality": (("N", LEVEL), (name, MASKS))}).send(service).failed_rules == ()


@pytest.mark.parametrize(
    ("codes", "rules"),
    [
        ((("N", LEVEL), ("R", LEVEL)), {"dmp.metadata.confidentiality-level"}),
        ((("MASQUE_PS", MASKS),), {"dmp.metadata.confidentiality-level"}),
        ((("N", LEVEL), ("X", MASKS)), {"dmp.metadata.confidentiality"}),
        ((("N", MASKS),), {"dmp.metadata.confidentiality-level", "dmp.metadata.confidentiality"}),
    ],
)
def test_dmp22_one_level_and_one_only(service: DmpService, feed: FeedMaker, codes: tuple[tuple[str, str], ...], rules: set[str]) -> None:
    assert set(feed(lot={"confidentiality": codes}).send(service).failed_rules) == rules


def test_dmp22_level_is_that_of_the_document(service: DmpService, feed: FeedMaker) -> None:
    assert feed(lot={"confidentiality": (("R", LEVEL),)}).send(service).failed_rules == ("dmp.document.confidentiality",)


def test_dmp23_wrong_hash_or_size_is_refused(service: DmpService, feed: FeedMaker) -> None:
    changed = feed()
    changed.edits.append(('<rim:Slot name="hash"><rim:ValueList><rim:Value>', '<rim:Slot name="hash"><rim:ValueList><rim:Value>0'))
    verdict = changed.send(service)
    assert verdict.failed_rules == ("dmp.document.hash",)
    assert codes_of(verdict) == {"XDSRepositoryMetadataError"}
    longer = feed()
    longer.edits.append((f"<rim:Value>{len(longer.bodies()[0])}</rim:Value>", f"<rim:Value>{len(longer.bodies()[0]) + 1}</rim:Value>"))
    assert longer.send(service).failed_rules == ("dmp.document.size",)


def test_dmp23_hash_and_size_may_both_be_left_out(service: DmpService, feed: FeedMaker) -> None:
    assert feed(lot={"hashes": False}).send(service).failed_rules == ()


def test_dmp24_part_without_entry_and_entry_without_part(service: DmpService, feed: FeedMaker) -> None:
    entry_alone = feed(edits=[('<xdsb:Document id="Document01">', '<xdsb:Document id="Document09">')]).send(service)
    assert set(entry_alone.failed_rules) == {"dmp.parts.document-missing", "dmp.parts.entry-missing"}
    assert codes_of(entry_alone) == {"XDSMissingDocument", "XDSMissingDocumentMetadata"}


def test_dmp24_case_of_identifiers_matters(service: DmpService, feed: FeedMaker) -> None:
    verdict = feed(edits=[('<xdsb:Document id="Document01">', '<xdsb:Document id="document01">')]).send(service)
    assert verdict.failed_rules == ("dmp.parts.id-case",)


def test_dmp24_part_nobody_includes_is_refused(service: DmpService, feed: FeedMaker) -> None:
    sent = feed()
    include = '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:Document01%40test"/>'
    reference = f'<xdsb:Document id="Document01">{include}</xdsb:Document>'
    sent.edits.append((reference, ""))
    assert sent.send(service).failed_rules == ("dmp.parts.orphan",)


def test_dmp24_reference_to_an_absent_part_is_a_fault(service: DmpService, feed: FeedMaker) -> None:
    assert feed(edits=[("cid:Document01%40test", "cid:Document07%40test")]).send(service).failed_rules == ("dmp.mtom.include",)


def test_dmp38_author_without_name_is_refused(service: DmpService, feed: FeedMaker) -> None:
    verdict = feed(edits=[("899700366240^D'ESSAI^Camille^", "899700366240^^^")]).send(service)
    assert "dmp.metadata.author-person" in verdict.failed_rules
    assert codes_of(verdict) == {"XDSRegistryMetadataError"}


def test_dmp39_vaccination_note_of_the_old_model_is_refused(service: DmpService, feed: FeedMaker) -> None:
    old = {**VSM, "type_code": "87273-9", "class_code": "52", "template": "1.2.250.1.213.1.1.1.10"}
    assert "dmp.document.vaccination-model" in feed(document=Document(unique_id=new_oid(), **old)).send(service).failed_rules  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("<title>Ordonnance", "<title>Certificat", "title"),
        ('<effectiveTime value="20261122103000+0100">', '<effectiveTime value="20261122103000+0000">', "creation-time"),
        ('<low value="20261122101500+0100">', '<low value="20261123">', "service-start"),
        ('code="57833-6"', 'code="57832-8"', "type"),
        ('extension="279035121518989"', 'extension="207058575627097"', "patient"),
        ('qualifier="BR">PAT-TROIS', 'qualifier="BR">AUTRE', "patient-name"),
        ('<birthTime value="19790305">', '<birthTime value="19790306">', "birth-date"),
        ('<administrativeGenderCode code="F"', '<administrativeGenderCode code="M"', "gender"),
        ('code="SA07"', 'code="SA08"', "facility"),
        ('code="AMBULATOIRE"', 'code="HAD"', "practice-setting"),
        ('code="fr-FR"', 'code="en-US"', "language"),
        ('representation="B64">JVBERi', 'representation="B64">AAAAAA', "body"),
        ("<ClinicalDocument ", '<!DOCTYPE x [<!ENTITY a "b">]><ClinicalDocument ', "unreadable"),
        ("</ClinicalDocument>", "", "unreadable"),
    ],
)
def test_consistency_of_the_document_with_its_entry(service: DmpService, feed: FeedMaker, old: str, new: str, rule: str) -> None:
    sent = feed()
    assert old.encode() in sent.bodies()[0]
    sent.cda_edit = lambda body: body.replace(old.encode(), new.encode())
    verdict = sent.send(service)
    assert verdict.failed_rules == (f"dmp.document.{rule}",)
    assert codes_of(verdict) == {"InvalidDocumentContent"}
    assert service.ledger() == []


def test_a_document_in_its_own_style_sheet_is_announced_as_such(service: DmpService, feed: FeedMaker) -> None:
    def wrapped(body: bytes) -> bytes:
        head = b'<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0"><Contenu xmlns="urn:asip-sante:ci-sis">'
        return head + body + b"</Contenu></xsl:stylesheet>"

    named = [('id="Document01" mimeType="text/xml"', 'id="Document01" mimeType="application/xslt+xml"')]
    assert feed(cda_edit=wrapped).send(service).failed_rules == ("dmp.document.mime-type",)
    assert feed(edits=named).send(service).failed_rules == ("dmp.document.mime-type",)
    assert feed(cda_edit=wrapped, edits=named).send(service).failed_rules == ()
