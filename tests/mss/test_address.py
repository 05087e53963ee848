"""Addresses: syntax, comparison, and the patient's own."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernel.errors import ErrorClass, RelaisError
from gateway.model.patient import Ins, MatriculeKeyWrong, MatriculeMalformed
from gateway.mss.address import (
    MailboxInvalid,
    PatientAddressTyped,
    UnqualifiedPatientAddress,
    check_mailbox,
    domain_of,
    is_patient_mailbox,
    normal_mailbox,
    patient_mailbox,
    same_mailbox,
)
from tests.mss.letters import CORSICAN, clinical
from tests.xds.documents import INS

DOMAIN = "patient.mssante.fr"
SUBJECT = clinical().subject


@pytest.mark.parametrize(
    "address", ["prenom.nom2@medecin.mssante.fr", "Dr.O'Brien@Cabinet-1.mssante.fr", " a@b.test\t", "x+y_z@a.b.c.test", "a@1.test"]
)
def test_a_mailbox_is_accepted_and_made_comparable(address: str) -> None:
    check_mailbox(address, field="deliver.professionals[0]")
    assert normal_mailbox(address) == address.strip().lower()
    assert same_mailbox(address, normal_mailbox(address).upper())


@pytest.mark.parametrize(
    "address",
    [
        "",
        "martin",
        "@b.test",
        "a@",
        "a@test",
        "a@b..test",
        "a@-b.test",
        "a@b-.test",
        "a..b@c.test",
        ".a@c.test",
        "a.@c.test",
        "a b@c.test",
        "a@b.test\r\n",
        "a@b.test\nBcc: x@y.test",
        "\na@b.test",
        "a@b.test, c@d.test",
        "<a@b.test>",
        '"a b"@c.test',
        "a@[127.0.0.1]",
        "hélène@c.test",
        "a@é.test",
        "a@b.test\x00",
        f"{'a' * 65}@b.test",
        f"a@{'b' * 64}.test",
        f"a@{'b.' * 130}test",
    ],
)
def test_anything_else_is_refused_with_its_field(address: str) -> None:
    with pytest.raises(MailboxInvalid) as caught:
        check_mailbox(address, field="deliver.professionals[3]")
    assert (caught.value.field, caught.value.code) == ("deliver.professionals[3]", "mailbox-invalid")
    assert not same_mailbox(address, address)


@pytest.mark.parametrize(
    "address", ["279035121518989@patient.mssante.fr", "x@Patient.sandbox.mssante.fr", "1@patient.formation.mssante.fr"]
)
def test_a_patient_is_not_a_professional(address: str) -> None:
    with pytest.raises(PatientAddressTyped) as caught:
        check_mailbox(address, field="deliver.professionals[0]")
    assert caught.value.field == "deliver.professionals[0]"
    assert "279035121518989" not in str(caught.value) + caught.value.explanation.what


@given(st.text(max_size=60))
def test_no_text_breaks_the_check(text: str) -> None:
    try:
        kept = normal_mailbox(text)
    except MailboxInvalid:
        return
    assert kept.isascii()
    assert kept.isprintable()
    assert kept.count("@") == 1
    assert domain_of(kept).count(".") >= 1


def test_the_citizens_domain_is_compared_without_case() -> None:
    assert is_patient_mailbox("1@PATIENT.mssante.fr", DOMAIN)
    assert not is_patient_mailbox("1@patient.mssante.fr.test", DOMAIN)
    assert not is_patient_mailbox("patient.mssante.fr@medecin.test", DOMAIN)


def test_mss22_a_qualified_patient_has_an_address() -> None:
    assert patient_mailbox(SUBJECT, DOMAIN) == "279035121518989@patient.mssante.fr"
    assert patient_mailbox(msgspec.structs.replace(SUBJECT, ins=CORSICAN), DOMAIN) == f"{CORSICAN.matricule}@patient.mssante.fr"


@pytest.mark.parametrize("changes", [{"qualified": False}, {"ins": None}, {"qualified": False, "ins": None}])
def test_mss22_an_unqualified_patient_is_held_for_the_secretary(changes: dict[str, object]) -> None:
    with pytest.raises(UnqualifiedPatientAddress) as caught:
        patient_mailbox(msgspec.structs.replace(SUBJECT, **changes), DOMAIN)
    assert caught.value.error_class is ErrorClass.HUMAN
    assert (caught.value.explanation.code, caught.value.explanation.who) == ("identity-not-qualified", "le secrétariat")


@pytest.mark.parametrize(
    ("matricule", "kind"),
    [("279035121518988", MatriculeKeyWrong), ("27903512151898", MatriculeMalformed), ("2790351215189\r\n", MatriculeMalformed)],
)
def test_mss22_a_bad_key_is_refused(matricule: str, kind: type[RelaisError]) -> None:
    with pytest.raises(kind):
        patient_mailbox(msgspec.structs.replace(SUBJECT, ins=Ins(matricule=matricule, oid=INS.oid)), DOMAIN)
