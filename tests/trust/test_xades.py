"""XAdES Baseline-B signatures, judged by xmlsec1, by the official schema of ds, and by the shape of the official esignsante sample."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from lxml import etree

from gateway.trust.packaging import Recipe
from gateway.trust.properties import issuer_serial
from gateway.trust.report import Rule
from gateway.trust.signer import DigestName
from gateway.trust.verify import verify_signature
from gateway.trust.xades import DetachedUriInvalid, sign_detached, sign_enveloping
from gateway.xml.errors import XmlTextInvalid
from tests.shared import need
from tests.trust.judges import accepted, signer, xmlsec_verify
from tests.trust.pki import NOW, Pki, shared_pki
from tests.trust.schemas import complaint

PKI = shared_pki()
CONTENTS = {
    "pdf": b"%PDF-1.4\r\n\x00\xff",
    "empty": b"",
    "xml": "<a xmlns='urn:x'>été &amp; <!-- c --></a>".encode(),
    "crlf": b"a\r\nb\r\n",
}
EACH = pytest.mark.parametrize("data", CONTENTS.values(), ids=CONTENTS.keys())


@pytest.mark.conformity
@EACH
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
async def test_xmlsec1_verifies_an_enveloping_signature(tmp_path: Path, data: bytes, digest: DigestName) -> None:
    signed = await sign_enveloping(data, "application/pdf", signer(), NOW, ["Médecin traitant"], Recipe(digest=digest))
    assert accepted(xmlsec_verify(signed, tmp_path, trusted=[PKI.root_pem], untrusted=[PKI.chain_pem]), 2)
    stranger = Pki.create("TILLEULS")
    assert not accepted(xmlsec_verify(signed, tmp_path, trusted=[stranger.root_pem], untrusted=[PKI.chain_pem]), 2)
    assert not accepted(xmlsec_verify(signed.replace("Médecin".encode(), b"Tiers"), tmp_path), 2)
    if data:
        other = signed.replace(base64.b64encode(data), base64.b64encode(data[1:] + b"x"))
        assert not accepted(xmlsec_verify(other, tmp_path), 2)


@pytest.mark.conformity
@EACH
async def test_xmlsec1_verifies_a_detached_signature(tmp_path: Path, data: bytes) -> None:
    signed = await sign_detached(data, "piece.bin", "application/pdf", signer(), NOW)
    (tmp_path / "piece.bin").write_bytes(data)
    assert accepted(xmlsec_verify(signed, tmp_path, trusted=[PKI.root_pem], untrusted=[PKI.chain_pem]), 2)
    (tmp_path / "piece.bin").write_bytes(data + b" ")
    assert not accepted(xmlsec_verify(signed, tmp_path), 2)


@pytest.mark.conformity
async def test_a_detached_signature_by_urn_verifies_through_a_map(tmp_path: Path) -> None:
    signed = await sign_detached(b"contenu", "urn:oid:2.25.1", "text/plain", signer(), NOW)
    (tmp_path / "held.bin").write_bytes(b"contenu")
    mapped = ["--url-map:urn:oid:2.25.1", str(tmp_path / "held.bin")]
    assert accepted(xmlsec_verify(signed, tmp_path, extra=mapped), 2)
    assert verify_signature(signed, detached=b"contenu", anchors=PKI.anchors_pem, at=NOW).valid


@pytest.mark.conformity
async def test_a_nine_megabyte_file_goes_and_comes_back(tmp_path: Path) -> None:
    data = b"%PDF" + bytes(range(256)) * 36_000
    signed = await sign_enveloping(data, "application/pdf", signer(), NOW)
    assert accepted(xmlsec_verify(signed, tmp_path), 2)
    report = verify_signature(signed, anchors=PKI.anchors_pem, at=NOW)
    assert report.valid
    assert report.original == data


async def test_the_schema_of_ds_accepts_both_packagings() -> None:
    for signed in (
        await sign_enveloping(b"x", "application/pdf", signer(), NOW, ["a", "b"]),
        await sign_detached(b"x", "x.pdf", "application/pdf", signer(), NOW),
    ):
        assert complaint("xmldsig-core-schema.xsd", etree.fromstring(signed)) is None


async def test_its_elements_are_those_of_the_official_sample() -> None:
    def outline(root: etree._Element) -> list[str]:
        names = [tuple(str(one.tag) for one in (element, *element.iterancestors())) for element in root.iter(etree.Element)]
        return list(dict.fromkeys("/".join(reversed(name)) for name in names if not name[0].endswith("X509SubjectName")))

    sample = etree.parse(str(need("data", "cda", "signed", "signedipsfra.xml"))).getroot()
    ours = etree.fromstring(await sign_enveloping(b"x", "application/octet-stream", signer(), NOW, ["[]"]))
    assert outline(ours) == outline(sample)


def test_the_issuer_serial_is_the_one_esignsante_writes() -> None:
    sample = etree.parse(str(need("data", "cda", "signed", "signedpom.xml"))).getroot()
    certificate = base64.b64decode(sample.findtext(".//{*}X509Certificate") or "")
    assert issuer_serial(certificate) == base64.b64decode(sample.findtext(".//{*}IssuerSerialV2") or "")


@pytest.mark.parametrize("uri", ["", "#o-1"])
async def test_a_detached_name_must_point_outside(uri: str) -> None:
    with pytest.raises(DetachedUriInvalid):
        await sign_detached(b"x", uri, "application/pdf", signer(), NOW)


async def test_a_role_that_xml_cannot_carry_is_refused() -> None:
    with pytest.raises(XmlTextInvalid):
        await sign_enveloping(b"x", "application/pdf", signer(), NOW, ["a\x00b"])


async def test_the_report_repeats_what_was_signed() -> None:
    signed = await sign_enveloping(CONTENTS["pdf"], "application/pdf", signer(), NOW, ["Médecin"])
    report = verify_signature(signed, anchors=PKI.anchors_pem, crls=[PKI.crl_pem()], at=NOW)
    assert report.valid
    assert (report.packaging, report.media_type, report.roles, report.signing_time) == ("ENVELOPING", "application/pdf", ("Médecin",), NOW)
    assert report.original == CONTENTS["pdf"]
    assert report.signer is not None
    assert report.signer.startswith("CN=relais.tilleuls.test,OU=10B0152872,")
    assert {finding.verdict for finding in report.findings} == {"passed"}
    assert [finding.rule for finding in report.findings] == list(Rule)
