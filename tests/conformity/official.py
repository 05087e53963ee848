"""Official schemas and foreign programs as judges: xmllint, xmlsec1, openssl, SAML and HL7 schemas. They share no code with the product.

Every judge takes many files at once and names those it refuses; an empty answer means that all were taken, each one counted.
"""

from __future__ import annotations

import base64
import re
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lxml import etree

from tests.shared import missing, need
from tests.tools import need_tool

DS = "{http://www.w3.org/2000/09/xmldsig#}"
_OPENSAML = Path("/usr/share/xml/opensaml/saml-schema-assertion-2.0.xsd")
_XENC = Path("/usr/share/xml/xmltooling/xenc-schema.xsd")
_AT_ONCE = 60
_CORES = 2


def written(folder: Path, documents: Mapping[str, bytes]) -> list[Path]:
    """Each document in a file of its own, in the order given."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, (name, data) in enumerate(documents.items()):
        path = folder / f"{number:04d}-{re.sub('[^A-Za-z0-9]+', '-', name)}.xml"
        path.write_bytes(data)
        paths.append(path)
    return paths


def xmllint_refuses(paths: Sequence[Path], schema: Path) -> dict[str, str]:
    """What xmllint says of the files that the schema refuses, by file name."""
    command = [need_tool("xmllint"), "--noout", "--nonet", "--huge", "--schema", str(schema)]
    refused: dict[str, str] = {}
    for some in _portions(paths):
        done = subprocess.run([*command, *map(str, some)], capture_output=True, check=False, timeout=300)
        lines = done.stderr.decode("utf-8", "replace").splitlines()
        for path in some:
            if f"{path} validates" not in lines:
                refused[path.name] = "\n".join(line for line in lines if line.startswith(f"{path}")) or done.stderr.decode()[-2000:]
    return refused


def xmlsec_refuses(paths: Sequence[Path], *options: str, references: int) -> str:
    """Empty when `xmlsec1 --verify` takes every file with exactly that many references each, else what it says."""
    command = [need_tool("xmlsec1"), "--verify", *options]
    expected = f"SignedInfo References (ok/all): {references}/{references}"
    for some in _portions(paths):
        done = subprocess.run([*command, *map(str, some)], capture_output=True, text=True, check=False, timeout=300, cwd=some[0].parent)
        said = (done.stdout + done.stderr).splitlines()
        if done.returncode != 0 or said.count(expected) != len(some) or said.count("OK") != len(some):
            return "\n".join(said)
    return ""


def chain_options(root: Path, issuer: Path) -> list[str]:
    """Options of xmlsec1: trust this root only, know this issuing authority."""
    return ["--trusted-pem", str(root), "--untrusted-pem", str(issuer)]


def ids(*names: str, attribute: str = "Id") -> list[str]:
    """Options of xmlsec1: this attribute of these elements is an identifier."""
    return [part for name in names for part in (f"--id-attr:{attribute}", name)]


def openssl(*arguments: str, stdin: bytes | None = None) -> bytes:
    """What openssl prints; fails when openssl does."""
    done = subprocess.run([need_tool("openssl"), *arguments], input=stdin, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def digest(data: bytes, algorithm: str) -> str:
    """Base64 of a digest, computed by openssl."""
    return base64.b64encode(openssl("dgst", f"-{algorithm}", "-binary", stdin=data)).decode()


def canonical(paths: Sequence[Path]) -> list[bytes]:
    """The inclusive canonical form with comments of each file, by xmllint."""
    command = [need_tool("xmllint"), "--c14n", "--nonet", "--huge"]

    def one(path: Path) -> bytes:
        return subprocess.run([*command, str(path)], capture_output=True, check=True, timeout=60).stdout

    with ThreadPoolExecutor(_CORES) as crew:
        return list(crew.map(one, paths))


def dmp_schema(*parts: str) -> Path:
    """A schema of the DMP kit."""
    return need("data", "dmp", "schema", *parts)


def hl7_schemas(folder: Path) -> Path:
    """The HL7 V3 schemas of the DMP kit (NE2009), unpacked once in `folder`."""
    target = folder / "HL7V3" / "NE2009"
    if not target.exists():
        with tarfile.open(dmp_schema("HL7V3.tar.gz")) as archive:
            archive.extractall(folder, filter="data")
    return target


def token_schema(folder: Path) -> Path:
    """SAML 2.0 with the HL7 data types that a VIHF uses; each import is answered locally before a web address can be asked."""
    if absent := [path.name for path in (_OPENSAML, _XENC) if not path.exists()]:
        missing(f"the schemas of SAML are not installed ({', '.join(absent)})")
    imports = (
        ("http://www.w3.org/2000/09/xmldsig#", dmp_schema("xmldsig-core-schema.xsd")),
        ("http://www.w3.org/2001/04/xmlenc#", _XENC),
        ("urn:oasis:names:tc:SAML:2.0:assertion", _OPENSAML),
        ("urn:hl7-org:v3", hl7_schemas(folder) / "coreschemas" / "datatypes.xsd"),
    )
    return _driver(folder / "token.xsd", imports)


def properties_schema(folder: Path) -> Path:
    """XAdES 1.1.1 of the DMP kit, its import of ds answered locally."""
    imports = (
        ("http://www.w3.org/2000/09/xmldsig#", dmp_schema("xmldsig-core-schema.xsd")),
        ("http://uri.etsi.org/01903/v1.1.1#", dmp_schema("XAdES.xsd")),
    )
    return _driver(folder / "properties.xsd", imports)


def alone(element: etree._Element) -> bytes:
    """An element as a document of its own."""
    return etree.tostring(element, with_tail=False)


def _driver(path: Path, imports: Sequence[tuple[str, Path]]) -> Path:
    lines = (f'<xs:import namespace="{namespace}" schemaLocation="{place}"/>' for namespace, place in imports)
    path.write_text(f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{"".join(lines)}</xs:schema>')
    return path


def _portions(paths: Sequence[Path]) -> list[Sequence[Path]]:
    assert paths, "nothing to judge"
    return [paths[start : start + _AT_ONCE] for start in range(0, len(paths), _AT_ONCE)]
