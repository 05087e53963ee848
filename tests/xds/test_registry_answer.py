"""What a registry answers, official samples included."""

from __future__ import annotations

import pytest
from lxml import etree

from gateway.wire.soap import read_envelope
from gateway.xds.iti18 import get_documents, read_references
from gateway.xds.registry_answer import RegistryRefusal, UnexpectedAnswer, read_registry_response
from tests.shared import need
from tests.xds.documents import UNIQUE_ID
from tests.xds.schemas import schema

RS = "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
STATUS = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:"


def response(status: str, *errors: tuple[str, str, str]) -> etree._Element:
    listed = "".join(f'<e:RegistryError errorCode="{c}" codeContext="{t}" severity="{STATUS}x:{s}"/>' for c, t, s in errors)
    wrapped = f"<e:RegistryErrorList>{listed}</e:RegistryErrorList>" if errors else ""
    return etree.fromstring(f'<e:RegistryResponse xmlns:e="{RS}" status="{STATUS}{status}">{wrapped}</e:RegistryResponse>')


def sample(name: str) -> etree._Element:
    return read_envelope(need("data", "dmp", "messages", name).read_bytes())


@pytest.mark.conformity
@pytest.mark.parametrize("name", ["TD2.1-Alimentation_reponse.xml", "TD3.3c-Supprimer_un_document_reponse.xml"])
def test_official_answers_are_read_as_success(name: str) -> None:
    answer = sample(name)
    read_registry_response(answer)
    answer.set("status", f"{STATUS}Failure")
    with pytest.raises(RegistryRefusal):
        read_registry_response(answer)


@pytest.mark.conformity
def test_official_search_answer_gives_its_entries() -> None:
    answer = sample("TD3.1-Recherche_de_document_reponse.xml")
    found = read_references(answer)
    assert found[0] == "urn:uuid:7953af1a-ba1c-11eb-816f-0050569e422e"
    assert len(found) == sum(1 for _ in answer.iter("{urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0}ExtrinsicObject"))


def test_warning_on_success_is_a_success() -> None:
    warning = ("XDSExtraMetadataNotSaved", "", "Warning")
    read_registry_response(response("Success", warning))
    with pytest.raises(RegistryRefusal) as caught:
        read_registry_response(response("PartialSuccess", warning, ("XDSRepositoryError", "", "Error")))
    assert [error.code for error in caught.value.errors] == ["XDSRepositoryError"]


def test_refusal_keeps_codes_and_rules_but_no_text() -> None:
    context = "EX_2.1-1050 : document de MARTIN Zoé (dmp.metadata.class-of-type) refusé"
    with pytest.raises(RegistryRefusal) as caught:
        read_registry_response(response("Failure", ("urn:ihe:XDSRegistryMetadataError", context, "Error"), ("XDSExtra", "", "Warning")))
    assert [error.code for error in caught.value.errors] == ["XDSRegistryMetadataError"]
    assert caught.value.errors[0].rules == ("EX_2.1-1050", "dmp.metadata.class-of-type")
    assert "MARTIN" not in repr(caught.value) + str(caught.value) + caught.value.technical


@pytest.mark.parametrize("text", ["<a/>", f'<e:RegistryResponse xmlns:e="{RS}"/>'])
def test_anything_else_is_unexpected(text: str) -> None:
    with pytest.raises(UnexpectedAnswer):
        read_registry_response(etree.fromstring(text))
    with pytest.raises(UnexpectedAnswer):
        read_references(etree.fromstring(text))


@pytest.mark.conformity
def test_query_by_unique_id_is_valid_and_asks_for_references() -> None:
    query = etree.fromstring(get_documents(UNIQUE_ID))
    schema("ebRS/query.xsd").assertValid(query)
    assert query.find("{*}ResponseOption").get("returnType") == "ObjectRef"  # type: ignore[union-attr]
    assert query.findtext(".//{*}Value") == f"('{UNIQUE_ID}')"


def test_object_references_are_read() -> None:
    rim, query = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0", "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
    inside = '<r:ObjectRef id="urn:uuid:1"/><r:ObjectRef id="urn:uuid:2"/><r:Association id="urn:uuid:3"/>'
    for listed, expected in ((inside, ["urn:uuid:1", "urn:uuid:2"]), ("", [])):
        answer = (
            f'<q:AdhocQueryResponse xmlns:q="{query}" xmlns:r="{rim}" status="{STATUS}Success">'
            f"<r:RegistryObjectList>{listed}</r:RegistryObjectList></q:AdhocQueryResponse>"
        )
        assert read_references(etree.fromstring(answer)) == expected
