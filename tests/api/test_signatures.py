"""The signature service over HTTP: what it signs verifies with xmlsec1, what was tampered with is told rule by rule."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

from gateway.cda.build import build_n1
from tests.api.judge import check_answer, check_problem
from tests.api.rig import Box, small_pdf
from tests.cda.headers import HEADER
from tests.cda.headers import PDF as SOME_PDFA
from tests.trust.judges import accepted, xmlsec_verify
from tests.trust.pki import shared_pki

SIGN, VERIFY = "/signatures", "/signatures/verify"
DS = "{http://www.w3.org/2000/09/xmldsig#}"


async def sign(box: Box, content: bytes, order: Any = None, media: str = "application/pdf") -> httpx.Response:
    parts: dict[str, Any] = {"file": ("a", content, media)}
    if order is not None:
        parts["request"] = (None, json.dumps(order).encode(), "application/json")
    async with box.client() as client:
        answer = await client.post(f"/api/v1{SIGN}", files=parts)
    check_answer(answer, SIGN)
    return answer


async def verify(box: Box, signed: bytes, original: bytes | None = None) -> dict[str, Any]:
    parts = {"file": ("a", signed, "text/xml")}
    if original is not None:
        parts["original"] = ("b", original, "application/octet-stream")
    async with box.client() as client:
        answer = await client.post(f"/api/v1{VERIFY}", files=parts)
    check_answer(answer, VERIFY)
    assert answer.status_code == 200
    report: dict[str, Any] = answer.json()
    return report


def verdict(report: dict[str, Any], rule: str) -> str:
    return next(str(one["verdict"]) for one in report["rules"] if one["rule"] == rule)


@pytest.mark.parametrize("content", [small_pdf(), build_n1(HEADER, SOME_PDFA, "application/pdf"), b"", b"\x00\xff"])
async def test_what_is_signed_verifies_and_gives_back_its_content(box: Box, content: bytes) -> None:
    signed = (await sign(box, content)).content
    report = await verify(box, signed)
    assert report["valid"] is True, report
    assert report["packaging"] == "ENVELOPING"
    assert base64.b64decode(report["original"]) == content
    assert "10B0152872" in report["signer"]


async def test_xmlsec1_agrees(box: Box, tmp_path: Path) -> None:
    signed = (await sign(box, small_pdf())).content
    pki = shared_pki()
    judged = await asyncio.to_thread(xmlsec_verify, signed, tmp_path, trusted=[pki.root_pem], untrusted=[pki.chain_pem])
    assert accepted(judged, 2), judged.stderr


async def test_detached_stands_beside_its_file(box: Box) -> None:
    signed = (await sign(box, b"contenu", {"packaging": "detached", "uri": "lettre.txt", "roles": ["Médecin"]}, "text/plain")).content
    assert b"contenu" not in signed
    reference = etree.fromstring(signed).find(f".//{DS}Reference[@URI='lettre.txt']")
    assert reference is not None
    assert (await verify(box, signed, b"contenu"))["valid"] is True
    assert verdict(await verify(box, signed, b"autre"), "DocumentIntact") == "failed"
    assert (await verify(box, signed))["valid"] is False


async def test_a_cda_is_never_signed_inside_itself(box: Box) -> None:
    answer = await sign(box, build_n1(HEADER, SOME_PDFA, "application/pdf"), {"packaging": "enveloped"}, "text/xml")
    check_problem(answer, 400, "parameter-invalid", "request")


async def test_a_changed_byte_is_found_and_nothing_handed_back(box: Box) -> None:
    signed = (await sign(box, b"contenu original")).content
    report = await verify(box, signed.replace(base64.b64encode(b"contenu original"), base64.b64encode(b"contenu modifi\xc3")))
    assert report["valid"] is False
    assert verdict(report, "DocumentIntact") == "failed"
    assert report["original"] is None


@pytest.mark.parametrize("content", [b"", b"bonjour", b"<a/>", b"<!DOCTYPE a><a/>", small_pdf(), b"<a>" * 5000])
async def test_what_is_no_signature_is_a_report_not_an_error(box: Box, content: bytes) -> None:
    report = await verify(box, content)
    assert report["valid"] is False
    assert report["original"] is None


@pytest.mark.parametrize(
    "order",
    [
        {"surprise": 1},
        {"packaging": "autre"},
        {"uri": ""},
        {"uri": "a\u0001b", "packaging": "detached"},
        {"roles": ["\u0000"]},
        {"roles": ["\ud800"]},
        {"roles": [""]},
        {"roles": ["x"] * 11},
        [],
        "x",
    ],
)
async def test_an_order_that_cannot_be_followed_is_refused(box: Box, order: Any) -> None:
    check_problem(await sign(box, b"x", order), 400, "parameter-invalid", "request")


async def test_a_name_inside_the_signature_itself_is_refused(box: Box) -> None:
    check_problem(await sign(box, b"x", {"packaging": "detached", "uri": "#ici"}), 422, "detached-uri-invalid", "uri")


async def test_the_structure_must_be_one_of_the_workstation(box: Box) -> None:
    check_problem(await sign(box, b"x", {"structure": "10B0999999"}), 422, "structure-unknown", "structure")


@pytest.mark.parametrize("media", ["application/x\x01y", "x" * 300, "été/pdf"])
async def test_a_media_type_that_xml_cannot_carry_is_refused(box: Box, media: str) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"\r\nContent-Type: ' + media.encode() + b"\r\n\r\nx\r\n--b--\r\n"
    async with box.client() as client:
        answer = await client.post(f"/api/v1{SIGN}", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    check_problem(answer, 415, "content-type-refused", "file")


async def test_nothing_is_signed_while_the_clock_is_in_doubt(box: Box) -> None:
    box.clock.is_trusted = False
    answer = await sign(box, b"x")
    check_problem(answer, 503, "clock-not-trusted")
    assert answer.headers["retry-after"]


async def test_each_signature_is_in_the_trail(box: Box) -> None:
    await sign(box, b"x", {"packaging": "detached"})
    [line] = [one for one in await box.store.audit_after(0, 100) if one.act == "document.signed"]
    assert (line.answer, line.actor) == ("detached", f"workstation:{box.workstation.id}")


@pytest.mark.parametrize("route", [SIGN, VERIFY])
async def test_a_stranger_signs_and_verifies_nothing(box: Box, route: str) -> None:
    async with box.client(None) as client:
        answer = await client.post(f"/api/v1{route}", files={"file": ("a", b"x", "text/plain")})
    check_answer(answer, route)
    check_problem(answer, 401, "unauthenticated")
