"""Metadata derived from a clinical header, attribute by attribute (dmp.md 3.1 to 3.8)."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given

from gateway.cda.build import build_n1
from gateway.kernel.config import Professional
from gateway.model.document import LocalId, Subject
from gateway.model.people import Organization, Person
from gateway.model.visibility import Visibility
from gateway.nomenclature import codes
from gateway.xds import hl7
from gateway.xds.derive import FormatUnderivable, SubjectUnidentified, derive_entry, derive_submission, submitter
from tests.xds.documents import CABINET, CDA, DOCTOR, NOW, header, names

OPEN = Visibility()


def test_prescription_of_the_worked_example() -> None:
    entry = derive_entry(header(), CDA, visibility=OPEN)
    assert (entry.class_code.code, entry.class_code.system) == ("42", "1.2.250.1.213.1.1.4.1")
    assert (entry.type_code.code, entry.type_code.system) == ("57833-6", "2.16.840.1.113883.6.1")
    assert (entry.format_code.code, entry.format_code.system) == ("urn:ihe:iti:xds-sd:pdf:2008", "1.3.6.1.4.1.19376.1.2.3")
    assert [code.code for code in entry.confidentiality] == ["N"]
    assert entry.patient_id == "279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH"
    assert entry.source_patient_id == "P-1042^^^&1.2.250.1.999.1.1.7898.2&ISO^PI"
    assert entry.source_patient_info == ("PID-5|PAT-TROIS^DOMINIQUE^^^^^L", "PID-7|19790305", "PID-8|F")
    assert entry.legal_authenticator == "899700366240^MARTIN^CAMILLE^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS"
    author = entry.authors[0]
    assert author.institutions == ("MAISON DE SANTE DES TILLEULS^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^10B0152872",)
    assert author.specialties[0].startswith("G15_10/SM54^Médecin - ")
    assert author.specialties[0].endswith("^1.2.250.1.213.1.1.4.5")
    assert author.roles == ("Médecin traitant",)
    assert entry.reference_ids == ("A-1^^^&1.2.3.4&ISO^urn:ihe:iti:xds:2013:order",)


def test_times_are_utc_whatever_the_zone() -> None:
    entry = derive_entry(header(), CDA, visibility=OPEN)
    assert (entry.creation_time, entry.service_start, entry.service_stop) == ("20261121233000", "20261122081500", None)


def test_hash_and_size_are_those_of_the_bytes() -> None:
    entry = derive_entry(header(), CDA, visibility=OPEN)
    assert (entry.hash, entry.size) == (hashlib.sha1(CDA, usedforsecurity=False).hexdigest(), len(CDA))


def test_used_name_comes_second_and_birth_place_on_request() -> None:
    entry = derive_entry(header(used_family="DUPONT"), CDA, visibility=OPEN, birth_place=True)
    assert entry.source_patient_info[:2] == ("PID-5|PAT-TROIS^DOMINIQUE^^^^^L", "PID-5|DUPONT^DOMINIQUE^^^^^D")
    assert entry.source_patient_info[-1] == "PID-11|^^^^^^BDL^^51215"


@pytest.mark.parametrize(("birth_date", "line"), [("1950-00-00", "PID-7|1950"), ("1962-02-00", "PID-7|196202")])
def test_a_lunar_birth_date_is_that_of_the_cda(birth_date: str, line: str) -> None:
    clinical = header(templates=())
    traits = msgspec.structs.replace(clinical.subject.traits, birth_date=birth_date)
    clinical = msgspec.structs.replace(clinical, subject=msgspec.structs.replace(clinical.subject, traits=traits))
    assert line in derive_entry(clinical, CDA, visibility=OPEN).source_patient_info
    assert f'<birthTime value="{line.removeprefix("PID-7|")}">'.encode() in build_n1(clinical, b"%PDF", "application/pdf")


@pytest.mark.parametrize(
    ("visibility", "expected"),
    [
        (Visibility(masked_to_professionals=True), ["R", "MASQUE_PS"]),
        (Visibility(hidden_from_patient=True), ["R", "INVISIBLE_PATIENT"]),
        (Visibility(hidden_from_representatives=True), ["R", "INVISIBLE_REPRESENTANTS_LEGAUX"]),
    ],
)
def test_visibility_follows_the_code_of_the_document(visibility: Visibility, expected: list[str]) -> None:
    entry = derive_entry(header(confidentiality="R"), CDA, visibility=visibility)
    assert [code.code for code in entry.confidentiality] == expected
    assert [code.system for code in entry.confidentiality] == ["2.16.840.1.113883.5.25", "1.2.250.1.213.1.1.4.13"]


@pytest.mark.parametrize("type_code", ["28617-9", "34120-6", "60280-5", "78341-5", "89233-1", "101881-1"])
def test_dmp18_type_without_class_is_refused(type_code: str) -> None:
    with pytest.raises(codes.TypeWithoutClass):
        derive_entry(header(type_code=type_code), CDA, visibility=OPEN)


def test_dmp18_type_outside_the_value_set_is_refused() -> None:
    strange = msgspec.structs.replace(header(), type=msgspec.structs.replace(header().type, code="27899-4"))
    with pytest.raises(codes.UnknownDocumentType):
        derive_entry(strange, CDA, visibility=OPEN)


def test_dmp02_format_of_a_structured_document_comes_from_its_templates() -> None:
    structured = header(type_code="60591-5", templates=("1.2.250.1.213.1.1.1.1", "1.2.250.1.213.1.1.1.13"), body=None)
    entry = derive_entry(structured, CDA, visibility=OPEN)
    assert (entry.format_code.code, entry.class_code.code) == ("urn:asip:ci-sis:vsm:2012", "11")


def test_dmp18_no_known_template_is_refused() -> None:
    with pytest.raises(FormatUnderivable):
        derive_entry(header(templates=("1.2.3",), body=None), CDA, visibility=OPEN)


def test_dmp19_unqualified_patient_is_known_by_the_local_id_only() -> None:
    entry = derive_entry(header(qualified=False), CDA, visibility=OPEN)
    assert entry.patient_id == entry.source_patient_id == "P-1042^^^&1.2.250.1.999.1.1.7898.2&ISO^PI"


def test_patient_without_any_identifier_is_refused() -> None:
    whole = header(ins=None)
    nobody = msgspec.structs.replace(whole, subject=msgspec.structs.replace(whole.subject, local=None))
    with pytest.raises(SubjectUnidentified):
        derive_entry(nobody, CDA, visibility=OPEN)


def test_source_patient_is_the_ins_when_there_is_no_local_id() -> None:
    whole = header()
    subject = Subject(traits=whole.subject.traits, ins=whole.subject.ins, local=None, qualified=True)
    assert derive_entry(msgspec.structs.replace(whole, subject=subject), CDA, visibility=OPEN).source_patient_id.endswith("&ISO^NH")


def test_submission_is_the_structure_s() -> None:
    lot = derive_submission(header(), structure=CABINET, author=DOCTOR, unique_id="2.25.1", now=NOW, comments="x" * 300)
    assert (lot.content_type.code, lot.content_type.system) == ("SA52", "1.2.250.1.71.4.2.4")
    assert (lot.submission_time, lot.source_id) == ("20261122084512", CABINET.source_id)
    assert lot.author.institutions[0].endswith("^^^10B0152872")
    assert lot.comments is not None
    assert len(lot.comments) == 256


def test_author_who_is_not_a_doctor_has_a_profession_only() -> None:
    nurse = Professional(id="860012345678", family="PETIT", given="ALIX", profession="60")
    assert submitter(nurse, CABINET).specialties[0].startswith("G15_60^")


def test_doctor_without_a_known_specialty_is_refused() -> None:
    with pytest.raises(codes.UnknownCode):
        submitter(msgspec.structs.replace(DOCTOR, specialty="SM999"), CABINET)


def test_internal_actor_is_not_a_national_one() -> None:
    assert hl7.person(Person(id="310B0152872/12", family="A", given="B")).endswith("^D^^^EI")


def test_dmp38_empty_name_is_filled() -> None:
    assert hl7.person(Person(id="899700366240", family="", given=" ")).startswith("899700366240^899700366240^899700366240^^^^^^&")
    assert hl7.person(Person(id="899700366240", family="LIBRE", given="")).startswith("899700366240^LIBRE^LIBRE^^^^^^&")


@given(family=names, given_name=names)
def test_dmp37_names_never_break_a_field(family: str, given_name: str) -> None:
    xcn = hl7.person(Person(id="899700366240", family=family, given=given_name))
    parts = xcn.split("^")
    assert len(xcn) <= hl7.SLOT_LIMIT
    assert (parts[0], parts[8], parts[9], parts[12]) == ("899700366240", "&1.2.250.1.71.4.2.1&ISO", "D", "IDNPS")
    assert parts[1]
    assert parts[2]
    assert "&" not in parts[1] + parts[2]
    line = hl7.patient_name(family, given_name, "L")
    assert len(line) <= hl7.SLOT_LIMIT
    assert line.count("|") == 1
    assert line.split("|")[1].split("^")[6] == "L"
    xon = hl7.organization(Organization(id="10B0152872", name=family + given_name))
    assert len(xon) <= hl7.SLOT_LIMIT
    assert xon.split("^")[9] == "10B0152872"


@given(name=names)
def test_dmp37_letters_survive(name: str) -> None:
    kept = hl7.component(name)
    assert [letter for letter in kept if letter.isalpha()] == [letter for letter in name if letter.isalpha()]
    assert kept.count("'") == name.count("'")
    assert kept.count("-") == name.count("-")


def test_local_id_is_never_cut_in_two() -> None:
    assert hl7.local_id(LocalId(root="1.2.3", extension="a^b&c|d")) == "a b+c d^^^&1.2.3&ISO^PI"


def test_only_the_longer_of_two_names_is_cut() -> None:
    long, short = "É" * 300, "LE"
    line = hl7.patient_name(long, short, "L")
    assert len(line) == hl7.SLOT_LIMIT
    assert line.endswith("…^LE^^^^^L")
    assert hl7.patient_name("A" * 100, "B" * 100, "L") == f"PID-5|{'A' * 100}^{'B' * 100}^^^^^L"
    both = hl7.patient_name(long, long, "L").split("^")
    assert len(both[0]) - len("PID-5|") == len(both[1]) > 100


def test_no_patient_has_an_empty_name() -> None:
    assert hl7.patient_name("^", "&|", "L") == "PID-5|-^+^^^^^L"
    assert hl7.patient_name("~|", "^^", "D") == "PID-5|-^-^^^^^D"
