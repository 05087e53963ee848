"""The routes of esignsante: what they sign and prove is judged by xmlsec1 and openssl, their answers by the names of the service."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from structlog.testing import capture_logs

from gateway.api import esignsante_form
from gateway.cda.build import build_n1
from gateway.kernel.config import Esignsante, EsignsanteSignature, Limits
from gateway.trust.xades import sign_enveloping
from tests.api.esignsante_client import (
    BASE,
    CERTIFICATE,
    CERTIFICATE_PROOF,
    PROOF,
    SIGN,
    SIGN_PROOF,
    VERIFY,
    VERIFY_PROOF,
    XNS,
    check,
    codes,
    facts,
    post,
    proof_of,
    signed,
)
from tests.api.judge import check_problem
from tests.api.rig import OTHER_STRUCTURE, Box, configuration_of, open_box, small_pdf
from tests.cda.headers import HEADER
from tests.cda.headers import PDF as SOME_PDFA
from tests.shared import need
from tests.tools import need_tool
from tests.trust.judges import accepted, signer, xmlsec_verify
from tests.trust.pki import SIGN as SIGNING
from tests.trust.pki import STRUCTURE, Pki, shared_leaf, shared_pki

DS = "{http://www.w3.org/2000/09/xmldsig#}"
XML = b'<?xml version="1.0"?><?xml-stylesheet href="a.xsl"?><!--avant--><l xmlns="urn:l" xmlns:b="urn:b"> <b:a c="d"/>\n</l><!--fin-->'


OTHER_FORMS = ["/signatures/xmldsig", "/validation/signatures/xmldsigwithproof", "/signatures/padesbaselinebwithproof"]
FIELDS = ["idSignConf", "idVerifSignConf", "idVerifCertConf", "idProofConf", *PROOF, "signers", "secret", "autre"]


async def xmlsec_accepts(document: bytes, folder: Path) -> bool:
    pki = shared_pki()
    judged = await asyncio.to_thread(xmlsec_verify, document, folder, trusted=[pki.root_pem], untrusted=[pki.chain_pem])
    return accepted(judged, 2)


async def run(*command: str, data: bytes = b"") -> tuple[int, bytes]:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    told, _ = await process.communicate(data)
    return process.returncode or 0, told


async def openssl_accepts(document: bytes, folder: Path) -> bool:
    """The signature value over SignedInfo as xmllint canonicalises it, by the certificate that openssl takes from the chain."""
    root = etree.fromstring(document)
    signature = root if root.tag == f"{DS}Signature" else root.find(f"{DS}Signature")
    assert signature is not None
    der = base64.b64decode(signature.findtext(f".//{DS}X509Certificate") or "")
    value = base64.b64decode(signature.findtext(f"{DS}SignatureValue") or "")
    info = signature.find(f"{DS}SignedInfo")
    assert info is not None
    names = {"leaf.der": der, "value": value, "info.xml": etree.tostring(info), "root.pem": shared_pki().root_pem}
    for name, content in {**names, "chain.pem": shared_pki().chain_pem}.items():
        (folder / name).write_bytes(content)
    openssl = need_tool("openssl")
    await run(openssl, "x509", "-inform", "DER", "-in", f"{folder}/leaf.der", "-out", f"{folder}/leaf.pem")
    chain = await run(openssl, "verify", "-CAfile", f"{folder}/root.pem", "-untrusted", f"{folder}/chain.pem", f"{folder}/leaf.pem")
    _, public = await run(openssl, "x509", "-in", f"{folder}/leaf.pem", "-noout", "-pubkey")
    (folder / "key.pem").write_bytes(public)
    _, canonical = await run(need_tool("xmllint"), "--exc-c14n", f"{folder}/info.xml")
    verified = await run(*(openssl, "dgst", "-sha256", "-verify", f"{folder}/key.pem", "-signature", f"{folder}/value"), data=canonical)
    return chain[0] == 0 and verified[0] == 0


@pytest.mark.parametrize("content", [small_pdf(), build_n1(HEADER, SOME_PDFA, "application/pdf"), b"", b"\x00\xff", XML])
async def test_an_enveloping_signature_is_accepted_by_others(box: Box, content: bytes, tmp_path: Path) -> None:
    document = await signed(box, content)
    assert await xmlsec_accepts(document, tmp_path)
    assert await openssl_accepts(document, tmp_path)
    report = (await post(box, VERIFY, document, {"idVerifSignConf": "1"})).json()
    assert set(report) == {"erreurs", "metaData", "valide"}
    assert (report["valide"], report["erreurs"]) == (True, [])
    assert base64.b64decode(facts(report)["DOCUMENT_ORIGINAL_NON_SIGNE"]) == content
    assert facts(report)["DATE_SIGNATURE"] == "2026-11-24T13:05:00Z"
    assert f"OU={STRUCTURE}" in facts(report)["DN_CERTIFICAT"]


@pytest.mark.parametrize(
    "content", [XML, b"<a/>", b"<a xml:id='x'><b xmlns='urn:b'>\xc3\xa9</b></a>", b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>"]
)
async def test_an_enveloped_signature_is_accepted_by_others(box: Box, content: bytes, tmp_path: Path) -> None:
    document = await signed(box, content, 2)
    assert etree.fromstring(document)[-1].tag == f"{DS}Signature"
    assert await xmlsec_accepts(document, tmp_path)
    assert await openssl_accepts(document, tmp_path)
    assert (await post(box, VERIFY, document, {"idVerifSignConf": "1"})).json()["valide"] is True


@pytest.mark.parametrize("content", [build_n1(HEADER, SOME_PDFA, "application/pdf"), small_pdf(), b"", b"<a>", b"<!DOCTYPE a><a/>"])
async def test_what_cannot_carry_its_signature_is_not_supported(box: Box, content: bytes) -> None:
    check_problem(await post(box, SIGN, content, {"idSignConf": "2"}), 501, "esignsante-not-supported", "file")


async def test_what_is_signed_already_is_not_signed_inside_again(box: Box) -> None:
    document = await signed(box, XML, 2)
    check_problem(await post(box, SIGN, document, {"idSignConf": "2"}), 501, "esignsante-not-supported", "file")
    assert await signed(box, document, 1)


async def test_signers_are_roles_whether_repeated_or_by_comma(box: Box) -> None:
    roles = [one.text for one in etree.fromstring(await signed(box, b"x", signers="Dr Morel, Mme Kervella")).iter("{*}ClaimedRole")]
    assert roles == ["Dr Morel", "Mme Kervella"]
    async with box.client() as client:
        parts: list[tuple[str, tuple[None, bytes]]] = [("file", (None, b"x")), ("idSignConf", (None, b"1"))]
        parts += [("signers", (None, b"a,b")), ("signers", (None, b"c"))]
        answer = check(await client.post(f"{BASE}{SIGN}", files=parts), SIGN)
    document = base64.b64decode(answer.json()["docSigne"])
    assert [one.text for one in etree.fromstring(document).iter("{*}ClaimedRole")] == ["a,b", "c"]
    assert not list(etree.fromstring(await signed(box, b"x")).iter("{*}ClaimedRole"))


# Proofs


def elements(root: etree._Element) -> list[str]:
    """The elements of a proof in order, without its signature."""
    return [etree.QName(one).localname for one in root.iter(etree.Element) if etree.QName(one).namespace == XNS[1:-1]]


async def test_a_signature_with_proof(box: Box, tmp_path: Path) -> None:
    answer = await post(box, SIGN_PROOF, small_pdf(), {"idSignConf": "1", "idVerifSignConf": "1", **PROOF})
    report = answer.json()
    assert set(report) == {"erreurs", "metaData", "valide", "docSigne", "preuve"}
    assert (report["valide"], report["erreurs"]) == (True, [])
    document = base64.b64decode(report["docSigne"])
    assert await xmlsec_accepts(document, tmp_path)
    raw, proof = proof_of(report)
    assert await xmlsec_accepts(raw, tmp_path)
    assert await openssl_accepts(raw, tmp_path)
    assert (await post(box, VERIFY, raw, {"idVerifSignConf": "1"})).json()["valide"] is True
    assert base64.b64decode(proof.findtext(f".//{XNS}RequestInfo/{XNS}Signature") or "") == document
    said = {name: proof.findtext(f".//{XNS}{name}") for name in ("RequestType", "RequestId", "Tag", "ApplicantId", "OpName", "OpStatus")}
    assert said == {
        "RequestType": "Sign",
        "RequestId": "Request-1",
        "Tag": "MonTAG",
        "ApplicantId": "RPPS",
        "OpName": "/esignsante/v1/signatures/xadesbaselinebwithproof",
        "OpStatus": "valide:true",
    }
    kept = [base64.b64decode(one.text or "") for one in proof.iter(f"{XNS}EncapsulatedX509Certificate")]
    assert kept == [shared_pki().issuing.public_bytes(Encoding.DER), shared_pki().root.public_bytes(Encoding.DER)]


async def test_the_proof_has_the_elements_of_the_public_one_in_its_order(box: Box) -> None:
    public = etree.parse(need("data", "cda", "signed", "esignsante_proof.xml")).getroot()
    report = (await post(box, SIGN_PROOF, b"x", {"idSignConf": "1", "idVerifSignConf": "1", **PROOF})).json()
    _, ours = proof_of(report)
    # No revocation list is held here; the public proof has two, each with its reference and its value.
    lists = {"CRLRef", "DigestAlgAndValue", "CRLIdentifier", "Issuer", "IssueTime", "EncapsulatedCRLValue"}
    expected = [name for name in elements(public) if name not in lists]
    of_lists = 2 * ["DigestMethod", "DigestValue"]
    at = expected.index("CRLRefs") + 1
    assert expected[at : at + 4] == of_lists
    del expected[at : at + 4]
    assert elements(ours) == expected
    assert ours.get("{http://www.w3.org/XML/1998/namespace}id") == public.get("{http://www.w3.org/XML/1998/namespace}id")


async def test_openid_tokens_are_in_the_proof_and_nowhere_else(box: Box) -> None:
    told = {"accessToken": "jeton.tres.secret", "introspectionResponse": '{"active":true}', "userInfo": '{"SubjectNameID":"899700366240"}'}
    nested = {**told, "introspectionResponse": {"active": True}, "userInfo": {"SubjectNameID": "899700366240"}}
    encoded = [base64.b64encode(json.dumps(one).encode()).decode() for one in (told, nested)]
    fields = {"idSignConf": "1", "idVerifSignConf": "1", **PROOF}
    with capture_logs() as logs:
        answer = await post(box, SIGN_PROOF, b"x", fields, headers={"X-OpenidToken": ", ".join(encoded)})
    raw, proof = proof_of(answer.json())
    assert len(list(proof.iter(f"{XNS}OpenidToken"))) == 2
    for token in proof.iter(f"{XNS}OpenidToken"):
        assert token.findtext(f"{XNS}AccessToken") == told["accessToken"]
        assert base64.b64decode(token.findtext(f"{XNS}IntrospectionResponse") or "") == told["introspectionResponse"].encode()
        assert base64.b64decode(token.findtext(f"{XNS}UserInfo") or "") == told["userInfo"].encode()
    # The proof covers them: another person cannot be put in their place.
    tampered = raw.replace(b"jeton.tres.secret", b"jeton.bien.secret")
    assert codes((await post(box, VERIFY, tampered, {"idVerifSignConf": "1"})).json()) == ["ERDOCN01"]
    kept = repr([*logs, *await box.store.audit_after(0, 100)])
    assert "jeton.tres.secret" not in kept
    assert "899700366240" not in kept


@pytest.mark.parametrize(
    "header",
    [
        "pas de la base64!",
        base64.b64encode(b"pas du JSON").decode(),
        base64.b64encode(b'{"accessToken": "x"}').decode(),
        base64.b64encode(b'{"accessToken": "a b", "introspectionResponse": "", "userInfo": ""}').decode(),
        base64.b64encode(b'{"accessToken": "x", "introspectionResponse": "\\ud800", "userInfo": ""}').decode(),
        ",".join([base64.b64encode(b'{"accessToken":"x","introspectionResponse":"","userInfo":""}').decode()] * 11),
    ],
)
async def test_tokens_that_cannot_be_read_are_refused(box: Box, header: str) -> None:
    fields = {"idSignConf": "1", "idVerifSignConf": "1", **PROOF}
    check_problem(await post(box, SIGN_PROOF, b"x", fields, headers={"X-OpenidToken": header}), 400, "parameter-invalid", "X-OpenidToken")


async def test_without_a_proof_the_header_is_not_read(box: Box) -> None:
    assert (await post(box, SIGN, b"x", {"idSignConf": "1"}, headers={"X-OpenidToken": "pas de la base64!"})).status_code == 200


async def test_each_act_is_in_the_trail(box: Box) -> None:
    await post(box, SIGN_PROOF, b"x", {"idSignConf": "1", "idVerifSignConf": "1", **PROOF})
    acts = [(one.act, one.answer, one.actor) for one in await box.store.audit_after(0, 100)]
    who = f"workstation:{box.workstation.id}"
    assert acts[-2:] == [("document.signed", "enveloping", who), ("proof.signed", "Sign", who)]


# Verifications


async def other_chain(content: bytes) -> bytes:
    leaf = Pki.create("AILLEURS").issue(SIGNING)
    return await sign_enveloping(content, "text/plain", signer(leaf), datetime(2026, 11, 24, 13, 0, tzinfo=UTC))


async def test_the_verdicts_in_the_codes_of_the_service(box: Box) -> None:
    document = await signed(box, b"contenu original")
    tampered = document.replace(base64.b64encode(b"contenu original"), base64.b64encode(b"contenu modifi\xc3"))
    redated = document.replace(b"2026-11-24T13:05:00Z", b"2026-11-23T13:05:00Z")
    cases: list[tuple[bytes, list[str]]] = [
        (document, []),
        (tampered, ["ERDOCN01"]),
        (redated, ["ERSIGN08"]),
        (b"<a/>", ["ERSIGN10"]),
        (await other_chain(b"x"), ["ERSIGN11", "ERSIGN02"]),
        (b"<a>" + document.partition(b"?>")[2] + document.partition(b"?>")[2] + b"</a>", ["ERSIGN07"]),
    ]
    for content, expected in cases:
        report = (await post(box, VERIFY, content, {"idVerifSignConf": "1"})).json()
        assert codes(report) == expected
        assert report["valide"] is (expected == [])
        assert all(one["message"] for one in report["erreurs"])
        assert ("DOCUMENT_ORIGINAL_NON_SIGNE" in facts(report)) is (expected in ([], ["ERSIGN11", "ERSIGN02"]))


async def test_a_document_signed_by_the_service_itself_is_judged_by_its_chain_alone(box: Box) -> None:
    document = need("data", "cda", "signed", "esignsante_docSigne_withproof.xml").read_bytes()
    report = (await post(box, VERIFY, document, {"idVerifSignConf": "1"})).json()
    assert "ERSIGN02" in codes(report)
    assert not {"ERSIGN08", "ERDOCN01", "ERSIGN07", "ERSIGN09", "ERSIGN10"} & set(codes(report))


@pytest.mark.parametrize("content", [b"", b"bonjour", b"<!DOCTYPE a><a/>", small_pdf()])
async def test_what_is_no_xml_is_not_supported(box: Box, content: bytes) -> None:
    check_problem(await post(box, VERIFY, content, {"idVerifSignConf": "1"}), 501, "esignsante-not-supported", "file")


@pytest.mark.parametrize("right", [True, False])
async def test_a_verification_with_proof(box: Box, right: bool, tmp_path: Path) -> None:
    document = await signed(box, b"x") if right else await other_chain(b"x")
    report = (await post(box, VERIFY_PROOF, document, {"idVerifSignConf": "1", "idProofConf": "1", **PROOF})).json()
    assert set(report) == {"erreurs", "metaData", "valide", "preuve"}
    assert report["valide"] is right
    raw, proof = proof_of(report)
    assert await xmlsec_accepts(raw, tmp_path)
    assert proof.findtext(f".//{XNS}RequestType") == "VerifSign"
    assert proof.findtext(f".//{XNS}OpStatus") == f"valide:{str(right).lower()}"
    told = json.loads(base64.b64decode(proof.findtext(f".//{XNS}OpErrorResponse") or "") or b"[]")
    assert told == report["erreurs"]


async def test_certificates(box: Box) -> None:
    pki, now = shared_pki(), datetime(2026, 11, 24, tzinfo=UTC)
    good = shared_leaf(SIGNING)
    expired = pki.issue(SIGNING, not_before=now - timedelta(days=500), not_after=now - timedelta(days=1))
    cases: list[tuple[bytes, list[str]]] = [
        (good.der, []),
        (good.pem, []),
        (good.pem + good.chain_pem, []),
        (expired.der, ["ERCERT01"]),
        (Pki.create("AILLEURS").issue(SIGNING).pem, ["ERCERT04"]),
    ]
    for content, expected in cases:
        report = (await post(box, CERTIFICATE, content, {"idVerifCertConf": "1"})).json()
        assert (codes(report), report["valide"]) == (expected, expected == []), report
        assert set(facts(report)) == {"DN_CERTIFICAT"}
    check_problem(await post(box, CERTIFICATE, b"x", {"idVerifCertConf": "1"}), 501, "esignsante-not-supported", "file")


async def test_a_certificate_with_proof(box: Box, tmp_path: Path) -> None:
    leaf = shared_leaf(SIGNING)
    report = (await post(box, CERTIFICATE_PROOF, leaf.pem, {"idVerifCertConf": "1", "idProofConf": "1", **PROOF})).json()
    raw, proof = proof_of(report)
    assert await xmlsec_accepts(raw, tmp_path)
    assert proof.findtext(f".//{XNS}RequestType") == "VerifCert"
    assert base64.b64decode(proof.findtext(f".//{XNS}RequestInfo/{XNS}Certificate") or "") == leaf.der


# Who, and with which number


async def test_the_token_of_the_workstation_may_be_the_secret(box: Box) -> None:
    answer = await post(box, SIGN, b"x", {"idSignConf": "1", "secret": box.token}, token=None)
    assert answer.status_code == 200
    [line] = [one for one in await box.store.audit_after(0, 100) if one.act == "document.signed"]
    assert line.actor == f"workstation:{box.workstation.id}"


@pytest.mark.parametrize("secret", [None, "", "123456", "é", "x" * 900])
@pytest.mark.parametrize("path", [SIGN, VERIFY, CERTIFICATE])
async def test_a_stranger_gets_nothing(box: Box, path: str, secret: str | None) -> None:
    fields = {"idSignConf": "1", "idVerifSignConf": "1", "idVerifCertConf": "1"} | ({} if secret is None else {"secret": secret})
    check_problem(await post(box, path, b"x", fields, token=None), 401, "unauthenticated")


async def test_a_wrong_token_is_not_saved_by_a_right_secret(box: Box) -> None:
    answer = await post(box, SIGN, b"x", {"idSignConf": "1", "secret": box.token}, token="faux")
    check_problem(answer, 401, "unauthenticated")


async def test_strangers_fill_one_place_and_keep_nobody_else_out(box: Box) -> None:
    leave = box.relay.gate.take_stranger()
    try:
        answer = await post(box, SIGN, b"x", {"idSignConf": "1", "secret": box.token}, token=None)
        check_problem(answer, 429, "rate-limited")
        assert (await post(box, SIGN, b"x", {"idSignConf": "1"})).status_code == 200
    finally:
        leave()
    assert (await post(box, SIGN, b"x", {"idSignConf": "1", "secret": box.token}, token=None)).status_code == 200


async def test_a_stranger_who_sends_by_drops_does_not_keep_the_place_for_long(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(esignsante_form, "_STRANGER_SECONDS", 0.2)

    async def drops() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
        for _drop in range(200):
            await asyncio.sleep(0.02)
            yield b"x"
        yield b"\r\n--b--\r\n"

    async with box.client(None) as client:
        answer = await client.post(f"{BASE}{SIGN}", content=drops(), headers={"content-type": "multipart/form-data; boundary=b"})
    check_problem(answer, 408, "body-too-slow")
    box.relay.gate.take_stranger()()


async def test_a_number_of_another_structure_does_not_exist(tmp_path: Path) -> None:
    numbers = (EsignsanteSignature(id=7, structure=STRUCTURE), EsignsanteSignature(id=8, structure=OTHER_STRUCTURE))
    configuration = configuration_of((STRUCTURE, OTHER_STRUCTURE), Limits(disk_reserve_bytes=0))
    configured = msgspec.structs.replace(configuration, esignsante=Esignsante(signatures=numbers, verifications=(4, 5)))
    box = await open_box(tmp_path, configuration=configured)
    assert await signed(box, b"x", 7)
    for number in ("1", "8", "999999999999999999"):
        check_problem(await post(box, SIGN, b"x", {"idSignConf": number}), 404, "esignsante-configuration-unknown")
    document = await signed(box, b"x", 7)
    assert (await post(box, VERIFY, document, {"idVerifSignConf": "5"})).json()["valide"] is True
    check_problem(await post(box, VERIFY, document, {"idVerifSignConf": "1"}), 404, "esignsante-configuration-unknown")
    fields = {"idVerifSignConf": "4", "idProofConf": "8", **PROOF}
    check_problem(await post(box, VERIFY_PROOF, document, fields), 404, "esignsante-configuration-unknown")


async def test_the_lists(box: Box) -> None:
    async with box.client() as client:
        conf = check(await client.get(f"{BASE}/configurations"), "/configurations").json()
        authorities = check(await client.get(f"{BASE}/ca"), "/ca").json()
        operations = check(await client.get(f"{BASE}/"), "").json()
    async with box.client(None) as client:
        strange = [check(await client.get(f"{BASE}{path}"), path) for path in ("", "/configurations", "/ca")]
    assert [one.status_code for one in strange] == [401, 401, 401]
    assert SIGN_PROOF in operations
    assert set(conf) == {"signature", "signatureVerification", "certificatVerification", "proof"}
    assert [(one["idSignConf"], one["signaturePackaging"], one["associatedProofId"]) for one in conf["signature"]] == [
        (1, "ENVELOPING", 1),
        (2, "ENVELOPED", 2),
    ]
    assert all(f"OU={STRUCTURE}" in one["dn"] for one in (*conf["signature"], *conf["proof"]))
    mandatory = {"SignatureIntacte", "DocumentIntact", "SignatureCertificatValide"}
    assert mandatory <= {one["id"] for one in conf["signatureVerification"][0]["rules"]}
    assert len(authorities) == 2


# What is refused


@pytest.mark.parametrize(
    ("path", "fields", "field"),
    [
        (SIGN, {}, "idSignConf"),
        (SIGN_PROOF, {"idSignConf": "1", **PROOF}, "idVerifSignConf"),
        (SIGN_PROOF, {"idSignConf": "1", "idVerifSignConf": "1", "requestId": "1", "proofTag": "1"}, "applicantId"),
        (VERIFY, {}, "idVerifSignConf"),
        (VERIFY_PROOF, {"idVerifSignConf": "1", **PROOF}, "idProofConf"),
        (CERTIFICATE, {"idVerifSignConf": "1"}, "idVerifCertConf"),
    ],
)
async def test_a_missing_field_is_named(box: Box, path: str, fields: dict[str, str], field: str) -> None:
    check_problem(await post(box, path, b"<a/>", fields), 400, "part-missing", field)


async def test_a_missing_file_is_named(box: Box) -> None:
    check_problem(await post(box, SIGN, None, {"idSignConf": "1"}), 400, "part-missing", "file")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("idSignConf", "un"),
        ("idSignConf", "-1"),
        ("idSignConf", "1\n"),
        ("idSignConf", "1" * 19),
        ("idVerifSignConf", ""),
        ("applicantId", "Dr Morel"),
        ("applicantId", "a" * 201),
        ("requestId", "\u0001"),
        ("proofTag", "\u0000"),
        ("signers", "\u0001"),
        ("signers", ",".join("abcdefghijk")),
    ],
)
async def test_a_field_that_cannot_be_taken_is_named(box: Box, field: str, value: str) -> None:
    fields = {"idSignConf": "1", "idVerifSignConf": "1", **PROOF, field: value}
    check_problem(await post(box, SIGN_PROOF, b"x", fields), 400, "parameter-invalid", field)


async def test_unknown_fields_are_ignored_as_the_service_does(box: Box) -> None:
    assert await signed(box, b"x", elementToSign="x", openidTokens="[]")


async def test_a_repeated_field_is_refused(box: Box) -> None:
    async with box.client() as client:
        parts = [("file", (None, b"x")), ("idSignConf", (None, b"1")), ("idSignConf", (None, b"2"))]
        answer = check(await client.post(f"{BASE}{SIGN}", files=parts), SIGN)
        check_problem(answer, 400, "part-unexpected", "idSignConf")
        many = [("file", (None, b"x")), ("idSignConf", (None, b"1")), *[(f"autre{rank}", (None, b"x")) for rank in range(100)]]
        check_problem(check(await client.post(f"{BASE}{SIGN}", files=many), SIGN), 400, "body-malformed")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from([SIGN, SIGN_PROOF, VERIFY, VERIFY_PROOF, CERTIFICATE, CERTIFICATE_PROOF, *OTHER_FORMS]),
    file=st.binary(max_size=200) | st.just(b"<a/>"),
    values=st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=20) | st.sampled_from(["1", "2"]), max_size=8),
)
async def test_whatever_is_in_a_form_the_answer_is_announced(box: Box, path: str, file: bytes, values: dict[str, str]) -> None:
    fields = {name: value.encode("utf-8", "replace").decode() for name, value in values.items()}
    answer = await post(box, path, file, fields)
    assert answer.status_code in (200, 400, 404, 501), answer.text


async def test_a_field_of_any_size_is_not_kept(box: Box) -> None:
    check_problem(await post(box, SIGN, b"x", {"idSignConf": "1", "applicantId": "a" * 2000}), 413, "body-too-large", "applicantId")


async def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    box = await open_box(tmp_path, limits=Limits(disk_reserve_bytes=0, document_bytes=1000))
    for path, size in ((SIGN, 1001), (VERIFY, 2001), (CERTIFICATE, 100_001)):
        fields = {"idSignConf": "1", "idVerifSignConf": "1", "idVerifCertConf": "1"}
        assert (await post(box, path, b"x" * size, fields)).status_code == 413
        assert (await post(box, path, b"x" * (size - 1), fields)).status_code != 413


async def test_nothing_is_signed_while_the_clock_is_in_doubt(box: Box) -> None:
    box.clock.is_trusted = False
    check_problem(await post(box, SIGN, b"x", {"idSignConf": "1"}), 503, "clock-not-trusted")
    check_problem(await post(box, SIGN_PROOF, b"x", {"idSignConf": "1", "idVerifSignConf": "1", **PROOF}), 503, "clock-not-trusted")


async def test_a_certificate_of_ours_that_ended_signs_nothing(box: Box) -> None:
    box.clock.advance(timedelta(days=4 * 365).total_seconds())
    answer = await post(box, SIGN, b"x", {"idSignConf": "1"})
    check_problem(answer, 503, "signing-certificate-unusable")


async def test_secrets_are_not_made_here(box: Box) -> None:
    check_problem(await post(box, "/secrets", b"x", {"idSignConf": "1"}), 501, "esignsante-secrets-not-made")
