"""Judges an answer by the OpenAPI document as a client would, with a validator that is not ours."""

from __future__ import annotations

from functools import cache
from typing import Any

import httpx
import jsonschema_rs

from gateway.api.specification import specification

PROBLEM = "application/problem+json"


_EVENTS = {
    "document": "DocumentView",
    "identity": "IdentityEvent",
    "inquiry": "InquiryEvent",
    "batch": "BatchEvent",
    "scan": "ScanEvent",
    "reset": "ResetEvent",
}


@cache
def _document() -> dict[str, Any]:
    return specification()


def check_answer(answer: httpx.Response, path: str) -> None:
    """Fails unless this answer of this route is one that the document announces."""
    announced = _document()["paths"][f"/api/v1{path}"][answer.request.method.lower()]["responses"]
    assert str(answer.status_code) in announced, (answer.status_code, answer.text)
    told = announced[str(answer.status_code)]
    media = answer.headers["content-type"].partition(";")[0]
    assert media in told["content"], media
    for name in told.get("headers", {}):
        assert name in answer.headers, name
    if media in ("application/json", PROBLEM):
        schema = {**told["content"][media]["schema"], "components": _document()["components"]}
        jsonschema_rs.validator_for(schema, validate_formats=True).validate(answer.json())


def check_event(kind: str, data: Any) -> None:
    """Fails unless the data of an event are what the description of /events says of its kind."""
    document = _document()
    family = kind.partition(".")[0]
    name = _EVENTS[family]
    assert name in document["paths"]["/api/v1/events"]["get"]["summary"]
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(data)


def check_problem(answer: httpx.Response, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    """Fails unless the answer is this problem, told to the end; returns it."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM), answer.text
    problem: dict[str, Any] = answer.json()
    assert (problem["code"], problem.get("field")) == (code, field), problem
    assert problem["status"] == status
    assert problem["type"] == f"urn:relais:probleme:{code}"
    for name in ("title", "detail", "gesture"):
        assert problem[name], name
        assert "…" not in problem[name], problem[name]
    assert answer.headers["cache-control"] == "no-store"
    return problem
