"""Requests judged by the official contract (lxml and xmllint, parts and whole) and by the synthetic samples."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.ins.card import coverage
from gateway.ins.characters import NameNotSendable
from gateway.ins.contexts import Coverage
from gateway.ins.criteria import CardReading, Question, Software
from gateway.ins.envelope import content_type, envelope, new_message_id
from gateway.ins.requests import ACTIONS, Operation, card_body, traits_body, verification_body
from gateway.kernel.oids import INS_NIR_TEST
from gateway.model.patient import Ins
from tests.ins.contract import BAM, LPS, SOAP, WSA, WSSE, compiled, official, sample, write_contract, xmllint_faults

MESSAGE = "uuid:6f1c2c1e-4c0b-4a0e-9d0c-1c6a1b2e3d41"
MOMENT = datetime(2026, 1, 15, 10, 30, tzinfo=timezone(timedelta(hours=1)))
SENDER = "10B0000000"
SOFTWARE = Software(idam="XXXXXXXXXXXX", name="relais", version="1.0.0")
INSTALLATION = "0b7b2f3e-1a55-4f2e-8a0b-5f6f8c1d2e33"
VINCI = Question(birth_family_name="DE VINCI", given_name="LEONARDO", sex="M", birth_date="2014-02-01", birth_place="63220")
CARD = CardReading(
    serial="0123456789", insured_nir="1810163220751", insured_key="40", beneficiary_nir="1810163220751", birth_date="1981-01-01"
)
NAMED = msgspec.structs.replace(CARD, birth_family_name="NOMTEST")
FULL = msgspec.structs.replace(
    NAMED,
    beneficiary_key="40",
    nir_certified_on="2019-03-01",
    birth_date="1981-42-00",
    birth_rank="2",
    scheme="01",
    fund="631",
    centre="0001",
    holder="1",
)


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_contract(tmp_path_factory.mktemp("contract"))


def written(operation: Operation, body: bytes, *, card: Coverage | None = None, assertion: bytes | None = None) -> bytes:
    return envelope(
        operation.action,
        message_id=MESSAGE,
        moment=MOMENT,
        sender=SENDER,
        software=SOFTWARE,
        installation=INSTALLATION,
        body=body,
        coverage=card,
        assertion=assertion,
    )


def observed_assertion() -> bytes:
    found = sample("WS_INS2_traits_cps.xml").find(f".//{{{WSSE}}}Security/*")
    assert found is not None
    return etree.tostring(found)


def requests() -> dict[str, bytes]:
    bare = msgspec.structs.replace(CARD, beneficiary_nir=None, insured_key=None)
    return {
        "traits": written(Operation.TRAITS, traits_body(VINCI)),
        "traits without place": written(Operation.TRAITS, traits_body(msgspec.structs.replace(VINCI, birth_place=None))),
        "traits by card": written(Operation.TRAITS, traits_body(VINCI), assertion=observed_assertion()),
        "vitale": written(Operation.CARD, card_body(NAMED), card=coverage(NAMED)),
        "vitale, least": written(Operation.CARD, card_body(bare), card=coverage(bare)),
        "vitale, most": written(Operation.CARD, card_body(FULL), card=coverage(FULL), assertion=observed_assertion()),
    }


def canonical(root: etree._Element) -> bytes:
    """Structure and content without layout; the Id of the two contexts, new in each call, left out."""
    for one in root.iter():
        one.text = (one.text or "").strip() or None
        one.tail = None
        if one.tag in (f"{{{BAM}}}Id", f"{{{LPS}}}Id") and len(one) == 0:
            one.text = "*"
    return etree.tostring(root, method="c14n", exclusive=True)


@pytest.mark.conformity
@pytest.mark.parametrize("name", ["traits", "traits without place", "traits by card", "vitale", "vitale, least", "vitale, most"])
def test_a_request_is_valid_against_the_whole_contract(name: str, contract: Path) -> None:
    document = requests()[name]
    compiled(contract).assertValid(etree.fromstring(document))
    assert xmllint_faults(document, contract) == ""


@pytest.mark.conformity
def test_the_judge_sees_a_broken_request(contract: Path) -> None:
    good = requests()["vitale"]
    for wrong in (good.replace(b'Nature="CTXBAM"', b'Nature="BAM"'), good.replace(b"DateNaissance", b"DateDeNaissance")):
        assert wrong != good
        assert not compiled(contract).validate(etree.fromstring(wrong))
        assert xmllint_faults(wrong, contract)


@pytest.mark.conformity
def test_headers_and_bodies_are_valid_each_alone() -> None:
    parts = {
        f"{{{BAM}}}ContexteBAM": ("CTX", "ROOT_ctxbam_CTXBAM_V01_02.xsd"),
        f"{{{LPS}}}ContexteLPS": ("CTX", "ROOT_ctxlps_CTXLPS_V01_00.xsd"),
        f"{{{WSSE}}}Security": ("WSSE", "Security.xsd"),
        "{http://www.cnamts.fr/INSiRecSans}RECSANSVITALE": ("ServiceIdentiteCertifiee", "INSi_RECSANS_INS.xsd"),
        "{http://www.cnamts.fr/INSiRecVit}RECVITALE": ("ServiceIdentiteCertifiee", "INSi_RECVITALE_INS.xsd"),
    }
    seen: set[str] = set()
    for document in requests().values():
        for one in etree.fromstring(document).iterfind("*/*"):
            tag = str(one.tag)
            if tag in parts:
                official(*parts[tag]).assertValid(etree.fromstring(etree.tostring(one)))
                seen.add(tag)
            else:
                assert tag in (f"{{{WSA}}}Action", f"{{{WSA}}}MessageID")
    assert seen == set(parts)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("traits", "WS_INS2_traits_mtls.xml"),
        ("traits by card", "WS_INS2_traits_cps.xml"),
        ("vitale", "WS_INS1_vitale_mtls.xml"),
    ],
)
def test_a_request_says_what_its_sample_says(name: str, file: str) -> None:
    assert canonical(etree.fromstring(requests()[name])) == canonical(sample(file))


def test_certificate_mode_has_no_security_and_nobody_is_addressed() -> None:
    header = etree.fromstring(requests()["traits"])[0]
    assert [etree.QName(one).localname for one in header] == ["Action", "MessageID", "ContexteBAM", "ContexteLPS"]
    covered = header.find(f"{{{BAM}}}ContexteBAM/{{{BAM}}}COUVERTURE")
    assert covered is not None
    assert len(covered) == 0
    assert covered.text is None


def test_the_assertion_and_the_body_are_placed_byte_for_byte() -> None:
    assertion, body = observed_assertion(), traits_body(VINCI)
    document = written(Operation.TRAITS, body, assertion=assertion)
    assert document.count(assertion) == 1
    assert document.count(body) == 1
    assert b"<?relais" not in document


def test_every_call_has_its_own_identifiers() -> None:
    first, second = (etree.fromstring(written(Operation.TRAITS, traits_body(VINCI))) for _ in range(2))
    ids = [one.text for root in (first, second) for one in (*root.iter(f"{{{BAM}}}Id"), *root.iter(f"{{{LPS}}}Id"))]
    assert len({str(uuid.UUID(one)) for one in ids}) == 4
    made = {new_message_id() for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one) for one in made)


def test_instants_are_utc_with_milliseconds() -> None:
    root = etree.fromstring(requests()["traits"])
    assert {one.text for one in (*root.iter(f"{{{BAM}}}Temps"), *root.iter(f"{{{LPS}}}Temps"))} == {"2026-01-15T09:30:00.000Z"}
    late = envelope(
        Operation.TRAITS.action,
        message_id=MESSAGE,
        moment=datetime(2026, 1, 15, 9, 30, 1, 7_999, tzinfo=UTC),
        sender=SENDER,
        software=SOFTWARE,
        installation=INSTALLATION,
        body=traits_body(VINCI),
        name_prefix="",
    )
    assert late.count(b"2026-01-15T09:30:01.007Z") == 2
    assert b"<lps:Nom>relais</lps:Nom>" in late


def test_the_action_is_a_parameter_of_the_content_type() -> None:
    assert content_type(ACTIONS[Operation.TRAITS]) == (
        'application/soap+xml;charset=utf-8;action="urn:ServiceIdentiteCertifiee:1.0.0:rechercherInsAvecTraitsIdentite"'
    )
    assert [one.value for one in Operation] == ["WS_INS1", "WS_INS2", "WS_INS3"]


def test_what_the_caller_says_of_itself_is_escaped() -> None:
    software = Software(idam="<1>&", name="É<x>", version='1"')
    document = envelope(
        "urn:a&b", message_id="uuid:<?relais body?>", moment=MOMENT, sender="<?relais assertion?>", software=software,
        installation=INSTALLATION, body=b"<a/>", assertion=b"<b/>",
    )  # fmt: skip
    root = etree.fromstring(document)
    assert root.findtext(f".//{{{WSA}}}MessageID") == "uuid:<?relais body?>"
    assert root.findtext(f".//{{{BAM}}}Emetteur") == "<?relais assertion?>"
    assert root.findtext(f".//{{{LPS}}}IDAM") == "<1>&"
    assert root.findtext(f".//{{{LPS}}}Nom") == 'urn:lps:É<x>:1"'
    assert [one.tag for one in root.iterfind(f"{{{SOAP}}}Body/*")] == ["a"]


def test_a_card_name_takes_the_characters_of_insi() -> None:
    assert b"<NomNaissance>D'AEION</NomNaissance>" in card_body(msgspec.structs.replace(CARD, birth_family_name="D’Æion"))
    with pytest.raises(NameNotSendable) as refusal:
        card_body(msgspec.structs.replace(CARD, birth_family_name="NOM2"))
    assert refusal.value.field == "card.birth_family_name"


def test_the_reconstructed_verification_names_what_is_known_of_it() -> None:
    ins = Ins.checked("160012B02077713", INS_NIR_TEST)
    root = etree.fromstring(verification_body(ins, VINCI, namespace="urn:essai"))
    path = "{urn:essai}"
    assert root.tag == f"{path}IndividuVerifie"
    told = {etree.QName(one).localname: one.text for one in root.iter() if len(one) == 0}
    assert told == {
        "NumIdentifiant": "160012B020777",
        "Cle": "13",
        "OID": INS_NIR_TEST,
        "NomNaissance": "DE VINCI",
        "Prenom": "LEONARDO",
        "Sexe": "M",
        "DateNaissance": "2014-02-01",
        "LieuNaissance": "63220",
    }
    assert [etree.QName(one).localname for one in root] == ["INSFourni", "TraitsIdentiteIndividu"]


@given(
    family=st.from_regex(r"'?[A-Z]{1,30}(?:[ '-][A-Z]{1,15}){0,3}", fullmatch=True),
    name=st.from_regex(r"[A-Z]{1,30}(?:[ '-][A-Z]{1,15}){0,3}", fullmatch=True),
    sex=st.sampled_from(("M", "F")),
    date=st.from_regex(r"(?:19|20)[0-9]{2}-[0-9]{2}-[0-3][0-9]", fullmatch=True),
    place=st.none() | st.from_regex(r"(?:[0-9]{2}|2[AB])[0-9]{3}", fullmatch=True),
)
def test_any_question_makes_a_valid_body_that_reads_back(family: str, name: str, sex: str, date: str, place: str | None) -> None:
    asked = msgspec.convert(
        {"birth_family_name": family, "given_name": name, "sex": sex, "birth_date": date, "birth_place": place}, Question
    )
    root = etree.fromstring(traits_body(asked))
    official("ServiceIdentiteCertifiee", "INSi_RECSANS_INS.xsd").assertValid(root)
    assert [one.text for one in root] == [text for text in (family, name, sex, date, place) if text is not None]
