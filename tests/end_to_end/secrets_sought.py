"""Looks for private keys and passphrases in bytes, in every form in which they might have been written: raw, hexadecimal, base64.

A key is sought by the middle of its numbers (d, p, q and those of the CRT) and of its PKCS#8, so that half a key is found too.
"""

from __future__ import annotations

import base64
import io
import json
import urllib.parse
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_WINDOW = 24


def needles_of_key(key: rsa.RSAPrivateKey, name: str) -> dict[bytes, str]:
    """What betrays that key, and what each is called."""
    numbers = key.private_numbers()
    parts = {"d": numbers.d, "p": numbers.p, "q": numbers.q, "dmp1": numbers.dmp1, "dmq1": numbers.dmq1, "iqmp": numbers.iqmp}
    found: dict[bytes, str] = {}
    for part, number in parts.items():
        data = number.to_bytes((number.bit_length() + 7) // 8, "big")
        middle = data[len(data) // 2 - _WINDOW // 2 :][:_WINDOW]
        found |= dict.fromkeys((*_forms(middle), middle[::-1]), f"{name}.{part}")
        found[str(number)[20:80].encode()] = f"{name}.{part} in decimal"
    pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    start = pkcs8.index(numbers.d.to_bytes((numbers.d.bit_length() + 7) // 8, "big"))
    return found | dict.fromkeys(_forms(pkcs8[start : start + _WINDOW]), f"{name} as PKCS#8")


def needles_of_words(words: str, name: str) -> dict[bytes, str]:
    """What betrays a passphrase or a PIN."""
    escaped = json.dumps(words)[1:-1].encode()
    variants = {words.encode(), words.encode("latin-1", "ignore"), words.encode("utf-16-le"), urllib.parse.quote(words).encode(), escaped}
    return {form: name for variant in variants for form in _forms(variant)}


def found_in(content: bytes, needles: Mapping[bytes, str]) -> set[str]:
    """The names of what these bytes betray, themselves or unfolded (base64 on several lines, members of a zip)."""
    unfolded = content.translate(None, b" \t\r\n:").replace(b"\\n", b"")
    found = {name for needle, name in needles.items() if needle in content or needle in unfolded}
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                found |= found_in(archive.read(member), needles)
    return found


def found_under(folder: Path, needles: Mapping[bytes, str]) -> dict[str, set[str]]:
    """What each file below a folder betrays, itself or by its name."""
    betrayed: dict[str, set[str]] = {}
    for path in _files(folder):
        found = found_in(path.read_bytes() + str(path).encode(), needles)
        if found:
            betrayed[str(path.relative_to(folder))] = found
    return betrayed


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _forms(data: bytes) -> Iterable[bytes]:
    """Raw, hexadecimal in both cases, and base64 wherever it may begin."""
    yield data
    yield data.hex().encode()
    yield data.hex().upper().encode()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data).rstrip(b"=")
        # The first and last characters also hold bits of what stands around.
        inner = encoded[4 if before else 0 : -1]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))
