from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.flow.identities.patient_list import MOST, PatientList, PatientListInvalid, read_patient_list
from gateway.flow.identities.request import BatchPatient

LIST = "local_id;birth_family_name;birth_given_names;sex;birth_date;birth_place\nP-1;LEFÈVRE;ZOÉ ANNE;F;1975-12-31;63220\nP-2;NGUYEN;;M;;\n"
WANTED = (
    BatchPatient(
        local_id="P-1", birth_family_name="LEFÈVRE", birth_given_names="ZOÉ ANNE", sex="F", birth_date="1975-12-31", birth_place="63220"
    ),
    BatchPatient(local_id="P-2", birth_family_name="NGUYEN", sex="M"),
)


@pytest.mark.parametrize(
    "data",
    [
        LIST.encode(),
        LIST.encode("utf-8-sig"),
        LIST.encode("cp1252"),
        LIST.replace(";", ",").encode(),
        LIST.replace("\n", "\r\n").encode(),
        (LIST + "\n;;;;;\n").encode(),
        LIST.replace("1975-12-31", "31/12/1975").encode(),
        LIST.replace("local_id", '"Local_ID"').replace("P-1", '"P-1"').encode(),
    ],
)
def test_every_way_to_write_the_same_list_reads_the_same(data: bytes) -> None:
    assert read_patient_list(data).patients == WANTED


def test_local_numbers_alone_are_a_list() -> None:
    found = read_patient_list(b"local_id\nP-1\nP-2\n")
    assert found == PatientList(patients=(BatchPatient(local_id="P-1"), BatchPatient(local_id="P-2")), lines=(2, 3))


def test_what_a_spreadsheet_did_to_dates_and_leading_zeros_is_undone() -> None:
    found = read_patient_list(b"local_id;birth_date;birth_place\nP-1;00/00/1950;1154\nP-2;1/2/1950;99\n")
    assert [(one.birth_date, one.birth_place) for one in found.patients] == [("1950-00-00", "01154"), ("1/2/1950", "99")]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "local_id"),
        (b"P-1;DUPONT\n", "local_id"),
        (b"local_id;nom\nP-1;DUPONT\n", "colonne"),
        (b"local_id;local_id\nP-1;P-2\n", "colonne"),
        (b"local_id\n", "aucun patient"),
        (b"local_id;sex\n;F\n", "ligne 2"),
        (b'local_id;sex\n"P-1;F\n', "ligne 2"),
        (b"local_id\n" + b"x" * 129 + b"\n", "ligne 2"),
        (b"local_id\n" + b"1\n" * (MOST + 1), f"plus de {MOST}"),
    ],
)
def test_what_is_wrong_is_told_by_its_line(data: bytes, told: str) -> None:
    with pytest.raises(PatientListInvalid) as refusal:
        read_patient_list(data)
    assert told in refusal.value.explanation.what
    assert "DUPONT" not in str(refusal.value.explanation)


def test_a_bad_line_is_put_aside_by_its_line_and_column_and_its_neighbours_are_read() -> None:
    """The blank line counts: a person looks for the number in a spreadsheet."""
    long = "x" * 129
    data = f"local_id;birth_family_name;sex\nP-1;DUPONT;F\n\n;MARTIN;F\nP-3;{long};F\nP-4;DURAND\nP-5;PETIT;M\n".encode()
    found = read_patient_list(data)
    assert [one.local_id for one in found.patients] == ["P-1", "P-5"]
    assert found.lines == (2, 7)
    assert [(one.line, one.problem.field) for one in found.refused] == [(4, "local_id"), (5, "birth_family_name"), (6, "sex")]
    for one in found.refused:
        assert one.problem.code == "patient-line-invalid"
        assert not any(name in str(one.problem.explanation) for name in ("MARTIN", "DURAND", long))


@given(st.binary(max_size=400).map(lambda tail: b"local_id;sex\nP-1;F\n" + tail))
def test_anything_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(PatientListInvalid):
        assert read_patient_list(data).patients[0] == BatchPatient(local_id="P-1", sex="F")
