"""The control service by plain HTTP: enrolment that really opens doors, faults, patients, revocation, clock, ledgers."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

from gateway.sandbox.pki import IssuedCertificate
from gateway.sandbox.run import Sandbox
from tests.sandbox.conftest import Identity, written
from tests.sandbox.mss.stranger import PATIENT, Document, Letter
from tests.sandbox.mss.test_submission import Submitter

NEW_PATIENT = {
    "ins": {"matricule": "153078987658513", "oid": "1.2.250.1.213.1.4.10"},
    "birth_family_name": "NOUVELLE",
    "birth_given_names": "PERSONNE",
    "first_birth_given_name": "PERSONNE",
    "sex": "M",
    "birth_date": "1953-07-01",
    "birth_place": "89876",
    "dmp": "none",
}
ENROL = {"structure": "10B0777777", "organisation": "MAISON DE SANTE DES LILAS", "mailbox": "relais@msp-lilas.sandbox.mssante.fr"}


@dataclass(frozen=True, slots=True)
class Control:
    url: str

    async def get(self, path: str) -> Any:
        return (await self.call("GET", path))[1]

    async def post(self, path: str, values: object = None) -> tuple[int, Any]:
        return await self.call("POST", path, None if values is None else json.dumps(values).encode())

    async def call(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        return await asyncio.to_thread(self._call, method, path, body)

    def _call(self, method: str, path: str, body: bytes | None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            content, kind = answer.read(), answer.headers["Content-Type"]
        finally:
            connection.close()
        assert (kind == "application/problem+json") == (answer.status >= 400)
        return answer.status, json.loads(content) if kind.endswith("json") else content


@pytest.fixture
def control(sandbox: Sandbox) -> Control:
    return Control(sandbox.addresses["control"])


def unpacked(packed: dict[str, str]) -> IssuedCertificate:
    """What a client makes of a PKCS#12."""
    key, certificate, others = load_key_and_certificates(base64.b64decode(packed["p12"]), packed["passphrase"].encode())
    assert isinstance(key, rsa.RSAPrivateKey)
    assert certificate is not None
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = b"".join(other.public_bytes(Encoding.PEM) for other in others)
    return IssuedCertificate(certificate.public_bytes(Encoding.PEM), pem, chain)


async def test_an_enrolled_structure_can_send_at_once(sandbox: Sandbox, control: Control, tmp_path: Path) -> None:
    status, enrolled = await control.post("/enrol", ENROL)
    assert status == 201
    assert {"auth_cli", "sign", "ca", "chain", "crl_url", "homologation", "mailbox"} <= enrolled.keys()
    auth_cli, sign = unpacked(enrolled["auth_cli"]), unpacked(enrolled["sign"])
    assert "OU=10B0777777" in sign.certificate.subject.rfc4514_string()
    assert auth_cli.chain_pem.decode() == enrolled["chain"]
    x509.load_pem_x509_certificate(enrolled["chain"].encode()).verify_directly_issued_by(
        x509.load_pem_x509_certificate(enrolled["ca"].encode())
    )
    submitter = Submitter(sandbox, {"auth_cli": written(auth_cli, tmp_path / "new.pem")})
    letter = Letter(headers={"From": f"MSP des Lilas <{ENROL['mailbox']}>"})
    assert await submitter.sent(letter, sender=ENROL["mailbox"]) == {}
    (row,) = await control.get("/ledger/mss")
    assert row.keys() == {"message_id", "recipient", "sha256", "times_received"}


async def test_the_revocation_list_is_where_the_enrolment_and_the_certificate_say(control: Control) -> None:
    _, enrolled = await control.post("/enrol", ENROL)
    path = enrolled["crl_url"].removeprefix(control.url)
    assert x509.load_pem_x509_crl(await control.get(path)).get_revoked_certificate_by_serial_number(1) is None
    point = unpacked(enrolled["sign"]).certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    names = next(iter(point)).full_name
    assert names is not None
    der = await control.get(str(names[0].value).removeprefix(control.url))
    issuer = x509.load_pem_x509_certificate(enrolled["chain"].encode()).public_key()
    assert isinstance(issuer, rsa.RSAPublicKey)
    assert x509.load_der_x509_crl(der).is_signature_valid(issuer)


