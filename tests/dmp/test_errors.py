"""The error table, whole: each row of the dossier gives its class, each text is fit for a secretary, nothing of the answer leaks."""

from __future__ import annotations

import csv
import inspect
import re

import msgspec
import pytest

from gateway.dmp import errors
from gateway.dmp.error_table import FAULTS, REGISTRY, error_of_fault, normal_form
from gateway.dmp.errors import FromDmp
from gateway.dmp.feed import read_feed_answer
from gateway.dmp.probe import read_probe_answer
from gateway.kernel.errors import ErrorClass, RelaisError
from gateway.wire.http import HttpResponse
from gateway.wire.soap import SoapFault
from tests.dmp.scenes import fault, official, ok, references, registry
from tests.shared import need

T, P, C, H, U = ErrorClass.TRANSIENT, ErrorClass.PERMANENT, ErrorClass.CONFIGURATION, ErrorClass.HUMAN, ErrorClass.UNKNOWN
ALL = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, RelaisError) and one.__module__ == errors.__name__]
ERRORS = [one for one in ALL if one is not FromDmp]

EXPECTED_REGISTRY = {
    "XDSUnknownPatientId": ("dmp-patient-unknown", P),
    "XDSPatientIdDoesNotMatch": ("dmp-patient-mismatch", P),
    "XDSRepositoryMetadataError": ("dmp-metadata-refused", P),
    "XDSRegistryMetadataError": ("dmp-metadata-refused", P),
    "XDSMissingDocument": ("dmp-lot-malformed", P),
    "XDSMissingDocumentMetadata": ("dmp-lot-malformed", P),
    "XDSDuplicateUniqueIdInRegistry": ("dmp-duplicate-lot", U),
    "XDSRepositoryDuplicateUniqueIdInMessage": ("dmp-lot-malformed", P),
    "XDSRegistryDuplicateUniqueIdInMessage": ("dmp-lot-malformed", P),
    "XDSNonIdenticalHash": ("dmp-content-differs", H),
    "XDSNonIdenticalSize": ("dmp-content-differs", H),
    "XDSRegistryDeprecatedDocumentError": ("dmp-target-not-current", H),
    "UnresolvedReferenceException": ("dmp-target-unknown", T),
    "InvalidDocumentContent": ("dmp-document-refused", P),
    "XDSReplaceFailed": ("dmp-target-not-current", H),
    "XDSMetadataUpdateError": ("dmp-update-refused", H),
    "XDSRegistryBusy": ("dmp-busy", T),
    "XDSRepositoryBusy": ("dmp-busy", T),
    "XDSRegistryOutOfResources": ("dmp-busy", T),
    "XDSRepositoryOutOfResources": ("dmp-busy", T),
    "XDSRegistryNotAvailable": ("dmp-busy", T),
    "XDSRegistryError": ("dmp-internal-error", T),
    "XDSRepositoryError": ("dmp-internal-error", T),
    "XDSDocumentUniqueIdError": ("dmp-lot-malformed", P),
    "XDSUnknownRepositoryId": ("dmp-address-refused", C),
    "XDSUnknownStoredQuery": ("dmp-lot-malformed", P),
    "XDSStoredQueryMissingParam": ("dmp-lot-malformed", P),
    "XDSStoredQueryParamNumber": ("dmp-lot-malformed", P),
    "XDSTooManyResults": ("dmp-lot-malformed", P),
    "XDSResultNotSinglePatient": ("dmp-lot-malformed", P),
    "SomethingNew": ("dmp-refused-unknown", H),
}
EXPECTED_FAULTS = [
    ("", "DMPInvalidCertificate", "dmp-certificate-refused", C),
    ("Le certificat du jeton VIHF n'est pas valide", "", "dmp-certificate-refused", C),
    ("Structure introuvable ou Inactive", "", "dmp-structure-unknown", C),
    ("PS et Structure non liés", "", "dmp-author-not-linked", H),
    ("Aucune spécialité dans le vihf", "", "dmp-specialty-missing", H),
    ("Erreur d'authentification de la personne morale", "", "dmp-structure-mismatch", C),
    ("Erreur d’authentification  de la personne morale.", "", "dmp-structure-mismatch", C),
    ("Aucun AuthorInstitution ne correspond à l'utilisateur du VIHF", "", "dmp-institution-mismatch", P),
    ("Droits insuffisants pour cette transaction", "", "dmp-rights-refused", H),
    ("Numéro d'homologation inconnu", "", "dmp-homologation-refused", C),
    ("Acteur non autorisé", "", "dmp-rights-refused", H),
    ("Accès refusé", "", "dmp-rights-refused", H),
    ("Le jeton VIHF a expiré", "", "dmp-token-refused", T),
    ("Jeton VIHF périmé", "", "dmp-token-refused", T),
    ("L'assertion a déjà été utilisée", "", "dmp-token-refused", T),
    ("Rejeu de l'assertion détecté", "", "dmp-token-refused", T),
    ("IssueInstant hors de la plage admise", "", "dmp-token-refused", T),
    ("", "MessageExpired", "dmp-token-refused", T),
    ("DMP fermé", "DMPClosed", "dmp-closed", H),
    ("Service indisponible", "", "dmp-unavailable", T),
    ("Service en maintenance", "", "dmp-unavailable", T),
    ("Erreur interne", "", "dmp-internal-error", T),
    ("Le serveur est surchargé", "", "dmp-busy", T),
    ("Le champ fichtre n'est pas comme il faut", "", "dmp-refused-unknown", H),
    ("", "", "dmp-refused-unknown", H),
]


