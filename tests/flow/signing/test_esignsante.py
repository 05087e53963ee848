"""What the esignsante service does with revocation lists: a revoked key signs nothing, and a proof holds the lists it rests on."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from gateway.flow.allowance import TooMuchAtOnce
from gateway.flow.caller import Caller
from gateway.flow.signing import esignsante
from gateway.flow.signing.esignsante import Check, Esignsante, OpenidToken, Order, ProofRequest
from gateway.flow.signing.refusals import SigningCertificateUnusable
from gateway.flow.signing.signatures import SignatureOrder, Signatures
from gateway.journal.memory import MemoryStore
from gateway.kernel.clock import FrozenClock
from gateway.trust.errors import CertificateRevoked
from gateway.trust.keystore import KeyStore
from gateway.trust.roles import Role
from gateway.trust.vault import open_vault
from tests.api.rig import configuration_of
from tests.trust.judges import accepted, xmlsec_verify
from tests.trust.pki import PASSPHRASE, SIGN, STRUCTURE, Leaf, Pki

NOW = datetime.now(UTC).replace(microsecond=0)
CALLER = Caller(workstation="w", name="Accueil", structures=(STRUCTURE,))
ORDER = Order(number=1, data=b"contenu", media_type="text/plain")
ASKED = ProofRequest(kind="Sign", operation="/esignsante/v1/x", request_id="1", tag="", applicant="a")
XNS = "{http://esante.gouv.fr/ASIP/Proof}"


class Service:
    def __init__(self, home: Path) -> None:
        self.pki = Pki.create("REVOCATIONS")
        self.leaf: Leaf = self.pki.issue(SIGN)
        self.lists: Sequence[bytes] = ()
        store, clock = MemoryStore(), FrozenClock(NOW)
        keys = KeyStore(home, open_vault(home, create=True))
        anchors = self.pki.anchors_pem
        keys.import_pkcs12(STRUCTURE, Role.SIGN, self.leaf.pkcs12(), PASSPHRASE, environment="test", anchors=anchors)
        signatures = self.signatures = Signatures(store, keys, clock, anchors, lambda: self.lists)
        self.esignsante = Esignsante(configuration_of(), signatures, anchors, lambda: self.lists)
        self.store = store


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


async def test_a_revoked_key_signs_nothing_and_leaves_no_trace_of_an_act(service: Service) -> None:
    assert await service.esignsante.sign(CALLER, ORDER)
    service.pki.revoke(service.leaf)
    service.lists = (service.pki.crl_der(),)
    before = await service.store.audit_after(0, 100)
    with pytest.raises(SigningCertificateUnusable) as refusal:
        await service.esignsante.sign(CALLER, ORDER)
    assert refusal.value.technical == "RevocationCertificat"
    assert await service.store.audit_after(0, 100) == before


async def test_a_revoked_signer_and_a_revoked_certificate_are_told_by_their_codes(service: Service) -> None:
    signed = await service.esignsante.sign(CALLER, ORDER)
    service.pki.revoke(service.leaf)
    service.lists = (service.pki.crl_der(),)
    outcome = await service.esignsante.verify(CALLER, Check(verification=1, data=signed))
    assert [code for code, _ in outcome.errors] == ["ERSIGN11", "ERSIGN04"]
    outcome = await service.esignsante.verify_certificate(CALLER, Check(verification=1, data=service.leaf.pem))
    assert [code for code, _ in outcome.errors] == ["ERCERT02"]


async def test_a_proof_holds_the_list_it_rests_on(service: Service, tmp_path: Path) -> None:
    crl, foreign = service.pki.crl_der(), Pki.create("AUTRE").crl_der()
    service.lists = (foreign, crl)
    outcome = await service.esignsante.sign_and_prove(CALLER, ORDER, 1, ASKED)
    assert outcome.proof is not None
    proof = etree.fromstring(outcome.proof)
    assert [base64.b64decode(one.text or "") for one in proof.iter(f"{XNS}EncapsulatedCRLValue")] == [crl]
    issued = x509.load_der_x509_crl(crl).last_update_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert [one.findtext(f"{XNS}CRLIdentifier/{XNS}IssueTime") for one in proof.iter(f"{XNS}CRLRef")] == [issued]
    root, chain = service.pki.root.public_bytes(Encoding.PEM), service.pki.chain_pem
    judged = await asyncio.to_thread(xmlsec_verify, outcome.proof, tmp_path, trusted=[root], untrusted=[chain])
    assert accepted(judged, 2)


async def test_large_files_go_one_at_a_time_and_small_ones_pass_by(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    large = msgspec.structs.replace(ORDER, data=b"x" * 1_000_001)
    async with service.esignsante._room_for(large.data):
        assert await service.esignsante.sign(CALLER, ORDER)
        waiting = asyncio.create_task(service.esignsante.sign_and_prove(CALLER, large, 1, ASKED))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        monkeypatch.setattr(esignsante, "_PATIENCE", 0.01)
        with pytest.raises(TooMuchAtOnce):
            await service.esignsante.sign(CALLER, large)
    assert (await waiting).valid


def test_a_token_shows_nothing_of_itself() -> None:
    token = OpenidToken(access_token="jeton", introspection="oui", user_info="MOREL")
    request = ProofRequest(kind="Sign", operation="x", request_id="", tag="", applicant="", tokens=(token,))
    assert "jeton" not in repr(request)
    assert "MOREL" not in repr(request)


async def test_a_revoked_key_signs_nothing_by_the_usual_route_either(service: Service) -> None:
    order = SignatureOrder(structure=STRUCTURE)
    assert await service.signatures.sign(CALLER, order, b"contenu", "text/plain")
    service.pki.revoke(service.leaf)
    service.lists = (service.pki.crl_der(),)
    with pytest.raises(CertificateRevoked):
        await service.signatures.sign(CALLER, order, b"contenu", "text/plain")
    assert len(await service.store.audit_after(0, 10)) == 1
