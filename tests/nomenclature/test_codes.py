"""What the lookups answer, and how they refuse."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.kernel.errors import ErrorClass, Refused
from gateway.nomenclature import codes
from gateway.nomenclature.codes import Concept, TypeWithoutClass, UnknownCode, UnknownDocumentType
from tests.shared import need

WITHOUT_CLASS = ["28617-9", "34120-6", "60280-5", "78341-5", "89233-1", "101881-1", "E1762"]


def test_prescription_type_and_its_class() -> None:
    assert codes.document_type("57833-6") == Concept("57833-6", "2.16.840.1.113883.6.1", "Prescription de produits de santé")
    assert codes.class_of_type("57833-6") == Concept("42", "1.2.250.1.213.1.1.4.1", "Prescription")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("89601-9", "52"),
        ("96349-6", "10"),
        ("11488-4", "10"),
        ("60591-5", "11"),
        ("18748-4", "31"),
        ("CERT_DECL", "52"),
        ("PROT_ALD", "44"),
    ],
)
def test_classes_of_what_a_city_doctor_sends(code: str, expected: str) -> None:
    assert codes.class_of_type(code).code == expected


def test_a_type_of_another_system_is_unknown() -> None:
    assert codes.document_type("CERT_DECL", "1.2.250.1.213.1.1.4.12").label == "Certificat, déclaration"
    with pytest.raises(UnknownDocumentType):
        codes.document_type("CERT_DECL", "2.16.840.1.113883.6.1")


def test_a_type_that_only_old_samples_use_is_refused() -> None:
    with pytest.raises(UnknownDocumentType) as refusal:
        codes.document_type("27899-4")
    assert (refusal.value.code, refusal.value.status, refusal.value.field) == ("document-type-unknown", 422, "document.type")


@pytest.mark.parametrize("code", WITHOUT_CLASS)
def test_a_type_without_class_is_refused_with_its_label(code: str) -> None:
    label = codes.document_type(code).label
    with pytest.raises(TypeWithoutClass) as refusal:
        codes.class_of_type(code)
    assert refusal.value.code == "document-type-without-class"
    assert refusal.value.field == "document.type"
    assert label in refusal.value.explanation.what


@pytest.mark.conformity
def test_only_six_types_and_the_signature_have_no_class() -> None:
    root = etree.parse(str(need("data", "cda", "jdv", "JDV_J07_XdsTypeCode_CISIS.xml"))).getroot()
    refused = []
    for concept in root.iter("{urn:ihe:iti:svs:2008}Concept"):
        try:
            assert codes.class_of_type(str(concept.get("code"))).label
        except TypeWithoutClass:
            refused.append(concept.get("code"))
    assert sorted(map(str, refused)) == sorted(WITHOUT_CLASS)


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        ("application/pdf", "urn:ihe:iti:xds-sd:pdf:2008"),
        ("Application/PDF", "urn:ihe:iti:xds-sd:pdf:2008"),
        ("text/plain; charset=utf-8", "urn:ihe:iti:xds-sd:text:2008"),
        ("text/rtf", "urn:ihe:iti-fr:xds-sd:rtf:2010"),
        ("image/jpeg", "urn:ihe:iti-fr:xds-sd:jpeg:2010"),
        ("image/tiff", "urn:ihe:iti-fr:xds-sd:tiff:2010"),
    ],
)
def test_format_of_an_unstructured_body(media: str, expected: str) -> None:
    found = codes.format_of_media(media)
    assert (found.code, found.system) == (expected, "1.3.6.1.4.1.19376.1.2.3")
    assert codes.format_accepted_by_dmp(found.code)


def test_a_media_type_outside_the_five_is_not_supported() -> None:
    with pytest.raises(UnknownCode) as refusal:
        codes.format_of_media("application/msword")
    assert (refusal.value.code, refusal.value.status) == ("media-type-unsupported", 415)


HEADER = ["2.16.840.1.113883.2.8.2.1", "1.2.250.1.213.1.1.1.1"]


@pytest.mark.parametrize(
    ("roots", "expected"),
    [
        ([*HEADER, "1.2.250.1.213.1.1.1.13"], "urn:asip:ci-sis:vsm:2012"),
        ([*HEADER, "1.3.6.1.4.1.19376.1.9.1.1.1", "1.3.6.1.4.1.19376.1.5.3.1.1.1", "1.2.250.1.213.1.1.1.39"], "urn:ihe:pharm:pre:2010"),
        ([*HEADER, "1.2.250.1.213.1.1.1.5", "1.2.250.1.213.1.1.1.5.4"], "urn:ans:ci-sis:cse-mde:2023"),
        (["1.3.6.1.4.1.19376.1.3.3", *HEADER, "1.2.250.1.213.1.1.1.55"], "urn:ihe:lab:xd-lab:2008"),
        (["1.3.6.1.4.1.19376.1.3.3", *HEADER], "urn:ihe:lab:xd-lab:2008"),
        (["1.3.6.1.4.1.19376.1.3.3", "1.2.250.1.213.1.1.1.57"], "urn:ihe:palm:apsr:2016"),
        (["1.2.250.1.213.1.1.1.46", "1.2.250.1.213.1.1.1.12.4"], "urn:asip:ci-sis:obp-scm:2023"),
        (["1.2.250.1.213.1.1.1.51", "1.2.250.1.213.1.1.1.13"], "urn:ihe:pcc:ips:2020"),
    ],
)
def test_the_most_specific_known_template_gives_the_format(roots: list[str], expected: str) -> None:
    found = codes.format_of_templates(roots)
    assert found is not None
    assert found.code == expected


@pytest.mark.parametrize(
    "roots",
    [
        [],
        HEADER,
        [*HEADER, "1.3.6.1.4.1.19376.1.2.20"],
        [*HEADER, "1.3.6.1.4.1.19376.1.2.20", "1.2.250.1.213.1.1.1.45"],
        [*HEADER, "1.2.3.4"],
    ],
)
def test_no_format_without_a_known_volet_or_with_an_unstructured_body(roots: list[str]) -> None:
    assert codes.format_of_templates(roots) is None


@pytest.mark.conformity
def test_every_official_structured_sample_has_a_format() -> None:
    cda = "{urn:hl7-org:v3}"
    for path in sorted(need("data", "cda", "samples").glob("*.xml")):
        document = next(etree.parse(str(path)).getroot().iter(f"{cda}ClinicalDocument"))
        found = codes.format_of_templates([str(template.get("root")) for template in document.findall(f"{cda}templateId")])
        assert (found is None) == (document.find(f"{cda}component/{cda}nonXMLBody") is not None), path.name


def test_actors_and_places() -> None:
    assert codes.author_specialty("G15_10/SM54") == Concept("G15_10/SM54", "1.2.250.1.213.1.1.4.5", "Médecin - Médecine Générale (SM)")
    assert codes.author_specialty("SECRETARIAT_MEDICAL").system == "1.2.250.1.213.1.1.4.6"
    assert codes.profession("10") == Concept("10", "1.2.250.1.71.1.2.7", "Médecin")
    assert codes.savoir_faire("SM26") == Concept("SM26", "1.2.250.1.71.4.2.5", "Qualifié en Médecine Générale (SM)")
    assert codes.function("PCP").label == "Médecin traitant"
    assert codes.facility_type("SA52").label == "Maison de santé ou Pôle de santé"
    assert codes.practice_setting("AMBULATOIRE") == Concept("AMBULATOIRE", "1.2.250.1.213.1.1.4.9", "Ambulatoire")


@pytest.mark.parametrize("code", ["SA05", "SA07", "SA08", "SA09", "SA52"])
def test_every_liberal_structure_has_a_nature_of_lot(code: str) -> None:
    assert codes.content_type(code).system == codes.facility_type(code).system == "1.2.250.1.71.4.2.4"


def test_confidentiality_and_visibility_do_not_mix() -> None:
    assert codes.confidentiality("N") == Concept("N", "2.16.840.1.113883.5.25", "Normal")
    assert codes.visibility("MASQUE_PS").system == "1.2.250.1.213.1.1.4.13"
    with pytest.raises(UnknownCode, match="confidentiality-unknown"):
        codes.confidentiality("MASQUE_PS")
    with pytest.raises(UnknownCode, match="visibility-unknown"):
        codes.visibility("N")


LOOKUPS: list[Callable[[str], object]] = [
    codes.document_type,
    codes.class_of_type,
    codes.document_class,
    codes.document_format,
    codes.format_of_media,
    codes.confidentiality,
    codes.visibility,
    codes.author_specialty,
    codes.profession,
    codes.savoir_faire,
    codes.function,
    codes.facility_type,
    codes.practice_setting,
    codes.content_type,
]


@pytest.mark.parametrize("lookup", LOOKUPS, ids=lambda lookup: lookup.__name__)
def test_an_unknown_code_is_refused_in_french_and_never_repeated(lookup: Callable[[str], object]) -> None:
    with pytest.raises(Refused) as refusal:
        lookup("PAT-TROIS DOMINIQUE")
    said = refusal.value.explanation
    assert refusal.value.error_class is ErrorClass.PERMANENT
    assert refusal.value.code == said.code != "invalid-request"
    assert "PAT-TROIS" not in f"{said.what}{said.gesture}{refusal.value}{refusal.value.facts}"
    assert said.what.endswith((".", "!"))


def test_each_refusal_has_its_own_code() -> None:
    family = UnknownCode.__subclasses__()
    assert len({refusal.code for refusal in family}) == len(family) == 13


@given(st.text())
def test_any_text_is_a_known_code_or_a_refusal(text: str) -> None:
    for lookup in LOOKUPS:
        with contextlib.suppress(Refused):
            found = lookup(text)
            assert isinstance(found, Concept)
            assert found.code


def test_importing_reads_no_table() -> None:
    program = "import gateway.nomenclature.codes, gateway.nomenclature.tables as t; print(t.table.cache_info().currsize)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
