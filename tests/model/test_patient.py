from __future__ import annotations

import pytest

from gateway.kernel import oids
from gateway.model.patient import (
    IdentityStatus,
    Ins,
    InsAuthorityUnknown,
    MatriculeKeyWrong,
    MatriculeMalformed,
    Patient,
    Sex,
    TraitInvalid,
    Traits,
    matricule_key,
)

TRAITS = Traits(
    birth_family_name="PAT-TROIS",
    birth_given_names="DOMINIQUE MARIE",
    first_birth_given_name="DOMINIQUE",
    sex=Sex.FEMALE,
    birth_date="1979-03-05",
    birth_place="51215",
)


@pytest.mark.parametrize(
    ("number", "key"),
    [("2790351215189", "89"), ("180032B020401", "23"), ("297022A020778", "78"), ("2751263220749", "74"), ("1810363220456", "76")],
)
def test_keys_of_published_test_identities(number: str, key: str) -> None:
    assert matricule_key(number) == key


@pytest.mark.parametrize("text", ["", "27903512151898", "2790351215189890", "27903512151898X", "2790351215189 9", "27903C121518989"])
def test_malformed_matricule_is_refused(text: str) -> None:
    with pytest.raises(MatriculeMalformed) as refusal:
        Ins.checked(text, oids.INS_NIR)
    assert refusal.value.field == "patient.ins.matricule"


def test_mss22_wrong_key_is_refused_and_not_repeated() -> None:
    with pytest.raises(MatriculeKeyWrong) as refusal:
        Ins.checked("279035121518988", oids.INS_NIR)
    assert "279035121518988" not in repr(refusal.value) + refusal.value.explanation.what


@pytest.mark.parametrize("oid", [oids.INS_C, "1.2.3", ""])
def test_unknown_authority_is_refused(oid: str) -> None:
    with pytest.raises(InsAuthorityUnknown):
        Ins.checked("279035121518989", oid)


@pytest.mark.parametrize("status", list(IdentityStatus))
def test_only_qualified_with_an_ins_may_leave(status: IdentityStatus) -> None:
    ins = Ins.checked("279035121518989", oids.INS_NIR_TEST)
    assert Patient(local_id="P", traits=TRAITS, status=status, ins=ins).qualified is (status is IdentityStatus.QUALIFIEE)
    assert not Patient(local_id="P", traits=TRAITS, status=status, ins=None).qualified


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("birth_family_name", ""),
        ("birth_family_name", " DUPONT"),
        ("birth_family_name", "DU\nPONT"),
        ("birth_given_names", "X" * 101),
        ("first_birth_given_name", "CLAUDE"),
        ("used_given_name", ""),
        ("birth_date", "05/03/1979"),
        ("birth_date", "1979-03-32"),
        ("birth_place", "5121"),
        ("birth_place", "ABCDE"),
    ],
)
def test_a_bad_trait_is_named(name: str, value: str) -> None:
    import msgspec

    with pytest.raises(TraitInvalid) as refusal:
        msgspec.structs.replace(TRAITS, **{name: value}).check()
    assert refusal.value.field == f"patient.{name}"


@pytest.mark.parametrize("date", ["1979-00-00", "1979-20-40", "1979-02-31", "1979-03-00"])
def test_lunar_dates_pass_verbatim(date: str) -> None:
    import msgspec

    msgspec.structs.replace(TRAITS, birth_date=date).check()
    assert date


@pytest.mark.parametrize(
    ("date", "stamp"),
    [("1979-03-05", "19790305"), ("1950-00-00", "1950"), ("1950-03-00", "195003"), ("1950-13-00", "1950"), ("1950-02-31", "195002")],
)
def test_a_lunar_date_is_stamped_with_the_precision_that_exists(date: str, stamp: str) -> None:
    import msgspec

    assert msgspec.structs.replace(TRAITS, birth_date=date).birth_stamp == stamp


@pytest.mark.parametrize("place", ["2A004", "2B020", "99351", "01001"])
def test_birth_places_of_corsica_and_abroad(place: str) -> None:
    import msgspec

    traits = msgspec.structs.replace(TRAITS, birth_place=place)
    traits.check()
    assert traits.birth_place == place
