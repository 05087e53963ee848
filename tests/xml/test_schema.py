from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.xml.parse import parse
from gateway.xml.schema import SchemaInvalid, SchemaPack

MAIN = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t" xmlns="urn:t" elementFormDefault="qualified">
<xs:include schemaLocation="parts/{include}"/>
<xs:element name="letter"><xs:complexType><xs:sequence>
 <xs:element name="to" type="name"/><xs:element name="age" type="xs:int"/></xs:sequence>
 <xs:attribute name="kind"><xs:simpleType><xs:restriction base="xs:string"><xs:enumeration value="a"/></xs:restriction>
 </xs:simpleType></xs:attribute>
</xs:complexType></xs:element></xs:schema>"""
PART = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t">
<xs:simpleType name="name"><xs:restriction base="xs:string"><xs:pattern value="[A-Z]+"/></xs:restriction></xs:simpleType></xs:schema>"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pack"
    (root / "parts").mkdir(parents=True)
    (root / "main.xsd").write_text(MAIN.format(include="part.xsd"), encoding="utf-8")
    (root / "parts" / "part.xsd").write_text(PART, encoding="utf-8")
    (tmp_path / "outside.xsd").write_text(PART, encoding="utf-8")
    return root


def test_a_valid_document_has_no_fault(folder: Path) -> None:
    assert SchemaPack(folder, "main.xsd").faults(parse(b'<letter xmlns="urn:t" kind="a"><to>BOB</to><age>3</age></letter>')) == []


def test_a_fault_names_the_place_and_the_rule_and_nothing_of_the_text(folder: Path) -> None:
    pack = SchemaPack(folder, "main.xsd")
    faults = pack.faults(parse(b'<letter xmlns="urn:t" kind="Jeanne">\n<to>Martin 2790351215189</to>\n<age>Dupont</age></letter>'))
    assert [(fault.line, fault.element, fault.attribute) for fault in faults] == [(1, "letter", "kind"), (2, "to", None), (3, "age", None)]
    assert [fault.rule for fault in faults] == ["cvc-enumeration-valid", "cvc-pattern-valid", "cvc-datatype-valid-1-2-1"]
    for fault in faults:
        assert not any(word in fault.message for word in ("Jeanne", "Martin", "279", "Dupont"))


def test_a_misplaced_element_tells_what_was_expected(folder: Path) -> None:
    (fault,) = SchemaPack(folder, "main.xsd").faults(parse(b'<letter xmlns="urn:t"><age>3</age></letter>'))
    assert fault.expected == ("to",)
    assert fault.message == "l'élément age ne respecte pas le schéma (element-content) ; attendu : to"


@pytest.mark.parametrize(
    "include", ["../../outside.xsd", "missing.xsd", "file:///etc/passwd", "http://schemas.test/elsewhere.xsd"], ids=lambda name: name[:9]
)
def test_nothing_outside_of_the_folder_is_opened(folder: Path, include: str) -> None:
    text = MAIN.format(include=include).replace("parts/" + include, include if ":" in include else "parts/" + include)
    (folder / "main.xsd").write_text(text, encoding="utf-8")
    with pytest.raises(SchemaInvalid):
        SchemaPack(folder, "main.xsd")


def test_an_import_by_web_address_is_answered_by_the_file_of_that_name(folder: Path) -> None:
    text = MAIN.format(include="x").replace("parts/x", "http://schemas.test/some/part.xsd")
    (folder / "main.xsd").write_text(text, encoding="utf-8")
    assert SchemaPack(folder, "main.xsd").faults(parse(b'<letter xmlns="urn:t"><to>BOB</to><age>3</age></letter>')) == []


@pytest.mark.parametrize(
    "content", ["", "<a/>", "<broken", '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:nonsense/></xs:schema>']
)
def test_what_is_no_schema_is_refused(folder: Path, content: str) -> None:
    (folder / "main.xsd").write_text(content, encoding="utf-8")
    with pytest.raises(SchemaInvalid) as refusal:
        SchemaPack(folder, "main.xsd")
    assert refusal.value.code == "schema-invalid"


def test_a_missing_entry_is_refused(folder: Path) -> None:
    with pytest.raises(SchemaInvalid):
        SchemaPack(folder, "absent.xsd")


def test_one_pack_serves_several_threads(folder: Path) -> None:
    pack = SchemaPack(folder, "main.xsd")
    good = b'<letter xmlns="urn:t"><to>BOB</to><age>3</age></letter>'
    bad = b'<letter xmlns="urn:t"><to>bob</to><age>3</age></letter>'
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda data: len(pack.faults(parse(data))), [good, bad] * 100))
    assert counts == [0, 1] * 100
