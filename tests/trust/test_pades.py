"""Signatures in a PDF, judged by pdfsig, openssl, pikepdf and pypdf; then read by our report against what an attacker would try."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pikepdf
import pypdf
import pytest
from asn1crypto import keys, x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, SimpleSigner, sign_pdf
from pyhanko_certvalidator.registry import SimpleCertificateStore

from gateway.cda.pdf.check import inspect_pdf
from gateway.trust import pades_process
from gateway.trust.packaging import Recipe
from gateway.trust.pades import read_signatures
from gateway.trust.pades_messages import PdfUnfit, Unfit
from gateway.trust.pades_process import PdfBounds
from gateway.trust.report import Rule, Verdict
from gateway.trust.signer import DigestName
from tests.cda.pdf_judges import preflight
from tests.cda.pdf_samples import changed, encrypted, form, plain
from tests.rig.processes import ROOT
from tests.trust.judges import signer
from tests.trust.pdf_signing import Revision, authority_store, byte_ranges, openssl_accepts, pdfsig, report, revised, signed_pdf
from tests.trust.pki import AUTH_CLI, NOW, SIGN, Pki, shared_leaf, shared_pki

PDF = plain()
SIGNED = asyncio.run(signed_pdf(PDF, reason="Dr Morel, Mme Kervella"))
TWICE = asyncio.run(signed_pdf(SIGNED))
VALID = ("Signature is Valid.", "Certificate is Trusted.")
STREAMS = changed(lambda _: None, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def _accepted(document: bytes) -> bool:
    try:
        return report(document).valid
    except PdfUnfit:
        return False


def failed(document: bytes, **more: object) -> set[Rule]:
    judged = report(document, **more)
    assert not judged.valid
    return {finding.rule for finding in judged.findings if finding.verdict is Verdict.FAILED}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return authority_store(tmp_path_factory.mktemp("authorities"), shared_pki())


@pytest.mark.conformity
@pytest.mark.parametrize("digest", ["sha256", "sha512"])
async def test_pdfsig_and_openssl_accept_what_is_signed(tmp_path: Path, store: Path, digest: DigestName) -> None:
    for content in (PDF, STREAMS, form()):
        document = await signed_pdf(content, digest=digest)
        assert document.startswith(content)
        assert pdfsig(document, tmp_path, store) == [(*VALID, True)]
        assert openssl_accepts(document, tmp_path)
        judged = report(document, crls=[shared_pki().crl_pem()])
        assert judged.valid
        assert {one.verdict for one in judged.findings} == {Verdict.PASSED}
        assert judged.original == content
        assert (judged.signing_time, judged.digest_algorithm) == (NOW, digest)


@pytest.mark.conformity
def test_a_second_signature_keeps_the_first_valid(tmp_path: Path, store: Path) -> None:
    first, second = pdfsig(TWICE, tmp_path, store)
    assert first == (*VALID, False)
    assert (second[0], second[2]) == (VALID[0], True)
    assert [openssl_accepts(TWICE, tmp_path, rank) for rank in (0, 1)] == [True, True]
    judged = report(TWICE)
    assert judged.valid
    assert judged.original == SIGNED


@pytest.mark.conformity
async def test_what_was_changed_or_signed_by_a_stranger_is_refused_by_all(tmp_path: Path, store: Path) -> None:
    begin = SIGNED.index(b"/Producer")
    tampered = SIGNED[:begin] + SIGNED[begin:].replace(b"ReportLab", b"Reportlab", 1)
    assert tampered != SIGNED
    assert pdfsig(tampered, tmp_path, store)[0][0] == "Digest Mismatch."
    assert not openssl_accepts(tampered, tmp_path)
    assert failed(tampered) == {Rule.DOCUMENT_INTACT}
    stranger = await signed_pdf(PDF, Pki.create("AILLEURS").issue(SIGN))
    assert pdfsig(stranger, tmp_path, store)[0][1] != VALID[1]
    assert not openssl_accepts(stranger, tmp_path)
    assert failed(stranger) == {Rule.TRUSTED, Rule.CERTIFICATE_VALID}


def test_the_signed_document_is_read_by_other_libraries() -> None:
    for document, count in ((SIGNED, 1), (TWICE, 2)):
        with pikepdf.open(io.BytesIO(document)) as pdf:
            assert len(pdf.pages) == 1
            assert len(pdf.Root.AcroForm.Fields) == count
            value = pdf.Root.AcroForm.Fields[0].V
            assert (str(value.Filter), str(value.SubFilter)) == ("/Adobe.PPKLite", "/ETSI.CAdES.detached")
            assert str(value.Reason) == "Dr Morel, Mme Kervella"
        assert "Noël" in pypdf.PdfReader(io.BytesIO(document)).pages[0].extract_text()


def test_the_date_is_in_the_dictionary_and_not_in_the_attributes() -> None:
    _, first, second, _ = byte_ranges(SIGNED)[0]
    signing_time = bytes.fromhex("06092a864886f70d010905")
    assert signing_time not in bytes.fromhex(SIGNED[first + 1 : second - 1].decode())
    with pikepdf.open(io.BytesIO(SIGNED)) as pdf:
        assert str(pdf.Root.AcroForm.Fields[0].V.M) == NOW.strftime("D:%Y%m%d%H%M%SZ")


@pytest.mark.conformity
async def test_a_pdfa_stays_one(tmp_path: Path) -> None:
    document = (ROOT / "examples" / "documents" / "ordonnance.pdf").read_bytes()
    signed = await signed_pdf(document)
    (tmp_path / "signed.pdf").write_bytes(signed)
    assert preflight(tmp_path / "signed.pdf") == {"signed.pdf": []}
    assert inspect_pdf(signed).is_pdfa1b


# What an attacker would try.


def _other_content(writer: IncrementalPdfFileWriter) -> None:
    page = writer.root["/Pages"]["/Kids"][0]
    page["/Contents"] = writer.add_object(generic.StreamObject(stream_data=b"BT /F1 30 Tf 60 600 Td (100 mg) Tj ET"))
    writer.update_container(page)


def test_a_page_changed_in_a_later_revision() -> None:
    assert failed(revised(SIGNED, _other_content)) == {Rule.DOCUMENT_INTACT}
    assert failed(revised(TWICE, _other_content)) == {Rule.DOCUMENT_INTACT}


async def test_a_page_changed_between_two_signatures() -> None:
    assert failed(await signed_pdf(revised(SIGNED, _other_content))) == {Rule.DOCUMENT_INTACT}


async def test_a_form_filled_in_after_the_last_signature() -> None:
    def fill(writer: IncrementalPdfFileWriter) -> None:
        field = writer.root["/AcroForm"]["/Fields"][0].get_object()
        field["/V"] = generic.pdf_string("autre")
        writer.update_container(field)

    document = await signed_pdf(form())
    filled = revised(document, fill)
    assert failed(filled) == {Rule.DOCUMENT_INTACT}
    assert report(await signed_pdf(filled)).valid


@pytest.mark.parametrize("added", [b"x", b"\n%%EOF\nx", b"\n%%EOF\n", PDF])
def test_bytes_after_the_end(added: bytes) -> None:
    assert not _accepted(SIGNED + added)
    assert report(SIGNED + b"\r\n").valid


def _with_range(document: bytes, second: int, last: int) -> bytes:
    found = byte_ranges(document)[0]
    old = b"%d %d" % found[2:]
    new = b"%d %d" % (second, last)
    return document.replace(old, new.ljust(len(old)), 1) if len(new) <= len(old) else document.replace(old, new, 1)


def test_a_byte_range_that_leaves_something_out() -> None:
    _, _, second, last = byte_ranges(SIGNED)[0]
    for document in (_with_range(SIGNED, second + 5, last - 5), _with_range(SIGNED, second, last - 5)):
        assert document != SIGNED
        assert Rule.DOCUMENT_INTACT in failed(document)


@contextmanager
def a_named_zone() -> Iterator[None]:
    """The library's own way needs a zone with a name; the tests have none on purpose."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        yield


