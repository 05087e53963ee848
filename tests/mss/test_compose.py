"""One mail, judged by Python's parser and by the rules of the simulated operator, which share no code with the composer."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta, timezone
from email.headerregistry import AddressHeader
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.kernel.concept import Concept
from gateway.kernel.errors import ErrorClass, RelaisError
from gateway.model.visibility import Visibility, VisibilityConflict
from gateway.mss.address import MailboxInvalid, UnqualifiedPatientAddress
from gateway.mss.compose import PATIENT_LIMIT, MailInconsistent, RecipientNotPatient, check_size, compose, estimated_size
from gateway.mss.wording import pdf_name, short_label, subject_line, without_accents
from gateway.sandbox.mss.judge import judge_mail
from gateway.wire.mime import HeaderForbidden
from gateway.wire.smtp_errors import TooLargeForOperator
from tests.mss.letters import (
    CORSICAN,
    MAILBOX,
    PATIENT,
    PDF,
    PROFESSIONAL,
    SENDER,
    SETTINGS,
    SPACE,
    archive_of,
    clinical,
    draft,
    files_of,
    parsed,
)
from tests.xds.documents import INS, OLD_ID, names

OTHER_PATIENT = f"279035121518888@patient.{SPACE}"
labels = st.text(st.characters(codec="latin-1", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=70).filter(
    lambda text: bool(text.strip())
)


def addresses(mail: bytes, name: str) -> list[tuple[str, str]]:
    header = cast(AddressHeader, parsed(mail)[name])
    return [(one.display_name, one.addr_spec) for one in header.addresses]


def headers_of(mail: bytes) -> dict[str, str]:
    return {name: str(value) for name, value in parsed(mail).items()}


def judged(mail: bytes, recipient: str) -> tuple[str, ...]:
    return judge_mail(mail, SENDER, [recipient]).failed_rules


def with_label(label: str, **changes: Any) -> Any:
    about = clinical(**changes)
    return msgspec.structs.replace(about, type=msgspec.structs.replace(about.type, label=label))


def test_mss19_every_header_to_a_professional() -> None:
    mail = compose(draft())
    found = headers_of(mail)
    assert addresses(mail, "From") == [("MSP des Tilleuls - secrétariat", SENDER)]
    assert addresses(mail, "To") == [("", PROFESSIONAL)]
    assert addresses(mail, "Reply-To") == [("", f"secretariat@tilleuls.{SPACE}")]
    assert found["Message-ID"] == f"<01935f0e-0000-7000-8000-000000000001@tilleuls.{SPACE}>"
    assert found["Date"] == "Sun, 22 Nov 2026 08:45:12 +0000"
    assert (found["X-MSS-NIL"], found["X-MSS-CODECDA"], found["X-MSS-INS"]) == ("DEV000042", "57833-6", "O")
    assert "X-MSS-MES" not in found
    assert "Disposition-Notification-To" not in found
    assert judged(mail, PROFESSIONAL) == ()


def test_mss19_an_unqualified_identity_is_said() -> None:
    mail = compose(draft(clinical(qualified=False)))
    assert parsed(mail)["X-MSS-INS"] == "N"
    assert INS.matricule.encode() not in b"".join(archive_of(mail).values())
    assert judged(mail, PROFESSIONAL) == ()


@pytest.mark.parametrize(("may_reply", "expected"), [(True, None), (False, "FIN")])
def test_mss19_a_patient_may_reply_or_not(may_reply: bool, expected: str | None) -> None:
    mail = compose(draft(recipient=PATIENT, may_reply=may_reply))
    assert parsed(mail)["X-MSS-MES"] == expected
    assert addresses(mail, "To") == [("", PATIENT)]
    assert judged(mail, PATIENT) == ()


def test_mss19_no_end_of_conversation_to_a_professional() -> None:
    assert parsed(compose(draft(may_reply=False)))["X-MSS-MES"] is None


def test_mss19_a_read_receipt_on_request() -> None:
    assert parsed(compose(draft(read_receipt=True)))["Disposition-Notification-To"] == f"<{SENDER}>"


@pytest.mark.parametrize(("recipient", "may_reply"), [(PROFESSIONAL, True), (PATIENT, True), (PATIENT, False)])
def test_the_text_says_nothing_of_the_person_nor_of_the_document(recipient: str, may_reply: bool) -> None:
    body = parsed(compose(draft(recipient=recipient, may_reply=may_reply))).get_body(("plain",))
    assert body is not None
    text = body.get_content().replace("\r\n", "\n")
    assert text.startswith("Bonjour,\n\nMAISON DE SANTE DES TILLEULS vous adresse un document")
    assert ("Vous ne pouvez pas répondre" in text) == (not may_reply)
    assert not re.search(r"PAT-TROIS|DOMINIQUE|1979|279035|[Oo]rdonnance|[Pp]rescription", text)


def test_the_pdf_is_the_one_in_the_cda_and_the_cda_the_one_given() -> None:
    one = draft()
    mail = compose(one)
    files = files_of(mail)
    assert list(files) == ["IHE_XDM.zip", "20261122_Prescription de produits de santé_PAT-TROIS_DOMINIQUE.pdf"]
    assert files["IHE_XDM.zip"][0] == "application/zip"
    assert list(files.values())[1] == ("application/pdf", PDF)
    assert archive_of(mail)["IHE_XDM/SUBSET01/DOC0001.XML"] == one.cda


def test_mss15_the_same_draft_gives_the_same_bytes() -> None:
    assert hashlib.sha256(compose(draft())).digest() == hashlib.sha256(compose(draft())).digest()


LONG = "Compte rendu d'échographie de l'appareil génito-urinaire été"


def test_mss20_a_long_label_is_cut_at_40_and_comes_back() -> None:
    assert len(LONG) == 60
    about = with_label(LONG, family="D'ARTAGNAN-ÉLÉONOR", given="Zoë")
    mail = compose(draft(about))
    assert parsed(mail)["Subject"] == f"XDM/1.0/DDM+{LONG[:40]} D'ARTAGNAN-ELEONOR Zoe 05/03/1979"
    assert list(files_of(mail))[1] == f"20261122_{LONG[:40]}_D'ARTAGNAN-ELEONOR_Zoe.pdf"
    assert judged(mail, PROFESSIONAL) == ()


@settings(max_examples=60)
@given(family=names, given_name=names, label=labels)
def test_mss20_any_name_and_label_come_back(family: str, given_name: str, label: str) -> None:
    about = with_label(label, family=family, given=given_name)
    mail = compose(draft(about))
    traits = about.subject.traits
    assert parsed(mail)["Subject"] == subject_line(label, traits, replaces=False, marker="before")
    assert list(files_of(mail))[1] == pdf_name(about.created_at, label, traits)
    assert len(list(files_of(mail))[1].encode()) <= 255
    assert parsed(mail)["Subject"].removeprefix("XDM/1.0/DDM+").startswith(short_label(label))
    assert mail.isascii()
    assert max(map(len, mail.split(b"\r\n"))) <= 78
    assert judged(mail, PROFESSIONAL) == ()


@pytest.mark.parametrize(("family", "given_name"), [("ŁUKASZ-ØRSTED", "Đặng"), ("ŒUVRÉ", "Straße"), ("PAÏS\u00a0BLANC", "Éléonore")])
def test_mss20_letters_without_decomposition(family: str, given_name: str) -> None:
    about = with_label("Compte\u00a0rendu : été", family=family, given=given_name)
    assert judged(compose(draft(about)), PROFESSIONAL) == ()


@pytest.mark.parametrize(
    ("marker", "expected"), [("before", "[Annule et remplace] XDM/1.0/DDM+Pres"), ("after", "XDM/1.0/DDM+[Annule et remplace] Pres")]
)
def test_a_replacement_is_marked_where_the_setting_says(marker: Any, expected: str) -> None:
    profile = msgspec.structs.replace(SETTINGS, replacement_marker=marker)
    mail = compose(draft(clinical(replaces=OLD_ID), settings=profile))
    assert parsed(mail)["Subject"].startswith(expected)
    assert OLD_ID.encode() in archive_of(mail)["IHE_XDM/SUBSET01/METADATA.XML"]
    assert judged(mail, PROFESSIONAL) == ()


def test_a_lunar_birth_date_is_kept() -> None:
    about = clinical()
    traits = msgspec.structs.replace(about.subject.traits, birth_date="1950-00-00")
    assert subject_line("CR", traits, replaces=False, marker="before").endswith(" 00/00/1950")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NOËL-ÇIÇEK", "NOEL-CICEK"),
        ("Œuvré Æon ß", "OEuvre AEon ss"),
        ("L’Haÿ", "L'Hay"),
        ("Łukasz Ørsted Đặng", "Lukasz Orsted Dang"),
        ("  a\t b ", "a b"),
        ("李", ""),
    ],
)
def test_names_lose_their_accents_and_nothing_else(text: str, expected: str) -> None:
    assert without_accents(text) == expected


def test_a_file_name_has_no_character_a_file_system_refuses() -> None:
    traits = msgspec.structs.replace(clinical().subject.traits, birth_family_name='A/B\\C:D*E?F"G<H>I|J_K', first_birth_given_name="...")
    assert pdf_name(datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=1))), "CR/2", traits) == (
        "20260102_CR-2_A-B-C-D-E-F-G-H-I-J-K_INCONNU.pdf"
    )


@pytest.mark.parametrize("qualified", [True, False])
def test_mss21_two_patients_are_refused(qualified: bool) -> None:
    mine, other = clinical(qualified=qualified), clinical(ins=CORSICAN)
    for changes in ({"submission": draft(other).submission}, {"entry": draft(other).entry}):
        with pytest.raises(MailInconsistent):
            compose(draft(mine, **changes))


@pytest.mark.parametrize("changes", [{"cda": b"<ClinicalDocument/>"}, {"pdf": PDF}])
def test_bytes_that_the_metadata_do_not_describe_never_leave(changes: dict[str, bytes]) -> None:
    one = draft()
    if "cda" in changes:
        with pytest.raises(MailInconsistent):
            compose(msgspec.structs.replace(one, **changes))
        with pytest.raises(MailInconsistent):
            compose(msgspec.structs.replace(one, cda=one.cda[:-1] + b" "))
    else:
        assert compose(msgspec.structs.replace(one, **changes)) == compose(one)


def test_mss22_nothing_is_composed_to_an_unqualified_patient() -> None:
    with pytest.raises(UnqualifiedPatientAddress):
        compose(draft(clinical(qualified=False), recipient=PATIENT))


@pytest.mark.parametrize("recipient", [OTHER_PATIENT, f"parent@patient.{SPACE}"])
def test_mss22_a_document_goes_to_its_own_patient_only(recipient: str) -> None:
    with pytest.raises(RecipientNotPatient) as caught:
        compose(draft(recipient=recipient))
    assert recipient not in str(caught.value) + caught.value.explanation.what


def test_an_address_in_lower_case_is_the_same_patient() -> None:
    own = f"{CORSICAN.matricule}@patient.{SPACE}"
    assert addresses(compose(draft(clinical(ins=CORSICAN), recipient=own.lower())), "To") == [("", own)]


MASKED, HIDDEN, CHILD = "masked", "hidden", "child"


@pytest.mark.parametrize(
    ("marks", "recipient", "allowed"),
    [
        ((), PROFESSIONAL, True),
        ((), PATIENT, True),
        ((MASKED,), PROFESSIONAL, False),
        ((MASKED,), PATIENT, True),
        ((HIDDEN,), PROFESSIONAL, True),
        ((HIDDEN,), PATIENT, False),
        ((CHILD,), PATIENT, False),
        ((MASKED, HIDDEN), PROFESSIONAL, False),
        ((HIDDEN, CHILD), PATIENT, False),
    ],
)
def test_masking_is_asked_once_more(marks: tuple[str, ...], recipient: str, allowed: bool) -> None:
    visibility = Visibility(
        masked_to_professionals=MASKED in marks, hidden_from_patient=HIDDEN in marks, hidden_from_representatives=CHILD in marks
    )
    one = draft(recipient=recipient, visibility=visibility)
    if allowed:
        assert judged(compose(one), recipient) == ()
    else:
        with pytest.raises(VisibilityConflict):
            compose(one)


@pytest.mark.parametrize("recipient", ["dr.martin@medecin.test\r\nBcc: x@y.test", "dr martin@medecin.test", ""])
def test_a_recipient_is_one_address(recipient: str) -> None:
    with pytest.raises(MailboxInvalid):
        compose(draft(recipient=recipient))


def test_a_setting_cannot_open_a_header() -> None:
    broken = msgspec.structs.replace(MAILBOX, display_name="Cabinet\r\nBcc: x@y.test")
    for one in (draft(sender=broken), draft(message_id="<1@a.test>\r\nBcc: x@y.test")):
        with pytest.raises(HeaderForbidden):
            compose(one)


def test_control_characters_of_a_label_never_reach_the_subject() -> None:
    mail = compose(draft(with_label("Compte\r\nBcc: x@y.test\trendu")))
    assert parsed(mail)["Subject"].startswith("XDM/1.0/DDM+Compte  Bcc: x@y.test rendu PAT-TROIS")
    assert parsed(mail)["Bcc"] is None


@pytest.mark.parametrize("size", [0, 1_000, 100_000, 3_000_000])
def test_mss26_the_size_is_told_before_building(size: int) -> None:
    pdf = b"%PDF-" + b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(size // 32))
    one = draft(pdf=pdf)
    told, true = estimated_size(len(one.cda), len(one.pdf)), len(compose(one))
    assert true <= told <= true * 1.05 + 20_000


def test_mss26_too_large_says_the_limit() -> None:
    check_size(10_000_000, 10_000_000)
    with pytest.raises(TooLargeForOperator) as caught:
        check_size(10_000_001, 10_000_000)
    assert (caught.value.code, caught.value.error_class) == ("mail-too-large", ErrorClass.PERMANENT)
    assert caught.value.facts["limit_bytes"] == 10_000_000
    assert "10,0 Mo" in caught.value.explanation.what


def test_mss26_the_citizens_side_takes_25_megabytes() -> None:
    pdf = bytes(11_000_000)
    assert estimated_size(len(pdf) * 4 // 3, len(pdf)) > PATIENT_LIMIT
    with pytest.raises(TooLargeForOperator):
        compose(draft(recipient=PATIENT, pdf=pdf))
    assert compose(draft(recipient=PROFESSIONAL, pdf=pdf)).startswith(b"Date: ")


def test_no_error_of_the_room_tells_a_health_datum() -> None:
    told = []
    for one in (draft(recipient=OTHER_PATIENT), draft(clinical(qualified=False), recipient=PATIENT), draft(cda=b"")):
        with pytest.raises(RelaisError) as caught:
            compose(one)
        told.append(f"{caught.value!r}{caught.value.facts}{caught.value.technical}{caught.value.explanation}")
    assert not re.search(r"PAT-TROIS|DOMINIQUE|279035|1979", " ".join(told))


def test_the_code_of_the_cda_is_bare() -> None:
    about = clinical(type_code="11488-4")
    assert parsed(compose(draft(about)))["X-MSS-CODECDA"] == "11488-4"
    assert about.type == Concept("11488-4", about.type.system, about.type.label)
