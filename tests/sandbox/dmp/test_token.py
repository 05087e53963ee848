"""The VIHF judged (dmp.md section 8, cases 4 to 11, 13, 32, 40): who signed, when, once, and what it claims."""

from __future__ import annotations

from datetime import timedelta

import pytest
from lxml import etree

from gateway.sandbox.dmp.options import DmpOptions
from gateway.sandbox.dmp.service import DmpService
from gateway.sandbox.dmp.vihf import read_vihf
from gateway.sandbox.exchange import Verdict
from tests.sandbox.dmp.conftest import FeedMaker, ServiceMaker
from tests.sandbox.dmp.pki import END, START, Pki, make_pki
from tests.sandbox.dmp.stranger import STRUCTURE, Clock, iso

SOAP = "{http://www.w3.org/2003/05/soap-envelope}"


def fault_of(verdict: Verdict) -> tuple[str, str, str]:
    """Code, subcode and text of a SOAP fault."""
    assert verdict.answer.status == 500
    fault = etree.fromstring(verdict.answer.body).find(f".//{SOAP}Fault")
    assert fault is not None
    subcode = fault.findtext(f"{SOAP}Code/{SOAP}Subcode/{SOAP}Value") or ""
    return fault.findtext(f"{SOAP}Code/{SOAP}Value") or "", subcode, fault.findtext(f"{SOAP}Reason/{SOAP}Text") or ""


def test_dmp04_no_assertion_is_a_fault(service: DmpService, feed: FeedMaker) -> None:
    verdict = feed(with_assertion=False).send(service)
    assert verdict.failed_rules == ("dmp.vihf.missing",)
    assert fault_of(verdict)[0] == "soap:Sender"


def test_dmp04_two_assertions_are_a_fault(service: DmpService, feed: FeedMaker) -> None:
    verdict = feed(assertion_edit=lambda assertion: assertion * 2).send(service)
    assert verdict.failed_rules == ("dmp.vihf.single",)


def test_dmp05_assertion_signed_by_the_client_certificate_is_refused(service: DmpService, feed: FeedMaker) -> None:
    sent = feed()
    sent.vihf_signer = sent.cabinet.auth
    verdict = sent.send(service)
    assert verdict.failed_rules == ("dmp.vihf.certificate-usage",)
    assert fault_of(verdict)[1] == "DMPInvalidCertificate"


def test_dmp05_signature_certificate_of_another_pki_is_refused(service: DmpService, feed: FeedMaker) -> None:
    verdict = feed(vihf_signer=make_pki().issue("sign", STRUCTURE)).send(service)
    assert verdict.failed_rules == ("dmp.vihf.certificate-chain",)


def test_dmp05_expired_revoked_or_used_up_signature_certificate_is_refused(
    service: DmpService, feed: FeedMaker, pki: Pki, clock: Clock, revoked: set[int]
) -> None:
    expired = pki.issue("sign", STRUCTURE, end=clock.now - timedelta(days=1))
    assert feed(vihf_signer=expired).send(service).failed_rules == ("dmp.vihf.certificate-validity",)
    used_up = pki.issue("sign", STRUCTURE, key_until=clock.now - timedelta(days=1))
    assert feed(vihf_signer=used_up).send(service).failed_rules == ("dmp.vihf.certificate-key-period",)
    still = pki.issue("sign", STRUCTURE, start=START, end=END, key_until=clock.now + timedelta(days=1))
    assert feed(vihf_signer=still).send(service).failed_rules == ()
    revoked.add(still.certificate.serial_number)
    assert feed(vihf_signer=still).send(service).failed_rules == ("dmp.vihf.certificate-revoked",)


@pytest.mark.parametrize(("age", "rule"), [(31, "dmp.vihf.expired"), (-6, "dmp.vihf.future"), (120, "dmp.vihf.expired")])
def test_dmp06_stale_or_early_assertion_is_refused(service: DmpService, feed: FeedMaker, clock: Clock, age: int, rule: str) -> None:
    verdict = feed(vihf={"issued": iso(clock.now - timedelta(seconds=age))}).send(service)
    assert verdict.failed_rules == (rule,)


@pytest.mark.parametrize("age", [30, 0, -5])
def test_dmp06_assertion_inside_its_window_is_accepted(service: DmpService, feed: FeedMaker, clock: Clock, age: int) -> None:
    assert feed(vihf={"issued": iso(clock.now - timedelta(seconds=age))}).send(service).failed_rules == ()


