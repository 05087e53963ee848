"""SAML assertion signatures, judged by xmlsec1."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from gateway.trust import dsig
from gateway.trust.signer import DigestName
from gateway.xml.parse import parse
from tests.trust.judges import accepted, signer, xmlsec_verify
from tests.trust.pki import shared_pki

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
ASSERTION = """<saml2:Assertion xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 ID="_a1" IssueInstant="2026-11-22T08:00:00.000Z" Version="2.0">
 <saml2:Issuer>CN=relais.tilleuls.test,OU=10B0152872,C=FR</saml2:Issuer>
 <saml2:Subject><saml2:NameID>899700366240</saml2:NameID></saml2:Subject>
 <saml2:AttributeStatement><saml2:Attribute Name="Identifiant_Structure"><saml2:AttributeValue>10B0152872 é &amp; ^</saml2:AttributeValue>
 </saml2:Attribute><saml2:Attribute Name="r"><saml2:AttributeValue><Role xmlns="urn:hl7-org:v3" xsi:type="CE"/></saml2:AttributeValue>
 </saml2:Attribute></saml2:AttributeStatement></saml2:Assertion>"""
KIT_PREFIXES = ("ds", "saml", "#default", "xsi")


def judged(document: bytes, tmp_path: Path) -> bool:
    pki = shared_pki()
    result = xmlsec_verify(
        document, tmp_path, trusted=[pki.root_pem], untrusted=[pki.chain_pem], id_attribute="ID", ids=[f"{SAML}:Assertion"]
    )
    return accepted(result, 1)


@pytest.mark.conformity
@pytest.mark.parametrize("prefixes", [(), KIT_PREFIXES], ids=["none", "kit"])
@pytest.mark.parametrize("digest", ["sha256", "sha1"])
async def test_signed_assertion_verifies(tmp_path: Path, prefixes: tuple[str, ...], digest: DigestName) -> None:
    signed = await dsig.sign_assertion(parse(ASSERTION.encode()), signer(), digest=digest, prefixes=prefixes)
    assert [etree.QName(child).localname for child in signed][:3] == ["Issuer", "Signature", "Subject"]
    assert judged(etree.tostring(signed), tmp_path)


@pytest.mark.conformity
async def test_signed_assertion_still_verifies_inside_an_envelope(tmp_path: Path) -> None:
    signed = await dsig.sign_assertion(parse(ASSERTION.encode()), signer())
    envelope = parse(b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns="urn:x"><s:Header/><s:Body/></s:Envelope>')
    envelope[0].append(signed)
    assert judged(etree.tostring(envelope), tmp_path)


@pytest.mark.conformity
async def test_signing_inside_an_envelope_is_the_same(tmp_path: Path) -> None:
    envelope = parse(
        f'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header>{ASSERTION}</s:Header></s:Envelope>'.encode()
    )
    await dsig.sign_assertion(envelope[0][0], signer())
    assert judged(etree.tostring(envelope), tmp_path)


@pytest.mark.conformity
async def test_a_changed_assertion_is_refused_by_the_judge(tmp_path: Path) -> None:
    signed = etree.tostring(await dsig.sign_assertion(parse(ASSERTION.encode()), signer()))
    assert not judged(signed.replace(b"899700366240", b"899700366241"), tmp_path)


async def test_key_info_holds_the_leaf_alone() -> None:
    signed = await dsig.sign_assertion(parse(ASSERTION.encode()), signer())
    certificates = signed.findall(".//{http://www.w3.org/2000/09/xmldsig#}X509Certificate")
    assert [certificate.text for certificate in certificates] == [dsig.base64_text(signer().certificate)]


@pytest.mark.parametrize(
    "wrong",
    [
        "<a ID='x'/>",
        f"<s:Assertion xmlns:s='{SAML}'><s:Issuer/></s:Assertion>",
        f"<s:Assertion xmlns:s='{SAML}' ID='x'/>",
        f"<s:Assertion xmlns:s='{SAML}' ID='x'><s:Subject/></s:Assertion>",
    ],
)
async def test_what_is_not_an_assertion_is_refused(wrong: str) -> None:
    with pytest.raises(dsig.NotAnAssertion):
        await dsig.sign_assertion(parse(wrong.encode()), signer())


async def test_an_assertion_is_signed_once() -> None:
    signed = await dsig.sign_assertion(parse(ASSERTION.encode()), signer())
    with pytest.raises(dsig.NotAnAssertion):
        await dsig.sign_assertion(signed, signer())
