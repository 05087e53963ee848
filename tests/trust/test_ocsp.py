"""OCSP: our questions answered by openssl's own responder, and every answer that proves nothing refused."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from gateway.flow.certificates.ocsp_queries import OcspQueries
from gateway.kernel.clock import FrozenClock
from gateway.trust.ocsp import OcspAnswer, OcspRefused, OcspStatus, ocsp_address, ocsp_request, read_ocsp
from gateway.wire.http import HttpRequest, HttpResponse, PeerUnreachable
from gateway.wire.http_scripted import ScriptedPort
from tests.tools import need_tool
from tests.trust.pki import AUTH_CLI, NOW, Leaf, Pki, Profile, new_key

NONCE = b"n" * 16
RESPONDER = Profile("OCSP", (ExtendedKeyUsageOID.OCSP_SIGNING,))


@dataclass(frozen=True)
class Authority:
    """An authority that answers through `openssl ocsp`, by its own key or by a responder's."""

    pki: Pki
    leaf: Leaf
    folder: Path

    def answer(self, question: bytes, *, signer: Leaf | None = None, revoked: bool = False, days: int = 1, known: bool = True) -> bytes:
        expiry = f"{self.leaf.certificate.not_valid_after_utc:%y%m%d%H%M%SZ}"
        since = f"{NOW - timedelta(hours=1):%y%m%d%H%M%SZ}" if revoked else ""
        serial = f"{self.leaf.certificate.serial_number:X}" if known else "0BAD"
        serial = serial if len(serial) % 2 == 0 else f"0{serial}"
        self.put("index.txt", f"{'R' if revoked else 'V'}\t{expiry}\t{since}\t{serial}\tunknown\t/CN=x\n".encode())
        self.put("ca.pem", self.pki.chain_pem)
        if signer is None:
            own = Leaf(self.pki.issuing, self.pki.issuing_key, ())
            self.put("signer.pem", own.pem)
            self.put("signer.key", own.key_pem)
        else:
            self.put("signer.pem", signer.pem)
            self.put("signer.key", signer.key_pem)
        self.put("question.der", question)
        command = [need_tool("openssl"), "ocsp", "-index", "index.txt", "-CA", "ca.pem", "-rsigner", "signer.pem", "-rkey", "signer.key"]
        command += ["-reqin", "question.der", "-respout", "answer.der", "-ndays", str(days)]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        return (self.folder / "answer.der").read_bytes()

    def put(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)

    def read(self, data: bytes, *, later: timedelta = timedelta(), nonce: bytes = NONCE) -> OcspAnswer:
        """Read now: openssl dates its answers by the machine's clock, however long ago this module was loaded."""
        return read_ocsp(data, self.leaf.certificate, self.pki.issuing, nonce, datetime.now(UTC) + timedelta(minutes=1) + later)

    @property
    def question(self) -> bytes:
        return ocsp_request(self.leaf.certificate, self.pki.issuing, NONCE)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    pki = Pki.create("OCSP")
    return Authority(pki, pki.issue(AUTH_CLI), tmp_path)


@pytest.mark.conformity
def test_openssl_answers_our_question_and_is_believed(authority: Authority) -> None:
    assert authority.read(authority.answer(authority.question)).status is OcspStatus.GOOD
    told = authority.read(authority.answer(authority.question, revoked=True))
    assert told.status is OcspStatus.REVOKED
    assert told.revoked_at == NOW - timedelta(hours=1)
    assert authority.read(authority.answer(authority.question, known=False)).status is OcspStatus.UNKNOWN


@pytest.mark.conformity
def test_a_responder_named_by_the_authority_is_believed_and_no_other(authority: Authority) -> None:
    named = authority.pki.issue(RESPONDER)
    assert authority.read(authority.answer(authority.question, signer=named)).status is OcspStatus.GOOD
    for impostor in (authority.pki.issue(AUTH_CLI), Pki.create("AUTRE").issue(RESPONDER)):
        with pytest.raises(OcspRefused):
            authority.read(authority.answer(authority.question, signer=impostor))
    over = authority.pki.issue(RESPONDER, not_before=NOW - timedelta(days=9), not_after=NOW - timedelta(days=1))
    with pytest.raises(OcspRefused):
        authority.read(authority.answer(authority.question, signer=over))


