"""The verification report against what an attacker would try: wrapping, substitution, transforms, certificates."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.kernel.clock import FrozenClock
from gateway.trust import dsig
from gateway.trust.algorithms import digest_of
from gateway.trust.lot import LotDocument, sign_lot
from gateway.trust.packaging import Recipe
from gateway.trust.properties import baseline_properties
from gateway.trust.report import Report, Rule, Verdict
from gateway.trust.software_signer import SoftwareSigner
from gateway.trust.verify import verify_signature
from gateway.trust.xades import sign_detached, sign_enveloping
from gateway.xml import c14n
from tests.trust.enveloped import sign_enveloped
from tests.trust.judges import signer
from tests.trust.pki import AUTH_CLI, NOW, SIGN, STRUCTURE, Leaf, Pki, shared_leaf, shared_pki

PKI = shared_pki()
DS = "{http://www.w3.org/2000/09/xmldsig#}"
XADES = "{http://uri.etsi.org/01903/v1.3.2#}"
DATA = b"%PDF-1.4 ordonnance"
ENVELOPING = asyncio.run(sign_enveloping(DATA, "application/pdf", signer(), NOW))
DETACHED = asyncio.run(sign_detached(DATA, "ordonnance.pdf", "application/pdf", signer(), NOW))
ROOTED = '<ordre xmlns="urn:x" ID="racine"><!-- c --><dose>1</dose>\n</ordre>'
ENVELOPED = asyncio.run(sign_enveloped(ROOTED, signer()))


def report(document: bytes, **more: object) -> Report:
    return verify_signature(document, **{"anchors": PKI.anchors_pem, "at": NOW, **more})  # type: ignore[arg-type]


def failed(document: bytes, **more: object) -> set[Rule]:
    judged = report(document, **more)
    assert not judged.valid
    return {finding.rule for finding in judged.findings if finding.verdict is Verdict.FAILED}


def edited(document: bytes, edit: Callable[[etree._Element], object]) -> bytes:
    root = etree.fromstring(document)
    edit(root)
    return etree.tostring(root)


def first(root: etree._Element, path: str) -> etree._Element:
    found = root.find(path)
    assert found is not None, path
    return found


def test_the_starting_points_are_valid() -> None:
    assert report(ENVELOPING).original == DATA
    assert report(DETACHED, detached=DATA).packaging == "DETACHED"
    judged = report(ENVELOPED)
    assert judged.packaging == "ENVELOPED"
    assert judged.original == b'<ordre xmlns="urn:x" ID="racine"><dose>1</dose>\n</ordre>'
    assert all(judged.sentence(rule).endswith(".") for rule in Rule)


@pytest.mark.parametrize("xpath", [True, False])
@pytest.mark.parametrize("uri", ["", "#racine"])
async def test_the_known_enveloped_forms_are_valid(uri: str, xpath: bool) -> None:
    assert report(await sign_enveloped(ROOTED, signer(), uri=uri, xpath=xpath)).valid


# Wrapping: the signed bytes stay valid somewhere, the reader is led to look elsewhere.


def _nest_in_a_new_root(root: etree._Element) -> bytes:
    return b"<ordre xmlns='urn:x'><dose>100</dose>" + etree.tostring(root) + b"</ordre>"


def test_wrap_enveloped_document_under_a_new_root() -> None:
    assert failed(_nest_in_a_new_root(etree.fromstring(ENVELOPED))) == {Rule.FORMAT}


async def test_wrap_move_the_signed_root_into_an_object() -> None:
    signed = etree.fromstring(await sign_enveloped(ROOTED, signer(), uri="#racine"))
    signature = first(signed, f"{DS}Signature")
    signed.remove(signature)
    evil = etree.fromstring(b"<ordre xmlns='urn:x' ID='autre'><dose>100</dose></ordre>")
    evil.append(signature)
    holder = etree.SubElement(signature, f"{DS}Object")
    holder.append(signed)
    assert Rule.DOCUMENT_INTACT in failed(etree.tostring(evil))


async def test_wrap_same_identifier_twice() -> None:
    signed = etree.fromstring(await sign_enveloped(ROOTED, signer(), uri="#racine"))
    copy = etree.SubElement(signed, "copie", ID="racine")
    copy.text = "100"
    assert failed(etree.tostring(signed)) == {Rule.FORMAT}
    mixed = etree.fromstring(ENVELOPING)
    first(mixed, f"{DS}KeyInfo").set("{http://www.w3.org/XML/1998/namespace}id", str(mixed[-1].get("Id")))
    assert failed(etree.tostring(mixed)) == {Rule.FORMAT}


def test_wrap_second_object_under_the_signed_identifier() -> None:
    def add(root: etree._Element) -> None:
        evil = etree.Element(f"{DS}Object", Id=str(root[-1].get("Id")))
        evil.text = base64.b64encode(b"faux").decode()
        root.insert(3, evil)

    assert failed(edited(ENVELOPING, add)) == {Rule.FORMAT}


def test_wrap_moved_object() -> None:
    def move(root: etree._Element) -> None:
        holder = etree.SubElement(root, f"{DS}Object")
        holder.append(root[-2])

    assert {Rule.DOCUMENT_INTACT, Rule.FORMAT} <= failed(edited(ENVELOPING, move))


def test_wrap_an_object_that_is_not_covered() -> None:
    def add(root: etree._Element) -> None:
        etree.SubElement(root, f"{DS}Object", Id="o-2").text = "ZmF1eA=="

    assert failed(edited(ENVELOPING, add)) == {Rule.FORMAT}


def test_wrap_enveloping_signature_inside_a_document() -> None:
    assert failed(b"<ordre><dose>100</dose>" + ENVELOPING.partition(b"?>")[2] + b"</ordre>") == {Rule.FORMAT}


def test_wrap_two_signatures() -> None:
    one = ENVELOPING.partition(b"?>")[2]
    assert failed(b"<x>" + one + one.replace(b'Id="', b'Id="b') + b"</x>") == {Rule.FORMAT}
    assert failed(edited(ENVELOPING, lambda root: root.append(etree.Element(f"{DS}Signature")))) == {Rule.FORMAT}


def test_wrap_second_set_of_properties() -> None:
    def add(root: etree._Element) -> None:
        holder = first(root, f"{DS}Object/{XADES}QualifyingProperties").getparent()
        assert holder is not None
        copy = etree.fromstring(etree.tostring(holder).replace(b'Id="xades-', b'Id="autre-'))
        first(copy, f".//{XADES}SigningTime").text = "2020-01-01T00:00:00Z"
        holder.addprevious(copy)

    assert Rule.FORMAT in failed(edited(ENVELOPING, add))


def test_properties_of_another_signature() -> None:
    aimed = edited(ENVELOPING, lambda root: first(root, f".//{XADES}QualifyingProperties").set("Target", "#ailleurs"))
    assert Rule.FORMAT in failed(aimed)


def test_properties_replaced_around_the_signed_ones() -> None:
    """The signed SignedProperties move to an unsigned place and forged ones take theirs."""

    def replace(root: etree._Element) -> None:
        qualifying = first(root, f".//{XADES}QualifyingProperties")
        true = qualifying[0]
        forged = etree.fromstring(etree.tostring(true).replace(b'Id="xades-', b'Id="faux-'))
        first(forged, f".//{XADES}SigningTime").text = "2020-01-01T00:00:00Z"
        qualifying.insert(0, forged)
        unsigned = etree.SubElement(etree.SubElement(qualifying, f"{XADES}UnsignedProperties"), f"{XADES}UnsignedSignatureProperties")
        unsigned.append(true)

    assert failed(edited(ENVELOPING, replace)) & {Rule.FORMAT, Rule.DOCUMENT_INTACT}


# References: what they point at and how it is read.


def _uri(value: str | None) -> Callable[[etree._Element], None]:
    def edit(root: etree._Element) -> None:
        reference = first(root, f".//{DS}Reference")
        del reference.attrib["URI"]
        if value is not None:
            reference.set("URI", value)

    return edit


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:9/x", "file:///etc/passwd", "../../etc/passwd", None, "#xpointer(/)", "#inconnu", "", "#id-nulle-part"]
)
def test_other_targets_are_refused_and_nothing_is_fetched(uri: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", never)
    assert Rule.DOCUMENT_INTACT in failed(edited(ENVELOPING, _uri(uri)))


TRANSFORMS = {
    "xslt": '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"><x/></ds:Transform>',
    "xslt bare": '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>',
    "xpath": '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>self::text()</ds:XPath></ds:Transform>',
    "xpath filter 2": '<ds:Transform Algorithm="http://www.w3.org/2002/06/xmldsig-filter2"/>',
    "decryption": '<ds:Transform Algorithm="http://www.w3.org/2002/07/decrypt#XML"/>',
    "unknown": '<ds:Transform Algorithm="urn:x"/>',
    "c14n 1.1": '<ds:Transform Algorithm="http://www.w3.org/2006/12/xml-c14n11"/>',
    "base64 again": '<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#base64"/>',
    "c14n after base64": '<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>',
    "enveloped": '<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>',
}


@pytest.mark.parametrize("xml", TRANSFORMS.values(), ids=TRANSFORMS.keys())
def test_an_extra_transform_is_refused(xml: str) -> None:
    extra = etree.fromstring(f'<x xmlns:ds="http://www.w3.org/2000/09/xmldsig#">{xml}</x>')[0]
    assert failed(edited(ENVELOPING, lambda root: first(root, f".//{DS}Transforms").append(extra))) & {Rule.DOCUMENT_INTACT, Rule.FORMAT}


async def test_a_transform_refused_even_from_an_honest_signer() -> None:
    """Signed as such: nothing was altered, and it is refused all the same."""
    for algorithm in ("http://www.w3.org/TR/1999/REC-xslt-19991116", "urn:x"):
        content = dsig.reference("#o", "sha256", digest_of(b"x", "sha256"), transforms=[dsig.transform(algorithm)], identifier="r")
        judged = report(await _custom([content], carried=("o", b"x")))
        assert judged.verdict(Rule.SIGNATURE_INTACT) is Verdict.PASSED
        assert judged.verdict(Rule.DOCUMENT_INTACT) is Verdict.FAILED
        assert judged.original is None


async def _custom(contents: list[etree._Element], *, carried: tuple[str, bytes] | None = None, covered: bool = True) -> bytes:
    made = signer()
    qualifying = baseline_properties(
        "s", "p", now=NOW, certificate=made.certificate, digest="sha512", reference_id="r", media_type="text/plain"
    )
    signature = dsig.ds("Signature", dsig.key_info([made.certificate]), dsig.ds("Object", qualifying), Id="s")
    if carried is not None:
        signature.append(dsig.ds("Object", dsig.base64_text(carried[1]), Id=carried[0]))
    properties = dsig.reference_to(qualifying[0], "#p", "sha256", algorithm=c14n.EXCLUSIVE)
    info = dsig.signed_info([*contents, properties] if covered else contents, "sha256")
    await dsig.complete(signature, info, made, "sha256")
    return etree.tostring(signature)


async def test_properties_that_nobody_signed_are_refused() -> None:
    content = dsig.reference("#o", "sha256", digest_of(b"x", "sha256"), transforms=[dsig.transform(f"{DS[1:-1]}base64")], identifier="r")
    assert failed(await _custom([content], carried=("o", b"x"), covered=False)) == {Rule.FORMAT}


async def test_a_signature_of_no_content_or_of_two_is_refused() -> None:
    assert failed(await _custom([])) == {Rule.DOCUMENT_INTACT}
    two = [dsig.reference(f"{n}.pdf", "sha256", digest_of(DATA, "sha256")) for n in "ab"]
    assert failed(await _custom(two), detached=DATA) == {Rule.DOCUMENT_INTACT}


# Content and values.


def test_changed_content() -> None:
    swapped = ENVELOPING.replace(base64.b64encode(DATA), base64.b64encode(b"%PDF-1.4 autre chose"))
    assert failed(swapped) == {Rule.DOCUMENT_INTACT}
    assert report(swapped).original is None
    assert failed(ENVELOPED.replace(b"<dose>1", b"<dose>100")) == {Rule.DOCUMENT_INTACT}
    assert failed(DETACHED, detached=DATA + b"\n") == {Rule.DOCUMENT_INTACT}
    assert failed(DETACHED) == {Rule.DOCUMENT_INTACT}


def test_a_content_handed_in_beside_an_enveloping_signature_must_be_its_own() -> None:
    assert report(ENVELOPING, detached=DATA).valid
    assert failed(ENVELOPING, detached=b"autre") == {Rule.DOCUMENT_INTACT}


def test_changed_digest_breaks_the_signature_too() -> None:
    def flip(root: etree._Element) -> None:
        value = first(root, f".//{DS}DigestValue")
        value.text = base64.b64encode(digest_of(b"autre", "sha256")).decode()

    assert failed(edited(ENVELOPING, flip)) == {Rule.DOCUMENT_INTACT, Rule.SIGNATURE_INTACT}


def test_changed_value_time_or_role() -> None:
    def value(root: etree._Element) -> None:
        first(root, f"{DS}SignatureValue").text = base64.b64encode(b"\0" * 256).decode()

    assert failed(edited(ENVELOPING, value)) == {Rule.SIGNATURE_INTACT}
    time = ENVELOPING.replace(f"{NOW:%Y-%m-%d}".encode(), f"{NOW - timedelta(days=1):%Y-%m-%d}".encode())
    assert Rule.SIGNATURE_INTACT in failed(time)


def test_an_empty_or_absent_signature() -> None:
    def empty(root: etree._Element) -> None:
        first(root, f"{DS}SignatureValue").text = ""

    assert failed(edited(ENVELOPING, empty)) == {Rule.SIGNATURE_PRESENT}
    assert failed(b"<ordre/>") == {Rule.SIGNATURE_PRESENT}
    for unreadable in (b"", b"%PDF", b"<!DOCTYPE a><a/>", b"<a>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"):
        assert failed(unreadable) == {Rule.FORMAT}
    assert failed(ENVELOPING, max_bytes=100) == {Rule.FORMAT}


def test_a_comment_that_cuts_a_text_is_refused() -> None:
    for before, after in ((b"SigningTime>2", b"SigningTime><!-- -->2"), (b"<ds:X509Certificate>", b"<ds:X509Certificate><!-- -->")):
        assert Rule.FORMAT in failed(ENVELOPING.replace(before, after))


def test_a_comment_in_an_enveloped_document_does_not_count() -> None:
    judged = report(ENVELOPED.replace(b"<dose>", b"<dose><!-- 100 -->"))
    assert judged.valid
    assert judged.original == report(ENVELOPED).original


# Algorithms.


def test_hmac_under_the_public_key_is_no_signature() -> None:
    changed = ENVELOPING.replace(b"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", b"http://www.w3.org/2000/09/xmldsig#hmac-sha1")
    assert {Rule.ALGORITHM, Rule.SIGNATURE_INTACT} <= failed(changed)


async def test_sha1_is_flagged() -> None:
    signed = await sign_enveloping(DATA, "application/pdf", signer(), NOW, recipe=Recipe(digest="sha1"))
    assert failed(signed) == {Rule.ALGORITHM}
    assert "SHA-1" in report(signed).sentence(Rule.ALGORITHM)
    lot = await sign_lot(submission_set_id="2.25.1", documents=[LotDocument(unique_id="2.25.2", data=b"<a/>")], signer=signer(), now=NOW)
    judged = report(lot)
    assert not judged.valid
    assert judged.verdict(Rule.DOCUMENT_INTACT) is Verdict.NOT_CHECKED
    assert judged.verdict(Rule.SIGNATURE_INTACT) is Verdict.PASSED


# Certificates.


async def by(leaf: Leaf, *, at: timedelta = timedelta()) -> bytes:
    made = SoftwareSigner(leaf.key, leaf.certificate, leaf.chain_der, clock=FrozenClock(NOW + at), structure=STRUCTURE)
    return await sign_enveloping(DATA, "application/pdf", made, NOW + at)


async def test_key_info_substitution_with_a_new_signature() -> None:
    """An attacker with a good certificate of its own signs the same SignedInfo: the designated certificate tells."""
    attacker = PKI.issue(SIGN, struct_id="10B0666666")
    root = etree.fromstring(ENVELOPING)
    forged = dsig.base64_text(await signer(attacker).sign(dsig.canonical(root[0], c14n.EXCLUSIVE), "sha256"))
    first(root, f"{DS}SignatureValue").text = forged
    first(root, f".//{DS}X509Certificate").text = dsig.base64_text(attacker.der)
    assert failed(etree.tostring(root)) == {Rule.CERTIFICATE_VALID}


async def test_the_designated_certificate_signs_wherever_it_stands() -> None:
    attacker = PKI.issue(SIGN, struct_id="10B0666666")

    def before(root: etree._Element) -> None:
        first(root, f".//{DS}X509Data").insert(0, dsig.ds("X509Certificate", dsig.base64_text(attacker.der)))

    judged = report(edited(ENVELOPING, before))
    assert judged.valid
    assert judged.serial == f"{shared_leaf(SIGN).certificate.serial_number:x}"


def test_no_certificate_or_one_to_be_fetched() -> None:
    bare = edited(ENVELOPING, lambda root: root.remove(first(root, f"{DS}KeyInfo")))
    assert Rule.CERTIFICATE_PRESENT in failed(bare)
    fetched = edited(
        ENVELOPING, lambda root: first(root, f"{DS}KeyInfo").append(etree.Element(f"{DS}RetrievalMethod", URI="http://x.test"))
    )
    assert failed(fetched) == {Rule.FORMAT}
    broken = edited(ENVELOPING, lambda root: setattr(first(root, f".//{DS}X509Certificate"), "text", "AAAA"))
    assert {Rule.CERTIFICATE_VALID} <= failed(broken)


async def test_a_stranger_is_not_trusted() -> None:
    stranger = Pki.create("TILLEULS")
    assert failed(await by(stranger.issue(SIGN))) == {Rule.TRUSTED, Rule.CERTIFICATE_VALID}
    assert report(await by(stranger.issue(SIGN)), anchors=stranger.anchors_pem).valid
    assert Rule.TRUSTED in failed(ENVELOPING, anchors=b"")


async def test_a_certificate_of_another_purpose() -> None:
    assert failed(await by(shared_leaf(AUTH_CLI))) == {Rule.NON_REPUDIATION, Rule.CERTIFICATE_VALID}


async def test_an_expired_certificate_is_judged_at_the_signing_time() -> None:
    leaf = PKI.issue(SIGN, not_before=NOW - timedelta(days=60), not_after=NOW - timedelta(days=10))
    judged = report(await by(leaf, at=-timedelta(days=20)))
    assert judged.valid
    assert "expiré depuis le" in judged.sentence(Rule.CERTIFICATE_PERIOD)
    late = SoftwareSigner(leaf.key, leaf.certificate, (), clock=FrozenClock(NOW - timedelta(days=20)), structure=STRUCTURE)
    assert failed(await sign_enveloping(DATA, "application/pdf", late, NOW)) == {Rule.CERTIFICATE_PERIOD, Rule.CERTIFICATE_VALID}
    early = await sign_enveloping(DATA, "application/pdf", late, NOW - timedelta(days=70))
    assert failed(early) == {Rule.CERTIFICATE_PERIOD, Rule.CERTIFICATE_VALID}


async def test_a_key_used_after_its_period() -> None:
    leaf = PKI.issue(SIGN, not_before=NOW - timedelta(days=10), private_key_until=NOW - timedelta(days=1))
    late = SoftwareSigner(leaf.key, leaf.certificate, (), clock=FrozenClock(NOW - timedelta(days=2)), structure=STRUCTURE)
    signed = await sign_enveloping(DATA, "application/pdf", late, NOW)
    assert failed(signed) == {Rule.CERTIFICATE_PERIOD, Rule.CERTIFICATE_VALID}
    assert "ne devait plus signer" in report(signed).sentence(Rule.CERTIFICATE_PERIOD)


async def test_revocation_counts_whatever_the_claimed_date() -> None:
    pki = Pki.create("REVOQUANTE")
    leaf, kept = pki.issue(SIGN), pki.issue(SIGN)
    pki.revoke(leaf, NOW - timedelta(hours=1))
    more: dict[str, object] = {"anchors": pki.anchors_pem, "crls": [pki.crl_pem()]}
    assert failed(await by(leaf, at=-timedelta(hours=3)), **more) == {Rule.REVOCATION, Rule.CERTIFICATE_VALID}
    assert report(await by(kept), **more).verdict(Rule.REVOCATION) is Verdict.PASSED
    stale = pki.crl_der(issued=NOW - timedelta(days=9), next_update=NOW - timedelta(days=2))
    assert "périmée" in report(await by(kept), anchors=pki.anchors_pem, crls=[stale]).sentence(Rule.REVOCATION)
    unknown = report(await by(kept), anchors=pki.anchors_pem)
    assert unknown.valid
    assert unknown.verdict(Rule.REVOCATION) is Verdict.NOT_CHECKED


async def test_a_signing_time_in_the_future_or_absent() -> None:
    assert failed(await by(shared_leaf(SIGN), at=timedelta(hours=1))) == {Rule.SIGNING_TIME}
    assert report(await by(shared_leaf(SIGN), at=timedelta(minutes=4))).valid
    gone = edited(ENVELOPING, lambda root: setattr(first(root, f".//{XADES}SigningTime"), "text", "hier"))
    assert Rule.SIGNING_TIME in failed(gone)


@settings(max_examples=300)
@given(position=st.integers(0, len(ENVELOPING) - 1), byte=st.integers(0, 255))
def test_no_changed_byte_passes_for_something_else(position: int, byte: int) -> None:
    changed = bytearray(ENVELOPING)
    changed[position] = byte
    judged, true = report(bytes(changed)), report(ENVELOPING)
    told = (judged.original, judged.signing_time, judged.serial, judged.roles)
    assert not judged.valid or told == (true.original, true.signing_time, true.serial, true.roles)
