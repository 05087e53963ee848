"""PDF signatures made in this process, and the judges of them: pdfsig with its own store of authorities, openssl over the byte range."""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from typing_extensions import override

from gateway.trust.algorithms import hash_algorithm
from gateway.trust.pades import read_signatures, sign_document
from gateway.trust.pades_messages import Asked
from gateway.trust.pades_report import report_on_pdf
from gateway.trust.report import Report
from gateway.trust.signer import DigestName
from tests.tools import need_tool
from tests.trust.pki import NOW, SIGN, Leaf, Pki, shared_leaf, shared_pki


class Revision(IncrementalPdfFileWriter):
    """A writer of the library that leaves the dates of the document alone: they depend on the zone of the machine."""

    @override
    def _update_meta(self) -> None:
        pass


async def signed_pdf(data: bytes, leaf: Leaf | None = None, *, digest: DigestName = "sha256", reason: str | None = None) -> bytes:
    """`data` signed, as the worker does it."""
    leaf = leaf or shared_leaf(SIGN)
    asked = Asked(kind="sign", at=NOW, digest=digest, certificate=leaf.der, chain=leaf.chain_der, reason=reason)
    target = io.BytesIO()
    await sign_document(io.BytesIO(data), target, asked, lambda attributes: leaf.key.sign(attributes, PKCS1v15(), hash_algorithm(digest)))
    return target.getvalue()


def report(document: bytes, **more: object) -> Report:
    """Our report, by the shared authority."""
    found = read_signatures(io.BytesIO(document))
    return report_on_pdf(document, found, **{"anchors": shared_pki().anchors_pem, "at": NOW, **more})  # type: ignore[arg-type]


def revised(document: bytes, change: Callable[[IncrementalPdfFileWriter], None]) -> bytes:
    """A revision after the signature, by `change(writer)`."""
    writer = Revision(io.BytesIO(document))
    change(writer)
    target = io.BytesIO()
    writer.write(target)  # type: ignore[no-untyped-call]
    return target.getvalue()


def authority_store(folder: Path, pki: Pki) -> Path:
    """A store of NSS that trusts the root of `pki` for documents."""
    store = folder / "nss"
    store.mkdir()
    certutil, pem = need_tool("certutil"), folder / "authority.pem"
    for command in (
        [certutil, "-N", "-d", f"sql:{store}", "--empty-password"],
        [certutil, "-A", "-d", f"sql:{store}", "-n", "racine", "-t", "CT,C,C", "-a", "-i", str(pem)],
    ):
        pem.write_bytes(pki.root_pem)
        subprocess.run(command, capture_output=True, check=True, timeout=60)
    return store


def pdfsig(document: bytes, folder: Path, store: Path) -> list[tuple[str, str, bool]]:
    """What pdfsig says of each signature: its validity, that of its certificate, and whether it covers the whole file.

    The certificate of the first alone is to be believed: NSS answers the second from a memory of its own, and not always the same [M].
    """
    path = folder / "judged.pdf"
    path.write_bytes(document)
    done = subprocess.run(
        [need_tool("pdfsig"), "-nssdir", f"sql:{store}", str(path)],
        capture_output=True, text=True, check=False, timeout=60, env={"TZ": "UTC", "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    each = done.stdout.split("Signature #")[1:]
    return [
        (
            re.findall(r"Signature Validation: (.*)", one)[0],
            (re.findall(r"Certificate Validation: (.*)", one) or [""])[0],
            "Total document signed" in one,
        )
        for one in each
    ]


def byte_ranges(document: bytes) -> list[tuple[int, int, int, int]]:
    """As written, by a pattern."""
    found = re.findall(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]", document)
    return [(int(one[0]), int(one[1]), int(one[2]), int(one[3])) for one in found]


def openssl_accepts(document: bytes, folder: Path, rank: int = 0) -> bool:
    """`openssl cms -verify` of one signature over its byte range, by the root alone: the chain is in the signature."""
    begin, first, second, last = byte_ranges(document)[rank]
    value = bytes.fromhex(document[first + 1 : second - 1].decode())
    (folder / "value.der").write_bytes(value)
    (folder / "covered").write_bytes(document[begin : begin + first] + document[second : second + last])
    (folder / "root.pem").write_bytes(shared_pki().root_pem)
    command = [need_tool("openssl"), "cms", "-verify", "-binary", "-cades", "-inform", "DER", "-in", f"{folder}/value.der"]
    command += ["-content", f"{folder}/covered", "-CAfile", f"{folder}/root.pem", "-purpose", "any", "-out", "/dev/null"]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