async def test_a_revoked_certificate_closes_the_door(sandbox: Sandbox, control: Control, identities: dict[str, Identity]) -> None:
    submitter = Submitter(sandbox, identities)
    assert await submitter.sent() == {}
    serial = f"{identities['auth_cli'].issued.serial:x}"
    assert await control.post("/certificates", {"action": "revoke", "serial": serial}) == (200, {"revoked": [serial]})
    with pytest.raises(OSError, match=r"(?i)revoked|alert|closed|reset|unexpectedly|EOF"):
        await submitter.sent()
    crl = x509.load_pem_x509_crl(await control.get("/crl"))
    assert crl.get_revoked_certificate_by_serial_number(int(serial, 16)) is not None


async def test_certificates_are_revoked_by_structure_and_role(control: Control) -> None:
    _, enrolled = await control.post("/enrol", ENROL)
    _, revoked = await control.post("/certificates", {"action": "revoke", "structure": ENROL["structure"], "role": "sign"})
    assert revoked == {"revoked": [enrolled["sign"]["serial"]]}
    status, problem = await control.post("/certificates", {"action": "revoke", "structure": ENROL["structure"], "role": "sign"})
    assert (status, problem["code"]) == (404, "sandbox-certificate-unknown")


@pytest.mark.parametrize("variant", ["valid", "expired", "near_expiry", "not_yet_valid", "foreign", "wrong_usage", "revoked"])
async def test_faulty_certificates_come_on_order(control: Control, sandbox: Sandbox, variant: str) -> None:
    order = {"action": "issue", "role": "AUTH_CLI", "structure": "10B0777777", "variant": variant}
    status, packed = await control.post("/certificates", order)
    assert status == 200
    certificate = unpacked(packed).certificate
    now = sandbox.clock.now()
    assert (certificate.not_valid_after_utc < now) == (variant == "expired")
    assert (certificate.not_valid_before_utc > now) == (variant == "not_yet_valid")
    assert ("AUTRE IGC" in certificate.issuer.rfc4514_string()) == (variant == "foreign")
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature == (variant != "wrong_usage")
    assert sandbox.pki.is_revoked(certificate.serial_number) == (variant == "revoked")


async def test_patients_are_there_from_the_start_and_can_be_added(
    sandbox: Sandbox, control: Control, identities: dict[str, Identity]
) -> None:
    known = {patient["ins"]["matricule"]: patient["dmp"] for patient in await control.get("/patients")}
    assert known["279035121518989"] == "active"
    assert {"none", "closed"} <= set(known.values())
    assert (await control.post("/patients", NEW_PATIENT))[0] == 201
    assert {p["ins"]["matricule"]: p["dmp"] for p in await control.get("/patients")}["153078987658513"] == "none"
    address = "153078987658513@patient.sandbox.mssante.fr"
    people = ("PID-5|NOUVELLE^PERSONNE^^^^^L",)
    letter = Letter(recipients=(address,), documents=[Document(matricule="153078987658513", people=people)])
    letter.headers["Subject"] = "=?utf-8?q?XDM/1.0/DDM+Prescription_de_produits_de_sant=C3=A9?= NOUVELLE PERSONNE"
    with pytest.raises(OSError, match=r"5\.1\.1"):
        await Submitter(sandbox, identities).sent(letter)
    assert (await control.post("/patients", {**NEW_PATIENT, "dmp": "active"}))[0] == 201
    assert await Submitter(sandbox, identities).sent(letter) == {}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ins": {"matricule": "153078987658514"}}, "ins.matricule"),
        ({"ins": {"matricule": "153078987658513", "oid": "1.2.3"}}, "ins.oid"),
        ({"dmp": "perhaps"}, "dmp"),
        ({"birth_date": "01/07/1953"}, "birth_date"),
        ({"sex": None}, "sex"),
    ],
)
async def test_an_impossible_patient_is_refused_with_the_field(control: Control, change: dict[str, Any], field: str) -> None:
    status, problem = await control.post("/patients", {**NEW_PATIENT, **change})
    assert (status, problem["code"], problem["field"]) == (422, "sandbox-patient-invalid", field)
    assert "NOUVELLE" not in json.dumps(problem)


