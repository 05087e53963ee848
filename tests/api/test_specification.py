"""The OpenAPI document against the application itself: nothing forgotten, nothing invented."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
from litestar.routes import HTTPRoute

from gateway.api.esignsante import BASE as ESIGNSANTE
from gateway.api.specification import BASE, specification
from tests.api.rig import Box, request_part


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {(path, verb): told for path, verbs in specification()["paths"].items() for verb, told in verbs.items()}


def routes(box: Box) -> dict[tuple[str, str], Any]:
    found: dict[tuple[str, str], Any] = {}
    for route in box.application.routes:
        if isinstance(route, HTTPRoute) and route.path.startswith((BASE, ESIGNSANTE)) and not route.path.endswith("openapi.json"):
            path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
            found.update({(path, verb.lower()): route.route_handler_map[verb][0] for verb in route.methods - {"OPTIONS"}})
    return found


async def test_every_route_is_told_and_every_told_route_exists(box: Box) -> None:
    assert set(operations()) == set(routes(box))


async def test_every_parameter_of_the_address_is_told(box: Box) -> None:
    for key, handler in routes(box).items():
        told = {one["name"] for one in operations()[key]["parameters"] if one["in"] in ("path", "query")}
        taken = {name for name in handler.parsed_fn_signature.parameters if name not in ("request", "relay", "limits", "caller")}
        assert told == {{"wanted": "state", "form": "format"}.get(name, name) for name in taken}, key


async def test_every_path_names_its_parameters(box: Box) -> None:
    for (path, _), told in operations().items():
        assert {one["name"] for one in told["parameters"] if one["in"] == "path"} == set(re.findall(r"\{(\w+)\}", path))


async def test_operation_names_are_unique(box: Box) -> None:
    names = [told["operationId"] for told in operations().values()]
    assert len(names) == len(set(names))


async def test_it_is_served_to_anybody_as_it_is(box: Box) -> None:
    async with box.client(None) as client:
        answer = await client.get(f"{BASE}/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == specification()


def test_every_reference_leads_somewhere() -> None:
    whole = specification()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                assert node["$ref"].removeprefix("#/components/schemas/") in whole["components"]["schemas"]
            for one in node.values():
                walk(one)
        elif isinstance(node, list):
            for one in node:
                walk(one)

    walk(whole)


def test_every_schema_is_one() -> None:
    components = specification()["components"]
    assert [name for name, schema in components["schemas"].items() if not jsonschema_rs.meta.is_valid(schema)] == []
    for name in components["schemas"]:
        judge = jsonschema_rs.validator_for({"$ref": f"#/components/schemas/{name}", "components": components})
        assert not judge.is_valid([[]]), name


def test_unknown_fields_of_a_request_are_told_to_be_refused() -> None:
    schemas = specification()["components"]["schemas"]
    for name in ("DocumentRequest", "PatientPart", "DocumentPart", "Deliver", "PatientMail", "Visibility", "SignatureOrder"):
        assert schemas[name]["additionalProperties"] is False, name


def test_the_request_of_the_contract_is_one() -> None:
    schema = {"$ref": "#/components/schemas/DocumentRequest", "components": specification()["components"]}
    judge = jsonschema_rs.validator_for(schema, validate_formats=True)
    assert [error.message for error in judge.iter_errors(request_part())] == []
    assert not judge.is_valid(request_part(deliver=None))


def test_states_are_told_by_name() -> None:
    schemas = specification()["components"]["schemas"]
    assert schemas["DocumentState"]["enum"] == ["attention", "cancelled", "done", "working"]
    assert set(schemas["DeliveryState"]["enum"]) >= {"held", "queued", "running", "unknown", "delivered", "refused", "cancelled", "expired"}
