"""Judged by tools that are neither ours nor the stranger's: xmlsec1 on signatures, openssl on chains."""

from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.sandbox.dmp.service import DmpService
from gateway.sandbox.exchange import Request
from tests.sandbox.dmp.conftest import FeedMaker
from tests.sandbox.dmp.pki import Identity, Pki
from tests.sandbox.dmp.stranger import Cabinet, Feed
from tests.tools import need_tool

SAML_ID = "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"


def xmlsec1(document: Path, authorities: Path, *arguments: str) -> bool:
    """True when xmlsec1 verifies the first signature of a document with the chain of trust."""
    chain = ["--trusted-pem", str(authorities / "root.pem"), "--untrusted-pem", str(authorities / "sub.pem")]
    command = [need_tool("xmlsec1"), "--verify", *chain, "--verification-gmt-time", "2026-11-22 09:30:00"]
    done = subprocess.run([*command, "--ignore-manifests", *arguments, str(document)], capture_output=True, check=False)
    return done.returncode == 0


@pytest.fixture
def authorities(tmp_path: Path, pki: Pki) -> Path:
    (tmp_path / "root.pem").write_bytes(pki.root.pem)
    (tmp_path / "sub.pem").write_bytes(pki.authority.pem)
    return tmp_path


def lot_arguments(xades: str) -> tuple[str, ...]:
    space = f"http://uri.etsi.org/01903/v{xades}#"
    return ("--id-attr:Id", f"{space}:SignedProperties", "--id-attr:Id", "http://www.w3.org/2000/09/xmldsig#:Manifest")


@pytest.mark.parametrize(("suite", "xades"), [("sha1", "1.1.1"), ("sha256", "1.1.1"), ("sha256", "1.3.2")])
def test_lot_signature_verdicts_agree_with_xmlsec1(
    service: DmpService, feed: FeedMaker, tmp_path: Path, authorities: Path, suite: str, xades: str
) -> None:
    document = tmp_path / "signature.xml"
    changes = {
        "right": (b"", b""),
        "signing time": (b".250Z", b".251Z"),
        "manifest": (b'<ds:Reference URI="urn:oid:', b'<ds:Reference  Type="x" URI="urn:oid:'),
        "value": (b"<ds:SignatureValue>", b"<ds:SignatureValue>AAAA"),
        "comment": (b'<ds:Manifest Id="IHEManifest">', b'<ds:Manifest Id="IHEManifest"><!-- sans effet -->'),
        "comment in SignedInfo": (b"<ds:SignedInfo>", b"<ds:SignedInfo><!-- compte -->"),
    }
    verdicts = {}
    for name, (old, new) in changes.items():
        sent = feed(signature={"suite": suite, "xades": xades})
        sent.signature_edit = lambda body, old=old, new=new: body.replace(old, new, 1)  # type: ignore[misc]
        document.write_bytes(sent.signature_document())
        broken = {"dmp.signature.digest", "dmp.signature.value"} & set(sent.send(service).failed_rules)
        verdicts[name] = (not broken, xmlsec1(document, authorities, *lot_arguments(xades)))
    assert verdicts == {name: (name in {"right", "comment"},) * 2 for name in changes}


def test_assertion_verdicts_agree_with_xmlsec1(service: DmpService, feed: FeedMaker, tmp_path: Path, authorities: Path) -> None:
    envelope = tmp_path / "envelope.xml"
    changes = {
        "right": ("", ""),
        "name": ("Camille D'ESSAI", "Camille D&apos;ESSAI "),
        "entity only": ("Camille D'ESSAI", "Camille D&#39;ESSAI"),
        "comment": ("<saml2:Subject>", "<saml2:Subject><!-- sans effet -->"),
        "order of attributes": ('code="10" codeSystem="1.2.250.1.71.1.2.7"', 'codeSystem="1.2.250.1.71.1.2.7" code="10"'),
        "issuer": ("X509SubjectName", "X509SubjectNam"),
    }
    verdicts = {}
    for name, (old, new) in changes.items():
        assertion_edit = lambda assertion, old=old, new=new: assertion.replace(old, new)  # noqa: E731
        rules = feed(assertion_edit=assertion_edit).send(service).failed_rules
        envelope.write_text(feed(assertion_edit=assertion_edit).envelope(), encoding="utf-8")
        verdicts[name] = (rules == (), xmlsec1(envelope, authorities, "--id-attr:ID", SAML_ID))
    accepted = {"right", "entity only", "comment", "order of attributes"}
    assert verdicts == {name: (name in accepted,) * 2 for name in changes}


@pytest.mark.parametrize("default", ["", ' xmlns="urn:tools"'])
def test_assertion_signed_by_xmlsec1_with_inclusive_prefixes_is_accepted(
    service: DmpService, feed: FeedMaker, cabinet: Cabinet, tmp_path: Path, default: str
) -> None:
    prefixes = '<ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="ds saml #default xsi unused"/>'

    def template(assertion: str) -> str:
        bare = re.sub(r"<ds:(DigestValue|SignatureValue)>[^<]*<", r"<ds:\1><", assertion)
        last = '<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#">'
        return bare.replace(last, last + prefixes).replace("<saml2:Subject>", "<!-- c --><saml2:Subject>\n")

    sent = feed(assertion_edit=template)
    signed = sign_with_xmlsec1(sent.envelope().replace("<soap:Envelope", f"<soap:Envelope{default}", 1), cabinet.sign, tmp_path)
    with ThreadPoolExecutor(1) as fresh:  # whose libxml2 dictionary has seen no empty name yet
        assert fresh.submit(service.judge, with_envelope(sent, signed)).result().failed_rules == ()
    moved = signed.replace('xmlns:unused="urn:unused"', 'xmlns:unused="urn:other"')
    assert service.judge(with_envelope(sent, moved)).failed_rules == ("dmp.vihf.signature-digest",)


def sign_with_xmlsec1(envelope: str, identity: Identity, folder: Path) -> str:
    """The envelope with its signature template filled by xmlsec1."""
    key, certificate, source, target = (folder / name for name in ("key.pem", "certificate.pem", "source.xml", "target.xml"))
    key.write_bytes(identity.key_pem)
    certificate.write_bytes(identity.pem)
    source.write_text(envelope, encoding="utf-8")
    command = [need_tool("xmlsec1"), "--sign", "--privkey-pem", f"{key},{certificate}", "--id-attr:ID", SAML_ID]
    subprocess.run([*command, "--output", str(target), str(source)], capture_output=True, check=True)
    return target.read_text(encoding="utf-8").split("?>", 1)[1]


def with_envelope(sent: Feed, envelope: str) -> Request:
    """The request with another envelope; its parts are unchanged."""
    request = sent.request()
    head, tail = request.body.split(b"<soap:Envelope", 1)
    rest = tail.split(b"</soap:Envelope>", 1)[1]
    return replace(request, body=head + envelope.strip().encode() + rest)


def test_chains_are_those_openssl_verifies(pki: Pki, cabinet: Cabinet, tmp_path: Path, authorities: Path) -> None:
    for name, identity in (("auth", cabinet.auth), ("sign", cabinet.sign)):
        path = tmp_path / f"{name}.pem"
        path.write_bytes(identity.pem)
        command = [need_tool("openssl"), "verify", "-attime", "1795339800", "-CAfile", str(authorities / "root.pem")]
        command += ["-untrusted", str(authorities / "sub.pem"), str(path)]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0