def test_dmp06_conditions_are_obeyed_when_given(service: DmpService, feed: FeedMaker, clock: Clock) -> None:
    def conditions(start: float, end: float) -> dict[str, object]:
        first, last = iso(clock.now + timedelta(seconds=start)), iso(clock.now + timedelta(seconds=end))
        return {"conditions": f'<saml2:Conditions NotBefore="{first}" NotOnOrAfter="{last}"></saml2:Conditions>'}

    assert feed(vihf=conditions(-1, 30)).send(service).failed_rules == ()
    assert feed(vihf=conditions(-30, 0)).send(service).failed_rules == ("dmp.vihf.conditions",)
    assert feed(vihf=conditions(10, 30)).send(service).failed_rules == ("dmp.vihf.conditions",)


def test_dmp07_assertion_serves_once(service: DmpService, feed: FeedMaker) -> None:
    assert feed(vihf={"identifier": "_once"}).send(service).failed_rules == ()
    verdict = feed(vihf={"identifier": "_once"}).send(service)
    assert verdict.failed_rules == ("dmp.vihf.replay",)
    assert len(service.ledger()) == 1


def test_dmp07_assertion_of_a_refused_lot_is_used_up_too(service: DmpService, feed: FeedMaker) -> None:
    wrong = feed(vihf={"identifier": "_spent"}, edits=[('value="Ordonnance &amp; suite', 'value="Autre')])
    assert wrong.send(service).failed_rules == ("dmp.document.title",)
    assert feed(vihf={"identifier": "_spent"}).send(service).failed_rules == ("dmp.vihf.replay",)


def test_dmp07_restart_remembers_committed_assertions(make_service: ServiceMaker, feed: FeedMaker) -> None:
    first = make_service(DmpOptions())
    assert feed(vihf={"identifier": "_before"}).send(first).failed_rules == ()
    assert feed(vihf={"identifier": "_before"}).send(make_service(DmpOptions())).failed_rules == ("dmp.vihf.replay",)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("Camille D'ESSAI", "Camille D'ESSAI ", "digest"),
        ('code="SM54"', 'code="SM26"', "digest"),
        ("#rsa-sha256", "#rsa-sha512", "algorithm"),
        ("xmldsig#enveloped-signature", "xmldsig#envelope", "reference"),
    ],
)
def test_dmp08_changed_assertion_is_refused(service: DmpService, feed: FeedMaker, old: str, new: str, rule: str) -> None:
    verdict = feed(assertion_edit=lambda assertion: assertion.replace(old, new)).send(service)
    assert verdict.failed_rules == (f"dmp.vihf.signature-{rule}",)


def test_dmp08_changed_signature_value_is_refused(service: DmpService, feed: FeedMaker) -> None:
    def flip(assertion: str) -> str:
        head, tail = assertion.split("<ds:SignatureValue>")
        return head + "<ds:SignatureValue>" + ("B" if tail[0] == "A" else "A") + tail[1:]

    assert feed(assertion_edit=flip).send(service).failed_rules == ("dmp.vihf.signature-value",)


def test_dmp08_wrapped_assertion_is_refused(service: DmpService, feed: FeedMaker) -> None:
    def wrap(assertion: str) -> str:
        return assertion.replace("<ds:KeyInfo>", '<ds:Object><copy xmlns="urn:x" ID="_twin"></copy></ds:Object><ds:KeyInfo>')

    verdict = feed(vihf={"identifier": "_twin"}, assertion_edit=wrap).send(service)
    assert verdict.failed_rules == ("dmp.vihf.signature-reference",)


def test_dmp08_unsigned_assertion_is_refused(service: DmpService, feed: FeedMaker) -> None:
    def bare(assertion: str) -> str:
        head, tail = assertion.split("<ds:Signature ")
        return head + tail.split("</ds:Signature>")[1]

    assert feed(assertion_edit=bare).send(service).failed_rules == ("dmp.vihf.signature-missing",)


def test_dmp09_doctor_without_specialty_is_refused(service: DmpService, feed: FeedMaker) -> None:
    verdict = feed(vihf={"roles": (("10", "1.2.250.1.71.1.2.7"),)}).send(service)
    assert verdict.failed_rules == ("dmp.vihf.specialty",)
    assert fault_of(verdict)[2] == "Aucune spécialité dans le vihf"


@pytest.mark.parametrize(
    ("roles", "rules"),
    [
        ((("60", "1.2.250.1.71.1.2.7"),), ()),
        ((("SECRETARIAT_MEDICAL", "1.2.250.1.213.1.1.4.6"),), ()),
        ((), ("dmp.vihf.role",)),
        ((("10", "1.2.3"),), ("dmp.vihf.role",)),
        ((("10", "1.2.250.1.71.1.2.7"), ("SM999", "1.2.250.1.71.4.2.5")), ("dmp.vihf.specialty",)),
    ],
)
def test_dmp09_roles(service: DmpService, feed: FeedMaker, roles: tuple[tuple[str, str], ...], rules: tuple[str, ...]) -> None:
    assert feed(vihf={"roles": roles}).send(service).failed_rules == rules