def raised(response: HttpResponse) -> FromDmp:
    with pytest.raises(FromDmp) as caught:
        read_feed_answer(response)
    return caught.value


@pytest.mark.parametrize(("code", "expected"), EXPECTED_REGISTRY.items())
def test_registry_codes(code: str, expected: tuple[str, ErrorClass]) -> None:
    error = raised(registry("Failure", code))
    assert (error.code, error.error_class) == expected


@pytest.mark.parametrize(("reason", "subcode", "code", "error_class"), EXPECTED_FAULTS)
def test_faults(reason: str, subcode: str, code: str, error_class: ErrorClass) -> None:
    error = raised(fault(reason, subcode=subcode))
    assert (error.code, error.error_class) == (code, error_class)
    assert error_of_fault(SoapFault("Sender", subcode, reason.upper())).code == code


@pytest.mark.conformity
def test_every_registry_code_of_the_dossier_has_its_row() -> None:
    known: set[str] = set()
    with need("data", "dmp", "tables", "error_codes.csv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table):
            if (row["layer"] == "xds" and row["class"] != "equivalent_to_success") or "Duplicate" in row["code_or_text"]:
                known |= set(re.findall(r"\b(?:XDS\w+|UnresolvedReferenceException|InvalidDocumentContent)", row["code_or_text"]))
    assert known <= set(REGISTRY)
    assert set(REGISTRY) == set(EXPECTED_REGISTRY) - {"SomethingNew"}


def test_each_pattern_is_exercised() -> None:
    for pattern, _ in FAULTS:
        assert any(re.search(rf"\b(?:{pattern})", normal_form(f"{subcode} {reason}")) for reason, subcode, _, _ in EXPECTED_FAULTS), pattern


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (("XDSRegistryError", "XDSDuplicateUniqueIdInRegistry"), "dmp-duplicate-lot"),
        (("XDSRegistryBusy", "XDSRegistryMetadataError"), "dmp-metadata-refused"),
        (("XDSRegistryBusy", "SomethingNew"), "dmp-refused-unknown"),
        ((), "dmp-refused-unknown"),
    ],
)
def test_several_errors_give_the_decisive_one(codes: tuple[str, ...], expected: str) -> None:
    assert raised(registry("Failure", *codes)).code == expected


def test_partial_success_of_a_feed_is_for_a_person() -> None:
    assert raised(registry("PartialSuccess")).code == "dmp-partial"


