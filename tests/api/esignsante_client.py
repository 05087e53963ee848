"""A client of esignsante as its users write it: forms, numbers, a secret; each answer judged by the OpenAPI document."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

import httpx
import jsonschema_rs
from lxml import etree

from gateway.api.specification import specification
from tests.api.rig import Box

BASE = "/esignsante/v1"
SIGN, SIGN_PROOF = "/signatures/xadesbaselineb", "/signatures/xadesbaselinebwithproof"
VERIFY, VERIFY_PROOF = "/validation/signatures/xadesbaselineb", "/validation/signatures/xadesbaselinebwithproof"
CERTIFICATE, CERTIFICATE_PROOF = "/validation/certificats", "/validation/certificatswithproof"
PROOF = {"requestId": "Request-1", "proofTag": "MonTAG", "applicantId": "RPPS"}
XNS = "{http://esante.gouv.fr/ASIP/Proof}"


@cache
def _document() -> dict[str, Any]:
    return specification()


def check(answer: httpx.Response, path: str) -> httpx.Response:
    """Fails unless the OpenAPI document announces this answer."""
    told = _document()["paths"][f"{BASE}{path}"][answer.request.method.lower()]["responses"]
    assert str(answer.status_code) in told, (answer.status_code, answer.text)
    media = answer.headers["content-type"].partition(";")[0]
    schema = {**told[str(answer.status_code)]["content"][media]["schema"], "components": _document()["components"]}
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(answer.json())
    return answer


async def post(
    box: Box,
    path: str,
    file: bytes | None = b"contenu",
    fields: dict[str, str] | None = None,
    *,
    token: str | None = "own",
    headers: dict[str, str] | None = None,
    media: str = "application/octet-stream",
) -> httpx.Response:
    """One call; `token` None sends no Authorization."""
    parts: dict[str, Any] = {name: (None, value.encode()) for name, value in (fields or {}).items()}
    if file is not None:
        parts["file"] = ("document", file, media)
    async with box.client(token) as client:
        return check(await client.post(f"{BASE}{path}", files=parts, headers=headers or {}), path)


async def signed(box: Box, file: bytes, number: int = 1, **fields: str) -> bytes:
    answer = await post(box, SIGN, file, {"idSignConf": str(number), **fields})
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"erreurs", "docSigne"}
    assert answer.json()["erreurs"] == []
    return base64.b64decode(answer.json()["docSigne"])


def codes(report: dict[str, Any]) -> list[str]:
    return [one["codeErreur"] for one in report["erreurs"]]


def facts(report: dict[str, Any]) -> dict[str, str]:
    return {one["typeMetadata"]: one["message"] for one in report["metaData"]}


def proof_of(report: dict[str, Any]) -> tuple[bytes, etree._Element]:
    raw = base64.b64decode(report["preuve"])
    return raw, etree.fromstring(raw)
