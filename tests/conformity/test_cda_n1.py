"""Every CDA we build, judged by the official schemas and schematrons, and by our own rules."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings

from gateway.cda.actors import Recipient
from gateway.cda.build import build_n1
from gateway.cda.checks import check_document
from gateway.cda.conformity import Conformity, install_pack, load_pack
from gateway.cda.names import N1_MEDIA_TYPES
from gateway.kernel import oids
from gateway.model.document import ClinicalHeader
from gateway.model.patient import Ins, Sex, matricule_key
from gateway.nomenclature import codes
from gateway.nomenclature.tables import table
from tests.cda.headers import DOCTOR, HEADER, PDF, PRACTICE, RICH, SUBJECT, headers, with_traits
from tests.cda.rig import Judge
from tests.shared import need

pytestmark = [pytest.mark.conformity, pytest.mark.xdist_group("cda-rig")]


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Conformity:
    home = tmp_path_factory.mktemp("home")
    install_pack(need("data", "cda"), home)
    installed = load_pack(home)
    assert installed is not None
    return installed


CORSICAN = Ins.checked("179032A045001" + matricule_key("179032A045001"), oids.INS_NIR_TEST)
CASES: dict[str, ClinicalHeader] = {
    "plain": HEADER,
    "rich": RICH,
    "unqualified": msgspec.structs.replace(HEADER, subject=msgspec.structs.replace(SUBJECT, qualified=False)),
    "ins-only": msgspec.structs.replace(HEADER, subject=msgspec.structs.replace(SUBJECT, local=None)),
    "sex-unknown": with_traits(sex=Sex.UNKNOWN),
    "lunar-year": with_traits(birth_date="1950-00-00"),
    "lunar-month": with_traits(birth_date="1950-03-00"),
    "lunar-calendar": with_traits(birth_date="1950-13-00"),
    "born-abroad": with_traits(birth_place="99341"),
    "corsica": msgspec.structs.replace(HEADER, subject=msgspec.structs.replace(SUBJECT, ins=CORSICAN)),
}


@pytest.mark.parametrize("name", CASES)
def test_official_rules_find_nothing(judge: Judge, pack: Conformity, name: str) -> None:
    data = build_n1(CASES[name], PDF, "application/pdf")
    assert judge.faults(data) == []
    assert pack.validate(data) == []
    assert check_document(data) == []


@pytest.mark.parametrize("media_type", sorted(N1_MEDIA_TYPES))
def test_official_rules_find_nothing_in_other_bodies(judge: Judge, media_type: str) -> None:
    assert judge.faults(build_n1(HEADER, b"x", media_type)) == []


def test_official_rules_find_nothing_in_named_recipients(judge: Judge) -> None:
    recipients = (Recipient(person=DOCTOR, organization=PRACTICE), Recipient(person=DOCTOR))
    assert judge.faults(build_n1(HEADER, PDF, "application/pdf", recipients=recipients)) == []


@given(header=headers())
@settings(max_examples=25)
def test_official_rules_find_nothing_whatever_the_names(judge: Judge, header: ClinicalHeader) -> None:
    assert judge.faults(build_n1(header, PDF, "application/pdf"), ("structmin", "ihe")) == []


@given(header=headers())
@settings(max_examples=100)
def test_the_installed_schema_finds_nothing_whatever_the_names(pack: Conformity, header: ClinicalHeader) -> None:
    assert pack.validate(build_n1(header, PDF, "application/pdf")) == []


def test_every_national_type_can_be_built(judge: Judge) -> None:
    for rank, code in enumerate(sorted(table("document_types").concepts)):
        data = build_n1(msgspec.structs.replace(HEADER, type=codes.document_type(code)), PDF, "application/pdf")
        assert check_document(data) == []
        if rank % 10 == 0:
            assert judge.faults(data, ("structmin",)) == []


def test_a_large_body_is_valid_too(judge: Judge, pack: Conformity) -> None:
    data = build_n1(HEADER, PDF * 5_000, "application/pdf")
    assert judge.faults(data, ("structmin",)) == []
    assert pack.validate(data) == []


def test_the_official_pack_installs_with_its_value_sets(tmp_path: Path) -> None:
    info = install_pack(need("data", "cda"), tmp_path)
    assert info.files > 700
    assert (tmp_path / "conformity" / info.version / "jdv" / "JDV_J07_XdsTypeCode_CISIS.xml").is_file()
