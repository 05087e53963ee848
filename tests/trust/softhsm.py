"""Real PKCS#11 tokens in software (SoftHSM2), for one run of the tests; skipped with the reason where they cannot be had.

Tokens are made and filled in other processes: in ours the module keeps one state and one login (cards.md 5.2).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest

from tests.tools import need_tool
from tests.trust.pki import Leaf

PIN = "6512-Relais"
_LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so")
_FILL = """
import sys
import pkcs11
from pkcs11.util.rsa import decode_rsa_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

library, label, key, *certificates = sys.argv[1:]
parts = decode_rsa_private_key(load_pem_private_key(open(key, "rb").read(), None).private_bytes(
    Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
with pkcs11.lib(library).get_token(token_label=label).open(rw=True, user_pin=sys.stdin.readline().strip()) as session:
    session.create_object({**parts, pkcs11.Attribute.ID: b"\\x2a", pkcs11.Attribute.TOKEN: True, pkcs11.Attribute.LABEL: "sign",
                           pkcs11.Attribute.SIGN: True, pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False})
    for certificate in certificates:
        session.create_object({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE, pkcs11.Attribute.TOKEN: True,
                               pkcs11.Attribute.CERTIFICATE_TYPE: pkcs11.CertificateType.X_509, pkcs11.Attribute.ID: b"\\x2a",
                               pkcs11.Attribute.SUBJECT: b"", pkcs11.Attribute.VALUE: open(certificate, "rb").read()})
"""


@cache
def library() -> str:
    """Path of the module; sets the store of this run before the module is loaded."""
    need_tool("softhsm2-util")
    found = next((path for path in _LIBRARIES if Path(path).exists()), None)
    if found is None:
        pytest.skip("libsofthsm2.so is not where Debian puts it")
    _store()
    return found


@cache
def _store() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="relais-softhsm-"))
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    return folder


def new_token(label: str, leaf: Leaf | None, folder: Path) -> Path:
    """A token that holds that key and its certificate; the folder of its files, to be moved away and back as a plug is pulled."""
    path = library()
    before = set((_store() / "tokens").iterdir())
    command = [need_tool("softhsm2-util"), "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "12345678"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    if leaf is not None:
        (folder / "token.key").write_bytes(leaf.key_pem)
        (folder / "token.der").write_bytes(leaf.der)
        fill = [sys.executable, "-c", _FILL, path, label, str(folder / "token.key"), str(folder / "token.der")]
        subprocess.run(fill, input=f"{PIN}\n".encode(), check=True, capture_output=True, timeout=60)
        (folder / "token.key").unlink()
    return next(iter(set((_store() / "tokens").iterdir()) - before))


def unplug(token: Path) -> Path:
    """Take the token away; what is returned goes back with `plug`."""
    away = _store() / f"away-{token.name}"
    shutil.move(token, away)
    return away


def plug(away: Path) -> None:
    """Put it back."""
    shutil.move(away, _store() / "tokens" / away.name.removeprefix("away-"))


def restart_module() -> None:
    """What a restart of the process does to the module: SoftHSM keeps in memory what it read of its tokens."""
    import pkcs11

    pkcs11.lib(library()).reinitialize()