@pytest.mark.conformity
def test_openssl_reads_our_question(authority: Authority) -> None:
    authority.put("question.der", authority.question)
    command = [need_tool("openssl"), "ocsp", "-reqin", "question.der", "-text", "-noverify"]
    told = subprocess.run(command, cwd=authority.folder, check=True, capture_output=True, text=True).stdout
    assert f"{authority.leaf.certificate.serial_number:X}" in told
    assert "OCSP Nonce" in told


def altered(data: bytes) -> bytes:
    """The signature, one bit off."""
    signature = ocsp.load_der_ocsp_response(data).signature
    return data.replace(signature, bytes([signature[0] ^ 1]) + signature[1:])


FAULTS: dict[str, Callable[[Authority], OcspAnswer]] = {
    "garbage": lambda a: a.read(b"nothing"),
    "empty": lambda a: a.read(b""),
    "declined": lambda a: a.read(ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(Encoding.DER)),
    "stale": lambda a: a.read(a.answer(a.question), later=timedelta(days=2)),
    "not yet": lambda a: a.read(a.answer(a.question), later=-timedelta(days=1)),
    "replayed": lambda a: a.read(a.answer(a.question), nonce=b"m" * 16),
    "altered": lambda a: a.read(altered(a.answer(a.question))),
    "of another": lambda a: a.read(a.answer(ocsp_request(a.pki.issue(AUTH_CLI).certificate, a.pki.issuing, NONCE))),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_that_proves_nothing_is_refused(authority: Authority, fault: str) -> None:
    with pytest.raises(OcspRefused) as refusal:
        FAULTS[fault](authority)
    assert refusal.value.explanation.gesture


def with_address(pki: Pki, address: str) -> x509.Certificate:
    place = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(address))
    key = new_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(pki.issuing.subject)
        .issuer_name(pki.issuing.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.AuthorityInformationAccess([place]), critical=False)
    )
    return builder.sign(pki.issuing_key, SHA256())


def test_the_address_is_the_certificates_own_and_only_http(authority: Authority) -> None:
    assert ocsp_address(with_address(authority.pki, "http://ocsp.test/x")) == "http://ocsp.test/x"
    assert ocsp_address(with_address(authority.pki, "ldap://ocsp.test/x")) is None
    assert ocsp_address(authority.leaf.certificate) is None


async def test_an_answer_is_asked_once_an_hour_and_its_absence_decides_nothing(authority: Authority) -> None:
    certificate = with_address(authority.pki, "http://ocsp.test/x")

    def good(request: HttpRequest) -> HttpResponse:
        asked = ocsp.load_der_ocsp_request(request.body)
        nonce = asked.extensions.get_extension_for_class(x509.OCSPNonce).value
        built = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                certificate, authority.pki.issuing, SHA256(), ocsp.OCSPCertStatus.REVOKED, NOW, NOW + timedelta(days=1), NOW, None
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, authority.pki.issuing)
            .add_extension(nonce, critical=False)
            .sign(authority.pki.issuing_key, SHA256())
        )
        return HttpResponse(status=200, headers={}, body=built.public_bytes(Encoding.DER))

    clock, line = FrozenClock(NOW), ScriptedPort()
    queries = OcspQueries(line, clock)
    line.expect(PeerUnreachable(), good)
    assert await queries.answer(certificate, authority.pki.issuing) is None
    assert await queries.answer(certificate, authority.pki.issuing) is None
    assert len(line.requests) == 1
    clock.advance(3600)
    told = await queries.answer(certificate, authority.pki.issuing)
    assert told is not None
    assert told.status is OcspStatus.REVOKED
    assert [(one.method, one.url) for one in line.requests] == [("POST", "http://ocsp.test/x")] * 2
    assert await queries.answer(authority.leaf.certificate, authority.pki.issuing) is None
