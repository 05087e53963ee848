from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.flow.decoding import RequestInvalid
from gateway.flow.request import decode_request

GOOD: dict[str, Any] = {
    "author": {"id": "899700366240"},
    "patient": {"local_id": "P-1"},
    "document": {"type": "57833-6", "title": "Ordonnance", "created_at": "2026-11-22T09:30:00+01:00"},
    "deliver": {"dmp": True},
}


def changed(path: str, value: object) -> bytes:
    data = json.loads(json.dumps(GOOD))
    *parents, last = path.split(".")
    place = data
    for one in parents:
        place = place.setdefault(one, {})
    if value is None:
        place.pop(last)
    else:
        place[last] = value
    return json.dumps(data).encode()


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("deliver", None, "deliver"),
        ("deliver.dmp", "oui", "deliver.dmp"),
        ("deliver.dmp", False, "deliver"),
        ("document.created_at", "2026-11-22T09:30:00", "document.created_at"),
        ("document.created_at", None, "document.created_at"),
        ("document.title", "", "document.title"),
        ("document.title", "a\u0000b", "document.title"),
        ("document.title", "x" * 201, "document.title"),
        ("document.couleur", "bleu", "document"),
        ("PAT-TROIS DOMINIQUE", "F", "request"),
        ("patient.title", "Mme", "patient.title"),
        ("patient.local_id", None, "patient.local_id"),
        ("author", {}, "author.id"),
        ("visibility.masked", True, "visibility"),
        ("deliver.professionals", ["a@b.test"] * 51, "deliver.professionals"),
        ("deliver.professionals", ["a@b.test", 3], "deliver.professionals[1]"),
        ("patient[DOMINIQUE]", "F", "request"),
    ],
)
def test_the_field_at_fault_is_named(path: str, value: object, field: str) -> None:
    with pytest.raises(RequestInvalid) as refusal:
        decode_request(changed(path, value))
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("data", "field", "said"),
    [
        (changed("deliver", None), "deliver", "ce champ manque"),
        (changed("author.local_id", "P-1"), "author.local_id", "ce champ, ou un champ qu'il contient, n'est pas prévu à cet endroit"),
        (changed("document.couleur", "bleu"), "document", "ce champ, ou un champ qu'il contient, n'est pas prévu à cet endroit"),
        (changed("deliver.dmp", "oui"), "deliver.dmp", "ce champ n'a pas la forme attendue"),
        (b"{", "request", "ce n'est pas du JSON en UTF-8"),
        (b'{"author": {"id": "\xe9"}}', "request", "ce n'est pas du JSON en UTF-8"),
    ],
)
def test_what_is_wrong_with_the_field_is_said(data: bytes, field: str, said: str) -> None:
    with pytest.raises(RequestInvalid) as refusal:
        decode_request(data)
    told = refusal.value.explanation.what
    assert (refusal.value.field, told) == (field, f"La demande ne respecte pas le format attendu : {said}.")


@pytest.mark.parametrize("space", ["\u00a0", "\u202f", "\u2009", "\u3000"])
def test_the_spaces_of_french_typography_are_text(space: str) -> None:
    title = f"Ordonnance n°{space}3{space}: «{space}été{space}»"
    document = decode_request(changed("document.title", title)).document
    assert document is not None
    assert document.title == title


@pytest.mark.parametrize("title", ["a\u2028b", "a\u2029b", "a\tb", "a\nb", "a\u200bb", "a\x7fb", "\u00a0", " "])
def test_a_title_is_one_readable_line(title: str) -> None:
    with pytest.raises(RequestInvalid) as refusal:
        decode_request(changed("document.title", title))
    assert refusal.value.field == "document.title"


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"deliver": ' * 5000])
def test_what_is_not_the_contract_is_refused_as_a_whole(data: bytes) -> None:
    with pytest.raises(RequestInvalid):
        decode_request(data)


@pytest.mark.parametrize("name", ["x` - at `$.PAT-TROIS", "x` - at `$.deliver.PAT-TROIS", "deliver[PAT-TROIS", "", "` PAT-TROIS"])
@pytest.mark.parametrize("inside", [True, False])
def test_no_way_of_naming_a_member_echoes_it(name: str, inside: bool) -> None:
    data = {"deliver": {"dmp": True, name: 1}} if inside else {name: 1, "deliver": {"dmp": True}}
    with pytest.raises(RequestInvalid) as refusal:
        decode_request(json.dumps(data).encode())
    assert refusal.value.field is not None
    assert "PAT-TROIS" not in refusal.value.field
    assert set(refusal.value.field.split(".")) <= {"request", "deliver"}


def test_a_good_request_is_read() -> None:
    request = decode_request(json.dumps(GOOD).encode())
    assert request.deliver.dmp
    assert request.document is not None
    assert request.document.created_at.utcoffset() is not None
