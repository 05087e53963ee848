"""Answers of INSi read into values: the official injection files, and every form the service has been seen to use."""

from __future__ import annotations

import pytest

from gateway.ins.answer import Answer, NationalIdentity, Verdict
from gateway.ins.errors import (
    FromInsi,
    InsiAuthorityRefused,
    InsiKeyWrong,
    InsiNotFoundOrDown,
    InsiResultUnknown,
    InsiSoftwareUnknown,
    InsiUnavailable,
    InsiUnreadable,
)
from gateway.ins.identity import FormerIns
from gateway.ins.reading import MAX_BYTES, VERIFICATION_RESULT, read_answer
from gateway.kernel.errors import ErrorClass
from gateway.model.patient import Ins
from tests.ins.answers import ADRUN, NIR, Number, Person, Style, envelope, new_fault, result
from tests.shared import need


def official(name: str) -> bytes:
    return need("data/insi/samples/cnda_package", name).read_bytes()


def found(data: bytes, environment: str = "test") -> NationalIdentity:
    answer = read_answer(data, environment=environment)
    assert answer.verdict is Verdict.FOUND
    assert answer.found is not None
    return answer.found


def test_a01_an_identity_is_read_with_its_ins() -> None:
    assert read_answer(result(person=ADRUN), environment="production") == Answer(
        verdict=Verdict.FOUND,
        label="OK",
        found=NationalIdentity(
            ins=Ins(matricule="275126322074974", oid=NIR),
            birth_family_name="ADRUN",
            birth_given_names="ZOE",
            sex="F",
            birth_date="1975-12-31",
            birth_place="63220",
        ),
    )


@pytest.mark.conformity
def test_the_official_not_found_is_a_result() -> None:
    answer = read_answer(official("REP_CR01.xml"), environment="test")
    assert answer == Answer(verdict=Verdict.NOT_FOUND, label="Aucune identite trouvee")


@pytest.mark.conformity
def test_a09_history_is_read_in_any_order_and_with_inverted_dates() -> None:
    identity = found(official("TEST_2.04_cas2.xml"))
    assert identity.ins == Ins(matricule="109076322083489", oid=NIR)
    assert identity.former == (
        FormerIns(matricule="209076322083439", oid=NIR, start="2019-03-01", end="2019-02-28"),
        FormerIns(matricule="209066322012355", oid=NIR),
    )
    assert identity.shown_former == identity.former
    assert identity.birth_given_names == "PIERRE-ALAIN MURIEL FLORIANT"
    assert identity.first_given_name is None


@pytest.mark.conformity
def test_a10_a_nia_is_told_by_its_oid() -> None:
    identity = found(official("TEST_2.05.xml"), "production")
    assert identity.ins == Ins(matricule="109076322088835", oid="1.2.250.1.213.1.4.9")
    assert identity.ins.nature == "NIA"
    assert (identity.first_given_name, identity.birth_family_name) == ("MATRICULE", "PROVISOIRE")


@pytest.mark.conformity
def test_a15_a_former_ins_equal_to_the_active_one_is_kept_but_not_shown() -> None:
    identity = found(official("TEST_2.08_cas1.xml"))
    assert identity.ins.matricule == "180032B02040123"
    assert [one.matricule for one in identity.former] == ["180032B02040123"]
    assert identity.shown_former == ()


@pytest.mark.conformity
def test_a16_a_wrong_key_refuses_the_whole_identity() -> None:
    with pytest.raises(InsiKeyWrong) as refusal:
        read_answer(official("TEST_2.08_cas2.xml"), environment="test")
    assert refusal.value.error_class is ErrorClass.HUMAN
    assert "1810363220456" not in repr(refusal.value) + str(refusal.value.facts) + refusal.value.explanation.what


@pytest.mark.parametrize(
    ("number", "key"), [("297022A020778", "78"), ("160012B020777", "13"), ("180032B020401", "23"), ("180032b020401", "23")]
)
def test_a03_a04_corsican_keys_are_right(number: str, key: str) -> None:
    assert found(result(person=Person(Number(number, key)))).ins.matricule == number.upper() + key


def test_a_key_that_is_not_given_is_computed() -> None:
    assert found(result(person=Person(Number("2751263220749")))).ins.matricule == "275126322074974"


