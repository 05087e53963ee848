"""Every table of ours holds the very codes and systems of its official file."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from lxml import etree

from gateway.nomenclature.tables import table, tables
from tests.shared import need

Coded = set[tuple[str, str]]


def official(path: Path) -> dict[tuple[str, str], str]:
    """Code and system to label, of a value set in IHE SVS form."""
    concepts = etree.parse(str(path)).getroot().iter("{urn:ihe:iti:svs:2008}Concept")
    return {(str(c.get("code")), str(c.get("codeSystem"))): str(c.get("displayName")) for c in concepts}


def transcribed(name: str) -> list[dict[str, str]]:
    """Rows of one transcription beside the project."""
    with need("data", "dmp", "tables", name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def ours(name: str) -> Coded:
    return {(concept.code, concept.system) for concept in table(name).concepts.values()}


@pytest.mark.conformity
@pytest.mark.parametrize(
    ("name", "value_set"),
    [
        ("document_types", "JDV_J07_XdsTypeCode_CISIS.xml"),
        ("author_specialties", "JDV_J01_XdsAuthorSpecialty_CISIS.xml"),
        ("facility_types", "JDV_J02_XdsHealthcareFacilityTypeCode_CISIS.xml"),
        ("practice_settings", "JDV_J04_XdsPracticeSettingCode_CISIS.xml"),
        ("confidentiality", "JDV_J08_XdsConfidentialityCode_CISIS.xml"),
        ("functions", "JDV_J47_FunctionCode_CISIS.xml"),
    ],
)
def test_value_set_has_the_official_codes_systems_and_labels(name: str, value_set: str) -> None:
    expected = official(need("data", "cda", "jdv", value_set))
    assert {(c.code, c.system): c.label for c in table(name).concepts.values()} == expected


@pytest.mark.conformity
def test_version_is_the_revision_of_the_official_file() -> None:
    root = etree.parse(str(need("data", "cda", "jdv", "JDV_J07_XdsTypeCode_CISIS.xml"))).getroot()
    assert str(root[0].get("revisionDate")).startswith(table("document_types").info.version)


@pytest.mark.conformity
def test_class_of_every_type_is_that_of_x04() -> None:
    rows = {row["typeCode"]: row["classCode"] for row in transcribed("typecode_classcode.csv") if row["status"] == "active"}
    assert table("document_types").attribute == {**rows, "E1762": ""}


@pytest.mark.conformity
def test_classes_are_those_of_tre_a03() -> None:
    assert ours("document_classes") == {(row["classCode"], row["codingScheme"]) for row in transcribed("classcode_TRE_A03.csv")}


@pytest.mark.conformity
def test_formats_marked_for_the_dmp_are_those_of_j60() -> None:
    marked = {code for code, dmp in table("document_formats").attribute.items() if dmp == "yes"}
    expected = {(row["formatCode"], row["codingScheme"]) for row in transcribed("formatcode_JDV_J60_DMP.csv")}
    assert {pair for pair in ours("document_formats") if pair[0] in marked} == expected


@pytest.mark.conformity
def test_templates_lead_to_the_formats_of_a11() -> None:
    own = {"1.2.250.1.213.1.1.1.59"}
    expected = {
        row["CDA templateId root"]: (row["formatCode"], row["codingScheme"]) for row in transcribed("template_formatcode_ASS_A11.csv")
    }
    found = {c.code: (c.label, c.system) for c in table("template_formats").concepts.values() if c.code not in own}
    assert found == expected
    assert {c.label for c in table("template_formats").concepts.values()} <= set(table("document_formats").concepts)


@pytest.mark.conformity
def test_content_types_are_those_of_2013_and_sa05() -> None:
    expected = {(row["code"], row["codingScheme"]) for row in transcribed("contenttypecode_2013.csv")}
    assert ours("content_types") == expected | {("SA05", "1.2.250.1.71.4.2.4")}


@pytest.mark.conformity
def test_professions_are_the_g15_of_both_revisions_of_j01() -> None:
    older = official(need("data", "dmp", "jdv", "JDV_J01_XdsAuthorSpecialty_CISIS.xml"))
    newer = official(need("data", "cda", "jdv", "JDV_J01_XdsAuthorSpecialty_CISIS.xml"))
    expected = {match[1] for code, _ in {**older, **newer} if (match := re.fullmatch(r"G15_(\d+)", code))}
    assert ours("professions") == {(code, "1.2.250.1.71.1.2.7") for code in expected}


@pytest.mark.conformity
def test_savoir_faire_are_the_sm_codes_of_the_directory() -> None:
    directory = official(need("data", "mssante", "nos", "JDV_J107_EnsembleSavoirFaire_RASS.xml"))
    expected = {code for code, _ in directory if code.startswith("SM")}
    assert ours("savoir_faire") == {(code, "1.2.250.1.71.4.2.5") for code in expected}


def test_every_table_names_its_source_version_and_count() -> None:
    found = {info.name: info for info in tables()}
    assert len(found) == 12
    assert found["document_types"].count == 114
    assert found["author_specialties"].count == 391
    for info in found.values():
        assert info.source
        assert re.match(r"\d", info.version)
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", info.retrieved)


@pytest.mark.parametrize("name", [info.name for info in tables()])
def test_no_code_is_written_twice_and_no_label_is_empty(name: str) -> None:
    read = table(name)
    assert len(read.concepts) == read.info.count
    assert all(c.code and c.system and c.label == c.label.strip() != "" for c in read.concepts.values())


def test_a_table_is_read_once() -> None:
    assert table("functions") is table("functions")
