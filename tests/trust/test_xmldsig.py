"""Bare XML signatures: those made are judged by xmlsec1 and the schema of ds, those read by what an attacker would try."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree

from gateway.trust import dsig
from gateway.trust.algorithms import CANONICAL_FORMS, ENVELOPED, digest_of
from gateway.trust.packaging import EnvelopeRefused, Recipe
from gateway.trust.report import Report, Rule, Verdict
from gateway.trust.verify import verify_signature
from gateway.trust.xades import sign_enveloping
from gateway.trust.xmldsig import sign_bare_enveloped, sign_bare_enveloping
from gateway.xml import c14n
from tests.trust.judges import accepted, signer, xmlsec_verify
from tests.trust.pki import AUTH_CLI, NOW, SIGN, Pki, shared_leaf, shared_pki
from tests.trust.schemas import complaint

PKI = shared_pki()
DS = "{http://www.w3.org/2000/09/xmldsig#}"
DATA = b"%PDF-1.4\r\n\x00\xff ordonnance"
XML = (
    b"<?xml version='1.0'?><?xml-stylesheet href='a.xsl'?><!--avant-->"
    b"<l xmlns='urn:l' xmlns:b='urn:b' ID='racine'><!--dedans--> <b:a c='d'>\xc3\xa9</b:a>\n</l>"
)
RECIPES = [Recipe(digest="sha512" if rank % 2 else "sha256", form=form) for rank, form in enumerate(CANONICAL_FORMS)]
ENVELOPING = asyncio.run(sign_bare_enveloping(DATA, signer(), Recipe()))
CARRYING = asyncio.run(sign_bare_enveloped(XML, signer(), Recipe()))


def report(document: bytes, **more: object) -> Report:
    return verify_signature(document, **{"anchors": PKI.anchors_pem, "at": NOW, "bare": True, **more})  # type: ignore[arg-type]


def failed(document: bytes, **more: object) -> set[Rule]:
    judged = report(document, **more)
    assert not judged.valid
    return {finding.rule for finding in judged.findings if finding.verdict is Verdict.FAILED}


def edited(document: bytes, edit: Callable[[etree._Element], object]) -> bytes:
    root = etree.fromstring(document)
    edit(root)
    return etree.tostring(root)


def vouched(document: bytes, folder: Path) -> bool:
    return accepted(xmlsec_verify(document, folder, trusted=[PKI.root_pem], untrusted=[PKI.chain_pem]), 1)


@pytest.mark.conformity
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda one: f"{one.form.rpartition('/')[2]}-{one.digest}")
async def test_xmlsec1_and_our_report_accept_every_recipe(tmp_path: Path, recipe: Recipe) -> None:
    enveloping = await sign_bare_enveloping(DATA, signer(), recipe)
    carrying = await sign_bare_enveloped(XML, signer(), recipe)
    for document, packaging in ((enveloping, "ENVELOPING"), (carrying, "ENVELOPED")):
        assert vouched(document, tmp_path)
        judged = report(document, crls=[PKI.crl_pem()])
        assert (judged.valid, judged.packaging) == (True, packaging)
        assert {one.rule: one.verdict for one in judged.findings if one.verdict is not Verdict.PASSED} == {
            Rule.SIGNING_TIME: Verdict.NOT_CHECKED
        }
        assert judged.signing_time is None
        assert complaint("xmldsig-core-schema.xsd", etree.fromstring(document)) is None or packaging == "ENVELOPED"
        methods = [one.get("Algorithm") for one in etree.fromstring(document).iter(f"{DS}CanonicalizationMethod")]
        assert methods == [recipe.form]
    assert report(enveloping).original == DATA


@pytest.mark.conformity
def test_xmlsec1_refuses_what_was_changed_or_signed_by_another(tmp_path: Path) -> None:
    other_key = asyncio.run(sign_bare_enveloping(DATA, signer(Pki.create("AILLEURS").issue(SIGN)), Recipe()))
    assert not vouched(other_key, tmp_path)
    assert {Rule.TRUSTED, Rule.CERTIFICATE_VALID} == failed(other_key)
    tampered = ENVELOPING.replace(base64.b64encode(DATA), base64.b64encode(DATA[:-1] + b"x"))
    assert not vouched(tampered, tmp_path)
    assert failed(tampered) == {Rule.DOCUMENT_INTACT}
    changed = CARRYING.replace(b'c="d"', b'c="e"')
    assert changed != CARRYING
    assert not vouched(changed, tmp_path)
    assert failed(changed) == {Rule.DOCUMENT_INTACT}


def test_the_certificate_of_another_does_not_fit() -> None:
    ours, theirs = shared_leaf(SIGN), PKI.issue(SIGN)
    swapped = ENVELOPING.replace(base64.b64encode(ours.der), base64.b64encode(theirs.der))
    assert failed(swapped) == {Rule.SIGNATURE_INTACT}


def test_an_authority_after_the_signer_is_only_a_hint() -> None:
    def add(root: etree._Element) -> None:
        data = root.find(f".//{DS}X509Data")
        assert data is not None
        etree.SubElement(data, f"{DS}X509Certificate").text = base64.b64encode(shared_leaf(SIGN).chain_der[0]).decode()

    assert report(edited(ENVELOPING, add)).valid


async def test_the_purpose_and_the_period_of_the_certificate_are_judged() -> None:
    assert Rule.NON_REPUDIATION in failed(await sign_bare_enveloping(DATA, signer(shared_leaf(AUTH_CLI)), Recipe()))
    assert Rule.CERTIFICATE_PERIOD in failed(ENVELOPING, at=NOW + timedelta(days=4 * 365))


async def test_sha1_is_refused_though_the_service_itself_writes_it() -> None:
    assert failed(await sign_bare_enveloping(DATA, signer(), Recipe(digest="sha1"))) == {Rule.ALGORITHM}


async def test_each_form_is_verified_by_its_own_name() -> None:
    xades = await sign_enveloping(DATA, "text/plain", signer(), NOW)
    assert failed(xades) == {Rule.FORMAT}
    assert Rule.FORMAT in failed(ENVELOPING, bare=False)


@pytest.mark.parametrize("document", [b"<ClinicalDocument xmlns='urn:hl7-org:v3'/>", CARRYING])
async def test_a_cda_and_a_signed_document_do_not_carry_a_signature(document: bytes) -> None:
    with pytest.raises(EnvelopeRefused):
        await sign_bare_enveloped(document, signer(), Recipe())


# Wrapping and other attacks: without signed properties the content's reference is the only guard.


def test_wrap_under_a_new_root() -> None:
    inner = CARRYING[CARRYING.index(b"<l ") :]
    assert failed(b"<l xmlns='urn:l'><dose>100</dose>" + inner + b"</l>") == {Rule.FORMAT}
    inner = ENVELOPING.partition(b"?>")[2]
    assert failed(b"<l>" + inner + b"</l>") == {Rule.FORMAT}


def test_wrap_two_signatures() -> None:
    assert failed(edited(CARRYING, lambda root: root.append(etree.fromstring(ENVELOPING)))) == {Rule.FORMAT}


def test_wrap_an_object_that_is_not_covered() -> None:
    def add(root: etree._Element) -> None:
        etree.SubElement(root, f"{DS}Object", Id="o-2").text = "ZmF1eA=="

    assert failed(edited(ENVELOPING, add)) == {Rule.FORMAT}


def test_wrap_the_same_identifier_twice() -> None:
    def add(root: etree._Element) -> None:
        evil = etree.Element(f"{DS}Object", Id=str(root[-1].get("Id")))
        evil.text = base64.b64encode(b"faux").decode()
        root.insert(3, evil)

    assert failed(edited(ENVELOPING, add)) == {Rule.FORMAT}


async def made_by_hand(root: etree._Element, uri: str | None, steps: list[etree._Element], octets: bytes) -> bytes:
    """A signature of a signer who is honest about its value, not about what it covers."""
    content = dsig.reference("", "sha256", digest_of(octets, "sha256"), transforms=steps)
    if uri is None:
        del content.attrib["URI"]
    else:
        content.set("URI", uri)
    signature = dsig.ds("Signature", dsig.key_info([signer().certificate]), Id="s")
    root.append(signature)
    await dsig.complete(signature, dsig.signed_info([content], "sha256"), signer(), "sha256")
    return etree.tostring(root)


async def test_a_part_of_a_document_does_not_stand_for_the_whole() -> None:
    root = etree.fromstring(b"<a><b Id='part'>1</b><c>non couvert</c></a>")
    octets = c14n.exclusive(root[0])
    document = await made_by_hand(root, "#part", [dsig.transform(c14n.EXCLUSIVE)], octets)
    assert Rule.DOCUMENT_INTACT in failed(document)


@pytest.mark.parametrize("uri", ["#xpointer(/)", "#xpointer(id('racine'))", "file:///etc/hostname", "http://127.0.0.1/x", None])
async def test_no_other_place_is_looked_at(uri: str | None) -> None:
    root = etree.fromstring(XML)
    octets = c14n.exclusive(root)
    steps = [dsig.transform(ENVELOPED), dsig.transform(c14n.EXCLUSIVE)]
    assert Rule.DOCUMENT_INTACT in failed(await made_by_hand(root, uri, steps, octets))


async def test_the_enveloped_transform_alone_and_the_identifier_of_the_root_are_what_the_service_writes() -> None:
    for uri in ("", "#racine"):
        root = etree.fromstring(b"<l xmlns='urn:l' ID='racine'><!--dedans--><a/></l>")
        octets = c14n.inclusive(root, with_comments=False)
        assert report(await made_by_hand(root, uri, [dsig.transform(ENVELOPED)], octets)).valid


async def test_the_canonical_form_of_the_object_is_what_the_service_signs() -> None:
    signature = dsig.ds(
        "Signature", dsig.key_info([signer().certificate]), dsig.ds("Object", base64.b64encode(DATA).decode(), Id="o"), Id="s"
    )
    content = dsig.reference_to(signature[-1], "#o", "sha256", algorithm=c14n.EXCLUSIVE)
    await dsig.complete(signature, dsig.signed_info([content], "sha256"), signer(), "sha256")
    judged = report(etree.tostring(signature))
    assert (judged.valid, judged.packaging) == (True, "ENVELOPING")


def test_no_certificate_and_no_signature() -> None:
    def bare(root: etree._Element) -> None:
        info = root.find(f"{DS}KeyInfo")
        assert info is not None
        root.remove(info)

    assert Rule.CERTIFICATE_PRESENT in failed(edited(ENVELOPING, bare))
    assert failed(b"<a/>") == {Rule.SIGNATURE_PRESENT}
    assert not report(b"%PDF").readable
