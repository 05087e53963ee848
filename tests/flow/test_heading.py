from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.flow.admitted import Admitted
from gateway.flow.errors import AuthorUnknown
from gateway.flow.heading import header_of
from gateway.flow.request import Deliver
from gateway.kernel.config import Professional, Structure
from gateway.model.patient import IdentityStatus, Ins, Patient, Sex, Traits
from gateway.model.visibility import Visibility
from gateway.nomenclature import codes

TRAITS = Traits(
    birth_family_name="PAT-TROIS",
    birth_given_names="DOMINIQUE MARIE",
    first_birth_given_name="DOMINIQUE",
    sex=Sex.FEMALE,
    birth_date="1979-03-05",
    birth_place="51215",
)
AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def structure(*professionals: Professional) -> Structure:
    return Structure(id="10B0152872", name="MSP", patient_root="1.2.3", source_id="1.2.4", sector="SA52", professionals=professionals)


def admitted(author: str, status: IdentityStatus = IdentityStatus.QUALIFIEE) -> Admitted:
    ins = Ins.checked("279035121518989", "1.2.250.1.213.1.4.10")
    return Admitted(
        media="pdf",
        structure="10B0152872",
        author=author,
        actor=None,
        patient=Patient(local_id="P-1", traits=TRAITS, status=status, ins=ins),
        type=codes.document_type("11488-4"),
        title="Compte rendu",
        created_at=AT,
        service_start=AT,
        service_stop=None,
        replaces=None,
        set_id="2.25.1",
        version=1,
        visibility=Visibility(),
        deliver=Deliver(dmp=True),
        original="",
    )


@pytest.mark.parametrize(
    ("profession", "specialty", "expected"),
    [
        ("10", "SM26", "G15_10/SM26"),
        ("60", "SM26", "G15_60"),
        ("60", "SI01", "G15_60/SI01"),
        ("70", "", "G15_70"),
        ("50", "SM26", "G15_50"),
        ("21", "A", "G15_21/A"),
    ],
)
def test_every_profession_of_a_health_centre_may_write(profession: str, specialty: str, expected: str) -> None:
    one = Professional(id="899700366307", family="LE BIHAN", given="Nolwenn", profession=profession, specialty=specialty)
    header = header_of(admitted(one.id), structure(one), unique_id="2.25.1")
    specialty_code = header.authors[0].specialty
    assert specialty_code is not None
    assert specialty_code.code == expected


def test_a_doctor_without_a_known_specialty_is_refused() -> None:
    one = Professional(id="899700366240", family="MOREL", given="Camille", specialty="SM99")
    with pytest.raises(codes.UnknownCode):
        header_of(admitted(one.id), structure(one), unique_id="2.25.1")


def test_an_author_no_longer_configured_is_refused() -> None:
    with pytest.raises(AuthorUnknown):
        header_of(admitted("899700366240"), structure(), unique_id="2.25.1")


def test_an_identity_that_is_not_qualified_goes_without_its_ins() -> None:
    one = Professional(id="899700366240", family="MOREL", given="Camille")
    header = header_of(admitted(one.id, IdentityStatus.VALIDEE), structure(one), unique_id="2.25.1")
    assert header.subject.ins is None
    assert not header.subject.qualified
