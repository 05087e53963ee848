"""Bare XML signatures and signatures in a PDF by the routes of esignsante: judged by xmlsec1, pdfsig and openssl."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from lxml import etree

from gateway.api.base64_answer import Base64Answer
from gateway.api.esignsante_views import ESignSanteSignatureReportWithProof, Metadata
from gateway.cda.build import build_n1
from gateway.flow.signing import pdf, places
from gateway.flow.signing.places import Place
from gateway.kernel.config import Esignsante, EsignsanteSignature, Limits
from gateway.trust.pades_messages import Unfit
from tests.api.esignsante_client import PROOF, SIGN, VERIFY, XNS, check, codes, facts, post, proof_of
from tests.api.judge import check_problem
from tests.api.rig import Box, configuration_of, open_box, small_pdf
from tests.cda.headers import HEADER
from tests.cda.headers import PDF as SOME_PDFA
from tests.cda.pdf_samples import encrypted, structure_bomb
from tests.trust.judges import accepted, xmlsec_verify
from tests.trust.pdf_signing import authority_store, openssl_accepts, pdfsig
from tests.trust.pki import STRUCTURE, shared_pki

DS = "{http://www.w3.org/2000/09/xmldsig#}"
XML = b"<l xmlns='urn:l'><!--c--><b c='d'>\xc3\xa9</b></l>"
XMLDSIG, XMLDSIG_VERIFY = "/signatures/xmldsig", "/validation/signatures/xmldsig"
PADES, PADES_VERIFY = "/signatures/padesbaselineb", "/validation/signatures/padesbaselineb"
WITH_PROOF = {"idVerifSignConf": "1", **PROOF}
INCLUSIVE: Literal["http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"] = (
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"
)


async def judged(document: bytes, folder: Path, references: int) -> bool:
    pki = shared_pki()
    said = await asyncio.to_thread(xmlsec_verify, document, folder, trusted=[pki.root_pem], untrusted=[pki.chain_pem])
    return accepted(said, references)


async def made(box: Box, path: str, file: bytes, number: int = 1, **fields: str) -> bytes:
    answer = await post(box, path, file, {"idSignConf": str(number), **fields})
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["content-length"]) == len(answer.content)
    return base64.b64decode(answer.json()["docSigne"])


# XMLDSig


@pytest.mark.parametrize(("number", "content"), [(1, small_pdf()), (1, b""), (2, XML)])
async def test_a_bare_signature_is_accepted_by_xmlsec1_and_by_our_route(box: Box, number: int, content: bytes, tmp_path: Path) -> None:
    document = await made(box, XMLDSIG, content, number, signers="Dr Morel")
    assert await judged(document, tmp_path, 1)
    report = (await post(box, XMLDSIG_VERIFY, document, {"idVerifSignConf": "1"})).json()
    assert (report["valide"], report["erreurs"]) == (True, [])
    assert set(facts(report)) == {"DN_CERTIFICAT", "DOCUMENT_ORIGINAL_NON_SIGNE"}
    if number == 1:
        assert base64.b64decode(facts(report)["DOCUMENT_ORIGINAL_NON_SIGNE"]) == content


async def test_a_bare_signature_that_was_touched_is_told_in_the_codes_of_the_service(box: Box, tmp_path: Path) -> None:
    document = await made(box, XMLDSIG, b"contenu original")
    tampered = document.replace(base64.b64encode(b"contenu original"), base64.b64encode(b"contenu modifi\xc3"))
    assert not await judged(tampered, tmp_path, 1)
    wrapped = b"<a>" + document.partition(b"?>")[2] + b"</a>"
    xades = base64.b64decode((await post(box, SIGN, b"x", {"idSignConf": "1"})).json()["docSigne"])
    for content, expected in ((tampered, ["ERDOCN01"]), (wrapped, ["ERSIGN07"]), (xades, ["ERSIGN07"]), (b"<a/>", ["ERSIGN10"])):
        report = (await post(box, XMLDSIG_VERIFY, content, {"idVerifSignConf": "1"})).json()
        assert (codes(report), report["valide"]) == (expected, False)
    assert "ERSIGN07" in codes((await post(box, VERIFY, document, {"idVerifSignConf": "1"})).json())
    check_problem(await post(box, XMLDSIG_VERIFY, b"bonjour", {"idVerifSignConf": "1"}), 501, "esignsante-not-supported", "file")


@pytest.mark.parametrize("content", [build_n1(HEADER, SOME_PDFA, "application/pdf"), small_pdf()])
async def test_a_bare_signature_is_not_put_into_what_cannot_carry_it(box: Box, content: bytes) -> None:
    check_problem(await post(box, XMLDSIG, content, {"idSignConf": "2"}), 501, "esignsante-not-supported", "file")


async def test_a_bare_signature_with_proof(box: Box, tmp_path: Path) -> None:
    report = (await post(box, f"{XMLDSIG}withproof", small_pdf(), {"idSignConf": "1", **WITH_PROOF})).json()
    assert (report["valide"], report["erreurs"]) == (True, [])
    document = base64.b64decode(report["docSigne"])
    assert await judged(document, tmp_path, 1)
    raw, proof = proof_of(report)
    assert await judged(raw, tmp_path, 2)
    assert base64.b64decode(proof.findtext(f".//{XNS}RequestInfo/{XNS}Signature") or "") == document
    assert proof.findtext(f".//{XNS}OpName") == "/esignsante/v1/signatures/xmldsigwithproof"
    assert "ExistenceBaliseSigningTime" not in (proof.findtext(f"{XNS}Configuration") or "")
    checked = (await post(box, f"{XMLDSIG_VERIFY}withproof", document, {"idProofConf": "1", **WITH_PROOF})).json()
    assert checked["valide"] is True
    assert (await judged(proof_of(checked)[0], tmp_path, 2)) is True
    acts = [(one.act, one.answer) for one in await box.store.audit_after(0, 100)]
    assert acts[-3:] == [("document.signed", "xmldsig-enveloping"), ("proof.signed", "Sign"), ("proof.signed", "VerifSign")]


async def test_the_algorithms_are_those_of_the_number(tmp_path: Path) -> None:
    number = EsignsanteSignature(id=7, structure=STRUCTURE, digest="SHA512", canonicalisation=INCLUSIVE)
    inside = msgspec.structs.replace(number, id=8, packaging="ENVELOPED")
    configuration = configuration_of((STRUCTURE,), Limits(disk_reserve_bytes=0))
    box = await open_box(tmp_path, configuration=msgspec.structs.replace(configuration, esignsante=Esignsante(signatures=(number, inside))))
    for path, verify, references in ((XMLDSIG, XMLDSIG_VERIFY, 1), (SIGN, VERIFY, 2)):
        for one in (7, 8):
            document = await made(box, path, XML, one)
            assert await judged(document, tmp_path, references)
            assert (await post(box, verify, document, {"idVerifSignConf": "1"})).json()["valide"] is True
            root = etree.fromstring(document)
            assert {found.get("Algorithm") for found in root.iter(f"{DS}CanonicalizationMethod")} == {INCLUSIVE}
            assert {str(found.get("Algorithm")).rpartition("#")[2] for found in root.iter(f"{DS}DigestMethod", f"{DS}SignatureMethod")} == {
                "sha512",
                "rsa-sha512",
            }
    async with box.client() as client:
        conf = check(await client.get("/esignsante/v1/configurations"), "/configurations").json()
    assert {(one["digestAlgorithm"], one["canonicalisationAlgorithm"]) for one in conf["signature"]} == {("SHA512", INCLUSIVE)}


# PAdES


async def test_a_pdf_is_signed_verified_and_proven(box: Box, tmp_path: Path) -> None:
    store = await asyncio.to_thread(authority_store, tmp_path, shared_pki())
    answer = await post(box, f"{PADES}withproof", small_pdf(), {"idSignConf": "1", "signers": "Dr Morel", **WITH_PROOF})
    report = answer.json()
    assert set(report) == {"erreurs", "metaData", "valide", "docSigne", "preuve"}
    assert (report["valide"], report["erreurs"]) == (True, [])
    document = base64.b64decode(report["docSigne"])
    assert document.startswith(small_pdf())
    assert await asyncio.to_thread(pdfsig, document, tmp_path, store) == [("Signature is Valid.", "Certificate is Trusted.", True)]
    assert await asyncio.to_thread(openssl_accepts, document, tmp_path)
    assert facts(report)["DATE_SIGNATURE"] == "2026-11-24T13:05:00Z"
    assert f"OU={STRUCTURE}" in facts(report)["DN_CERTIFICAT"]
    assert base64.b64decode(facts(report)["DOCUMENT_ORIGINAL_NON_SIGNE"]) == small_pdf()
    raw, proof = proof_of(report)
    assert await judged(raw, tmp_path, 2)
    assert proof.findtext(f".//{XNS}ASIPDetailedStatus/{XNS}Type") == "PAdES-BASELINE-B Signature"
    assert base64.b64decode(proof.findtext(f".//{XNS}RequestInfo/{XNS}Signature") or "") == document
    acts = [(one.act, one.answer) for one in await box.store.audit_after(0, 100)]
    assert acts[-2:] == [("document.signed", "pades"), ("proof.signed", "Sign")]


async def test_a_pdf_that_was_touched_is_told_and_proven(box: Box) -> None:
    document = await made(box, PADES, small_pdf(), 2)
    begin = document.index(b"/Producer")
    tampered = document[:begin] + document[begin:].replace(b"ReportLab", b"Reportlab", 1)
    report = (await post(box, f"{PADES_VERIFY}withproof", tampered, {"idProofConf": "1", **WITH_PROOF})).json()
    assert (codes(report), report["valide"]) == (["ERDOCN01"], False)
    assert proof_of(report)[1].findtext(f".//{XNS}OpStatus") == "valide:false"


@pytest.mark.parametrize(
    ("content", "code", "reason"),
    [
        (b"bonjour", "esignsante-not-supported", None),
        (XML, "esignsante-not-supported", None),
        (b"", "esignsante-not-supported", None),
        (encrypted(), "pdf-unfit", Unfit.PROTECTED),
        (structure_bomb(100_000_000), "pdf-unfit", Unfit.OVERSIZED),
        (small_pdf()[:-300], "pdf-unfit", Unfit.DAMAGED),
    ],
    ids=["text", "xml", "empty", "encrypted", "bomb", "cut"],
)
async def test_what_is_no_pdf_to_sign_says_why_and_leaves_no_trace_of_an_act(
    box: Box, content: bytes, code: str, reason: Unfit | None
) -> None:
    before = await box.store.audit_after(0, 100)
    both = [(PADES, {"idSignConf": "1"}), (PADES_VERIFY, {"idVerifSignConf": "1"})]
    for path, fields in both[: 1 if reason in (Unfit.OVERSIZED, Unfit.DAMAGED) else 2]:
        problem = check_problem(await post(box, path, content, fields), 501, code, "file")
        assert reason is None or reason in problem["detail"]
    assert await box.store.audit_after(0, 100) == before


async def test_one_pdf_at_a_time_and_who_waits_too_long_is_told(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "PATIENCE", 0.01)
    async with box.relay.esignsante._pdf._place():
        check_problem(await post(box, PADES, small_pdf(), {"idSignConf": "1"}), 503, "not-accepting")
    async with asyncio.timeout(60):
        assert (await post(box, PADES_VERIFY, small_pdf(), {"idVerifSignConf": "1"})).status_code == 200


async def test_every_form_refuses_strangers(box: Box) -> None:
    for path in (XMLDSIG, XMLDSIG_VERIFY, PADES, PADES_VERIFY, f"{PADES}withproof"):
        check_problem(await post(box, path, b"x", {"idSignConf": "1", "idVerifSignConf": "1"}, token=None), 401, "unauthenticated")


CONTENTS = [bytes(range(256)) * 2_000, b"petit", bytes(100_001)]


def view(*texts: str) -> ESignSanteSignatureReportWithProof:
    fact = Metadata(kind="DOCUMENT_ORIGINAL_NON_SIGNE", message=texts[2])
    return ESignSanteSignatureReportWithProof(errors=(), facts=(fact,), valid=True, signed=texts[0], proof=texts[1])


def pieces_of(place: Place) -> tuple[AsyncIterator[str | bytes], int]:
    answer = Base64Answer(place)
    stream = answer.write(view(*(answer.put(one) for one in CONTENTS)))
    assert isinstance(stream.iterator, AsyncIterator)
    return stream.iterator, int(stream.headers["Content-Length"])


async def test_a_large_answer_is_the_one_a_small_one_would_be() -> None:
    """Written piece by piece, byte for byte what the encoder would give."""
    expected = msgspec.json.encode(view(*(base64.b64encode(one).decode() for one in CONTENTS)))
    pieces, length = pieces_of(Place())
    assert b"".join([piece if isinstance(piece, bytes) else piece.encode() async for piece in pieces]) == expected
    assert length == len(expected)


async def test_an_answer_leaves_its_place_once_read_or_gone_or_not_read_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[str] = []
    pieces, _ = pieces_of(Place(lambda: left.append("read")))
    assert [piece async for piece in pieces]
    assert left == ["read"]
    pieces_of(Place(lambda: left.append("gone")))
    assert left == ["read", "gone"]
    monkeypatch.setattr(places, "TO_FETCH", 0.0)
    late = asyncio.Event()
    pieces, length = pieces_of(Place(late.set))
    begun = await anext(pieces)
    await asyncio.wait_for(late.wait(), 30)
    assert len(begun) + sum([len(piece) async for piece in pieces]) < length


async def test_large_answers_that_nobody_reads_keep_out_other_large_ones_only(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "PATIENCE", 0.01)
    large = bytes(1_000_001)
    async with box.relay.esignsante.places.place(len(large)), box.relay.esignsante.places.place(len(large)):
        check_problem(await post(box, XMLDSIG, large, {"idSignConf": "1"}), 503, "not-accepting")
        assert (await post(box, XMLDSIG, b"x", {"idSignConf": "1"})).status_code == 200
    assert [one.act for one in await box.store.audit_after(0, 100)][-1:] == ["document.signed"]
    for _ in range(places.AT_ONCE + 1):
        assert len(await made(box, XMLDSIG, large)) > len(large)