@pytest.mark.parametrize(
    "active",
    [
        Number("2751263220749", "75"),
        Number("2751263220749", "7"),
        Number("2751263220749", "AB"),
        Number("27512632207", "74"),
        Number("27512Z3220749", "74"),
        Number("275122C220749", "74"),
        Number("", "74"),
    ],
    ids=["key", "short key", "letters", "short", "letter", "2C", "empty"],
)
def test_a16_what_cannot_be_a_matricule_is_refused(active: Number) -> None:
    with pytest.raises(InsiKeyWrong):
        read_answer(result(person=Person(active)), environment="test")


def test_a_wrong_key_in_the_history_is_told_and_refuses_nothing() -> None:
    history = (Number("2810363220456", "10"), Number("1810363220456"), Number("ABC", "1"), Number("", "1"))
    former = found(result(person=Person(Number("2751263220749", "74"), history))).former
    assert [(one.matricule, one.key_valid) for one in former] == [("281036322045610", False), ("1810363220456", True), ("ABC1", False)]


@pytest.mark.parametrize(("oid", "environment"), [("1.2.250.1.213.1.4.10", "production"), ("1.2.250.1.213.1.4.11", "production")])
def test_a30_a_test_oid_is_refused_in_production(oid: str, environment: str) -> None:
    data = result(person=Person(Number("2751263220749", "74", oid)))
    with pytest.raises(InsiAuthorityRefused):
        read_answer(data, environment=environment)
    assert found(data).ins.oid == oid


@pytest.mark.parametrize("oid", ["1.2.250.1.213.1.4.5", "1.2.250.1.213.1.1.1", "1.2.250.1.213.1.4.2", ""])
def test_a30_an_unknown_oid_is_refused_everywhere(oid: str) -> None:
    with pytest.raises(InsiAuthorityRefused):
        read_answer(result(person=Person(Number("2751263220749", "74", oid))), environment="test")


@pytest.mark.parametrize("moment", ["1950-00-00", "1962-13-00", "1931-20-01", "0000-00-00", "inconnue"])
def test_a23_a_lunar_date_stays_what_it_is(moment: str) -> None:
    person = Person(Number("2751263220749", "74"), traits={**ADRUN.traits, "DateNaissance": moment})
    assert found(result(person=person)).birth_date == moment


def test_a08_the_list_of_given_names_is_never_cut() -> None:
    person = Person(Number("1090763220834", "89"), traits={"ListePrenom": "PIERRE-ALAIN MURIEL FLORIANT"})
    identity = found(result(person=person))
    assert (identity.birth_given_names, identity.first_given_name) == ("PIERRE-ALAIN MURIEL FLORIANT", None)
    assert (identity.birth_family_name, identity.sex, identity.birth_date, identity.birth_place) == (None, None, None, None)


@pytest.mark.parametrize("seed", range(40))
def test_prefixes_blanks_and_order_change_nothing(seed: int) -> None:
    person = Person(
        Number("1090763220834", "89", kind="NIR"),
        (Number("2090763220834", "39", start="2019-03-01", end="2019-02-28"), Number("1090763220834", "89")),
        {**ADRUN.traits, "Prenom": "ZOE", "NomNaissance": "D'AEION  LE--GOFF"},
    )
    varied = found(result(person=person, style=Style.random(seed)))
    plain = found(result(person=person))
    assert sorted(one.matricule for one in varied.former) == sorted(one.matricule for one in plain.former)
    assert (varied.ins, varied.birth_family_name) == (plain.ins, "D'AEION  LE--GOFF")
    assert (varied.birth_date, varied.first_given_name, varied.sex) == (plain.birth_date, "ZOE", "F")


def test_a11_several_identities_carry_none() -> None:
    answer = read_answer(result("02", "Plusieurs identites trouvees"), environment="test")
    assert answer == Answer(verdict=Verdict.SEVERAL, label="Plusieurs identites trouvees")


