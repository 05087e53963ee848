"""Faults of INSi: old and new forms are one object, and each code has its class and its gesture."""

from __future__ import annotations

import pytest
from lxml import etree

from gateway.ins import errors
from gateway.ins.error_table import DETAILS, FRAMEWORK, error_of_fault, error_of_status
from gateway.ins.fault import Fault, is_fault, read_fault
from gateway.kernel.errors import ErrorClass
from gateway.xml.parse import parse
from tests.ins.answers import new_fault, old_fault
from tests.shared import need

BODY = "{http://www.w3.org/2003/05/soap-envelope}Body/*"


def fault(data: bytes) -> Fault:
    element = parse(data).find(BODY)
    assert element is not None
    assert is_fault(element)
    return read_fault(element)


def error(siram: str, code: str, *, sender: bool = True, platform: str = "production") -> errors.FromInsi:
    value = Fault(siram=siram, code=code, severity="", text="t", message_id=None, reason="", sender=sender)
    return error_of_fault(value, platform=platform, software="Cabinet Facile")


@pytest.mark.conformity
@pytest.mark.parametrize(
    ("name", "siram", "code", "severity", "message_id", "sender"),
    [
        ("fault_siram_100_desir_550.xml", "siram_100", "desir_550", "erreur", "uuid:b3549edd-4ae9-472a-b26f-fd2fb4ef397f", True),
        ("fault_siram_40_desir_1020.xml", "siram_40", "desir_1020", "fatale", "uuid:b3549edd-4ae9-472a-b26f-fd2fb4ef397f", False),
        ("fault_siram_40_insi_102.xml", "siram_40", "insi_102", "fatale", None, False),
    ],
)
def test_a21_faults_observed_over_the_years_are_read(
    name: str, siram: str, code: str, severity: str, message_id: str | None, sender: bool
) -> None:
    read = fault(need("data/insi/samples/observed", name).read_bytes())
    assert (read.siram, read.code, read.severity, read.message_id, read.sender) == (siram, code, severity, message_id, sender)
    assert read.text
    assert read.reason
    assert "\n" not in read.reason
    assert repr(read) == f"Fault({siram} {code} {severity})"


@pytest.mark.parametrize("known", [("siram_40", "desir_1020", "fatale"), ("siram_40", "insi_102", "fatale")])
def test_a21_old_and_new_forms_give_the_same_object(known: tuple[str, str, str]) -> None:
    old = fault(old_fault(*known, "Le service est indisponible", "uuid:42", side="Receiver"))
    new = fault(new_fault(*known, "Le service est indisponible", "uuid:42", side="Sender"))
    assert old == new
    assert old.message_id == "uuid:42"


def test_a21_a_refusal_stays_a_refusal_in_both_forms() -> None:
    facts = ("siram_100", "desir_550", "erreur", "Numéro inconnu", "uuid:42")
    assert fault(old_fault(*facts, side="Sender")) == fault(new_fault(*facts, side="Sender"))
    assert fault(new_fault(*facts)).sender


@pytest.mark.parametrize("path", ["Detail", "Reason", "Code/{*}Subcode", "Code"])
def test_a_fault_with_a_part_missing_is_still_a_fault(path: str) -> None:
    root = parse(new_fault("siram_40", "desir_1020", "fatale", "x", "uuid:1"))
    part = root.find(BODY + "/{*}" + path)
    assert part is not None
    parent = part.getparent()
    assert parent is not None
    parent.remove(part)
    read = fault(etree.tostring(root))
    assert error_of_fault(read, platform="production", software="x").error_class is ErrorClass.TRANSIENT


def test_a_fault_of_soap_1_1_is_read() -> None:
    data = (
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>e:Client</faultcode><faultstring>non'
        b'</faultstring><detail><s:Erreur xmlns:s="urn:siram" code="desir_560" severite="error"/></detail></e:Fault></e:Body></e:Envelope>'
    )
    element = parse(data).find("{*}Body/*")
    assert element is not None
    read = read_fault(element)
    assert (read.code, read.severity, read.reason, read.sender) == ("desir_560", "erreur", "non", True)


def test_codes_that_are_no_words_are_dropped() -> None:
    read = fault(new_fault("MARTIN Paul né le 1", "1 rue Haute", "fatale", "x", "uuid:1"))
    assert (read.siram, read.code) == ("", "")


@pytest.mark.parametrize("code", DETAILS)
def test_the_detail_decides_before_the_framework(code: str) -> None:
    assert type(error("siram_100", code)) is DETAILS[code]


@pytest.mark.parametrize("siram", FRAMEWORK)
def test_then_the_framework_decides(siram: str) -> None:
    assert type(error(siram, "desir_9999")) is FRAMEWORK[siram]


def test_what_no_row_knows_goes_by_who_is_to_blame() -> None:
    assert type(error("siram_7", "desir_9999", sender=False)) is errors.InsiInternalError
    assert type(error("siram_7", "desir_9999", sender=True)) is errors.InsiRefused
    assert type(error("siram_7", "insi_102", platform="qualification")) is errors.InsiNotFoundOrDown
    assert error("siram_7", "desir_9999").technical == "fault siram_7 desir_9999"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, errors.InsiUnreadable),
        (301, errors.InsiAddressRefused),
        (400, errors.InsiRefused),
        (401, errors.InsiAddressRefused),
        (403, errors.InsiAddressRefused),
        (404, errors.InsiAddressRefused),
        (415, errors.InsiRefused),
        (429, errors.InsiUnavailable),
        (500, errors.InsiUnreadable),
        (502, errors.InsiUnavailable),
        (503, errors.InsiUnavailable),
        (504, errors.InsiUnavailable),
    ],
)
def test_a_status_without_envelope_has_its_class(status: int, expected: type[errors.FromInsi]) -> None:
    assert type(error_of_status(status, "no envelope")) is expected


ALL = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.FromInsi) and one is not errors.FromInsi]


@pytest.mark.parametrize("kind", ALL)
def test_every_error_has_a_code_of_its_own_and_french_words(kind: type[errors.FromInsi]) -> None:
    assert kind.code.startswith("insi-")
    assert [one.code for one in ALL].count(kind.code) == 1
    told = kind(software="x", missing="y", result="07").explanation
    assert told.what.endswith(".")
    assert told.gesture.endswith(".")
    assert "{" not in told.what + told.gesture
    assert "sécurité sociale" not in told.what + told.gesture
