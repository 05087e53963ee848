"""xmlsec1 and openssl as judges of what we sign, and a signer of the test authority."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from gateway.kernel.clock import FrozenClock
from gateway.trust.software_signer import SoftwareSigner
from tests.tools import need_tool
from tests.trust.pki import NOW, SIGN, STRUCTURE, Leaf, shared_leaf

_IDS = ("SignedProperties", "Object", "Manifest", "KeyInfo", "SignatureProperty")


def signer(leaf: Leaf | None = None) -> SoftwareSigner:
    """A software signer whose clock stands at NOW."""
    leaf = leaf or shared_leaf(SIGN)
    return SoftwareSigner(leaf.key, leaf.certificate, leaf.chain_der, clock=FrozenClock(NOW), structure=STRUCTURE)


def xmlsec_verify(
    document: bytes,
    folder: Path,
    *,
    trusted: Sequence[bytes] = (),
    untrusted: Sequence[bytes] = (),
    ids: Sequence[str] = _IDS,
    id_attribute: str = "Id",
    extra: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Run `xmlsec1 --verify` in `folder`; without `trusted` the chain is not judged (--insecure)."""
    path = folder / "judged.xml"
    path.write_bytes(document)
    command = [need_tool("xmlsec1"), "--verify", *extra]
    for name in ids:
        command += [f"--id-attr:{id_attribute}", name]
    for kind, certificates in (("--trusted-pem", trusted), ("--untrusted-pem", untrusted)):
        for number, pem in enumerate(certificates):
            certificate = folder / f"{kind.strip('-')}-{number}.pem"
            certificate.write_bytes(pem)
            command += [kind, str(certificate)]
    if not trusted:
        command.append("--insecure")
    return subprocess.run([*command, str(path)], capture_output=True, text=True, cwd=folder, check=False, timeout=60)


def accepted(result: subprocess.CompletedProcess[str], references: int) -> bool:
    """True when xmlsec1 says OK for exactly that many references."""
    said = result.stdout + result.stderr
    return result.returncode == 0 and f"SignedInfo References (ok/all): {references}/{references}" in said


def xmllint_canonical(path: Path) -> bytes:
    """The inclusive canonical form with comments of a file, by xmllint."""
    return subprocess.run([need_tool("xmllint"), "--c14n", str(path)], capture_output=True, check=True, timeout=60).stdout