def _signed_otherwise(data: bytes, **settings: object) -> bytes:
    """By the library's own signer, which dates by the clock of the machine."""
    leaf = shared_leaf(SIGN)
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple([x509.Certificate.load(der) for der in leaf.chain_der])
    pkcs8 = leaf.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    simple = SimpleSigner(signing_cert=x509.Certificate.load(leaf.der), signing_key=keys.PrivateKeyInfo.load(pkcs8), cert_registry=store)
    usual: dict[str, object] = {"field_name": "F", "md_algorithm": "sha256", "subfilter": SigSeedSubFilter.PADES}
    metadata = PdfSignatureMetadata(**{**usual, **settings})  # type: ignore[arg-type]
    target = io.BytesIO()
    with a_named_zone():
        sign_pdf(Revision(io.BytesIO(data)), metadata, simple, output=target)
    return target.getvalue()


def test_another_kind_of_signature_or_an_old_digest_is_named() -> None:
    assert failed(_signed_otherwise(PDF, subfilter=SigSeedSubFilter.ADOBE_PKCS7_DETACHED), at=datetime.now(UTC)) == {Rule.FORMAT}
    assert Rule.ALGORITHM in failed(_signed_otherwise(PDF, md_algorithm="sha1"))


def test_an_author_may_forbid_any_other_signature() -> None:
    closed = _signed_otherwise(PDF, certify=True, docmdp_permissions=MDPPerm.NO_CHANGES)
    assert report(closed, at=datetime.now(UTC)).valid
    with pytest.raises(PdfUnfit) as refusal:
        asyncio.run(signed_pdf(closed))
    assert refusal.value.facts["reason"] == Unfit.LOCKED
    open_ = _signed_otherwise(PDF, certify=True, docmdp_permissions=MDPPerm.FILL_FORMS)
    assert report(asyncio.run(signed_pdf(open_)), at=datetime.now(UTC)).valid