def test_dmp10_structure_of_the_token_is_that_of_the_certificates(service: DmpService, feed: FeedMaker, pki: Pki) -> None:
    verdict = feed(vihf={"structure": "10B0000009"}).send(service)
    assert verdict.failed_rules == ("dmp.vihf.structure",)
    assert fault_of(verdict)[2] == "Erreur d'authentification de la personne morale"
    borrowed = feed(client=pki.issue("auth", "10B0000009")).send(service)
    assert borrowed.failed_rules == ("dmp.tls.structure",)


@pytest.mark.parametrize("issuer", ["CN=cachet.cabinet.test", "C=FR,ST=Rhône (69),O=X,OU=10B0152872,CN=cachet.cabinet.test"])
def test_dmp10_issuer_is_the_signer(service: DmpService, feed: FeedMaker, issuer: str) -> None:
    assert feed(vihf={"issuer": issuer}).send(service).failed_rules == ("dmp.vihf.issuer",)


def test_dmp11_patient_of_the_token_is_that_of_the_lot(service: DmpService, feed: FeedMaker) -> None:
    verdict = feed(vihf={"resource": "207058575627097^^^&amp;1.2.250.1.213.1.4.10&amp;ISO^NH"}).send(service)
    assert verdict.failed_rules == ("dmp.vihf.patient",)
    assert b'errorCode="XDSPatientIdDoesNotMatch"' in verdict.answer.body


@pytest.mark.parametrize("resource", ["279035121518989", "279035121518989^^^1.2.250.1.213.1.4.10^NH", ""])
def test_dmp11_resource_has_its_form(service: DmpService, feed: FeedMaker, resource: str) -> None:
    assert feed(vihf={"resource": resource}).send(service).failed_rules[0].startswith("dmp.vihf.")


def test_dmp13_renforcee_may_not_feed(service: DmpService, feed: FeedMaker) -> None:
    verdict = feed(vihf={"mode": "INDIRECTE_RENFORCEE"}).send(service)
    assert verdict.failed_rules == ("dmp.rights.matrix",)
    assert fault_of(verdict)[2].startswith("Accès refusé")


def test_direct_mode_needs_a_card(service: DmpService, feed: FeedMaker) -> None:
    assert feed(vihf={"mode": "DIRECTE"}).send(service).failed_rules == ("dmp.vihf.mode",)
    assert feed(vihf={"mode": "AUTRE"}).send(service).failed_rules == ("dmp.vihf.mode",)


def test_version_and_casing_are_settings(make_service: ServiceMaker, feed: FeedMaker) -> None:
    wide = make_service(DmpOptions())
    assert feed(vihf={"version": "4.0", "mode_name": "Authentification_mode"}).send(wide).failed_rules == ()
    narrow = make_service(DmpOptions(vihf_versions=frozenset({"3.0"}), mode_attributes=frozenset({"Authentification_Mode"})))
    assert feed(vihf={"version": "4.0"}).send(narrow).failed_rules == ("dmp.vihf.version",)
    assert feed(vihf={"mode_name": "Authentification_mode"}).send(narrow).failed_rules == ("dmp.vihf.mode",)


def test_structure_unknown_to_the_directory(make_service: ServiceMaker, feed: FeedMaker) -> None:
    verdict = feed().send(make_service(DmpOptions(known_structures=frozenset({"10B0000009"}))))
    assert verdict.failed_rules == ("dmp.vihf.structure-unknown",)
    assert fault_of(verdict)[2] == "Structure introuvable ou Inactive"


@pytest.mark.parametrize("number", [None, "AUTRE-0001"])
def test_dmp40_unknown_homologation_is_refused_and_never_repeated(service: DmpService, feed: FeedMaker, number: str | None) -> None:
    verdict = feed(vihf={"homologation": number}).send(service)
    assert verdict.failed_rules == ("dmp.vihf.attribute.LPS_ID_HOMOLOGATION_DMP",)
    assert b"AUTRE-0001" not in verdict.answer.body


def test_dmp40_the_number_is_nowhere_in_what_is_kept(service: DmpService, feed: FeedMaker, clock: Clock) -> None:
    assert feed().send(service).failed_rules == ()
    assert "BAC-A-SABLE-0001" not in repr(service.ledger())
    read = read_vihf(etree.fromstring(feed().assertion().encode()), frozenset({"BAC-A-SABLE-0001"}))
    assert read.homologated
    assert "BAC-A-SABLE-0001" not in repr(read)
    assert clock.now == read.issued_at