async def test_a_missing_trait_is_named(control: Control) -> None:
    status, problem = await control.post("/patients", {"ins": {"oid": "1.2.250.1.213.1.4.10"}})
    assert (status, problem["field"]) == (422, "ins.matricule")


@pytest.mark.parametrize(
    ("order", "status", "field"),
    [
        ({"service": "dmp", "fault": "no such"}, 422, "fault"),
        ({"service": "mss", "fault": "no such"}, 422, "fault"),
        ({"service": "fax", "fault": "unavailable"}, 422, "service"),
        ({"service": "dmp", "fault": "slow", "seconds": -1}, 400, "seconds"),
        ({"service": "dmp", "fault": "slow", "seconds": "long"}, 400, "seconds"),
        ({"service": "dmp", "fault": "unavailable", "count": -1}, 400, "count"),
        ({"service": "dmp"}, 400, "fault"),
        ({"service": "dmp", "fault": "reset_mid_body", "of": "both"}, 400, "of"),
    ],
)
async def test_unknown_faults_are_refused(control: Control, order: dict[str, Any], status: int, field: str) -> None:
    answered, problem = await control.post("/faults", order)
    assert (answered, problem["field"], bool(problem["gesture"])) == (status, field, True)
    assert (await control.get("/faults"))["armed"] == []


async def test_faults_count_down_or_last_until_reset(sandbox: Sandbox, control: Control, identities: dict[str, Identity]) -> None:
    submitter = Submitter(sandbox, identities)
    assert (await control.post("/faults", {"service": "mss", "fault": "busy", "count": 0}))[0] == 200
    for _ in range(3):
        with pytest.raises(OSError, match="451"):
            await submitter.sent()
    assert (await control.post("/reset"))[0] == 200
    assert await submitter.sent() == {}
    await control.post("/faults", {"service": "mss", "fault": "busy", "count": 1})
    with pytest.raises(OSError, match="451"):
        await submitter.sent()
    assert await submitter.sent() == {}
    assert (await control.get("/ledger/mss"))[0]["times_received"] == 2


async def test_functional_faults_go_to_the_service(control: Control) -> None:
    assert (await control.post("/faults", {"service": "dmp", "fault": "busy", "count": 3}))[0] == 200
    listing = await control.get("/faults")
    assert "busy" in listing["functional"]["dmp"]
    assert "lost_answer" in listing["known"]["dmp"]


async def test_reset_forgets_what_is_held_only_when_asked(sandbox: Sandbox, control: Control, identities: dict[str, Identity]) -> None:
    submitter = Submitter(sandbox, identities)
    await submitter.sent(Letter(recipients=(PATIENT,)))
    await control.post("/reset")
    assert len(await control.get("/ledger/mss")) == 1
    assert await control.post("/reset", {"ledger": True}) == (200, {"reset": ["faults", "clock", "ledger"]})
    assert await control.get("/ledger/mss") == []
    assert await submitter.sent(Letter(recipients=(PATIENT,))) == {}
    assert await control.get("/ledger/dmp") == []
    assert (submitter.received / "000002.eml").exists()


async def test_the_clock_can_be_skewed(sandbox: Sandbox, control: Control) -> None:
    real = sandbox.clock.now()
    _, answer = await control.post("/clock", {"skew_seconds": 120})
    assert 119 < (datetime.fromisoformat(answer["now"]) - real).total_seconds() < 150
    await control.post("/reset")
    assert abs((sandbox.clock.now() - real).total_seconds()) < 60


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/ledger/fax"), ("DELETE", "/faults"), ("POST", "/ledger/dmp")])
async def test_other_addresses_do_not_exist(control: Control, method: str, path: str) -> None:
    status, problem = await control.call(method, path)
    assert (status, problem["code"], problem["status"]) == (404, "sandbox-route-unknown", 404)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"structure": "x"}'])
async def test_a_body_that_is_not_the_one_expected_is_a_problem(control: Control, body: bytes) -> None:
    status, problem = await control.call("POST", "/enrol", body)
    assert (status, problem["code"]) == (400, "sandbox-body-invalid")