async def test_the_certificate_is_judged() -> None:
    assert Rule.NON_REPUDIATION in failed(await signed_pdf(PDF, shared_leaf(AUTH_CLI)))
    assert report(SIGNED, at=NOW + timedelta(days=5 * 365)).valid
    assert Rule.SIGNING_TIME in failed(SIGNED, at=NOW - timedelta(days=2))
    pki = Pki.create("REVOQUE")
    leaf = pki.issue(SIGN)
    pki.revoke(leaf)
    document = await signed_pdf(PDF, leaf)
    assert failed(document, anchors=pki.anchors_pem, crls=[pki.crl_pem()]) == {Rule.REVOCATION, Rule.CERTIFICATE_VALID}


async def test_no_changed_byte_of_the_signature_passes() -> None:
    """The signer's certificate alone is in it: those of authorities are hints that nobody signs."""
    document = await signed_pdf(PDF, replace(shared_leaf(SIGN), issuers=()))
    assert report(document).valid
    _, first, second, _ = byte_ranges(document)[0]
    used = len(document[first + 1 : second - 1].rstrip(b"0"))
    for place in range(first + 1 + used // 12, first + used, used // 40):
        flipped = b"0" if document[place : place + 1] != b"0" else b"1"
        assert not _accepted(document[:place] + flipped + document[place + 1 :]), place


def test_a_document_without_signature() -> None:
    assert failed(PDF) == {Rule.SIGNATURE_PRESENT}


# Files that are not what they claim.


@pytest.mark.parametrize(
    ("document", "reason"),
    [(b"bonjour", Unfit.DAMAGED), (PDF[:-200], Unfit.DAMAGED), (PDF[:300], Unfit.DAMAGED), (encrypted(), Unfit.PROTECTED)],
)
async def test_a_file_that_is_unfit_says_why(document: bytes, reason: Unfit) -> None:
    with pytest.raises(PdfUnfit) as refusal:
        await signed_pdf(document)
    assert refusal.value.facts["reason"] == reason
    with pytest.raises(PdfUnfit) as refusal:
        read_signatures(io.BytesIO(document))
    assert refusal.value.facts["reason"] == reason


# The process.


async def test_the_process_signs_and_reads_and_leaves_the_key_here() -> None:
    document = await pades_process.sign_pdf(PDF, signer(), NOW, ["Dr Morel"], Recipe(digest="sha512"))
    assert report(document).valid
    assert report(document).digest_algorithm == "sha512"
    found = await pades_process.read_pdf(document)
    assert [(one.intact, one.genuine, one.whole) for one in found] == [(True, True, True)]


async def test_a_bound_that_is_crossed_is_a_refusal() -> None:
    with pytest.raises(PdfUnfit) as refusal:
        await pades_process.sign_pdf(PDF, signer(), NOW, bounds=PdfBounds(wall_seconds=0.001))
    assert refusal.value.facts["reason"] == Unfit.OVERSIZED


def test_the_gateway_does_not_load_the_library() -> None:
    code = "import sys, gateway.trust.pades_process, gateway.trust.pades_report\nraise SystemExit('pyhanko' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