@pytest.mark.parametrize(
    ("status", "feed", "query"),
    [
        (200, "dmp-answer-unreadable", "dmp-query-unreadable"),
        (500, "dmp-answer-unreadable", "dmp-query-unreadable"),
        (502, "dmp-answer-unreadable", "dmp-query-unreadable"),
        (504, "dmp-answer-unreadable", "dmp-query-unreadable"),
        (503, "dmp-unavailable", "dmp-unavailable"),
        (429, "dmp-unavailable", "dmp-unavailable"),
        (413, "dmp-too-large", "dmp-too-large"),
        (404, "dmp-address-refused", "dmp-address-refused"),
        (403, "dmp-address-refused", "dmp-address-refused"),
        (302, "dmp-address-refused", "dmp-address-refused"),
        (400, "dmp-refused-unknown", "dmp-refused-unknown"),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>Erreur</html>", b"\x00garbage"])
def test_statuses_without_envelope(status: int, feed: str, query: str, body: bytes) -> None:
    response = HttpResponse(status=status, headers={"content-type": "text/html"}, body=body)
    assert raised(response).code == feed
    with pytest.raises(FromDmp) as caught:
        read_probe_answer(response)
    assert caught.value.code == query


def test_unsettled_feed_is_unknown_and_unreadable_query_is_not() -> None:
    assert (errors.FeedUnsettled.error_class, errors.QueryUnreadable.error_class) == (U, T)


def test_fault_of_a_front_end_is_judged_by_the_status_when_its_text_is_unknown() -> None:
    assert raised(fault("Upstream", status=503)).code == "dmp-unavailable"
    assert raised(fault("Upstream", status=504)).code == "dmp-answer-unreadable"
    assert raised(fault("Accès refusé", status=503)).code == "dmp-rights-refused"


def test_success_that_comes_with_an_error_status_is_not_believed() -> None:
    success = registry()
    assert raised(HttpResponse(status=500, headers=success.headers, body=success.body)).code == "dmp-answer-unreadable"


def test_unexpected_element_leaves_the_feed_unsettled() -> None:
    assert raised(ok("<other/>")).code == "dmp-answer-unreadable"


@pytest.mark.conformity
def test_official_answer_is_a_success() -> None:
    answer = official("TD2.1-Alimentation_reponse.xml")
    read_feed_answer(answer)
    refusal = msgspec.structs.replace(answer, body=answer.body.replace(b"ResponseStatusType:Success", b"ResponseStatusType:Failure"))
    assert raised(refusal).answer == refusal.body != answer.body


def test_references_are_read() -> None:
    assert read_probe_answer(references("urn:uuid:1")) == ["urn:uuid:1"]
    assert read_probe_answer(references()) == []


def test_no_text_of_the_answer_leaves_but_as_proof() -> None:
    told = "Document de MARTIN Zoe, INS 279035121518989, EX_2.1-1050"
    for response in (registry("Failure", "XDSRegistryMetadataError", context=told), fault(told), fault(told, subcode="MARTIN Zoe 2790")):
        error = raised(response)
        shown = f"{error}{error!r}{error.technical}{error.explanation}{error.facts}{error.__cause__}"
        assert "MARTIN" not in shown
        assert "279035121518989" not in shown
        assert error.answer == response.body


@pytest.mark.parametrize("error", ERRORS)
def test_texts_are_fit_for_their_reader(error: type[RelaisError]) -> None:
    told = error().explanation
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", told.code)
    for text in (told.what, told.gesture):
        assert text.endswith(".")
        assert text[0].isupper()
        assert "{" not in text
        assert "internal-error" not in text
    assert told.what != RelaisError.what
    assert told.gesture != RelaisError.gesture
    assert error.__doc__


def test_codes_are_not_shared() -> None:
    seen = [error.code for error in ERRORS]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("error", [errors.NoDmp, errors.DmpClosed])
def test_no_dmp_is_for_the_secretary_and_no_error(error: type[RelaisError]) -> None:
    told = error().explanation
    assert told.who == "le secrétariat"
    assert "erreur" not in (told.what + told.gesture).lower()
    assert error.error_class is H
