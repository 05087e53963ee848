"""Homes with a vault and a signing key in them, copied: to open a PKCS#12 file costs more than the rest of a box in memory."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from gateway.trust.keystore import KeyStore
from gateway.trust.roles import Role
from gateway.trust.vault import open_vault
from tests.trust.pki import PASSPHRASE, SIGN, STRUCTURE, shared_leaf, shared_pki


def furnished(home: Path) -> Path:
    """The home given, with the vault and the key that all boxes of the run have; a home that has a vault keeps it."""
    for name, content in _files().items():
        path = home / name
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_bytes(content)
    return home


@cache
def _files() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        keys = KeyStore(home, open_vault(home, create=True))
        signing = shared_leaf(SIGN).pkcs12()
        keys.import_pkcs12(STRUCTURE, Role.SIGN, signing, PASSPHRASE, environment="test", anchors=shared_pki().anchors_pem)
        return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}
