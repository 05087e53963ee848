"""The assertion of a card: judged by xmlsec1 and openssl, compared with the published sample of a test card; case A25."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from lxml import etree

from gateway.ins.assertion import CardFacts, CardNotNominative, PsAssertion, SpecialtyMissing, build_ps_assertion, card_type
from gateway.ins.criteria import Software
from gateway.ins.envelope import envelope
from gateway.trust.errors import CertificateMalformed
from tests.ins.contract import SAML, official
from tests.ins.cps import CARD_TYPE, FUTURE_PROFESSION, NATIONAL_ID, PROFESSION, card, integer
from tests.shared import need
from tests.tools import need_tool
from tests.trust.judges import accepted, signer, xmlsec_verify
from tests.trust.pki import Leaf, shared_pki

DS = "{http://www.w3.org/2000/09/xmldsig#}"
S = f"{{{SAML}}}"
AT = datetime(2026, 1, 15, 9, 30, 0, 7_900, tzinfo=UTC)
FACTS = CardFacts(billing_id="123456789", sector="SA05")


def observed() -> etree._Element:
    return etree.parse(str(need("data", "insi", "samples", "observed", "assertion_ps_cps_test_card.xml"))).getroot()


def certificate_of(assertion: etree._Element) -> x509.Certificate:
    return x509.load_der_x509_certificate(base64.b64decode(assertion.findtext(f".//{DS}X509Certificate") or ""))


def shape(element: etree._Element) -> tuple[object, ...]:
    """Names, attributes and order; values where every assertion has the same."""
    free = {"ID", "IssueInstant", "URI"}
    attributes = {str(name): "*" if name in free else value for name, value in element.attrib.items()}
    return (element.tag, attributes, [shape(child) for child in element])


def judged(document: bytes, folder: Path) -> bool:
    pki = shared_pki()
    name = f"{SAML}:Assertion"
    result = xmlsec_verify(document, folder, trusted=[pki.root_pem], untrusted=[pki.chain_pem], id_attribute="ID", ids=[name])
    return accepted(result, 1)


def openssl_says(leaf: Leaf, folder: Path) -> bytes:
    """The verdict on the files `info` and `value` of the folder."""
    (folder / "leaf.pem").write_bytes(leaf.pem)
    reading = [need_tool("openssl"), "x509", "-in", "leaf.pem", "-noout", "-pubkey"]
    (folder / "key.pem").write_bytes(subprocess.run(reading, cwd=folder, capture_output=True, check=True, timeout=20).stdout)
    verifying = [need_tool("openssl"), "dgst", "-sha256", "-verify", "key.pem", "-signature", "value", "info"]
    return subprocess.run(verifying, cwd=folder, capture_output=True, check=False, timeout=20).stdout.strip()


async def build(leaf: Leaf, facts: CardFacts = FACTS) -> PsAssertion:
    return await build_ps_assertion(facts, signer(leaf), AT)


async def test_xmlsec_verifies_it_alone_and_in_its_envelope_and_sees_a_change(tmp_path: Path) -> None:
    made = await build(card())
    assert judged(made.xml, tmp_path)
    document = envelope(
        "urn:essai",
        message_id="uuid:0",
        moment=AT,
        sender=made.name_id,
        software=Software(idam="0", name="essai", version="1"),
        installation="0",
        body=b'<RECSANSVITALE xmlns="http://www.cnamts.fr/INSiRecSans"/>',
        assertion=made.xml,
    )
    assert judged(document, tmp_path)
    assert not judged(document.replace(b">SA05<", b">SA07<"), tmp_path)


async def test_openssl_finds_the_same_digest_and_verifies_the_signature(tmp_path: Path) -> None:
    leaf = card()
    made = await build(leaf)
    root = etree.fromstring(made.xml)
    signature = root.find(f"{DS}Signature")
    assert signature is not None
    info = signature.find(f"{DS}SignedInfo")
    assert info is not None
    (tmp_path / "info").write_bytes(etree.tostring(info, method="c14n", exclusive=True))
    (tmp_path / "value").write_bytes(base64.b64decode(signature.findtext(f"{DS}SignatureValue") or ""))
    assert openssl_says(leaf, tmp_path) == b"Verified OK"
    digest = signature.findtext(f".//{DS}DigestValue")
    root.remove(signature)
    assert base64.b64encode(hashlib.sha256(etree.tostring(root, method="c14n", exclusive=True)).digest()).decode() == digest


async def test_its_shape_is_that_of_the_published_sample() -> None:
    root = etree.fromstring((await build(card())).xml)
    assert shape(root) == shape(observed())
    assert root.findtext(f"{S}Subject/{S}NameID") == NATIONAL_ID
    assert root.get("IssueInstant") == "2026-01-15T09:30:00.007Z"
    assert root.find(f".//{DS}Reference").get("URI") == f"#{root.get('ID')}"  # type: ignore[union-attr]
    assert [one.findtext(f"{S}AttributeValue") for one in root.iter(f"{S}Attribute")] == ["123456789", "SA05"]


@pytest.mark.conformity
async def test_it_is_valid_against_the_official_schema() -> None:
    made = await build(card(), msgspec.structs.replace(FACTS, specialty="01", profession="60"))
    official("SAML", "saml-schema-assertion-2.0.xsd").assertValid(etree.fromstring(made.xml))


async def test_the_published_certificate_gives_the_published_names() -> None:
    """Unsigned with the card's key, which nobody has: the names come from the certificate alone."""
    sample = observed()
    certificate = certificate_of(sample)
    mine = card()
    stand_in = Leaf(certificate, mine.key, mine.issuers)
    root = etree.fromstring((await build_ps_assertion(FACTS, _Stranger(stand_in), AT)).xml)
    assert root.findtext(f"{S}Issuer") == sample.findtext(f"{S}Issuer")
    name, expected = root.find(f"{S}Subject/{S}NameID"), sample.find(f"{S}Subject/{S}NameID")
    assert name is not None
    assert expected is not None
    assert (name.text, name.attrib) == (expected.text, expected.attrib)