def test_another_result_code_is_refused_and_its_label_is_for_the_screen_only() -> None:
    with pytest.raises(InsiResultUnknown) as refusal:
        read_answer(result("07", "Identite de MARTIN en cours de certification"), environment="test")
    assert refusal.value.label == "Identite de MARTIN en cours de certification"
    assert "07" in refusal.value.explanation.what
    assert "MARTIN" not in repr(refusal.value) + refusal.value.explanation.what + str(refusal.value.facts)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"OK",
        b"<!DOCTYPE html><html><body>Erreur</body></html>",
        b"<html><body>Erreur</body></html>",
        b"<?xml version='1.0'?><!DOCTYPE e [<!ENTITY a 'b'>]><e>&a;</e>",
        result(person=ADRUN)[:-30],
        envelope(""),
        envelope("<RESULTAT><CR><CodeCR>00</CodeCR></CR></RESULTAT>"),
        envelope('<AUTRE xmlns="http://www.cnamts.fr/INSiResultat"/>'),
        result("00"),
        result("", "OK"),
        result("A B", "OK"),
        result(person=ADRUN).replace(b"INSACTIF", b"INSFUTUR"),
        result(person=ADRUN).replace(b"63220</Lieu", b"6" * 501 + b"</Lieu"),
        result(label="x" * 501, person=ADRUN),
        result(person=ADRUN).ljust(MAX_BYTES + 1),
        b'{"cr": "00"}',
        "é".encode("latin-1"),
    ],
)
def test_what_is_no_result_is_unreadable_and_will_be_asked_again(data: bytes) -> None:
    with pytest.raises(InsiUnreadable) as refusal:
        read_answer(data, environment="test")
    assert refusal.value.error_class is ErrorClass.TRANSIENT


def test_a_multipart_answer_is_opened() -> None:
    whole = b"--b\r\nContent-Type: application/xop+xml\r\nContent-ID: <r>\r\n\r\n" + result(person=ADRUN) + b"\r\n--b--\r\n"
    answer = read_answer(whole, 'multipart/related; boundary="b"; start="<r>"', environment="test")
    assert answer.found is not None


@pytest.mark.parametrize("comment", ["<!-- a -->", "<?x y?>"])
def test_comments_are_no_part_of_a_value(comment: str) -> None:
    data = result(person=ADRUN).replace(b">ADRUN<", f">AD{comment}RUN<".encode())
    assert found(data).birth_family_name == "ADRUN"


def test_a_verification_says_only_whether_it_agrees() -> None:
    text = (
        f'<ns:REPONSE xmlns:ns="{VERIFICATION_RESULT}"><ns:CR><ns:CodeCR>%s</ns:CodeCR><ns:LibelleCR>x</ns:LibelleCR></ns:CR></ns:REPONSE>'
    )
    for code, verdict in (("00", Verdict.FOUND), ("01", Verdict.NOT_FOUND)):
        assert read_answer(envelope(text % code), environment="test", verification=True) == Answer(verdict=verdict, label="x")
    assert read_answer(result("00"), environment="test", verification=True).verdict is Verdict.FOUND
    with pytest.raises(InsiUnreadable):
        read_answer(envelope(text % "00"), environment="test")


@pytest.mark.parametrize(
    ("platform", "code", "expected"),
    [
        ("qualification", "insi_102", InsiNotFoundOrDown),
        ("qualification", "insi_101", InsiNotFoundOrDown),
        ("production", "insi_102", InsiUnavailable),
        ("production", "insi_101", InsiUnavailable),
        ("qualification", "desir_1020", InsiUnavailable),
    ],
)
def test_a19_not_found_is_a_fault_on_the_editors_platform_alone(platform: str, code: str, expected: type[FromInsi]) -> None:
    with pytest.raises(expected) as refusal:
        read_answer(new_fault("siram_40", code, "fatale", "x", "uuid:1"), environment="test", platform=platform)
    assert (refusal.value.error_class is ErrorClass.TRANSIENT) is (expected is InsiUnavailable)


def test_a17_the_refused_number_is_told_with_the_software() -> None:
    with pytest.raises(InsiSoftwareUnknown) as refusal:
        read_answer(
            new_fault("siram_100", "desir_550", "erreur", "Numéro inconnu", "uuid:1"), environment="test", software="Cabinet Facile"
        )
    assert refusal.value.error_class is ErrorClass.CONFIGURATION
    assert "numéro d'autorisation" in refusal.value.explanation.what
    assert "Cabinet Facile" in refusal.value.explanation.what


def test_nothing_of_an_identity_shows_in_its_representation() -> None:
    answer = read_answer(result(person=ADRUN), environment="test")
    assert "ADRUN" not in repr(answer) + str(answer)
