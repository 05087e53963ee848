"""The text of the INS datamatrix, judged by the published vector of insi.md section 5."""

from __future__ import annotations

import msgspec
import pytest

from gateway.ins import datamatrix
from gateway.ins.datamatrix import GS, DatamatrixImpossible, DatamatrixNotQualified
from gateway.kernel import oids
from gateway.kernel.errors import Refused
from gateway.model.patient import IdentityStatus, Ins, InsAuthorityUnknown, Patient, Sex, Traits, matricule_key

VECTOR = (
    f"IS010000000000000000000000S1277010115400329S21.2.250.1.213.1.4.8{GS}S3SARAH-LOU ANNA{GS}S4GARCIA-HAMMADI{GS}S5FS621-01-1977S701154"
)


def someone(*, status: IdentityStatus = IdentityStatus.QUALIFIEE, oid: str = oids.INS_NIR, **traits: str) -> Patient:
    """The person of the vector, or one like her."""
    facts = {
        "birth_family_name": "GARCIA-HAMMADI",
        "birth_given_names": "SARAH-LOU ANNA",
        "first_birth_given_name": "SARAH-LOU",
        "birth_date": "1977-01-21",
        "birth_place": "01154",
        "sex": "F",
    } | traits
    sex = Sex(facts.pop("sex"))
    ins = Ins(matricule="277010115400329", oid=oid)
    return Patient(local_id="P-1", traits=Traits(sex=sex, **facts), status=status, ins=ins)


def test_a28_the_published_vector_is_written_to_the_character() -> None:
    text = datamatrix.write(someone(), environment="production")
    assert text == VECTOR
    assert len(text) == 121


@pytest.mark.parametrize("status", [one for one in IdentityStatus if one is not IdentityStatus.QUALIFIEE])
def test_a27_an_identity_that_is_not_qualified_has_no_datamatrix(status: IdentityStatus) -> None:
    for asked in (datamatrix.write, datamatrix.clear_lines):
        with pytest.raises(DatamatrixNotQualified) as refusal:
            asked(someone(status=status), environment="production")
        assert refusal.value.status == 409


def test_a27_qualified_without_an_ins_has_no_datamatrix() -> None:
    with pytest.raises(DatamatrixNotQualified):
        datamatrix.write(msgspec.structs.replace(someone(), ins=None), environment="production")


@pytest.mark.parametrize("oid", [oids.INS_NIR_TEST, oids.INS_NIR_DEMO])
def test_a30_an_ins_of_test_is_not_written_in_production(oid: str) -> None:
    with pytest.raises(InsAuthorityUnknown):
        datamatrix.write(someone(oid=oid), environment="production")
    text = datamatrix.write(someone(oid=oid), environment="test")
    assert f"S2{oid}S3SARAH" in text, "an OID of 20 characters fills its block: no separator"


def test_a_name_that_fills_its_block_has_no_separator_and_a_longer_one_is_refused() -> None:
    full = "A" * 100
    assert f"S4{full}S5F" in datamatrix.write(someone(birth_family_name=full), environment="production")
    assert f"S4{full[1:]}{GS}S5F" in datamatrix.write(someone(birth_family_name=full[1:]), environment="production")
    given = "ŒUF" * 30
    with pytest.raises(DatamatrixImpossible) as refusal:
        datamatrix.write(someone(birth_given_names=given, first_birth_given_name=given), environment="production")
    assert refusal.value.field == "birth_given_names"


def test_names_are_written_in_the_characters_of_insi() -> None:
    text = datamatrix.write(
        someone(birth_family_name="d’Æion", birth_given_names="Cœur Zoé", first_birth_given_name="Cœur"), environment="production"
    )
    assert f"S3COEUR ZOE{GS}S4D'AEION{GS}" in text
    with pytest.raises(DatamatrixImpossible) as refusal:
        datamatrix.write(someone(birth_family_name="DUPONT2"), environment="production")
    assert refusal.value.field == "birth_family_name"
    assert "DUPONT2" not in repr(refusal.value) + str(refusal.value) + refusal.value.explanation.what


def test_an_unknown_sex_has_no_place_in_the_format() -> None:
    with pytest.raises(DatamatrixImpossible) as refusal:
        datamatrix.write(someone(sex="U"), environment="production")
    assert refusal.value.field == "sex"


@pytest.mark.parametrize(("stored", "written"), [("1950-00-00", "00-00-1950"), ("1932-13-00", None)])
def test_a_lunar_date_is_written_as_it_is(stored: str, written: str | None) -> None:
    if written is None:
        written = "00-13-1932"
    assert f"S6{written}S7" in datamatrix.write(someone(birth_date=stored), environment="production")


def test_a_wrong_key_is_not_printed() -> None:
    forged = msgspec.structs.replace(someone(), ins=Ins(matricule="277010115400328", oid=oids.INS_NIR))
    with pytest.raises(Refused, match="ins-key-invalid"):
        datamatrix.write(forged, environment="production")


def test_the_clear_text_names_every_trait_the_matricule_and_its_nature() -> None:
    lines = {one.label: one.value for one in datamatrix.clear_lines(someone(), environment="production")}
    assert lines == {
        "Nom de naissance": "GARCIA-HAMMADI",
        "Prénoms de naissance": "SARAH-LOU ANNA",
        "Sexe": "Féminin",
        "Date de naissance": "21/01/1977",
        "Code du lieu de naissance": "01154",
        "Matricule INS (NIR)": "277010115400329",
    }
    assert datamatrix.TO_SCAN == "INS à scanner"
    assert datamatrix.nature(Ins(matricule="277010115400329", oid=oids.INS_NIA)) == "NIA"


def test_the_corsican_matricule_is_written_as_it_is() -> None:
    number = "297022A020778"
    corsican = msgspec.structs.replace(someone(), ins=Ins(matricule=number + matricule_key(number), oid=oids.INS_NIR))
    assert "S1297022A02077878S2" in datamatrix.write(corsican, environment="production")
