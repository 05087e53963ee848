"""The DMP lot signature: shape, official schemas, xmlsec1, and our own check against every alteration."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from lxml import etree

from gateway.kernel.errors import ErrorClass
from gateway.trust.certificate import load_certificate
from gateway.trust.errors import OwnSignatureInvalid
from gateway.trust.lot import LotDocument, sign_lot
from gateway.trust.properties import XadesVersion
from gateway.trust.verify import verify_lot
from tests.shared import need
from tests.trust.judges import accepted, signer, xmllint_canonical, xmlsec_verify
from tests.trust.pki import NOW, SIGN, Leaf, Pki, shared_leaf, shared_pki
from tests.trust.schemas import complaint

DS = "{http://www.w3.org/2000/09/xmldsig#}"
LOT = "1.2.250.1.213.1.1.4.999.7"
CDA = '<ClinicalDocument xmlns="urn:hl7-org:v3"><!-- dit --><title>Compte rendu d\'été &amp; suite</title></ClinicalDocument>'.encode()
DOCUMENTS = (LotDocument(unique_id="2.25.11", data=CDA), LotDocument(unique_id="2.25.12", data=b"\x00KOS\xff", is_xml=False))
Suite = Literal["sha256", "sha1"]
SUITES = pytest.mark.parametrize("digest", ["sha256", "sha1"])
VERSIONS = pytest.mark.parametrize("xades", ["1.1.1", "1.3.2"])


async def lot(digest: Suite = "sha256", xades: XadesVersion = "1.1.1", leaf: Leaf | None = None) -> bytes:
    return await sign_lot(submission_set_id=LOT, documents=DOCUMENTS, signer=signer(leaf), now=NOW, digest=digest, xades=xades)


@pytest.mark.conformity
@SUITES
@VERSIONS
async def test_xmlsec1_verifies_with_the_chain(tmp_path: Path, digest: Suite, xades: XadesVersion) -> None:
    signed = await lot(digest, xades)
    pki, judge = shared_pki(), ["--ignore-manifests"]
    assert accepted(xmlsec_verify(signed, tmp_path, trusted=[pki.root_pem], untrusted=[pki.chain_pem], extra=judge), 2)
    stranger = Pki.create("TILLEULS")
    assert not accepted(xmlsec_verify(signed, tmp_path, trusted=[stranger.root_pem], untrusted=[pki.chain_pem], extra=judge), 2)
    for true, false in ((b"2.25.11<", b"2.25.13<"), (f"{NOW:%Y-%m-%d}".encode(), b"2020-01-01"), (b"urn:oid:2.25.11", b"urn:oid:2.25.13")):
        if true in signed:
            assert not accepted(xmlsec_verify(signed.replace(true, false, 1), tmp_path, extra=judge), 2)
    verify_lot(signed, DOCUMENTS, LOT, certificate=shared_leaf(SIGN).der)


@pytest.mark.conformity
async def test_the_digest_of_a_document_is_that_of_xmllints_canonical_form(tmp_path: Path) -> None:
    (tmp_path / "cda.xml").write_bytes(CDA)
    documents = [LotDocument(unique_id="2.25.11", data=CDA)]
    signed = await sign_lot(submission_set_id=LOT, documents=documents, signer=signer(), now=NOW)
    manifest = etree.fromstring(signed).find(f"{DS}Object/{DS}Manifest")
    assert manifest is not None
    digest = manifest[1].findtext(f"{DS}DigestValue")
    assert digest == base64.b64encode(hashlib.sha256(xmllint_canonical(tmp_path / "cda.xml")).digest()).decode()


@pytest.mark.conformity
@SUITES
async def test_the_official_schemas_accept_it(digest: Suite) -> None:
    signature = etree.fromstring(await lot(digest, "1.1.1"))
    assert complaint("xmldsig-core-schema.xsd", signature) is None
    assert complaint("XAdES.xsd", signature[-1][0]) is None
    newer = etree.fromstring(await lot(digest, "1.3.2"))
    assert complaint("xmldsig-core-schema.xsd", newer) is None


def test_the_schema_sees_a_digest_in_the_wrong_namespace() -> None:
    wrong = etree.fromstring(
        b'<q:QualifyingProperties xmlns:q="http://uri.etsi.org/01903/v1.1.1#" Target="#s"><q:SignedProperties/></q:QualifyingProperties>'
    )
    assert complaint("XAdES.xsd", wrong)


async def test_its_elements_are_those_of_the_official_sample() -> None:
    sample = etree.parse(str(need("data", "dmp", "messages", "TD2.1-SignatureXades.xml"))).getroot()
    ours = etree.fromstring(await lot("sha1", "1.1.1"))

    def outline(root: etree._Element) -> list[str]:
        names = [tuple(str(one.tag) for one in (element, *element.iterancestors())) for element in root.iter(etree.Element)]
        return sorted({"/".join(reversed(name)) for name in names})

    assert outline(ours) == outline(sample)
    for path in ("SignedInfo/{0}CanonicalizationMethod", "SignedInfo/{0}SignatureMethod"):
        place = f"{DS}{path.format(DS)}"
        assert ours.find(place).get("Algorithm") == sample.find(place).get("Algorithm")  # type: ignore[union-attr]
    assert [one.get("Type") for one in ours[0].findall(f"{DS}Reference")] == [
        one.get("Type") for one in sample[0].findall(f"{DS}Reference")
    ]
    assert [one.get("URI") for one in ours[0].findall(f"{DS}Reference")] == ["#IHEManifest", "#S0-SignedProperties"]
    assert ours.findtext(".//SignatureProperty") == sample.findtext(".//SignatureProperty") == "1.2.840.10065.1.12.1.14"


async def test_manifest_issuer_and_identifiers() -> None:
    signature = etree.fromstring(await lot())
    references = signature.findall(f"{DS}Object/{DS}Manifest/{DS}Reference")
    assert [one.get("URI") for one in references] == [f"urn:oid:{LOT}", "urn:oid:2.25.11", "urn:oid:2.25.12"]
    assert references[0].findtext(f"{DS}DigestValue") == "AA=="
    assert references[2].findtext(f"{DS}DigestValue") == base64.b64encode(hashlib.sha256(b"\x00KOS\xff").digest()).decode()
    assert [one.find(f"{DS}Transforms") is not None for one in references] == [False, True, False]
    identifier = signature.get("Id")
    assert identifier is not None
    assert identifier[0] == "S"
    assert identifier != etree.fromstring(await lot()).get("Id")
    names = [one.text for one in signature.iter(f"{DS}X509IssuerName")]
    assert names[0] == "CN=TEST AC TILLEULS ORGANISATIONS,OU=IGC D'ESSAI TEST,O=ESSAIS RELAIS,C=FR"
    assert len(names) == 3
    serials = [one.text for one in signature.iter(f"{DS}X509SerialNumber")]
    assert serials[0] == str(load_certificate(shared_leaf(SIGN).der).serial_number)
    assert [one.text for one in signature.iter("{*}SigningTime")] == [f"{NOW:%Y-%m-%dT%H:%M:%SZ}"]


async def test_a_document_that_is_not_canonical_is_digested_in_its_canonical_form() -> None:
    loose = b'<?xml version="1.0"?>\r\n<a  b="1"   c=\'2\'/>'
    documents = [LotDocument(unique_id="2.25.5", data=loose)]
    signed = await sign_lot(submission_set_id=LOT, documents=documents, signer=signer(), now=NOW)
    digest = etree.fromstring(signed).findall(f"{DS}Object/{DS}Manifest/{DS}Reference")[1].findtext(f"{DS}DigestValue")
    assert digest == base64.b64encode(hashlib.sha256(b'<a b="1" c="2"></a>').digest()).decode()
    verify_lot(signed, documents, LOT)


def _texts(tag: str, change: Callable[[str], str]) -> Callable[[bytes], bytes]:
    def altered(signed: bytes) -> bytes:
        root = etree.fromstring(signed)
        element = next(root.iter(f"{{*}}{tag}"))
        element.text = change(element.text or "")
        return etree.tostring(root)

    return altered


def _drop(tag: str) -> Callable[[bytes], bytes]:
    def altered(signed: bytes) -> bytes:
        root = etree.fromstring(signed)
        element = next(root.iter(f"{{*}}{tag}"))
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)
        return etree.tostring(root)

    return altered


def _repeat(tag: str) -> Callable[[bytes], bytes]:
    def altered(signed: bytes) -> bytes:
        root = etree.fromstring(signed)
        element = next(root.iter(f"{{*}}{tag}"))
        element.addnext(etree.fromstring(etree.tostring(element)))
        return etree.tostring(root)

    return altered


def _flip(text: str) -> str:
    return ("B" if text[0] == "A" else "A") + text[1:]


ALTERATIONS: dict[str, Callable[[bytes], bytes]] = {
    "signature value": _texts("SignatureValue", _flip),
    "digest of a reference": _texts("DigestValue", _flip),
    "signing time": _texts("SigningTime", lambda text: text.replace("20", "19", 1)),
    "purpose": _texts("SignatureProperty", lambda text: text + "5"),
    "certificate": _texts("X509Certificate", lambda _: base64.b64encode(shared_pki().issue(SIGN).der).decode()),
    "certificate not one": _texts("X509Certificate", _flip),
    "no manifest": _drop("Manifest"),
    "no properties": _drop("QualifyingProperties"),
    "no key": _drop("KeyInfo"),
    "no signature value": _drop("SignatureValue"),
    "no signing certificate": _drop("SigningCertificate"),
    "no purpose": _drop("SignatureProperties"),
    "two manifests": _repeat("Manifest"),
    "two properties": _repeat("QualifyingProperties"),
    "two signed infos": _repeat("SignedInfo"),
    "two certificates": _repeat("X509Certificate"),
    "manifest digest": lambda signed: signed.replace(b"AA==", b"AQ=="),
    "manifest order": lambda signed: signed.replace(b"2.25.11", b"2.25.1x").replace(b"2.25.12", b"2.25.11").replace(b"2.25.1x", b"2.25.12"),
    "not XML": lambda _: b"nothing",
    "empty": lambda _: b"",
    "other root": lambda signed: b"<a>" + signed.partition(b"?>")[2] + b"</a>",
    "other form": lambda signed: signed.replace(b"#WithComments", b"", 1),
    "other method": lambda signed: signed.replace(b"#rsa-sha256", b"#hmac-sha256"),
}


@pytest.mark.parametrize("altered", ALTERATIONS.values(), ids=ALTERATIONS.keys())
async def test_our_own_check_refuses_an_altered_lot(altered: Callable[[bytes], bytes]) -> None:
    signed = await lot()
    changed = altered(signed)
    assert changed != signed
    with pytest.raises(OwnSignatureInvalid) as refusal:
        verify_lot(changed, DOCUMENTS, LOT)
    assert refusal.value.error_class is ErrorClass.CONFIGURATION


async def test_our_own_check_refuses_other_documents() -> None:
    signed, (cda, raw) = await lot(), DOCUMENTS
    others = (
        (cda,),
        (raw, cda),
        (cda, raw, raw),
        (),
        (LotDocument(unique_id=cda.unique_id, data=CDA.replace(b"suite", b"Suite")), raw),
        (cda, LotDocument(unique_id=raw.unique_id, data=raw.data + b"\n", is_xml=False)),
        (LotDocument(unique_id=cda.unique_id, data=CDA, is_xml=False), raw),
        (LotDocument(unique_id="2.25.99", data=CDA), raw),
    )
    for documents in others:
        with pytest.raises(OwnSignatureInvalid):
            verify_lot(signed, documents, LOT)
    with pytest.raises(OwnSignatureInvalid):
        verify_lot(signed, DOCUMENTS, LOT + "1")
    with pytest.raises(OwnSignatureInvalid):
        verify_lot(signed, DOCUMENTS, LOT, certificate=shared_pki().issue(SIGN).der)


async def test_a_signer_whose_key_is_not_its_certificates_is_caught() -> None:
    leaf, other = shared_leaf(SIGN), shared_pki().issue(SIGN)
    signed = await lot(leaf=Leaf(leaf.certificate, other.key, leaf.issuers))
    with pytest.raises(OwnSignatureInvalid):
        verify_lot(signed, DOCUMENTS, LOT)
