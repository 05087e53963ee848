"""The simulated INSi judged by a stranger: an envelope written by hand, certificates of every name, both modes, each fault, each seed."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from gateway.sandbox.certificate_profiles import AUTH_CLI
from gateway.sandbox.exchange import Request, Verdict
from gateway.sandbox.insi.service import InsiService
from gateway.sandbox.pki import Pki
from tests.sandbox.conftest import STRUCTURE

NOW = datetime.now(UTC)
RESULT = "{http://www.cnamts.fr/INSiResultat}"
SOAP = "{http://www.w3.org/2003/05/soap-envelope}"
SIRAM = "{urn:siram}"
ENVELOPE = """<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Header>
<a:Action xmlns:a="http://www.w3.org/2005/08/addressing">urn:ServiceIdentiteCertifiee:1.0.0:rechercherInsAvecTraitsIdentite</a:Action>
<a:MessageID xmlns:a="http://www.w3.org/2005/08/addressing">{message_id}</a:MessageID>
<ContexteBAM xmlns="urn:siram:bam:ctxbam" Version="01_02" Nature="CTXBAM"><Id>0b8f2f0e-54a4-4c47-b1d4-5a1f6f6c5a11</Id>
<Temps>2026-11-24T10:00:00.000Z</Temps><Emetteur>{sender}</Emetteur><COUVERTURE/></ContexteBAM>
<ContexteLPS xmlns="urn:siram:lps:ctxlps" Version="01_00" Nature="CTXLPS"><Id>0b8f2f0e-54a4-4c47-b1d4-5a1f6f6c5a12</Id>
<Temps>2026-11-24T10:00:00.000Z</Temps><Emetteur>{sender}</Emetteur><LPS><IDAM R="4">{idam}</IDAM><Version>1</Version>
<Instance>0b8f2f0e-54a4-4c47-b1d4-5a1f6f6c5a13</Instance><Nom>urn:lps:Autre:1</Nom></LPS></ContexteLPS></e:Header>
<e:Body><RECSANSVITALE xmlns="http://www.cnamts.fr/INSiRecSans"><NomNaissance>{family}</NomNaissance><Prenom>{given}</Prenom>
<Sexe>M</Sexe><DateNaissance>{birth}</DateNaissance></RECSANSVITALE></e:Body></e:Envelope>"""
USUAL = {
    "message_id": "uuid:0b8f2f0e-54a4-4c47-b1d4-5a1f6f6c5a10", "sender": STRUCTURE, "idam": "RELAISSANDBX", "family": "ECETINSI",
    "given": "PIERRE-ALAIN", "birth": "2009-07-14",
}  # fmt: skip


@pytest.fixture(scope="session")
def leaves(pki_template: Path) -> dict[str, bytes]:
    """A client certificate for each name, DER."""
    pki, made = Pki(pki_template), {}
    for name in ("INSI-MANU", "INSI-AUTO", "Padoa", "insi-manu", "INSI_MANU"):
        issued = pki.issue(AUTH_CLI, struct_id=STRUCTURE, organisation="CABINET DU PARC", common_name=name)
        made[name] = issued.certificate.public_bytes(Encoding.DER)
    return made


@pytest.fixture
def service(pki_template: Path) -> InsiService:
    anchors = b"".join((pki_template / f"{name}.pem").read_bytes() for name in ("root", "organisations"))
    return InsiService(anchors, lambda _serial: False, lambda: NOW)


@pytest.fixture
def ask(service: InsiService, leaves: dict[str, bytes]) -> Ask:
    return Ask(service, leaves)


class Ask:
    """One request of a stranger."""

    def __init__(self, service: InsiService, leaves: dict[str, bytes]) -> None:
        self._service = service
        self._leaves = leaves

    def __call__(self, *, name: str = "INSI-MANU", content_type: str = "application/soap+xml", **said: str) -> Verdict:
        body = ENVELOPE.format(**{**USUAL, **said}).encode()
        headers = (("Content-Type", content_type),)
        request = Request("POST", "/lps", headers, body, body, self._leaves[name], NOW)
        verdict = self._service.judge(request)
        verdict.commit()
        return verdict


def fault(verdict: Verdict) -> tuple[str | None, str | None, str | None]:
    """Code of the framework, of the detail, and the message it answers."""
    root = etree.fromstring(verdict.answer.body)
    error = root.find(f".//{SIRAM}Erreur")
    siram = root.findtext(f".//{SOAP}Subcode/{SOAP}Value")
    assert error is not None
    assert siram is not None
    return siram.rpartition(":")[2], error.get("code"), error.get("messageID")


def result(verdict: Verdict) -> tuple[int, str | None]:
    return verdict.answer.status, etree.fromstring(verdict.answer.body).findtext(f".//{RESULT}CodeCR")


@pytest.mark.parametrize("name", ["Padoa", "insi-manu", "INSI_MANU"])
def test_a18_a_certificate_of_another_name_is_refused_with_desir_560(ask: Ask, service: InsiService, name: str) -> None:
    verdict = ask(name=name)
    assert verdict.answer.status == 500
    assert fault(verdict) == ("siram_100", "desir_560", USUAL["message_id"])
    assert verdict.failed_rules == ("insi.certificate.common-name",)
    assert service.ledger() == []


@pytest.mark.parametrize("name", ["INSI-MANU", "INSI-AUTO"])
def test_both_imposed_names_are_answered_and_counted(ask: Ask, service: InsiService, name: str) -> None:
    assert result(ask(name=name)) == (200, "00")
    assert [(one["common_name"], one["operation"], one["message_id"]) for one in service.ledger()] == [
        (name, "WS_INS2", USUAL["message_id"])
    ]


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"sender": "10B0999999"}, "insi.sender"),
        ({"message_id": "urn:uuid:0b8f2f0e-54a4-4c47-b1d4-5a1f6f6c5a10"}, "insi.addressing.message-id"),
        ({"family": "Ecetinsi"}, "insi.traits.family-name"),
        ({"family": "ECETINSI2"}, "insi.traits.family-name"),
        ({"given": "PIERRE--ALAIN"}, "insi.traits.given-name"),
        ({"birth": "14/07/2009"}, "insi.traits.birth-date"),
    ],
)
def test_strict_refuses_what_lenient_lets_through(ask: Ask, service: InsiService, said: dict[str, str], rule: str) -> None:
    verdict = ask(**said)
    assert (verdict.answer.status, verdict.failed_rules) == (500, (rule,))
    assert service.set_profile({"mode": "lenient"})
    assert ask(**said).answer.status == 200


def test_an_unknown_number_is_refused_in_both_modes(ask: Ask, service: InsiService) -> None:
    for mode in ("strict", "lenient"):
        service.set_profile({"mode": mode})
        assert fault(ask(idam="INCONNU00000"))[:2] == ("siram_100", "desir_550")


def test_nobody_is_01_in_production_and_a_fault_on_the_qualification_platform(ask: Ask, service: InsiService) -> None:
    assert result(ask(family="INCONNU")) == (200, "01")
    service.set_profile({"profile": "qualif"})
    assert fault(ask(family="INCONNU"))[:2] == ("siram_40", "insi_102")
    assert result(ask()) == (200, "00")


def test_another_kind_of_message_is_a_fault(ask: Ask) -> None:
    assert ask(content_type="text/xml").failed_rules == ("insi.http.content-type",)


@pytest.mark.parametrize(("form", "severity_first"), [("old", True), ("new", False)])
def test_faults_are_written_as_in_2022_or_as_in_2025(ask: Ask, service: InsiService, form: str, severity_first: bool) -> None:
    service.set_profile({"faults": form})
    service.fault("down", 1)
    verdict = ask()
    assert fault(verdict) == ("siram_40", "desir_1020", USUAL["message_id"])
    text = verdict.answer.body
    assert text.startswith(b"<S:Envelope" if form == "old" else b"<soap:Envelope")
    assert (text.index(b"severite=") < text.index(b" code=")) is severity_first
    assert result(ask()) == (200, "00")


def test_a_file_stands_for_the_answer_once_byte_for_byte(ask: Ask, service: InsiService) -> None:
    injected = b"<anything/>\r\n"
    service.fault("inject", 1, body=base64.b64encode(injected).decode())
    assert ask().answer.body == injected
    assert result(ask()) == (200, "00")


def test_a_seed_gives_the_same_bytes_again_and_seeds_vary_prefixes_and_history(ask: Ask, service: InsiService) -> None:
    def written(seed: int) -> list[bytes]:
        assert service.set_profile({"seed": seed})
        return [ask().answer.body for _ in range(8)]

    assert written(7) == written(7)
    texts = {one for seed in range(6) for one in written(seed)}
    roots = [etree.fromstring(one) for one in texts]
    assert len({root.prefix for root in roots}) == 3
    assert {root.find(f".//{RESULT}RESULTAT").prefix for root in roots} == {None, "ns2"}  # type: ignore[union-attr]
    histories = [root.findall(f".//{RESULT}INSHISTO") for root in roots]
    assert {len(one) for one in histories} == {1, 2}, "the active number is among the former ones, or not"
    assert {etree.QName(one[0][0]).localname for one in histories} == {"IdIndividu", "DateDeb"}
    numbers = {root.findtext(f".//{RESULT}INSACTIF/{RESULT}IdIndividu/{RESULT}NumIdentifiant") for root in roots}
    assert numbers == {"1090763220834"}
