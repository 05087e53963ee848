"""Every signature that left, judged by xmlsec1, openssl, xmllint and the official schemas: tokens, lots, certificates, three suites."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from lxml import etree

from tests.conformity.boxes import SUITES, Outing, Suite
from tests.conformity.official import (
    DS,
    alone,
    canonical,
    chain_options,
    digest,
    dmp_schema,
    ids,
    openssl,
    properties_schema,
    token_schema,
    written,
    xmllint_refuses,
    xmlsec_refuses,
)
from tests.conformity.received import SAML, Call, Feed

pytestmark = [pytest.mark.conformity, pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("outing")]

ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"
LOT_IDS = ids("SignedProperties", "Object", "Manifest", "KeyInfo", "SignatureProperty")
ALGORITHMS = {
    "sha256": ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256"),
    "sha1": ("http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/2000/09/xmldsig#sha1"),
}
WITH_COMMENTS = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"
EACH_SUITE = pytest.mark.parametrize("suite", SUITES, ids=lambda suite: f"{suite.digest}-{suite.xades}")


def chain(out: Outing) -> list[str]:
    return chain_options(out.pki / "root.pem", out.pki / "organisations.pem")


def attribute(token: etree._Element, name: str) -> str | None:
    """The text of one attribute of a token."""
    found = [one for one in token.iter(f"{SAML}Attribute") if one.get("Name") == name]
    return found[0].findtext(f"{SAML}AttributeValue") if len(found) == 1 else None


def signer_of(element: etree._Element) -> bytes:
    """DER of the only certificate of a signature."""
    (found,) = element.iter(f"{DS}X509Certificate")
    return base64.b64decode(found.text or "")


@cache
def named(der: bytes, what: str) -> str:
    """Subject or issuer of a certificate as openssl writes it, most specific first, without blanks."""
    said = openssl("x509", "-inform", "DER", "-noout", f"-{what}", "-nameopt", "RFC2253,utf8,-esc_msb", stdin=der)
    return said.decode().partition("=")[2].strip()


def signatures(out: Outing, suite: Suite) -> dict[str, etree._Element]:
    return {name: etree.fromstring(feed.signature) for name, feed in out.feeds_of(suite).items()}


def test_every_token_verifies_in_its_message_with_its_chain(out: Outing, tmp_path: Path) -> None:
    paths = written(tmp_path, {call.number: call.envelope_bytes for call in out.calls})
    assert xmlsec_refuses(paths, *ids(ASSERTION, attribute="ID"), *chain(out), references=1) == ""


def test_xmlsec1_does_judge(out: Outing, tmp_path: Path) -> None:
    changed = out.calls[0].envelope_bytes.replace(b'codeSystemName="mode acces VIHF 2.0"', b'codeSystemName="mode acces VIHF 2.1"')
    assert changed != out.calls[0].envelope_bytes
    paths = written(tmp_path, {"changed": changed})
    assert xmlsec_refuses(paths, *ids(ASSERTION, attribute="ID"), *chain(out), references=1) != ""
    stranger = ["--trusted-pem", str(dmp_schema().parents[1] / "cda" / "pki" / "ACR-EL-TEST.pem")]
    whole = written(tmp_path / "whole", {"whole": out.calls[0].envelope_bytes})
    assert xmlsec_refuses(whole, *ids(ASSERTION, attribute="ID"), *stranger, references=1) != ""


def test_every_token_is_valid_saml(out: Outing, tmp_path: Path) -> None:
    schema = token_schema(tmp_path)
    assert xmllint_refuses(written(tmp_path / "sent", {call.number: alone(call.token) for call in out.calls}), schema) == {}
    broken = alone(out.calls[0].token).replace(b'Version="2.0"', b'Version="2.0" Mode="x"')
    assert xmllint_refuses(written(tmp_path / "broken", {"broken": broken}), schema) != {}


def test_dmp06_dmp07_every_token_is_fresh_and_used_once(out: Outing) -> None:
    seen: dict[str, Call] = {}
    for call in out.calls:
        token = call.token
        issued = datetime.fromisoformat(str(token.get("IssueInstant")))
        received = datetime.fromisoformat(str(call.note["time"]))
        assert timedelta(0) <= received - issued < timedelta(seconds=30)
        assert seen.setdefault(str(token.get("ID")), call) is call
    assert len(seen) == len(out.calls)


def test_dmp10_dmp11_every_token_names_its_structure_its_signer_and_the_patient(out: Outing) -> None:
    senders = {sent.unique_id: sent for sent in out.sent.values()}
    for call in out.calls:
        token = call.token
        subject = named(signer_of(token), "subject")
        assert token.findtext(f"{SAML}Issuer") == subject
        unit = f",OU={attribute(token, 'Identifiant_Structure')},"
        assert unit in subject
        assert unit in named(ssl.PEM_cert_to_DER_cert(str(call.note["client_certificate"])), "subject")
    for feed in out.feeds.values():
        request, token = senders[feed.unique_id].case.request, feed.call.token
        if "patient" not in request:
            continue
        ins = request["patient"]["ins"]
        assert token.findtext(f"{SAML}Subject/{SAML}NameID") == request["author"]["id"]
        assert attribute(token, "Identifiant_Structure") == request["structure"]
        assert attribute(token, "urn:oasis:names:tc:xacml:2.0:resource:resource-id") == f"{ins['matricule']}^^^&{ins['oid']}&ISO^NH"
        roles = [one.get("code") for one in token.iter("{urn:hl7-org:v3}Role")]
        assert len(roles) == (2 if roles[0] == "10" else 1)


def test_every_certificate_has_a_strict_chain_and_its_purpose(out: Outing, tmp_path: Path) -> None:
    signing = {signer_of(call.token) for call in out.calls} | {signer_of(etree.fromstring(feed.signature)) for feed in out.feeds.values()}
    notes = [call.note for call in out.calls] + [mail.note for mail in out.mails]
    transport = {ssl.PEM_cert_to_DER_cert(str(note["client_certificate"])) for note in notes}
    assert len(signing) == len(transport) == 10  # one of each per structure: eight of them, one enrolled three times
    assert not signing & transport
    lists = (out.pki / "crl.pem").read_bytes()
    (tmp_path / "crl.pem").write_bytes(lists)
    for purpose, certificates in (("smimesign", signing), ("sslclient", transport)):
        for number, der in enumerate(certificates):
            path = tmp_path / f"{purpose}-{number}.pem"
            path.write_text(ssl.DER_cert_to_PEM_cert(der))
            trust = ("-CAfile", str(out.pki / "root.pem"), "-untrusted", str(out.pki / "organisations.pem"))
            revocation = ("-crl_check", "-CRLfile", str(tmp_path / "crl.pem"))
            said = openssl("verify", "-x509_strict", "-purpose", purpose, *trust, *revocation, str(path))
            assert said.decode().strip().endswith(": OK")


@EACH_SUITE
def test_dmp25_every_lot_verifies_with_its_chain(out: Outing, tmp_path: Path, suite: Suite) -> None:
    feeds = out.feeds_of(suite)
    assert len(feeds) >= 5
    paths = written(tmp_path, {name: feed.signature for name, feed in feeds.items()})
    assert xmlsec_refuses(paths, "--ignore-manifests", *LOT_IDS, *chain(out), references=2) == ""
    other = written(tmp_path / "changed", {"changed": paths[0].read_bytes().replace(b"AA==", b"AAA=")})
    assert xmlsec_refuses(other, "--ignore-manifests", *LOT_IDS, *chain(out), references=2) != ""


@EACH_SUITE
def test_dmp25_every_manifest_digests_its_document(out: Outing, tmp_path: Path, suite: Suite) -> None:
    feeds = out.feeds_of(suite)
    forms = canonical(written(tmp_path, {name: feed.cda for name, feed in feeds.items()}))
    for feed, form in zip(feeds.values(), forms, strict=True):
        lot, document = manifest_of(feed)
        assert lot.findtext(f"{DS}DigestValue") == "AA=="
        assert document.get("URI") == f"urn:oid:{feed.unique_id}"
        assert document.findtext(f"{DS}DigestValue") == digest(form, suite.digest)
        transforms = [str(one.get("Algorithm")) for one in document.iter(f"{DS}Transform")]
        assert transforms == [WITH_COMMENTS]


def manifest_of(feed: Feed) -> list[etree._Element]:
    (manifest,) = etree.fromstring(feed.signature).iter(f"{DS}Manifest")
    return list(manifest.iterfind(f"{DS}Reference"))


@EACH_SUITE
def test_every_lot_is_of_its_suite(out: Outing, suite: Suite) -> None:
    method, digest_method = ALGORITHMS[suite.digest]
    for root in signatures(out, suite).values():
        assert {str(one.get("Algorithm")) for one in root.iter(f"{DS}SignatureMethod")} == {method}
        assert {str(one.get("Algorithm")) for one in root.iter("{*}DigestMethod")} == {digest_method}
        assert {str(one.get("Algorithm")) for one in root.iter(f"{DS}CanonicalizationMethod")} == {WITH_COMMENTS}
        (properties,) = root.iter("{*}QualifyingProperties")
        assert properties.tag == f"{{http://uri.etsi.org/01903/v{suite.xades}#}}QualifyingProperties"
        assert properties.get("Target") == f"#{root.get('Id')}"
        namespace = properties.tag.partition("}")[0] + "}" if suite.xades == "1.1.1" else DS  # cda_signing.md 4.1
        assert all(one.tag.startswith(namespace) for digested in root.iter("{*}CertDigest") for one in digested)


@EACH_SUITE
def test_the_signature_is_valid_against_its_schemas(out: Outing, tmp_path: Path, suite: Suite) -> None:
    found = signatures(out, suite)
    paths = written(tmp_path / "ds", {name: alone(root) for name, root in found.items()})
    assert xmllint_refuses(paths, dmp_schema("xmldsig-core-schema.xsd")) == {}
    if suite.xades == "1.1.1":
        properties = {name: alone(next(root.iter("{*}QualifyingProperties"))) for name, root in found.items()}
        assert xmllint_refuses(written(tmp_path / "xades", properties), properties_schema(tmp_path)) == {}


@EACH_SUITE
def test_the_properties_name_the_certificate_that_signed(out: Outing, suite: Suite) -> None:
    authorities = [ssl.PEM_cert_to_DER_cert((out.pki / f"{name}.pem").read_text()) for name in ("organisations", "root")]
    for root in signatures(out, suite).values():
        signer, *others = told(root)
        assert signer == facts(signer_of(root), suite.digest)
        assert others == [facts(der, suite.digest) for der in authorities[: len(others)]]


@cache
def facts(der: bytes, algorithm: str) -> tuple[str, str, str]:
    """Digest, issuer and decimal serial of a certificate, by openssl."""
    serial = openssl("x509", "-inform", "DER", "-noout", "-serial", stdin=der).decode().strip().removeprefix("serial=")
    return digest(der, algorithm), named(der, "issuer"), str(int(serial, 16))


def told(root: etree._Element) -> Iterator[tuple[str, str, str]]:
    """The same facts as the properties of a signature tell them, certificate by certificate."""
    for one in root.iter("{*}Cert"):
        value, issuer, serial = (one.findtext(f".//{{*}}{name}") for name in ("DigestValue", "X509IssuerName", "X509SerialNumber"))
        yield str(value), str(issuer), str(serial)
