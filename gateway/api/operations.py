"""The multipart forms as the OpenAPI document describes them: the framework cannot see what is read from the stream."""

from __future__ import annotations

from dataclasses import dataclass

from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
)

_BINARY = Schema(type=OpenAPIType.STRING, content_media_type="application/octet-stream")
_TEXT = Schema(type=OpenAPIType.STRING)


def _form(properties: dict[str, Schema], required: list[str], description: str) -> RequestBody:
    schema = Schema(type=OpenAPIType.OBJECT, properties=dict(properties), required=required, additional_properties=False)
    return RequestBody(content={"multipart/form-data": OpenAPIMediaType(schema=schema)}, required=True, description=description)


@dataclass
class _DocumentForm(Operation):
    def __post_init__(self) -> None:
        self.request_body = _form(
            {"request": _TEXT, "file": _BINARY},
            ["request", "file"],
            "Partie `request` : la description (JSON, schéma DocumentRequest). Partie `file` : un PDF, ou un CDA prêt (XML).",
        )


@dataclass
class _SignForm(Operation):
    def __post_init__(self) -> None:
        self.request_body = _form(
            {"file": _BINARY, "request": _TEXT},
            ["file"],
            "Partie `file` : le document. Partie `request` facultative (JSON) : structure, packaging, uri, roles.",
        )


@dataclass
class _VerifyForm(Operation):
    def __post_init__(self) -> None:
        self.request_body = _form(
            {"file": _BINARY, "original": _BINARY},
            ["file"],
            "Partie `file` : le document signé. Partie `original` : le contenu couvert par une signature détachée.",
        )


DOCUMENT_FORM, SIGN_FORM, VERIFY_FORM = _DocumentForm, _SignForm, _VerifyForm