class _Stranger:
    """Any key beside the published certificate: the signature is not looked at."""

    def __init__(self, leaf: Leaf) -> None:
        self.certificate = leaf.der
        self.chain = leaf.chain_der

    async def sign(self, data: bytes, digest: str) -> bytes:
        return hashlib.new(digest, data).digest()


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (integer(0), "CPS"),
        (integer(1), "CPF"),
        (integer(2), "CDE-CPE"),
        (integer(3), "CPA"),
        (integer(9), "CPX"),
        (b"\x04\x010", "CPX"),
        (b"\x02\x05\x00", "CPX"),
        (b"", "CPX"),
        (None, "CPX"),
    ],
)
async def test_the_card_says_its_own_type(value: bytes | None, name: str) -> None:
    leaf = card({CARD_TYPE: value} if value is not None else {})
    assert card_type(leaf.certificate) == name
    qualified = etree.fromstring((await build(leaf)).xml).find(f".//{S}NameID")
    assert qualified is not None
    assert qualified.get("NameQualifier") == name


@pytest.mark.parametrize("extension", [PROFESSION, FUTURE_PROFESSION])
async def test_a_physician_in_training_or_not_needs_a_specialty(extension: str) -> None:
    physician = card({CARD_TYPE: integer(0), extension: integer(10)})
    with pytest.raises(SpecialtyMissing):
        await build(physician)
    facts = msgspec.structs.replace(FACTS, specialty="01", profession="10", specialty_attribute="CodeSpecialite")
    root = etree.fromstring((await build(physician, facts)).xml)
    names = [str(one.get("Name")) for one in root.iter(f"{S}Attribute")]
    assert names == ["identifiantFacturation", "secteurActivite", "CodeSpecialite", "gipProfessionCode"]


async def test_a_card_that_names_nobody_is_refused_before_any_signature() -> None:
    with pytest.raises(CardNotNominative):
        await build(card(nominative=False))
    for names in ((), (NATIONAL_ID, "899900000025")):
        with pytest.raises(CertificateMalformed):
            await build(card(names=names))


async def test_nothing_of_the_person_shows_in_its_text() -> None:
    made = await build(card())
    assert repr(made) == f"PsAssertion(id={made.id!r})"
